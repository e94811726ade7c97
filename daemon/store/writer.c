/* SPDX-License-Identifier: MIT */
#include "daemon/store/writer.h"

#include "lib/base/macros.h"

typedef struct Group {
    uint64_t commit_ns;
    bool is_written;
} Group;

/*
 * Executes a request inside the transaction. 0: executed, or refused before anything was written; else what
 * to answer with is in its reply, and the transaction must not be kept.
 */
static int execute(Database *database, Request *request)
{
    uint64_t before = database_total_changes(database);
    DatabaseNumbers numbers = database->numbers;
    request_clear_reply(request);
    if (atomic_load(&request->is_cancelled) || request_execute(database, request) == 0)
        return 0;
    request_fail(request, &request->reply.status);
    database_stop_all(database);
    if (database_total_changes(database) != before || database_lost_transaction(database))
        return STATUS_REFUSED;
    database->numbers = numbers;
    return 0;
}

static void fail_all(Request *first, size_t count, const Status *status)
{
    for (Request *request = first; count > 0; request = request->next, count--)
        request_fail(request, status);
}

/* One transaction over count requests. STATUS_REFUSED: nothing of it was kept. */
static int run_transaction(Database *database, Request *first, size_t count, Group *group)
{
    Status status = STATUS_INIT;
    uint64_t writes = database->writes;
    int r = database_begin(database);
    if (r != 0) {
        database_refuse(database, r, &status);
        fail_all(first, count, &status);
        return STATUS_REFUSED;
    }
    Request *request = first;
    for (size_t i = 0; i < count; i++, request = request->next)
        if (execute(database, request) != 0) {
            database_roll_back(database);
            return STATUS_REFUSED;
        }
    uint64_t begin = uv_hrtime();
    r = database_commit(database);
    if (r != 0) {
        database_refuse(database, r, &status);
        database_roll_back(database);
        fail_all(first, count, &status);
        return STATUS_REFUSED;
    }
    if (database->writes != writes) {
        group->is_written = true;
        group->commit_ns = uv_hrtime() - begin;
    }
    return 0;
}

static void run_group(Writer *writer, RequestList *requests)
{
    Database *database = &writer->turn->database;
    Group group = {0};
    turn_take_to_write(writer->turn);
    if (run_transaction(database, requests->first, requests->count, &group) != 0 && requests->count > 1) {
        /* One of them broke it: each gets its own. */
        for (Request *request = requests->first; request; request = request->next)
            run_transaction(database, request, 1, &group);
    }
    uint64_t last_erasure = database->numbers.erasure;
    turn_give_back(writer->turn, request_queue_is_empty(&writer->queue));

    Exchange *exchange = writer->exchange;
    uv_mutex_lock(&exchange->mutex);
    StoreMetrics *metrics = &exchange->metrics;
    metrics->groups++;
    metrics->last_group = requests->count;
    metrics->largest_group = MAX(metrics->largest_group, requests->count);
    metrics->last_erasure = last_erasure;
    if (group.is_written) {
        metrics->commits++;
        metrics->last_commit_ns = group.commit_ns;
        metrics->longest_commit_ns = MAX(metrics->longest_commit_ns, group.commit_ns);
    }
    uv_mutex_unlock(&exchange->mutex);
    exchange_return(exchange, requests);
}

void writer_run(Writer *writer)
{
    for (;;) {
        RequestList group = request_queue_take(&writer->queue, STORE_GROUP_REQUESTS, STORE_GROUP_BYTES);
        if (!group.first)
            return;
        run_group(writer, &group);
    }
}
