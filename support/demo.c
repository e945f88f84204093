/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo - writes the files of `kss demo-data`.
 */
#include "demo.h"

#include "demo_masters.h"
#include "demo_trade.h"

int demo_write(ctl *c, const char *dir, int scale)
{
    world w = {{c->pool, dir, 0}, NULL, {0}, 0};

    apr_pool_create(&w.row, c->pool);
    demo_world(&w, scale);
    demo_masters(&w);
    demo_trade(&w);
    return w.d.failed ? CTL_FAILED : CTL_OK;
}
