/* SPDX-License-Identifier: MIT */
#include "daemon/store/reader.h"

static void read_one(Database *database, Request *request)
{
    if (atomic_load(&request->is_cancelled))
        return;
    Status status = STATUS_INIT;
    int r = database_begin_reading(database);
    if (r != 0) {
        database_refuse(database, r, &status);
        request_fail(request, &status);
        return;
    }
    if (request_execute(database, request) != 0)
        request_fail(request, &request->reply.status);
    /* There is nothing to be kept: this ends the snapshot, and queries that are not read to their end. */
    database_roll_back(database);
}

void reader_run(Reader *reader)
{
    for (;;) {
        RequestList requests = request_queue_take(&reader->queue, 1, SIZE_MAX);
        if (!requests.first)
            return;
        read_one(&reader->database, requests.first);
        exchange_return(reader->exchange, &requests);
    }
}
