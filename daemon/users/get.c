/* SPDX-License-Identifier: MIT */
#include "daemon/users/refresh.h"
#include "daemon/users/users.h"
#include "lib/base/memory.h"

/* A query wants the user's model: [current?] -- no --> its turn --> refresh --> pooled counts --> DONE. */
typedef struct GetOperation {
    Operation operation;
    Refresh refresh;
} GetOperation;

static GetOperation *get_of(const Operation *operation)
{
    return (GetOperation *)operation;
}

static bool is_waiting(const Operation *operation)
{
    return refresh_is_waiting(&get_of(operation)->refresh);
}

static void cancel(Operation *operation)
{
    refresh_cancel(&get_of(operation)->refresh);
}

static void release(Operation *operation)
{
    refresh_finish(&get_of(operation)->refresh);
}

static OperationState answer(Operation *operation)
{
    operation_fill_snapshot(operation);
    TaskPool *pool = operation->reply.user.pool;
    return pool && !task_pool_is_ready(pool) ? operation_wait_for_pool(operation) : OPERATION_DONE;
}

/* The model may have been forgotten in the meantime, or be on its way from the store. */
static OperationState take_pool(Operation *operation)
{
    if (!status_is_ok(&operation->answer.status))
        return operation_refuse(operation, &operation->answer.status);
    if (user_is_current(operation->user))
        return answer(operation);
    get_of(operation)->refresh.is_over = false;
    return operation_wait_for_turn(operation);
}

static OperationState step(Operation *operation)
{
    GetOperation *get = get_of(operation);
    bool has_waited_for_pool = get->refresh.is_over;
    if (has_waited_for_pool)
        return take_pool(operation);
    if (operation->state == OPERATION_WAITING && user_is_current(operation->user)) {
        get->refresh.is_over = true;
        return answer(operation);
    }
    if (!operation->has_turn)
        return operation_wait_for_turn(operation);
    OperationState next = refresh_step(operation, &get->refresh);
    if (!get->refresh.is_over)
        return next;
    return operation->user->model ? answer(operation)
                                  : refresh_refuse_without_model(operation, &get->refresh);
}

UserCall *users_get(Users *users, const UserName *name, const Caller *caller, UserCallback callback,
                    void *data)
{
    static const OperationKind kind = {.name = "get",
                                       .size = sizeof(GetOperation),
                                       .step = step,
                                       .is_waiting = is_waiting,
                                       .cancel = cancel,
                                       .release = release,
                                       .only_reads = true};
    return operation_new(users, &kind, name, caller, callback, data);
}
