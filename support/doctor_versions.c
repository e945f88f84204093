/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_versions - versions of httpd and of the libraries in it that have known faults, and an httpd that still runs with
 * files that have been replaced.
 */
#include "doctor_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_httpd.h"
#include "lib/base/json_parse.h"

/** A fault: from which version, in which it is repaired. doc/neighbours.md has the same rows. */
static const struct {
    const char *part;
    int http2;                          /* only where HTTP/2 is in use */
    const char *since, *fixed, *id, *what;
} faults[] = {
    {"httpd", 1, "2.4.55", "2.4.71", "CVE-2026-119618", "a race of two streams corrupts memory"},
    {"httpd", 1, "2.4.17", "2.4.69", "CVE-2026-57941", "memory is used after it was freed"},
    {"httpd", 1, "2.4.55", "2.4.68", "CVE-2026-48913", "memory is used after it was freed, where descriptors run out"},
    {"httpd", 1, "2.4.17", "2.4.68", "CVE-2026-49975", "requests can take up memory without bound"},
    {"httpd", 1, "2.4.66", "2.4.67", "CVE-2026-23918", "memory is freed twice"},
    {"zlib", 0, "1.2", "1.2.12", "CVE-2018-25032", "compressing can corrupt memory"}
};

/** A version as a number that can be compared; what is not there counts as 0. */
static int number(const char *version)
{
    int n = 0, i;

    for (i = 0; i < 3; i++) {
        n = n * 1000 + (version ? atoi(version) : 0);
        version = version ? strchr(version, '.') : NULL;
        version = version ? version + 1 : NULL;
    }
    return n;
}

/** A finding about the faults of one part. @return how many it has */
static int check_part(doctor *d, const char *part, const char *version, int http2)
{
    const char *list = "", *fixed = "0";
    int n = 0;
    apr_size_t i;

    for (i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        if (strcmp(faults[i].part, part) == 0 && (http2 || !faults[i].http2) && number(version) >= number(faults[i].since)
            && number(version) < number(faults[i].fixed)) {
            list = doctor_append(d, list, n++, apr_pstrcat(d->c->pool, faults[i].id, " (", faults[i].what, ")", NULL));
            fixed = number(faults[i].fixed) > number(fixed) ? faults[i].fixed : fixed;
        }
    }
    if (n > 0) {
        doctor_finding(d, "versions", DOCTOR_WARNING,
                       apr_psprintf(d->c->pool, "install %s %s, or a package whose changelog names these; then restart httpd%s",
                                    part, fixed, http2 ? ". Until then 'Protocols http/1.1'" : ""),
                       "%s %s%s: %s", part, version, http2 ? " with mod_http2" : "", list);
    }
    return n;
}

void doctor_check_versions(doctor *d, json_object *config)
{
    static const char *const parts[] = {"httpd", "zlib"};
    json_object *versions = NULL, *version, *http2 = NULL;
    const char *use, *list = "";
    int n = 0, in_use, i;

    if (!json_object_object_get_ex(config, "versions", &versions) || !json_object_object_get_ex(config, "http2", &http2)) {
        doctor_finding(d, "versions", DOCTOR_WARNING, "install the module of the version of this kissctl",
                       "mod_kiss says nothing about them");
        return;
    }
    use = json_object_get_string(http2);
    in_use = use && strcmp(use, "in use") == 0;
    for (i = 0; i < (int)(sizeof(parts) / sizeof(*parts)); i++) {
        if (json_object_object_get_ex(versions, parts[i], &version)) {
            const char *text = json_object_get_string(version);

            n += check_part(d, parts[i], text, in_use && strcmp(parts[i], "httpd") == 0);
            list = doctor_append(d, list, i, apr_pstrcat(d->c->pool, parts[i], " ", text, NULL));
        }
    }
    if (n == 0) {
        doctor_finding(d, "versions", DOCTOR_OK, NULL, "%s; mod_http2 is %s: no known faults", list,
                       use ? use : "unknown");
    }
}

/** The name of a file in a line of /proc/PID/maps when it is code and was replaced. @return NULL when not */
static const char *replaced(char *line)
{
    char *path = strchr(line, '/'), *end = path ? strstr(path, " (deleted)") : NULL, *name;

    if (!end) {
        return NULL;
    }
    *end = '\0';
    name = strrchr(path, '/') + 1;
    return strstr(name, ".so") || strstr(path, "bin/") ? name : NULL;
}

void doctor_check_running(doctor *d, const char *pid_file)
{
    char line[4096];
    const char *list = "", *last = "", *name;
    FILE *f = pid_file ? fopen(pid_file, "r") : NULL;
    int pid = f && fgets(line, sizeof(line), f) ? atoi(line) : 0, n = 0, ours = 0;

    if (f) {
        fclose(f);
    }
    f = pid > 0 ? fopen(apr_psprintf(d->c->pool, "/proc/%d/maps", pid), "r") : NULL;
    if (!f) {
        return;                             /* none runs, or only root can see it */
    }
    while (fgets(line, sizeof(line), f)) {
        ours |= strstr(line, "/mod_kiss.so") != NULL;
        if ((name = replaced(line)) && strcmp(name, last) != 0) {
            last = apr_pstrdup(d->c->pool, name);
            list = doctor_append(d, list, n++, last);
        }
    }
    fclose(f);
    if (ours && n > 0) {
        doctor_finding(d, "httpd", DOCTOR_WARNING, "stop and start it, 'systemctl restart apache2': a reload keeps them",
                       "process %d runs with files that have been replaced since it started: %s", pid, list);
    }
    else if (ours) {
        doctor_finding(d, "httpd", DOCTOR_OK, NULL, "process %d runs with the files that are installed", pid);
    }
}

void doctor_check_httpd(doctor *d)
{
    const ctl_httpd_config *installed = ctl_httpd_installed(d->c);
    json_object *o = installed->json
        ? kiss_json_parse(installed->json, strlen(installed->json), CTL_HTTPD_DEPTH, d->c->pool) : NULL;

    if (!o) {
        doctor_finding(d, "versions", DOCTOR_OK, NULL, "not checked: there is no httpd here whose configuration can be read "
                       "and loads mod_kiss; 'kissctl config check FILE' checks another one");
        return;
    }
    doctor_check_versions(d, o);
    doctor_check_running(d, installed->pid_file);
}
