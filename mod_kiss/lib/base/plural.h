/* SPDX-License-Identifier: Apache-2.0 */
/** plural - numbers of things in sentences: "1 list was removed", "2 lists were removed". Pure, thread-safe. */
#ifndef KISS_PLURAL_H
#define KISS_PLURAL_H

/** The ending of a regular plural: "" for 1, "s" otherwise. */
#define KISS_PLURAL_S(n) KISS_PLURAL(n, "", "s")

/** The word for 1, or that for any other number. */
#define KISS_PLURAL(n, one, many) ((n) == 1 ? (one) : (many))

#endif
