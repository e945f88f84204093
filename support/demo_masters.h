/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_masters - the files about places, people, products and promotions.
 */
#ifndef DEMO_MASTERS_H
#define DEMO_MASTERS_H

#include "demo_world.h"

/** Writes them. */
void demo_masters(world *w);

#endif
