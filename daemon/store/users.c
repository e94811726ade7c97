/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

int user_check_name(rpmd_text name, const char *what, Status *status)
{
    if (name.length > 0)
        return 0;
    return status_refuse(status, STATUS_INVALID_ARGUMENT, "The %s is empty. Name one.", what);
}

int user_find_task(Database *database, rpmd_text task, uint64_t *number, Status *status)
{
    *number = 0;
    int r = user_check_name(task, "task", status);
    if (r == 0)
        r = database_query(database, status, FIND_TASK, TEXT(task));
    if (r == 0)
        r = database_next(database, status, STATEMENT_FIND_TASK);
    if (r != DATABASE_ROW)
        return r;
    *number = (uint64_t)database_integer(database, STATEMENT_FIND_TASK, 0);
    database_stop(database, STATEMENT_FIND_TASK);
    return 0;
}

/* row->user is 0 where there is none. */
static int find(Database *database, uint64_t task, rpmd_text name, UserRow *row, Status *status)
{
    *row = (UserRow){.task = task};
    int r = database_query(database, status, FIND_USER, INTEGER(task), TEXT(name));
    if (r == 0)
        r = database_next(database, status, STATEMENT_FIND_USER);
    if (r != DATABASE_ROW)
        return r;
    uint64_t *const columns[] = {&row->user,
                                 &row->items,
                                 &row->last_item,
                                 &row->history_revision,
                                 &row->model_version,
                                 &row->last_version,
                                 &row->last_factor_set,
                                 &row->generation,
                                 &row->last_generation,
                                 &row->clean_generation,
                                 &row->swept_generation,
                                 &row->feature_count,
                                 &row->reasoning_count};
    const int count = (int)ARRAY_SIZE(columns);
    for (int i = 0; i < count; i++)
        *columns[i] = (uint64_t)database_integer(database, STATEMENT_FIND_USER, i);
    row->feeds_pool = database_integer(database, STATEMENT_FIND_USER, count) != 0;
    row->greatest_order_us = database_integer(database, STATEMENT_FIND_USER, count + 1);
    database_stop(database, STATEMENT_FIND_USER);
    return 0;
}

int user_find(Database *database, rpmd_text task, rpmd_text user, UserRow *row, Status *status)
{
    uint64_t number;
    int r = user_check_name(user, "user", status);
    if (r == 0)
        r = user_find_task(database, task, &number, status);
    if (r != 0)
        return r;
    *row = (UserRow){0};
    if (number != 0)
        r = find(database, number, user, row, status);
    if (r == 0 && row->user == 0)
        return status_refuse(status, STATUS_NOT_FOUND,
                             "There is no history of user \"%.*s\" in task \"%.*s\". Import or append one.",
                             SHOWN(user), SHOWN(task));
    return r;
}

int user_find_same(Database *database, rpmd_text task, rpmd_text user, uint64_t number, const char *what,
                   UserRow *row, Status *status)
{
    int r = user_find(database, task, user, row, status);
    if (r == 0 && row->user != number)
        return status_refuse(
            status, STATUS_ABORTED,
            "%s of user \"%.*s\" was not kept: the user was erased in the meantime. Load it and "
            "repeat.",
            what, SHOWN(user));
    return r;
}

int user_find_or_add(Database *database, uint64_t task, rpmd_text name, UserRow *row, bool *added,
                     Status *status)
{
    *added = false;
    int r = user_check_name(name, "user", status);
    if (r == 0)
        r = find(database, task, name, row, status);
    if (r != 0 || row->user != 0)
        return r;
    if (database->numbers.user + 1 >= USER_LIMIT)
        return status_refuse(status, STATUS_RESOURCE_EXHAUSTED, "No number is left for another user.");
    *row = (UserRow){.task = task, .user = ++database->numbers.user, .feeds_pool = true};
    *added = true;
    r = database_execute(database, status, ADD_USER, INTEGER(row->user), INTEGER(task), TEXT(name));
    return r ? r : user_change_task(database, task, 1, 0, 0, status);
}

int user_save(Database *database, const UserRow *row, Status *status)
{
    return database_execute(
        database, status, SET_USER, INTEGER(row->user), INTEGER(row->items), INTEGER(row->last_item),
        INTEGER(row->history_revision), INTEGER(row->model_version), INTEGER(row->last_version),
        INTEGER(row->last_factor_set), INTEGER(row->generation), INTEGER(row->last_generation),
        INTEGER(row->clean_generation), INTEGER(row->swept_generation), INTEGER(row->feature_count),
        INTEGER(row->reasoning_count), INTEGER(row->feeds_pool), INTEGER(row->greatest_order_us));
}

int user_change_task(Database *database, uint64_t task, int64_t users, int64_t items, int64_t models,
                     Status *status)
{
    return database_execute(database, status, CHANGE_TASK, INTEGER(task), INTEGER(users), INTEGER(items),
                            INTEGER(models));
}

int users_list(Database *database, const StoreListUsers *request, StoreReply *reply)
{
    Arena *arena = &reply->arena;
    StoreUsers *list = &reply->users;
    uint32_t limit = request->limit ? MIN(request->limit, STORE_LIST_LIMIT) : STORE_LIST_LIMIT;
    uint64_t task;
    int r = user_find_task(database, request->task, &task, &reply->status);
    if (r != 0)
        return r;
    list->users = ARENA_ARRAY(arena, StoreUser, limit);
    r = database_query(database, &reply->status, LIST_USERS, INTEGER(task), TEXT(request->after),
                       INTEGER(limit + 1));
    DATABASE_EACH(database, &reply->status, LIST_USERS, r)
    {
        if (list->count == limit) {
            list->more = true;
            database_stop(database, STATEMENT_LIST_USERS);
            break;
        }
        list->users[list->count++] = (StoreUser){
            .user = COLUMN_TEXT(LIST_USERS, 0),
            .number = COLUMN_NUMBER(LIST_USERS, 1),
            .items = COLUMN_NUMBER(LIST_USERS, 2),
            .history_revision = COLUMN_NUMBER(LIST_USERS, 3),
            .model_version = COLUMN_NUMBER(LIST_USERS, 4),
            .feeds_pool = COLUMN_NUMBER(LIST_USERS, 5) != 0,
            .extractor_version = COLUMN_TEXT(LIST_USERS, 6),
            .last_item = ITEM_NUMBER(COLUMN_NUMBER(LIST_USERS, 1), COLUMN_NUMBER(LIST_USERS, 7)),
            .greatest_order_us = database_integer(database, STATEMENT_LIST_USERS, 8),
        };
    }
    return r;
}

int tasks_list(Database *database, StoreReply *reply)
{
    Arena *arena = &reply->arena;
    _cleanup_free_ StoreTask *tasks = NULL;
    size_t count = 0, capacity = 0;
    int r = 0;
    DATABASE_EACH(database, &reply->status, LIST_TASKS, r)
    {
        GROW(tasks, count, capacity);
        tasks[count++] = (StoreTask){
            .task = COLUMN_TEXT(LIST_TASKS, 0),
            .users = COLUMN_NUMBER(LIST_TASKS, 1),
            .items = COLUMN_NUMBER(LIST_TASKS, 2),
            .models = COLUMN_NUMBER(LIST_TASKS, 3),
        };
    }
    reply->tasks = (StoreTasks){.tasks = ARENA_TAKE(arena, tasks, count), .count = count};
    return r;
}
