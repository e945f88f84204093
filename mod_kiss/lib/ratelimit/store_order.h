/* SPDX-License-Identifier: Apache-2.0 */
/**
 * store_order - stores to shared memory in an order that holds even when the process is killed between them.
 *
 * The next holder of the lock that sees a store after a KISS_ORDER() sees every store before it, too: the compiler
 * keeps the order, so does the processor for a process that ends, and acquiring the lock orders the reads of the other
 * process.
 */
#ifndef KISS_STORE_ORDER_H
#define KISS_STORE_ORDER_H

#ifdef KISS_ORDER_HOOK

/** For a unit test, which kills its process there. */
void kiss_store_order_hook(void);
#define KISS_ORDER() kiss_store_order_hook()

#else

#include <stdatomic.h>
#define KISS_ORDER() atomic_signal_fence(memory_order_seq_cst)

#endif

#endif
