/* SPDX-License-Identifier: MIT */
#include "daemon/store/store.h"

#include "daemon/store/keeper.h"
#include "daemon/store/operations.h"
#include "daemon/store/reader.h"
#include "daemon/store/writer.h"
#include "lib/base/error.h"
#include "lib/base/memory.h"

/* Pages that the reader remembers: those of one large history. They are forgotten with each commit, and the
 * system still has them. */
#define READER_CACHE_KIB 4096

/*
 * The loop's thread puts requests into the queue of the thread that executes them; what is done comes back
 * through the exchange, and the loop's thread, woken by it, calls the callbacks.
 *
 *     store_...()  ->  writer.queue  ->  a group, its commit, its sync  ->  exchange.done  ->  callback
 *                  ->  reader.queue  ->  one after the other            ->
 */
struct Store {
    /* Of the loop's thread */
    size_t queued; /* requests without their callback having run */
    size_t queued_bytes;
    uint64_t requests; /* answered */
    uint64_t failures;
    StoreWaiter waiters; /* head of a ring */
    size_t waiter_count;
    StoreClosed closed;
    void *closed_data;
    bool is_closing;
    bool is_joined; /* no thread is left */

    DatabaseFiles files;
    Turn turn;
    Exchange exchange;
    Writer writer;
    Reader reader;
    Keeper keeper;
    uv_thread_t writer_thread;
    uv_thread_t reader_thread;
    uv_thread_t keeper_thread;
};

/* ---- the threads -------------------------------------------------------------------------------------- */

static void run_reader(void *data)
{
    Store *store = data;
    reader_run(&store->reader);
}

static void run_keeper(void *data)
{
    Store *store = data;
    keeper_run(&store->keeper);
}

/* The log goes into the file when the last connection is closed: the one that writes. */
static void close_databases(Store *store)
{
    database_close(&store->reader.database);
    database_close(&store->keeper.database);
    database_close(&store->turn.database);
    database_files_close(&store->files);
}

/* It ends last, so that the loop's thread does not wait for a disk. */
static void run_writer(void *data)
{
    Store *store = data;
    Exchange *exchange = &store->exchange;
    writer_run(&store->writer);
    uv_thread_join(&store->reader_thread);
    uv_thread_join(&store->keeper_thread);
    close_databases(store);
    uv_mutex_lock(&exchange->mutex);
    exchange->is_ended = true;
    uv_mutex_unlock(&exchange->mutex);
    uv_async_send(&exchange->wake);
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
        if (!atomic_load(&request->is_cancelled)) {
            store->requests++;
            store->failures += !status_is_ok(&request->reply.status);
            request->callback(&request->reply, request->data);
        }
        request_free(request);
    }
}

/* Wakes those who wait now; one that waits again in its callback has its turn later. */
static void wake_waiters(Store *store)
{
    StoreWaiter *head = &store->waiters;
    size_t turns = store->waiter_count;
    for (; turns > 0 && head->next != head && (store->is_closing || !store_is_busy(store)); turns--) {
        StoreWaiter *waiter = head->next;
        store_wait_cancel(waiter);
        waiter->ready(waiter);
    }
}

static RequestList take_done(Store *store, bool *is_ended)
{
    Exchange *exchange = &store->exchange;
    uv_mutex_lock(&exchange->mutex);
    RequestList done = exchange->done;
    exchange->done = (RequestList){0};
    *is_ended = exchange->is_ended;
    uv_mutex_unlock(&exchange->mutex);
    return done;
}

static void store_free(Store *store)
{
    request_queue_finish(&store->writer.queue);
    request_queue_finish(&store->reader.queue);
    turn_finish(&store->turn);
    uv_mutex_destroy(&store->exchange.mutex);
    free(store);
}

static void on_wake_closed(uv_handle_t *handle)
{
    Store *store = handle->data;
    bool is_ended;
    for (;;) { /* requests that were refused in the meantime, and those that their callbacks make */
        RequestList done = take_done(store, &is_ended);
        if (!done.first)
            break;
        deliver(store, &done);
    }
    wake_waiters(store);
    StoreClosed closed = store->closed;
    void *data = store->closed_data;
    store_free(store);
    if (closed)
        closed(data);
}

static void on_wake(uv_async_t *wake)
{
    Store *store = wake->data;
    bool is_ended;
    RequestList done = take_done(store, &is_ended);
    deliver(store, &done);
    wake_waiters(store);
    if (is_ended && !store->is_joined) {
        store->is_joined = true;
        uv_thread_join(&store->writer_thread);
        uv_close((uv_handle_t *)wake, on_wake_closed);
    }
}

