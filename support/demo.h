/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo - the files of `kss demo-data`: a made-up distributor's data for `kss import`.
 */
#ifndef DEMO_H
#define DEMO_H

#include "ctl.h"

/** The largest scale. */
#define DEMO_LARGEST 200

/** Writes all files into a folder that exists, at a scale from 1 to DEMO_LARGEST. @return CTL_OK or CTL_FAILED */
int demo_write(ctl *c, const char *dir, int scale);

#endif
