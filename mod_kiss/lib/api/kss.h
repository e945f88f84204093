/* SPDX-License-Identifier: Apache-2.0 */
/** kss - the KSS API of a distributor, declared by the types of lib/api/table.h. Data only. */
#ifndef KISS_KSS_H
#define KISS_KSS_H

#include "lib/api/table.h"

/** The API as KissApi names it: "kss". */
extern const kiss_api kiss_kss_api;

#endif
