/* SPDX-License-Identifier: MIT */
#include "daemon/store/store.h"

#include "daemon/store/database.h"
#include "daemon/store/operations.h"
#include "daemon/store/request.h"
#include "lib/base/error.h"
#include "lib/base/memory.h"

/*
 * The loop thread puts requests into `waiting`; the worker takes a group of them, executes it, and puts it
 * into `done`; the loop thread, woken by `wake`, calls their callbacks.
 *
 *     store_...()  ->  waiting  ->  worker: transaction, commit, sync  ->  done  ->  callback
 *         loop                        one group at a time                            loop
 */
struct Store {
    /* Of the loop thread */
    uv_async_t wake;
    size_t queued; /* requests without their callback having run */
    size_t queued_bytes;
    StoreWaiter waiters; /* head of a ring */
    size_t waiter_count;
    StoreClosed closed;
    void *closed_data;
    bool joined; /* the worker is gone */

    /* Shared, under the mutex */
    uv_mutex_t mutex;
    uv_cond_t work;
    RequestList waiting;
    RequestList done;
    bool closing; /* written by the loop thread */
    bool ended;   /* the worker does nothing more */
    StoreMetrics metrics;

    /* Of the worker */
    uv_thread_t thread;
    Database database;
};

/* ---- the worker --------------------------------------------------------------------------------------- */

static void request_clear_reply(Request *request)
{
    arena_finish(&request->reply.arena);
    request->reply = (StoreReply){0};
}

static void request_fail(Request *request, const Status *status)
{
    request_clear_reply(request);
    request->reply.status = *status;
}

/*
 * Executes one request inside the transaction. 0: executed or refused, with its own traces undone; otherwise
 * SQLite's result code of what has broken the transaction.
 */
static int execute(Database *database, Request *request)
{
    int r = database_control(database, STATEMENT_SAVEPOINT);
    if (r != SQLITE_OK)
        return r;
    if (request_execute(database, request) == 0)
        return database_control(database, STATEMENT_RELEASE);

    int code = sqlite3_extended_errcode(database->handle);
    Status status = request->reply.status;
    request_fail(request, &status);
    database_stop_all(database);
    if (sqlite3_get_autocommit(database->handle)) /* SQLite gave the whole transaction up */
        return code != SQLITE_OK ? code : SQLITE_ABORT;
    r = database_control(database, STATEMENT_ROLLBACK_TO);
    return r != SQLITE_OK ? r : database_control(database, STATEMENT_RELEASE);
}

typedef struct Commit {
    bool written;
    uint64_t duration_ns;
} Commit;

/*
 * One transaction over count requests. STATUS_REFUSED: nothing of it was kept, and each reply says why.
 */
static int run_transaction(Database *database, Request *first, size_t count, Commit *commit)
{
    int r = database_control(database, STATEMENT_BEGIN);
    Request *request = first;
    for (size_t i = 0; i < count && r == SQLITE_OK; i++, request = request->next) {
        request_clear_reply(request);
        r = execute(database, request);
    }
    if (r == SQLITE_OK) {
        commit->written = sqlite3_txn_state(database->handle, NULL) == SQLITE_TXN_WRITE;
        uint64_t begin = uv_hrtime();
        r = database_control(database, STATEMENT_COMMIT);
        commit->duration_ns = uv_hrtime() - begin;
    }
    if (r == SQLITE_OK)
        return 0;

    Status status;
    database_refuse(database, r, &status);
    database_stop_all(database);
    if (!sqlite3_get_autocommit(database->handle))
        database_control(database, STATEMENT_ROLLBACK);
    request = first;
    for (size_t i = 0; i < count; i++, request = request->next)
        request_fail(request, &status);
    return STATUS_REFUSED;
}

