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
 * Threads: the loop's, but for task_pool_read_begin and task_pool_read_end, which any thread may call.
 */

#include "daemon/store/store.h"
#include "lib/method/population.h"

#include <sys/queue.h>

typedef struct TaskPool TaskPool;

/* One reference, the caller's. task is borrowed until task_pool_close. */
TaskPool *task_pool_new(uv_loop_t *loop, Store *store, const char *task) __attribute__((returns_nonnull));
TaskPool *task_pool_ref(TaskPool *pool);
void task_pool_unref(TaskPool *pool); /* NULL is fine */

/* Ends what it asked of others, and gives the owner's reference back. Nobody may wait any more. */
void task_pool_close(TaskPool *pool);

bool task_pool_is_ready(const TaskPool *pool);

/* Embedded in who waits. */
typedef struct PoolWaiter {
    TAILQ_ENTRY(PoolWaiter) link;
    void (*ready)(struct PoolWaiter *waiter, const Status *status);
    TaskPool *pool; /* NULL: it does not wait */
} PoolWaiter;

/* Loads the counts. Where they are not ready yet: calls waiter->ready once, on a later turn of the loop. */
void task_pool_wait(TaskPool *pool, PoolWaiter *waiter);
void task_pool_wait_cancel(PoolWaiter *waiter); /* harmless where it does not wait */

/* A user's share changed: number and bytes of the change as the store has it (number 0: there was none). */
void task_pool_change(TaskPool *pool, uint64_t number, uint64_t user, rpmd_text bytes);

/* The counts, for reading, until task_pool_read_end; keep it short, changes wait for it. Only while ready. */
const Population *task_pool_read_begin(TaskPool *pool);
void task_pool_read_end(TaskPool *pool);
