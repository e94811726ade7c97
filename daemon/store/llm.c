/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"

/* ---- what calls cost ---------------------------------------------------------------------------------- */

/* row->user is 0 where the user is not there, or another one of this name by now. */
static int find_or_none(Database *database, rpmd_text task, rpmd_text user, uint64_t number, UserRow *row,
                        Status *status)
{
    *row = (UserRow){0};
    int r = user_find(database, task, user, row, status);
    if (r != 0 && status->code == STATUS_NOT_FOUND) {
        *status = STATUS_INIT;
        *row = (UserRow){0};
        r = user_find_task(database, task, &row->task, status);
    }
    if (number != 0 && row->user != number)
        row->user = 0;
    return r;
}

/* A user who was erased meanwhile is nobody (number 0): the money was spent all the same. */
int usage_add(Database *database, const StoreUsage *usage, StoreReply *reply)
{
    UserRow row;
    int r = find_or_none(database, usage->task, usage->user, usage->user_number, &row, &reply->status);
    if (r != 0 || row.task == 0)
        return r;
    return database_execute(database, &reply->status, ADD_USAGE, INTEGER(row.user), INTEGER(row.task),
                            INTEGER(usage->day), TEXT(usage->stage), TEXT(usage->backend),
                            INTEGER(usage->calls), INTEGER(usage->cached_replies), INTEGER(usage->failures),
                            INTEGER(usage->repairs), INTEGER(usage->prompt_tokens),
                            INTEGER(usage->cached_tokens), INTEGER(usage->completion_tokens),
                            INTEGER(usage->cost_micros), INTEGER(usage->milliseconds));
}

int usage_list(Database *database, const StoreListUsage *request, StoreReply *reply)
{
    Arena *arena = &reply->arena;
    _cleanup_free_ StoreUsage *rows = NULL;
    size_t count = 0, capacity = 0;
    int r = database_query(database, &reply->status, LIST_USAGE, TEXT(request->task), TEXT(request->user),
                           INTEGER(request->from_day), INTEGER(STORE_USAGE_LIMIT), INTEGER(request->by_user));
    DATABASE_EACH(database, &reply->status, LIST_USAGE, r)
    {
        GROW(rows, count, capacity);
        rows[count++] = (StoreUsage){
            .task = COLUMN_TEXT(LIST_USAGE, 0),
            .user = COLUMN_TEXT(LIST_USAGE, 13),
            .day = (int64_t)COLUMN_NUMBER(LIST_USAGE, 1),
            .stage = COLUMN_TEXT(LIST_USAGE, 2),
            .backend = COLUMN_TEXT(LIST_USAGE, 3),
            .calls = COLUMN_NUMBER(LIST_USAGE, 4),
            .cached_replies = COLUMN_NUMBER(LIST_USAGE, 5),
            .failures = COLUMN_NUMBER(LIST_USAGE, 6),
            .repairs = COLUMN_NUMBER(LIST_USAGE, 7),
            .prompt_tokens = COLUMN_NUMBER(LIST_USAGE, 8),
            .cached_tokens = COLUMN_NUMBER(LIST_USAGE, 9),
            .completion_tokens = COLUMN_NUMBER(LIST_USAGE, 10),
            .cost_micros = COLUMN_NUMBER(LIST_USAGE, 11),
            .milliseconds = COLUMN_NUMBER(LIST_USAGE, 12),
        };
    }
    reply->usages = (StoreUsages){.rows = ARENA_TAKE(arena, rows, count), .count = count};
    return r;
}

/* ---- what they replied -------------------------------------------------------------------------------- */

static int drop_oldest(Database *database, uint64_t limit, Status *status)
{
    for (;;) {
        uint64_t total = 0;
        int r = database_query(database, status, REPLY_TOTAL, INTEGER(1));
        DATABASE_EACH(database, status, REPLY_TOTAL, r)
        total = COLUMN_NUMBER(REPLY_TOTAL, 0);
        if (r != 0 || total <= limit)
            return r;
        r = database_execute(database, status, DROP_OLDEST_REPLY, INTEGER(1));
        if (r != 0 || database_changes(database) == 0)
            return r;
    }
}

int reply_put(Database *database, const StoreNewReply *request, StoreReply *reply)
{
    UserRow row;
    Status *status = &reply->status;
    if (request->key.length != STORE_REPLY_KEY_SIZE)
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "The key of a reply has %d bytes.",
                             STORE_REPLY_KEY_SIZE);
    int r = find_or_none(database, request->task, request->user, request->user_number, &row, status);
    if (r == 0)
        r = database_execute(database, status, DROP_OLD_REPLIES, INTEGER(request->not_before_us));
    /* Of a user who is gone, nothing is kept. */
    if (r == 0 && row.user != 0 && request->limit_bytes > 0)
        r = database_execute(database, status, DROP_REPLY, BLOB(request->key));
    if (r == 0 && row.user != 0 && request->limit_bytes > 0)
        r = database_execute(database, status, ADD_REPLY, BLOB(request->key), INTEGER(row.user),
                             INTEGER(request->created_us), TEXT(request->text));
    return r ? r : drop_oldest(database, request->limit_bytes, status);
}

int reply_find(Database *database, const StoreFindReply *request, StoreReply *reply)
{
    Arena *arena = &reply->arena;
    StoreFoundReply *found = &reply->found;
    int r = database_query(database, &reply->status, FIND_REPLY, BLOB(request->key),
                           INTEGER(request->not_before_us));
    DATABASE_EACH(database, &reply->status, FIND_REPLY, r)
    *found = (StoreFoundReply){.found = true, .text = COLUMN_TEXT(FIND_REPLY, 0)};
    return r;
}