/* Erased rows are answered for when their traces are gone as well. */
static void finish_erasures(Database *database, const RequestList *group)
{
    bool erased = false;
    for (Request *request = group->first; request; request = request->next)
        erased |= request->kind == REQUEST_ERASE_USER && status_is_ok(&request->reply.status);
    if (!erased)
        return;
    database->traces = true;
    Status status = STATUS_INIT;
    if (database_remove_traces(database, &status) == 0)
        return;
    for (Request *request = group->first; request; request = request->next)
        if (request->kind == REQUEST_ERASE_USER && status_is_ok(&request->reply.status))
            request_fail(request, &status);
}

static void run_group(Store *store, RequestList *group)
{
    Database *database = &store->database;
    Commit commit = {0};
    if (run_transaction(database, group->first, group->count, &commit) != 0 && group->count > 1) {
        /* One of them broke it: each gets its own. */
        for (Request *request = group->first; request; request = request->next)
            run_transaction(database, request, 1, &commit);
    }
    finish_erasures(database, group);

    uv_mutex_lock(&store->mutex);
    StoreMetrics *metrics = &store->metrics;
    metrics->groups++;
    metrics->last_group = group->count;
    metrics->largest_group = MAX(metrics->largest_group, group->count);
    if (commit.written) {
        metrics->commits++;
        metrics->last_commit_ns = commit.duration_ns;
        metrics->longest_commit_ns = MAX(metrics->longest_commit_ns, commit.duration_ns);
    }
    request_list_append(&store->done, group);
    uv_mutex_unlock(&store->mutex);
    uv_async_send(&store->wake);
    database_checkpoint(database);
}

static void work(void *data)
{
    Store *store = data;
    if (store->database.traces) {
        Status status;
        database_remove_traces(&store->database, &status); /* tried again with the next erasure */
    }
    uv_mutex_lock(&store->mutex);
    for (;;) {
        while (!store->waiting.first && !store->closing)
            uv_cond_wait(&store->work, &store->mutex);
        if (!store->waiting.first)
            break;
        RequestList group = request_list_take(&store->waiting, STORE_GROUP_REQUESTS, STORE_GROUP_BYTES);
        uv_mutex_unlock(&store->mutex);
        run_group(store, &group);
        uv_mutex_lock(&store->mutex);
    }
    uv_mutex_unlock(&store->mutex);

    database_close(&store->database);
    uv_mutex_lock(&store->mutex);
    store->ended = true;
    uv_mutex_unlock(&store->mutex);
    uv_async_send(&store->wake);
}

/* ---- the loop's side ---------------------------------------------------------------------------------- */

bool store_is_busy(const Store *store)
{
    return store->queued >= STORE_BUSY_REQUESTS || store->queued_bytes >= STORE_BUSY_BYTES;
}

static void deliver(Store *store, RequestList *done)
{
    Request *request;
    while ((request = done->first)) {
        done->first = request->next;
        store->queued--;
        store->queued_bytes -= request->bytes;
        store->metrics.requests++;
        store->metrics.failures += !status_is_ok(&request->reply.status);
        request->callback(&request->reply, request->data);
        arena_finish(&request->reply.arena);
        free(request);
    }
}

/* Wakes those who wait now; one that waits again in its callback has its turn later. */
static void wake_waiters(Store *store)
{
    StoreWaiter *head = &store->waiters;
    size_t turns = store->waiter_count;
    for (; turns > 0 && head->next != head && (store->closing || !store_is_busy(store)); turns--) {
        StoreWaiter *waiter = head->next;
        store_wait_cancel(waiter);
        waiter->ready(waiter);
    }
}

static RequestList take_done(Store *store, bool *ended)
{
    uv_mutex_lock(&store->mutex);
    RequestList done = store->done;
    store->done = (RequestList){0};
    *ended = store->ended;
    uv_mutex_unlock(&store->mutex);
    return done;
}

