/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd - the verbs of kissctl, as its table calls them: see kissctl --help.
 */
#ifndef CMD_H
#define CMD_H

#include "ctl.h"

int cmd_setup(ctl *c, const char *const *args);
int cmd_schema_install(ctl *c, const char *const *args);
int cmd_schema_check(ctl *c, const char *const *args);
int cmd_schema_upgrade(ctl *c, const char *const *args);
int cmd_schema_repair(ctl *c, const char *const *args);
int cmd_touch(ctl *c, const char *const *args);
int cmd_import_customer(ctl *c, const char *const *args);
int cmd_import_kss(ctl *c, const char *const *args);
int cmd_customer_list(ctl *c, const char *const *args);
int cmd_customer_show(ctl *c, const char *const *args);
int cmd_customer_add(ctl *c, const char *const *args);
int cmd_customer_set(ctl *c, const char *const *args);
int cmd_customer_disable(ctl *c, const char *const *args);
int cmd_customer_enable(ctl *c, const char *const *args);
int cmd_admin_list(ctl *c, const char *const *args);
int cmd_admin_add(ctl *c, const char *const *args);
int cmd_admin_disable(ctl *c, const char *const *args);
int cmd_admin_enable(ctl *c, const char *const *args);
int cmd_audit(ctl *c, const char *const *args);
int cmd_audit_purge(ctl *c, const char *const *args);
int cmd_admin_key_issue(ctl *c, const char *const *args);
int cmd_admin_key_list(ctl *c, const char *const *args);
int cmd_admin_key_revoke(ctl *c, const char *const *args);
int cmd_key_issue(ctl *c, const char *const *args);
int cmd_key_list(ctl *c, const char *const *args);
int cmd_key_revoke(ctl *c, const char *const *args);
int cmd_tokenkey_list(ctl *c, const char *const *args);
int cmd_tokenkey_rotate(ctl *c, const char *const *args);
int cmd_tokenkey_retire(ctl *c, const char *const *args);
int cmd_tokenkey_export(ctl *c, const char *const *args);
int cmd_tokenkey_import(ctl *c, const char *const *args);
int cmd_snapshot_list(ctl *c, const char *const *args);
int cmd_snapshot_purge(ctl *c, const char *const *args);
int cmd_config_check(ctl *c, const char *const *args);
int cmd_doctor(ctl *c, const char *const *args);
int cmd_usage(ctl *c, const char *const *args);
int cmd_notify(ctl *c, const char *const *args);
int cmd_top(ctl *c, const char *const *args);
int cmd_get(ctl *c, const char *const *args);
int cmd_kss_get(ctl *c, const char *const *args);
int cmd_kss_doctor(ctl *c, const char *const *args);
int cmd_kss_demo(ctl *c, const char *const *args);
int cmd_kss_key_issue(ctl *c, const char *const *args);
int cmd_kss_key_list(ctl *c, const char *const *args);
int cmd_kss_key_revoke(ctl *c, const char *const *args);
int cmd_kss_payments_list(ctl *c, const char *const *args);
int cmd_kss_payments_export(ctl *c, const char *const *args);
int cmd_kss_payments_confirm(ctl *c, const char *const *args);
int cmd_kss_payments_expire(ctl *c, const char *const *args);

#endif