static int open_databases(Store *store, const char *directory, Status *status)
{
    Database *database = &store->turn.database;
    StoreMetrics *metrics = &store->exchange.metrics;
    int r = database_files_open(&store->files, directory, status);
    if (r == 0)
        r = database_open(database, &store->files, status);
    if (r == 0)
        r = database_open_beside(&store->reader.database, &store->files, READER_CACHE_KIB,
                                 DATABASE_BUSY_MILLISECONDS, status);
    if (r == 0)
        r = database_open_beside(&store->keeper.database, &store->files, KEEPER_CACHE_KIB,
                                 KEEPER_BUSY_MILLISECONDS, status);
    if (r == 0)
        r = database_number(database, status, &metrics->erasures_finished, ERASURES_FINISHED, INTEGER(1));
    metrics->last_erasure = database->numbers.erasure;
    store->keeper.finished = metrics->erasures_finished;
    if (r != 0)
        close_databases(store);
    return r;
}

/* The threads that were started end when their queues are closed. */
static int start_threads(Store *store)
{
    int r = uv_thread_create(&store->reader_thread, run_reader, store);
    if (r != 0)
        return r;
    r = uv_thread_create(&store->keeper_thread, run_keeper, store);
    if (r == 0) {
        r = uv_thread_create(&store->writer_thread, run_writer, store);
        if (r == 0)
            return 0;
        turn_close(&store->turn);
        uv_thread_join(&store->keeper_thread);
    }
    request_queue_close(&store->reader.queue);
    uv_thread_join(&store->reader_thread);
    return r;
}

int store_open(Store **result, uv_loop_t *loop, const char *directory, Status *status)
{
    *result = NULL;
    Store *store = NEW(Store);
    store->waiters.next = store->waiters.previous = &store->waiters;
    turn_init(&store->turn);
    uv_mutex_init(&store->exchange.mutex);
    request_queue_init(&store->writer.queue);
    request_queue_init(&store->reader.queue);
    store->writer.turn = store->keeper.turn = &store->turn;
    store->writer.exchange = store->reader.exchange = store->keeper.exchange = &store->exchange;
    int r = open_databases(store, directory, status);
    if (r != 0) {
        store_free(store);
        return r;
    }
    store->exchange.wake.data = store;
    uv_async_init(loop, &store->exchange.wake, on_wake);
    r = start_threads(store);
    if (r != 0) {
        status_refuse(status, STATUS_UNAVAILABLE, "A thread of the store could not be started: %s.",
                      uv_strerror(r));
        store->is_joined = true;
        close_databases(store);
        uv_close((uv_handle_t *)&store->exchange.wake, on_wake_closed);
        return STATUS_REFUSED;
    }
    *result = store;
    return 0;
}

void store_close(Store *store, StoreClosed closed, void *data)
{
    store->closed = closed;
    store->closed_data = data;
    store->is_closing = true;
    turn_close(&store->turn);
    request_queue_close(&store->reader.queue);
    request_queue_close(&store->writer.queue);
}

static void refuse_request(Store *store, Request *request)
{
    Exchange *exchange = &store->exchange;
    uv_mutex_lock(&exchange->mutex);
    request_list_add(&exchange->done, request);
    uv_mutex_unlock(&exchange->mutex);
    if (!store->is_joined)
        uv_async_send(&exchange->wake);
}

/* The request's own refusal, or queued. Takes the request. */
StoreCall *store_submit(Store *store, Request *request)
{
    bool is_full = store->queued >= STORE_QUEUE_LIMIT ||
                   (store->queued > 0 && store->queued_bytes + request->bytes > STORE_QUEUE_BYTES_LIMIT);
    store->queued++;
    store->queued_bytes += request->bytes;
    if (store->is_closing)
        status_refuse(&request->reply.status, STATUS_UNAVAILABLE,
                      "The daemon is stopping. Repeat the request when it is back.");
    else if (is_full)
        status_refuse(&request->reply.status, STATUS_RESOURCE_EXHAUSTED,
                      "Too much waits to be written: nothing of this request was kept. Repeat it later.");
    if (!status_is_ok(&request->reply.status))
        refuse_request(store, request);
    else
        request_queue_add(request_reads(request) ? &store->reader.queue : &store->writer.queue, request);
    return request;
}

void store_cancel(StoreCall *call)
{
    atomic_store(&call->is_cancelled, true);
}

void store_metrics(Store *store, StoreMetrics *metrics)
{
    uv_mutex_lock(&store->exchange.mutex);
    *metrics = store->exchange.metrics;
    uv_mutex_unlock(&store->exchange.mutex);
    metrics->requests = store->requests;
    metrics->failures = store->failures;
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
        uv_async_send(&store->exchange.wake);
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