static void on_wake_closed(uv_handle_t *handle)
{
    Store *store = handle->data;
    bool ended;
    for (;;) { /* requests that were refused in the meantime, and those that their callbacks make */
        RequestList done = take_done(store, &ended);
        if (!done.first)
            break;
        deliver(store, &done);
    }
    wake_waiters(store);
    uv_cond_destroy(&store->work);
    uv_mutex_destroy(&store->mutex);
    StoreClosed closed = store->closed;
    void *data = store->closed_data;
    free(store);
    if (closed)
        closed(data);
}

static void on_wake(uv_async_t *wake)
{
    Store *store = wake->data;
    bool ended;
    RequestList done = take_done(store, &ended);
    deliver(store, &done);
    wake_waiters(store);
    if (ended && !store->joined) {
        store->joined = true;
        uv_thread_join(&store->thread);
        uv_close((uv_handle_t *)&store->wake, on_wake_closed);
    }
}

int store_open(Store **result, uv_loop_t *loop, const char *directory, Status *status)
{
    *result = NULL;
    Store *store = NEW(Store);
    int r = database_open(&store->database, directory, status);
    if (r != 0) {
        free(store);
        return r;
    }
    store->waiters.next = store->waiters.previous = &store->waiters;
    store->wake.data = store;
    uv_mutex_init(&store->mutex);
    uv_cond_init(&store->work);
    uv_async_init(loop, &store->wake, on_wake);
    r = uv_thread_create(&store->thread, work, store);
    if (r != 0) {
        status_refuse(status, STATUS_UNAVAILABLE, "The store's thread could not be started: %s.",
                      uv_strerror(r));
        store->joined = true;
        database_close(&store->database);
        uv_close((uv_handle_t *)&store->wake, on_wake_closed);
        return STATUS_REFUSED;
    }
    *result = store;
    return 0;
}

void store_close(Store *store, StoreClosed closed, void *data)
{
    store->closed = closed;
    store->closed_data = data;
    uv_mutex_lock(&store->mutex);
    store->closing = true;
    uv_cond_signal(&store->work);
    uv_mutex_unlock(&store->mutex);
}

/* The request's own refusal, or queued. Takes the request. */
void store_submit(Store *store, Request *request)
{
    uv_mutex_lock(&store->mutex);
    bool full = store->queued >= STORE_QUEUE_LIMIT ||
                (store->queued > 0 && store->queued_bytes + request->bytes > STORE_QUEUE_BYTES_LIMIT);
    if (store->closing)
        status_refuse(&request->reply.status, STATUS_UNAVAILABLE,
                      "The daemon is stopping. Repeat the request when it is back.");
    else if (full)
        status_refuse(&request->reply.status, STATUS_RESOURCE_EXHAUSTED,
                      "Too much waits to be written: nothing of this request was kept. Repeat it later.");
    bool refused = !status_is_ok(&request->reply.status);
    request_list_add(refused ? &store->done : &store->waiting, request);
    store->queued++;
    store->queued_bytes += request->bytes;
    if (!refused)
        uv_cond_signal(&store->work);
    uv_mutex_unlock(&store->mutex);
    if (refused && !store->joined)
        uv_async_send(&store->wake);
}

void store_metrics(Store *store, StoreMetrics *metrics)
{
    uv_mutex_lock(&store->mutex);
    *metrics = store->metrics;
    uv_mutex_unlock(&store->mutex);
    metrics->queued = store->queued;
    metrics->queued_bytes = store->queued_bytes;
}

void store_wait(Store *store, StoreWaiter *waiter)
{
    waiter->store = store;
    store->waiter_count++;
    waiter->next = &store->waiters;
    waiter->previous = store->waiters.previous;
    waiter->previous->next = store->waiters.previous = waiter;
    if (!store_is_busy(store))
        uv_async_send(&store->wake);
}

void store_wait_cancel(StoreWaiter *waiter)
{
    if (!waiter->store)
        return;
    waiter->store->waiter_count--;
    waiter->store = NULL;
    waiter->previous->next = waiter->next;
    waiter->next->previous = waiter->previous;
}
