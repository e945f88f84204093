/* SPDX-License-Identifier: Apache-2.0 */
/** prometheus - the handler `kiss-metrics`: all counters in the text format of Prometheus. */
#ifndef KISS_PROMETHEUS_H
#define KISS_PROMETHEUS_H

/** Registers the handler. */
void kiss_prometheus_register(void);

#endif
