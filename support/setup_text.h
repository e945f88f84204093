/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup_text - configuration made from the samples that are installed.
 */
#ifndef SETUP_TEXT_H
#define SETUP_TEXT_H

#include "setup.h"

/** The account of kissctl. */
#define SETUP_TEXT_KISSCTL "kiss_admin"

/** What is replaced in a sample, and by what. A row of NULLs ends a list. */
typedef struct {
    const char *from, *to;
} setup_text_edit;

/**
 * A sample from the folder conf next to that of the schema files, without the comment at its head.
 *
 * @param text  receives it, in the context's pool
 * @param edits made everywhere, in their order
 * @return CTL_OK; CTL_FAILED, after a message, also when the sample lacks what is to be replaced
 */
int setup_text_sample(setup *s, const char **text, const char *name, const setup_text_edit *edits);

/** The path of such a sample, in the context's pool. */
const char *setup_text_path(setup *s, const char *name);

/** The folder that a path is in, in `p`. */
const char *setup_text_folder(apr_pool_t *p, const char *path);

/** 1 when the configuration can hold this path as it is: absolute, and no character that has a meaning there. */
int setup_text_plain(const char *path);

#endif
