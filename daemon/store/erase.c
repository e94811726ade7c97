/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"

/*
 * The user's row goes, and with it every way to the others, which have only its number; the keeper deletes
 * them (sweep.h).
 */
int erase_user(Database *database, const StoreEraseUser *request, StoreReply *reply)
{
    Status *status = &reply->status;
    StoreErased *erased = &reply->erased;
    UserRow user;
    int r = request->user_number == 0 ? user_find(database, request->task, request->user, &user, status)
                                      : user_find_same(database, request->task, request->user,
                                                       request->user_number, "The erasure", &user, status);
    if (r != 0)
        return r;
    *erased = (StoreErased){.users = 1,
                            .items = user.items,
                            .features = user.feature_count,
                            .reasoning_paths = user.reasoning_count};
    r = database_number(database, status, &erased->factors, COUNT_FACTORS, INTEGER(user.user));
    if (r == 0)
        r = database_number(database, status, &erased->versions, COUNT_VERSIONS, INTEGER(user.user));
    if (r == 0)
        r = database_number(database, status, &erased->replies, COUNT_REPLIES, INTEGER(user.user));
    if (r == 0)
        r = population_change(database, user.task, user.user, request->pool_change, &erased->last_change,
                              status);
    erased->erasure = ++database->numbers.erasure;
    if (r == 0)
        r = database_execute(database, status, ADD_ERASURE, INTEGER(erased->erasure), INTEGER(user.task),
                             INTEGER(user.user), INTEGER(database->numbers.change));
    if (r == 0)
        r = database_execute(database, status, NOTE_ERASED_USER, INTEGER(1), INTEGER(user.user));
    if (r == 0)
        r = database_execute(database, status, ERASE_USER, INTEGER(user.user));
    return r ? r
             : user_change_task(database, user.task, -1, -(int64_t)user.items, user.model_version ? -1 : 0,
                                status);
}
