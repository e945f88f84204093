/* SPDX-License-Identifier: Apache-2.0 */
/** kss_words - the words of the KSS API's OpenAPI document. Data only. */
#ifndef KISS_KSS_WORDS_H
#define KISS_KSS_WORDS_H

#include "lib/api/table.h"

extern const kiss_words kiss_kss_words;

#endif
