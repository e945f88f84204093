/* SPDX-License-Identifier: Apache-2.0 */
/**
 * store_order - stores to shared memory in an order that holds even when the process is killed between them.
 *
 * Whoever has the lock next finds every store before a KISS_ORDER() that came after the one that it finds: the compiler
 * keeps the order, the processor does for a process that ends, and taking the lock makes it so for the one that looks.
 */
#ifndef KISS_STORE_ORDER_H
#define KISS_STORE_ORDER_H

#ifdef KISS_ORDER_HOOK

/** Of a unit test, which kills its process there. */
void kiss_store_order_hook(void);
#define KISS_ORDER() kiss_store_order_hook()

#else

#include <stdatomic.h>
#define KISS_ORDER() atomic_signal_fence(memory_order_seq_cst)

#endif

#endif
