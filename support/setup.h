/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup - what the steps of 'kissctl setup' share, and the steps: of each, how to see whether it is done, and how to do it.
 *
 * Nothing that is there is changed: a step is done already, by whomever, or something is in its way, which is a failure. A
 * function that fails has written why to standard error. Single-threaded.
 */
#ifndef SETUP_H
#define SETUP_H

#include <apr_tables.h>

#include "ctl.h"

/** The connection that a step needs in ctl.db. */
typedef enum {
    SETUP_AS_NOBODY,
    SETUP_AS_ADMIN,                     /**< the administrator of the server */
    SETUP_AS_KISSCTL                    /**< the account of kissctl.cnf */
} setup_as;

/** What is to be set up. Texts are in the context's pool. */
typedef struct {
    ctl *c;
    const char *folder;                 /**< of the configuration of mod_kiss: that of c->defaults */
    const char *password_file;          /**< of the module's account */
    const char *database;               /**< its name */
    const char *apache;                 /**< folder of httpd's configuration */
    const char *apachectl;              /**< program that tests it */
    const char *server_name;            /**< NULL: not given */
    const char *port;
    const char *certificate, *certificate_key;
    const char *site;                   /**< name of the virtual host's file, without .conf */
    const char *socket;                 /**< of the server; as of setup_look_server() */
    apr_array_header_t *grants;         /**< of schema_grant; as of setup_look_server() */
    const char *password;               /**< of the module's account; NULL until it is known */
    const char *admin_password;         /**< of kissctl's account; NULL until it is known */
    int database_exists;                /**< as of setup_look_database() */
} setup;

/**
 * Checks that a step is done or can be done; changes nothing.
 *
 * @param what  receives what the step makes: a file, a name
 * @param there receives 1 when there is nothing to do
 * @return CTL_OK, or CTL_FAILED when something is in the way
 */
typedef int setup_look(setup *s, const char **what, int *there);

/** Does a step that was looked at and is not done. @return CTL_OK or CTL_FAILED */
typedef int setup_act(setup *s);

setup_look setup_look_folder, setup_look_password, setup_look_defaults;
setup_act setup_make_folder, setup_make_password, setup_make_defaults;

/** Checks the server and the rights of the administrator, once connected. @return CTL_OK or CTL_FAILED */
int setup_look_server(setup *s);

setup_look setup_look_database, setup_look_module_account, setup_look_kissctl_account, setup_look_kissctl_rights,
    setup_look_schema, setup_look_module_rights;
setup_act setup_make_database, setup_make_module_account, setup_make_kissctl_account, setup_make_kissctl_rights,
    setup_make_module_rights;

setup_look setup_look_load, setup_look_site, setup_look_enabled;
setup_act setup_make_load, setup_make_site, setup_make_enabled;

#endif
