/* SPDX-License-Identifier: Apache-2.0 */
/**
 * report_value - writes counters, times and texts as JSON.
 */
#include "status/report_value.h"

#include <apr_strings.h>

#include <string.h>

#include "lib/base/json_text.h"

json_object *kiss_report_number(apr_uint64_t n)
{
    return json_object_new_int64((int64_t)n);
}

json_object *kiss_report_milliseconds(apr_interval_time_t time, apr_pool_t *p)
{
    const char *digits = apr_psprintf(p, "%" APR_INT64_T_FMT ".%03d", (apr_int64_t)(time / 1000), (int)(time % 1000));

    return json_object_new_double_s((double)time / 1000, digits);
}

json_object *kiss_report_mean(const kiss_counter *sum, apr_uint64_t n, apr_pool_t *p)
{
    return kiss_report_milliseconds(n ? (apr_interval_time_t)(kiss_counter_read(sum) / n) : 0, p);
}

json_object *kiss_report_text(const char *value, apr_pool_t *p)
{
    char *sound, *c;

    if (kiss_json_text_is_utf8(value, strlen(value))) {
        return json_object_new_string(value);
    }
    sound = apr_pstrdup(p, value);
    for (c = sound; *c; c++) {
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
    return json_object_new_string(sound);
}

json_object *kiss_report_timestamp(apr_time_t time, apr_pool_t *p)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, time);
    return json_object_new_string(apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1,
                                               t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec));
}

json_object *kiss_report_names(const char *const *name, int first, int end, const kiss_counter *counters)
{
    json_object *o = json_object_new_object();
    int i;

    for (i = first; i < end; i++) {
        json_object_object_add(o, name[i], kiss_report_number(kiss_counter_read(&counters[i])));
    }
    return o;
}
