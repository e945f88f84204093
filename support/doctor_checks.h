/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_checks - the checks of `kissctl doctor`. Each adds its findings. Single-threaded.
 */
#ifndef DOCTOR_CHECKS_H
#define DOCTOR_CHECKS_H

#include <json-c/json.h>

#include "doctor.h"

/** The connection to the server, which must be open (doctor_server.c). */
void doctor_check_connection(doctor *d);

/** Version and settings of the server. */
void doctor_check_server(doctor *d);

/** Whether it is a node of a Galera cluster, and in order; what its binary log holds. */
void doctor_check_replication(doctor *d);

/** What --children and --max need of max_connections. Both are whole numbers from 1 to 100000 when they are given. */
void doctor_check_budget(doctor *d);

/** The schema (doctor_schema.c). @return 1 when one is installed */
int doctor_check_schema(doctor *d);

/** Tries what kissctl's own account may do with each table (doctor_rights.c). */
void doctor_check_own_rights(doctor *d);

/** Compares what the module's account may do with grants.sql, as far as kissctl's account may see it. */
void doctor_check_module_rights(doctor *d);

/** What the tables of the Customer API, of the KSS API hold (doctor_content.c). */
void doctor_check_content(doctor *d);
void doctor_check_kss_content(doctor *d);

/** Who can read the option file of the connection (doctor_files.c). */
void doctor_check_defaults(doctor *d);

/** The token signing keys. */
void doctor_check_token_keys(doctor *d);

/**
 * A configuration of httpd that need not be loaded: `file`, or NULL for httpd's own, as `program` -t reads it
 * (doctor_config.c).
 */
void doctor_check_config(doctor *d, const char *program, const char *file);

/**
 * Versions with known faults in what mod_kiss says of a configuration (core/config_dump.h): httpd where it speaks HTTP/2,
 * the libraries (doctor_versions.c).
 */
void doctor_check_versions(doctor *d, json_object *config);

/** The same of the httpd that is installed here; and whether the one that runs has files that were replaced since. */
void doctor_check_httpd(doctor *d);

/** The directory of cached lists (doctor_cache.c). */
void doctor_check_cache(doctor *d);

#endif
