/* SPDX-License-Identifier: MIT */
#include "daemon/users/task_pool.h"

#include "daemon/loop/later.h"
#include "daemon/loop/work.h"
#include "lib/base/memory.h"

#include <assert.h>

/* Changes of an append have a few hundred bytes and take microseconds; longer ones go to another thread. */
#define APPLIED_ON_LOOP_BYTES 4096

typedef enum PoolState { POOL_ABSENT, POOL_LOADING, POOL_MAKING, POOL_READY } PoolState;

/* A change that is not applied yet. */
typedef struct PoolChange {
    STAILQ_ENTRY(PoolChange) link;
    uint64_t number;
    uint64_t user;
    size_t length;
    char bytes[];
} PoolChange;

STAILQ_HEAD(PoolChanges, PoolChange);

struct TaskPool {
    uv_loop_t *loop;
    Store *store;
    const char *task;
    PoolState state;
    unsigned references;
    Population *population; /* guarded by the lock; NULL until it is ready */
    uint64_t last_change;   /* that the load has */
    uv_rwlock_t lock;
    StoreCall *loading;
    Work *making;
    Work *applying;
    struct PoolChanges changes; /* in their order; one of a user's may take an earlier one back */
    TAILQ_HEAD(PoolWaiters, PoolWaiter) waiters;
};

/* ---- life --------------------------------------------------------------------------------------------- */

TaskPool *task_pool_new(uv_loop_t *loop, Store *store, const char *task)
{
    TaskPool *pool = NEW(TaskPool);
    *pool = (TaskPool){.loop = loop, .store = store, .task = task, .references = 1};
    STAILQ_INIT(&pool->changes);
    TAILQ_INIT(&pool->waiters);
    uv_rwlock_init(&pool->lock);
    return pool;
}

TaskPool *task_pool_ref(TaskPool *pool)
{
    pool->references++;
    return pool;
}

static void drop_changes(struct PoolChanges *changes)
{
    PoolChange *change;
    while ((change = STAILQ_FIRST(changes))) {
        STAILQ_REMOVE_HEAD(changes, link);
        free(change);
    }
}

void task_pool_unref(TaskPool *pool)
{
    if (!pool || --pool->references > 0)
        return;
    drop_changes(&pool->changes);
    population_free(pool->population);
    uv_rwlock_destroy(&pool->lock);
    free(pool);
}

void task_pool_close(TaskPool *pool)
{
    assert(TAILQ_EMPTY(&pool->waiters));
    if (pool->loading)
        store_cancel(TAKE_PTR(pool->loading));
    if (pool->making)
        work_cancel(TAKE_PTR(pool->making));
    if (pool->applying)
        work_cancel(TAKE_PTR(pool->applying));
    task_pool_unref(pool);
}

/* ---- changes ------------------------------------------------------------------------------------------ */

static void begin_applying(TaskPool *pool);

/* Changes that another thread applies. */
typedef struct PoolApplying {
    TaskPool *pool; /* a reference */
    struct PoolChanges changes;
} PoolApplying;

static void run_applying(void *job)
{
    PoolApplying *applying = job;
    PoolChange *change;
    STAILQ_FOREACH(change, &applying->changes, link)
    {
        if (change->number <= applying->pool->last_change)
            continue; /* the load had it */
        uv_rwlock_wrlock(&applying->pool->lock);
        population_apply(applying->pool->population, change->user,
                         (rpmd_text){change->bytes, change->length});
        uv_rwlock_wrunlock(&applying->pool->lock);
    }
}

static void release_applying(void *job)
{
    PoolApplying *applying = job;
    drop_changes(&applying->changes);
    task_pool_unref(applying->pool);
    free(applying);
}

static void on_applied(void *owner, void *job)
{
    (void)job;
    TaskPool *pool = owner;
    pool->applying = NULL;
    if (!STAILQ_EMPTY(&pool->changes))
        begin_applying(pool);
}

static void begin_applying(TaskPool *pool)
{
    static const WorkKind kind = {WORK_FOREGROUND, run_applying, release_applying};
    PoolApplying *applying = NEW(PoolApplying);
    applying->pool = task_pool_ref(pool);
    STAILQ_INIT(&applying->changes);
    STAILQ_CONCAT(&applying->changes, &pool->changes);
    pool->applying = work_begin(pool->loop, &kind, applying, on_applied, pool);
}

/* Short ones are applied here, unless one is on its way or a reader has the counts. */
static bool apply_here(TaskPool *pool, uint64_t user, rpmd_text bytes)
{
    if (pool->state != POOL_READY || pool->applying || bytes.length > APPLIED_ON_LOOP_BYTES ||
        uv_rwlock_trywrlock(&pool->lock) != 0)
        return false;
    population_apply(pool->population, user, bytes);
    uv_rwlock_wrunlock(&pool->lock);
    return true;
}

