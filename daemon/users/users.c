/* SPDX-License-Identifier: MIT */
#include "daemon/users/users.h"

#include "daemon/users/operation.h"
#include "lib/base/memory.h"

Users *users_new(const UsersContext *context)
{
    Users *users = NEW(Users);
    users->context = *context;
    user_table_init(&users->table);
    LIST_INIT(&users->operations);
    return users;
}

void users_cancel(UserCall *call)
{
    const Status status = {.code = STATUS_CANCELLED};
    call->callback = NULL;
    operation_end(call, &status);
}

/* The first that can be ended now; what is being published goes on. */
static Operation *find_unpublished(const Users *users)
{
    Operation *operation;
    LIST_FOREACH(operation, &users->operations, link)
    if (!operation_is_being_written(operation) && operation->state != OPERATION_DONE &&
        !operation->is_stepping)
        break;
    return operation;
}

void users_close(Users *users, void (*closed)(void *data), void *data)
{
    Operation *operation;
    Status status;
    status_refuse(&status, STATUS_UNAVAILABLE,
                  "rpmd is shutting down; ask again when it is back. What an LLM replied so far is kept");
    users->is_closing = true;
    while ((operation = find_unpublished(users)))
        operation_end(operation, &status);
    LIST_FOREACH(operation, &users->operations, link)
    operation_end(operation, &status);
    users->closed = closed;
    users->closed_data = data;
    users_finish_closing(users);
}

bool users_find(Users *users, const UserName *name, UserSnapshot *snapshot)
{
    User *user = user_table_find(&users->table, name);
    if (!user || !user_is_current(user))
        return false;
    *snapshot = user_snapshot(user, config_task(users->context.config, user->task->name)->population);
    if (snapshot->pool && !task_pool_is_ready(snapshot->pool))
        return false;
    user_touch(&users->table, user);
    return true;
}

void users_metrics(const Users *users, UsersMetrics *metrics)
{
    *metrics = users->metrics;
    metrics->cached_models = users->table.cached_models;
    metrics->cached_bytes = users->table.cached_bytes;
}
