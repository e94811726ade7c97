/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/* Deletes the user's rows of one table and adds their number to *count (NULL: not counted). */
#define ERASE(name, count)                                                                                   \
    do {                                                                                                     \
        uint64_t *_count = (count);                                                                          \
        r = database_execute(database, status, name, INTEGER(user->user));                                   \
        if (r != 0)                                                                                          \
            return r;                                                                                        \
        if (_count)                                                                                          \
            *_count += database_changes(database);                                                           \
    } while (0)

static int erase_rows(Database *database, const UserRow *user, StoreErased *erased, Status *status)
{
    int r = population_withdraw(database, user, true, true, status);
    if (r != 0)
        return r;
    ERASE(ERASE_REASONING, &erased->reasoning_paths);
    ERASE(ERASE_EMBEDDINGS, NULL);
    ERASE(ERASE_TRAITS, NULL);
    ERASE(ERASE_FEATURES, &erased->features);
    ERASE(ERASE_OPTION_CLASSES, NULL);
    ERASE(ERASE_ANALYSES, NULL);
    ERASE(ERASE_MEMBERS, NULL);
    ERASE(ERASE_FACTORS, &erased->factors);
    ERASE(DROP_PROPENSITIES, NULL);
    ERASE(DROP_FACTOR_COUNTS, NULL);
    ERASE(ERASE_VERSIONS, &erased->versions);
    ERASE(ERASE_REPLIES, &erased->replies);
    ERASE(KEEP_USAGE, NULL);
    ERASE(ERASE_USAGE, NULL);
    uint64_t items = 0;
    ERASE(ERASE_ITEMS, &items);
    ERASE(ERASE_USER, &erased->users);
    erased->items += items;
    return user_change_task(database, user->task, -1, -(int64_t)items, user->model_version ? -1 : 0, status);
}

static int erase_everywhere(Database *database, rpmd_text name, StoreErased *erased, Status *status)
{
    _cleanup_free_ UserRow *users = NULL;
    size_t count = 0, capacity = 0;
    int r = user_check_name(name, "user", status);
    if (r == 0)
        r = database_query(database, status, FIND_USER_EVERYWHERE, TEXT(name));
    DATABASE_EACH(database, status, FIND_USER_EVERYWHERE, r)
    {
        GROW(users, count, capacity);
        users[count++] = (UserRow){.user = COLUMN_NUMBER(FIND_USER_EVERYWHERE, 0),
                                   .task = COLUMN_NUMBER(FIND_USER_EVERYWHERE, 1),
                                   .model_version = COLUMN_NUMBER(FIND_USER_EVERYWHERE, 2)};
    }
    for (size_t i = 0; i < count && r == 0; i++)
        r = erase_rows(database, &users[i], erased, status);
    return r;
}

int erase_user(Database *database, const StoreUserName *request, StoreReply *reply)
{
    StoreErased *erased = &reply->erased;
    int r;
    if (request->task.length > 0) {
        UserRow user;
        r = user_find(database, request->task, request->user, &user, &reply->status);
        if (r == 0)
            r = erase_rows(database, &user, erased, &reply->status);
        /* Rows that went before, with traces left behind: the caller repeats the request for these. */
        if (r != 0 && reply->status.code == STATUS_NOT_FOUND && database->traces)
            r = 0;
    } else {
        r = erase_everywhere(database, request->user, erased, &reply->status);
        if (r == 0 && erased->users == 0 && !database->traces)
            return status_refuse(&reply->status, STATUS_NOT_FOUND,
                                 "There is no history of user \"%.*s\" in any task.", SHOWN(request->user));
    }
    if (r != 0)
        return r;
    reply->status = STATUS_INIT;
    r = database_control(database, STATEMENT_NOTE_ERASURE);
    return r == 0 ? 0 : database_refuse(database, r, &reply->status);
}
