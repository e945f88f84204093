/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of httpd itself: a handler that answers what /api/version does, and does nothing for it. Built with apxs by
 * t/bench/peers. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

static int handler(request_rec *r)
{
    static const char answer[] = "{\"apiVersion\":\"2026-04\"}";

    if (!r->handler || strcmp(r->handler, "bench-empty") != 0) {
        return DECLINED;
    }
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, sizeof(answer) - 1);
    ap_rwrite(answer, sizeof(answer) - 1, r);
    return OK;
}

static void hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA bench_empty_module = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks, 0 };
