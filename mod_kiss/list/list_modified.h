/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_modified - the modification date of a list: the second at which this host first answered this customer with this
 * ETag for this list, format and coding. For importers that know no ETags (KissFeedBasic).
 *
 * It is recorded in KissCacheDir (lib/file/list_times.h), so all children of all generations know the same one, and it
 * outlives httpd. By the rules of that file two states of what a URL has for a customer never have the same date.
 */
#ifndef KISS_LIST_MODIFIED_H
#define KISS_LIST_MODIFIED_H

#include "list/list_cache.h"

/**
 * The modification date of a variant of the caller's list; records the present second where it has none yet.
 *
 * @param tag the list's ETag, without the suffix of the coding
 * @return seconds since 1970. 0 for none: the location has no such dates, the list is a part of another answer, the date is
 *         not over yet, or KISS0661
 */
apr_int64_t kiss_list_modified(const kiss_req *k, const char *tag, const kiss_list_variant *variant);

#endif
