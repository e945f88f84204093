/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_trade - the files about stock, invoices, receivables, payments and purchases.
 */
#ifndef DEMO_TRADE_H
#define DEMO_TRADE_H

#include "demo_world.h"

/** Writes them. */
void demo_trade(world *w);

#endif
