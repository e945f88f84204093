/* SPDX-License-Identifier: Apache-2.0 */
/**
 * loopback - recognises names and addresses of this host: the one rule of module and kissctl for where TLS is needed.
 * Pure.
 */
#ifndef KISS_LOOPBACK_H
#define KISS_LOOPBACK_H

/**
 * 1 when traffic to this host cannot leave the machine: none (a socket), localhost, 127.x.x.x, ::1. Compares the text;
 * names are not resolved.
 */
int kiss_loopback_is(const char *host);

#endif