void task_pool_change(TaskPool *pool, uint64_t number, uint64_t user, rpmd_text bytes)
{
    bool is_loaded = pool->state == POOL_READY && number <= pool->last_change;
    if (number == 0 || bytes.length == 0 || pool->state == POOL_ABSENT || is_loaded ||
        apply_here(pool, user, bytes))
        return;
    PoolChange *change = memory_allocate(1, sizeof(*change) + bytes.length);
    *change = (PoolChange){.number = number, .user = user, .length = bytes.length};
    memcpy(change->bytes, bytes.data, bytes.length);
    STAILQ_INSERT_TAIL(&pool->changes, change, link);
    if (pool->state == POOL_READY && !pool->applying)
        begin_applying(pool);
}

/* ---- loading ------------------------------------------------------------------------------------------ */

static void tell_waiters(TaskPool *pool, const Status *status)
{
    struct PoolWaiters waiters = TAILQ_HEAD_INITIALIZER(waiters);
    PoolWaiter *waiter;
    TAILQ_CONCAT(&waiters, &pool->waiters, link);
    task_pool_ref(pool);
    while ((waiter = TAILQ_FIRST(&waiters))) {
        TAILQ_REMOVE(&waiters, waiter, link);
        waiter->pool = NULL;
        waiter->ready(waiter, status);
    }
    task_pool_unref(pool);
}

/* What the store had, on its way to counts. */
typedef struct PoolMaking {
    StorePopulation stored;
    Arena arena;
    Population *made;
} PoolMaking;

static void run_making(void *job)
{
    PoolMaking *making = job;
    making->made = population_new();
    for (size_t i = 0; i < making->stored.cell_count; i++) {
        const StoreCell *cell = &making->stored.cells[i];
        population_load_cell(making->made, cell->key, cell->answer_class, (uint32_t)cell->count,
                             (uint32_t)cell->users);
    }
    for (size_t i = 0; i < making->stored.vote_count; i++) {
        const StoreVote *vote = &making->stored.votes[i];
        population_load_vote(making->made, vote->question, vote->user, vote->answer);
    }
}

static void release_making(void *job)
{
    PoolMaking *making = job;
    population_free(making->made);
    arena_finish(&making->arena);
    free(making);
}

static void on_made(void *owner, void *job)
{
    TaskPool *pool = owner;
    PoolMaking *making = job;
    const Status status = STATUS_INIT;
    pool->making = NULL;
    pool->population = TAKE_PTR(making->made);
    pool->last_change = making->stored.last_change;
    pool->state = POOL_READY;
    if (!STAILQ_EMPTY(&pool->changes))
        begin_applying(pool);
    tell_waiters(pool, &status);
}

static void on_loaded(StoreReply *reply, void *data)
{
    static const WorkKind kind = {WORK_FOREGROUND, run_making, release_making};
    TaskPool *pool = data;
    pool->loading = NULL;
    if (!status_is_ok(&reply->status)) {
        pool->state = POOL_ABSENT;
        drop_changes(&pool->changes);
        tell_waiters(pool, &reply->status);
        return;
    }
    PoolMaking *making = NEW(PoolMaking);
    *making = (PoolMaking){.stored = reply->population, .arena = reply->arena};
    reply->arena = ARENA_INIT;
    pool->state = POOL_MAKING;
    pool->making = work_begin(pool->loop, &kind, making, on_made, pool);
}

bool task_pool_is_ready(const TaskPool *pool)
{
    return pool->state == POOL_READY;
}

void task_pool_wait(TaskPool *pool, PoolWaiter *waiter)
{
    assert(pool->state != POOL_READY && !waiter->pool);
    waiter->pool = pool;
    TAILQ_INSERT_TAIL(&pool->waiters, waiter, link);
    if (pool->state != POOL_ABSENT)
        return;
    pool->state = POOL_LOADING;
    pool->loading = store_population_load(
        pool->store, &(StoreLoadPopulation){.task = {pool->task, strlen(pool->task)}}, on_loaded, pool);
}

void task_pool_wait_cancel(PoolWaiter *waiter)
{
    if (!waiter->pool)
        return;
    TAILQ_REMOVE(&waiter->pool->waiters, waiter, link);
    waiter->pool = NULL;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

const Population *task_pool_read_begin(TaskPool *pool)
{
    uv_rwlock_rdlock(&pool->lock);
    return pool->population;
}

void task_pool_read_end(TaskPool *pool)
{
    uv_rwlock_rdunlock(&pool->lock);
}
