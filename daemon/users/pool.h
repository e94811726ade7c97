/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The pooled counts of a task in memory: loaded from the store when they are first needed, then kept in step
 * with it by applying each change that is published.
 *
 *     absent --> loading (store) --> making (another thread) --> ready
 *        ^            |
 *        '------------'  the store refused: those who wait are told, the next one asks again
 *
 * A change has the number that the store gave it. One that comes while the counts are being loaded is
 * remembered, and applied behind them unless the load has it already.
 *
 * Threads: the loop's, but for pool_read_begin and pool_read_end, which any thread may call.
 */

#include "daemon/store/store.h"
#include "lib/method/population.h"

#include <sys/queue.h>

typedef struct Pool Pool;

/* One reference, the caller's. task is borrowed until pool_close. */
Pool *pool_new(uv_loop_t *loop, Store *store, const char *task) __attribute__((returns_nonnull));
Pool *pool_ref(Pool *pool);
void pool_unref(Pool *pool); /* NULL is fine */

/* Ends what it asked of others, and gives the owner's reference back. Nobody may wait any more. */
void pool_close(Pool *pool);

bool pool_is_ready(const Pool *pool);

/* Embedded in who waits. */
typedef struct PoolWaiter {
    TAILQ_ENTRY(PoolWaiter) link;
    void (*ready)(struct PoolWaiter *waiter, const Status *status);
    Pool *pool; /* NULL: it does not wait */
} PoolWaiter;

/* Loads the counts. Where they are not ready yet: calls waiter->ready once, on a later turn of the loop. */
void pool_wait(Pool *pool, PoolWaiter *waiter);
void pool_wait_cancel(PoolWaiter *waiter); /* harmless where it does not wait */

/* A user's share changed: number and bytes of the change as the store has it (number 0: there was none). */
void pool_change(Pool *pool, uint64_t number, uint64_t user, rpmd_text bytes);

/* The counts, for reading, until pool_read_end; keep it short, changes wait for it. Only while ready. */
const Population *pool_read_begin(Pool *pool);
void pool_read_end(Pool *pool);
