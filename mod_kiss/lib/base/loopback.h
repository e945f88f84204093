/* SPDX-License-Identifier: Apache-2.0 */
/** loopback - which hosts are this one: the one rule for module and kissctl of where TLS is needed. Pure. */
#ifndef KISS_LOOPBACK_H
#define KISS_LOOPBACK_H

/**
 * 1 when what is said to this host cannot leave the machine: none (a socket), localhost, 127.x.x.x, ::1. Goes by what is
 * written, not by what a name resolves to.
 */
int kiss_loopback_is(const char *host);

#endif
