/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The worker processes of one generation: how many there are, which job each has, and what follows when one
 * of them ends.
 *
 *   - A pool has `workers` of them, and up to `workers_limit` while calls wait longer than GROW_WAIT_MS.
 *     While it works for builds it has one more than they use, up to the same limit; see calls.c.
 *   - A worker that ends is replaced: at once the first time, then after exponentially longer waits with
 *     jitter. CRASH_LIMIT ends in a row without a reply open the breaker: calls are refused until a reload.
 *   - The items of the request that it had begun fail, each with the reason; a request of several items is
 *     asked again item by item, so that one bad item costs itself alone. A request that it had not begun is
 *     asked once more.
 */

#include "daemon/plugins/generation.h"
#include "daemon/plugins/worker.h"

typedef struct PluginRegistry PluginRegistry;
typedef struct WorkerPool WorkerPool;

/* A step of loading is over; see pool_load. plugin: what was loaded, in texts. */
typedef void (*PoolStepDone)(const Status *status, const rpmd_plugin *plugin, Arena *texts, void *data);

WorkerPool *pool_new(PluginRegistry *registry, PluginGeneration *generation);

/* Starts the first worker and lets it map the plugin. `done` comes later, once. */
void pool_load(WorkerPool *pool, PoolStepDone done, void *data);

/* Lets the first worker run the plugin's own cases. */
void pool_self_test(WorkerPool *pool, PoolStepDone done, void *data);

/* Gives waiting jobs to workers. */
void pool_dispatch(WorkerPool *pool);

/* Nobody waits for the job that a worker has: it gets a moment to stop, then is ended. */
void pool_abandon(WorkerPool *pool, PluginJob *job);

/* Ends the workers; the pool frees itself when the last one is gone. */
void pool_close(WorkerPool *pool);

/* OK, or why calls are refused: the breaker is open. Borrowed. */
const Status *pool_breaker(const WorkerPool *pool);

/* What `rpmctl plugin list` shows. */
uint64_t pool_restarts(const WorkerPool *pool);
const Worker *pool_first_worker(const WorkerPool *pool); /* the others follow with link */
