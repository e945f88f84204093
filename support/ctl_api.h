/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_api - where the API is, and requests to it in the name of a customer. Credentials are made for the purpose, live for
 * a minute, and are never printed. Functions that fail have written why to standard error. Single-threaded.
 */
#ifndef CTL_API_H
#define CTL_API_H

#include "ctl.h"
#include "ctl_http.h"

/** An API over HTTP. */
typedef struct {
    const char *base;                   /**< its URL, without a slash at the end */
    const char *ca;                     /**< trusted certificate authorities, or NULL */
    const char *header;                 /**< the credentials: "Name: value" */
} ctl_api;

/** @return --ca, else KISS_CA of the environment, else NULL: the system's authorities */
const char *ctl_api_ca(const ctl *c);

/** Reads --url and --ca, or `variable` and KISS_CA of the environment. @return CTL_OK or CTL_USAGE */
int ctl_api_open(ctl *c, ctl_api *api, const char *variable);

/**
 * Makes a token of the Customer API for a customer, with the signing key that is installed here. Issuer and audience are
 * --issuer and --audience, else those that the API's metadata name; the issuer's host must be the API's.
 */
int ctl_api_token(ctl *c, ctl_api *api, const char *customer);

/**
 * Sends GET for a path below the API, which begins with a slash.
 *
 * @param show 1: status line and headers go to standard output, then the body; 0: the body; -1: the body is kept
 * @return CTL_OK when there is an answer, of any status
 */
int ctl_api_get(ctl *c, const ctl_api *api, ctl_http_answer *answer, const char *path, int show);

#endif
