/* SPDX-License-Identifier: MIT */
#include "daemon/users/operation.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <assert.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>

#define NANOSECONDS_PER_SECOND 1000000000ull

/* Memory that was let go before the allocator is asked to give it back: a walk over all of it takes
 * milliseconds of another thread. */
#define GIVE_BACK_BYTES ((size_t)32 << 20)

#define TO(state) (1u << (state))

/* transitions[from]: the states that may follow; DONE may follow all but itself. */
static const unsigned transitions[] = {
    [OPERATION_WAITING] = TO(OPERATION_WAITING) | TO(OPERATION_LOADING) | TO(OPERATION_ANALYSING) |
                          TO(OPERATION_ASSEMBLING) | TO(OPERATION_PUBLISHING) | TO(OPERATION_DONE),
    [OPERATION_LOADING] = TO(OPERATION_WAITING) | TO(OPERATION_LOADING) | TO(OPERATION_ANALYSING) |
                          TO(OPERATION_ASSEMBLING) | TO(OPERATION_PUBLISHING) | TO(OPERATION_DONE),
    [OPERATION_ANALYSING] = TO(OPERATION_WAITING) | TO(OPERATION_LOADING) | TO(OPERATION_ANALYSING) |
                            TO(OPERATION_ASSEMBLING) | TO(OPERATION_PUBLISHING) | TO(OPERATION_DONE),
    [OPERATION_ASSEMBLING] = TO(OPERATION_WAITING) | TO(OPERATION_LOADING) | TO(OPERATION_ANALYSING) |
                             TO(OPERATION_ASSEMBLING) | TO(OPERATION_PUBLISHING) | TO(OPERATION_DONE),
    [OPERATION_PUBLISHING] = TO(OPERATION_LOADING) | TO(OPERATION_ANALYSING) | TO(OPERATION_ASSEMBLING) |
                             TO(OPERATION_PUBLISHING) | TO(OPERATION_DONE),
    [OPERATION_DONE] = 0,
};

/* How many things it waits for. */
static int held(const Operation *operation)
{
    const OperationKind *kind = operation->kind;
    return (operation->store != NULL) + (operation->work != NULL) + (operation->pool.pool != NULL) +
           later_is_waiting(&operation->later) + (kind->is_waiting && kind->is_waiting(operation));
}

/* What holds in every state, and in this one. Between two steps each state holds just what it waits for. */
static bool invariant(const Operation *operation)
{
    if (held(operation) > 1 || (operation->has_turn && operation->user->turn != operation) ||
        (operation->is_in_line && !operation->user))
        return false;
    switch (operation->state) {
    case OPERATION_WAITING:
        return !operation->store && !operation->work && !operation->pool.pool;
    case OPERATION_LOADING:
        return operation->store || operation->pool.pool;
    case OPERATION_ANALYSING:
        return operation->kind->is_waiting && operation->kind->is_waiting(operation);
    case OPERATION_ASSEMBLING:
        return operation->work != NULL;
    case OPERATION_PUBLISHING:
        return operation->store && (operation->has_turn || !operation->user);
    case OPERATION_DONE:
        return held(operation) == 0 && !operation->is_in_line;
    }
    return false;
}

static void move(Operation *operation, OperationState to)
{
    assert(transitions[operation->state] & TO(to));
    operation->state = to;
    assert(invariant(operation));
}

const char *operation_state_name(OperationState state)
{
    static const char *const names[] = {
        [OPERATION_WAITING] = "waiting",       [OPERATION_LOADING] = "loading",
        [OPERATION_ANALYSING] = "analysing",   [OPERATION_ASSEMBLING] = "assembling",
        [OPERATION_PUBLISHING] = "publishing", [OPERATION_DONE] = "done",
    };
    return names[state];
}

/* ---- the line ----------------------------------------------------------------------------------------- */

static void on_turn(Later *later)
{
    operation_go_on(CONTAINER_OF(later, Operation, later));
}

void operation_wake(Operation *operation)
{
    if (!later_is_waiting(&operation->later))
        later_call(operation->users->context.loop, &operation->later, on_turn);
}

/* The first in the line has its turn as soon as it is ready for it; one that changes nothing may be first. */
static void offer_turn(User *user)
{
    Operation *operation = TAILQ_FIRST(&user->line);
    while (operation && !(operation->is_ready &&
                          (operation->kind->only_reads || !TAILQ_PREV(operation, OperationLine, in_line))))
        operation = TAILQ_NEXT(operation, in_line);
    if (user->turn || !operation)
        return;
    user->turn = operation;
    operation->has_turn = true;
    operation_wake(operation);
}

void operation_take_place(Operation *operation)
{
    assert(!operation->is_in_line);
    TAILQ_INSERT_TAIL(&operation->user->line, operation, in_line);
    operation->is_in_line = true;
}

OperationState operation_wait_for_turn(Operation *operation)
{
    if (!operation->is_in_line)
        operation_take_place(operation);
    operation->is_ready = true;
    if (operation->has_turn)
        operation_wake(operation);
    else
        offer_turn(operation->user);
    return OPERATION_WAITING;
}

void operation_leave_line(Operation *operation)
{
    if (!operation->is_in_line)
        return;
    TAILQ_REMOVE(&operation->user->line, operation, in_line);
    operation->is_in_line = operation->is_ready = operation->has_turn = false;
    if (operation->user->turn == operation)
        operation->user->turn = NULL;
    offer_turn(operation->user);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

static void run_giving_back(void *job)
{
    (void)job;
    malloc_trim(0);
}

static void release_giving_back(void *job)
{
    (void)job;
}

static void on_given_back(void *owner, void *job)
{
    (void)owner;
    (void)job;
}

void users_note_freed(Users *users, size_t bytes)
{
    static const WorkKind kind = {WORK_BACKGROUND, run_giving_back, release_giving_back};
    users->freed_bytes += bytes;
    if (users->freed_bytes < GIVE_BACK_BYTES)
        return;
    users->freed_bytes = 0;
    work_begin(users->context.loop, &kind, NULL, on_given_back, NULL);
}

/* ---- beginning and end -------------------------------------------------------------------------------- */

static void on_begin(Later *later)
{
    Operation *operation = CONTAINER_OF(later, Operation, later);
    if (!operation->users->is_closing) {
        operation_go_on(operation);
        return;
    }
    Status status;
    status_refuse(&status, STATUS_UNAVAILABLE, "rpmd is shutting down; ask again when it is back");
    operation_end(operation, &status);
}

Operation *operation_new(Users *users, const OperationKind *kind, const UserName *name, const Caller *caller,
                         UserCallback callback, void *data)
{
    Operation *operation = memory_allocate(1, kind->size);
    operation->kind = kind;
    operation->users = users;
    operation->caller = *caller;
    operation->callback = callback;
    operation->data = data;
    operation->reply.status = operation->answer.status = STATUS_INIT;
    if (name) {
        operation->user =
            user_begin_operation(&users->table, users->context.loop, users->context.store, name);
        operation->name = (UserName){text_of(operation->user->task->name),
                                     {operation->user->name, operation->user->name_length}};
    }
    LIST_INSERT_HEAD(&users->operations, operation, link);
    users->metrics.operations++;
    later_call(users->context.loop, &operation->later, on_begin);
    return operation;
}

void operation_drop_answer(Operation *operation)
{
    arena_finish(&operation->answer.arena);
    operation->answer = (StoreReply){.status = STATUS_INIT};
}

static void cancel_waiting(Operation *operation)
{
    if (operation->store)
        store_cancel(TAKE_PTR(operation->store));
    if (operation->work)
        work_cancel(TAKE_PTR(operation->work));
    task_pool_wait_cancel(&operation->pool);
    later_cancel(&operation->later);
    if (operation->kind->cancel)
        operation->kind->cancel(operation);
}

void users_finish_closing(Users *users)
{
    if (!users->closed || !LIST_EMPTY(&users->operations))
        return;
    void (*closed)(void *) = users->closed;
    void *data = users->closed_data;
    user_table_finish(&users->table);
    free(users);
    closed(data);
}

static void finish(Operation *operation)
{
    Users *users = operation->users;
    cancel_waiting(operation);
    operation_leave_line(operation);
    move(operation, OPERATION_DONE);
    /* It is listed until the callback has returned: that may close the users. */
    if (operation->callback)
        operation->callback(&operation->reply, operation->data);
    LIST_REMOVE(operation, link);
    users->metrics.operations--;
    if (operation->kind->release)
        operation->kind->release(operation);
    operation_drop_answer(operation);
    if (operation->user)
        user_end_operation(&users->table, operation->user, users->context.config->cache_bytes);
    assembly_finish(&operation->assembled);
    buffer_finish(&operation->pool_change);
    arena_finish(&operation->arena);
    free(operation);
    users_finish_closing(users);
}

void operation_end(Operation *operation, const Status *status)
{
    if (operation->state == OPERATION_DONE)
        return;
    operation->is_cancelled = true;
    operation->ending = *status;
    if (operation_is_being_written(operation) || operation->is_stepping)
        return;
    operation->reply = (UserReply){.status = *status};
    finish(operation);
}

void operation_complete(Operation *operation)
{
    finish(operation);
}

void operation_go_on(Operation *operation)
{
    assert(!operation->is_stepping && operation->state != OPERATION_DONE);
    operation->is_stepping = true;
    OperationState next = operation->kind->step(operation);
    operation->is_stepping = false;
    if (next == OPERATION_DONE) {
        finish(operation);
        return;
    }
    move(operation, next);
    if (operation->is_cancelled && next != OPERATION_PUBLISHING) {
        operation->reply = (UserReply){.status = operation->ending};
        finish(operation);
    }
}

/* A callback may begin and cancel operations, so the list is begun anew behind each. */
void operations_abort(Operation *except, const char *sentence)
{
    Status status;
    Operation *operation;
    status_refuse(&status, STATUS_ABORTED, "%s", sentence);
    LIST_FOREACH(operation, &except->users->operations, link)
    operation->is_doomed = operation != except && operation->user == except->user;
    do {
        LIST_FOREACH(operation, &except->users->operations, link)
        if (operation->is_doomed)
            break;
        if (operation) {
            operation->is_doomed = false;
            operation_end(operation, &status);
        }
    } while (operation);
}

/* ---- what steps begin --------------------------------------------------------------------------------- */

void operation_on_store(StoreReply *reply, void *data)
{
    Operation *operation = data;
    operation->store = NULL;
    operation_drop_answer(operation);
    operation->answer = *reply;
    reply->arena = ARENA_INIT;
    operation_go_on(operation);
}

OperationState operation_load(Operation *operation, StoreLoadScope scope, uint64_t since_revision)
{
    const StoreLoadModel request = {operation->name.task, operation->name.user, scope, since_revision};
    operation->store =
        store_model_load(operation->users->context.store, &request, operation_on_store, operation);
    return OPERATION_LOADING;
}

OperationState operation_publish(Operation *operation, const StorePublish *request)
{
    operation->store =
        store_model_publish(operation->users->context.store, request, operation_on_store, operation);
    return OPERATION_PUBLISHING;
}

static void on_work_done(void *owner, void *job)
{
    Operation *operation = owner;
    operation->work = NULL;
    operation->take_work(operation, job);
    operation_go_on(operation);
}

OperationState operation_assemble(Operation *operation, const WorkKind *kind, void *job,
                                  void (*take)(Operation *operation, void *job))
{
    operation->take_work = take;
    operation->work = work_begin(operation->users->context.loop, kind, job, on_work_done, operation);
    return OPERATION_ASSEMBLING;
}

static void on_pool_ready(PoolWaiter *waiter, const Status *status)
{
    Operation *operation = CONTAINER_OF(waiter, Operation, pool);
    operation_drop_answer(operation);
    operation->answer.status = *status;
    operation_go_on(operation);
}

OperationState operation_wait_for_pool(Operation *operation)
{
    operation->pool.ready = on_pool_ready;
    task_pool_wait(operation->user->task->pool, &operation->pool);
    return OPERATION_LOADING;
}

OperationState operation_refuse(Operation *operation, const Status *status)
{
    Status copy = *status;
    operation->reply = (UserReply){.status = copy};
    return OPERATION_DONE;
}

OperationState operation_refuse_with(Operation *operation, StatusCode code, const char *format, ...)
{
    Status status = {.code = code};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(status.message, sizeof(status.message), format, arguments);
    va_end(arguments);
    return operation_refuse(operation, &status);
}

/* ---- what kinds ask ----------------------------------------------------------------------------------- */

const TaskSettings *operation_settings(const Operation *operation)
{
    return config_task(operation->users->context.config, operation->name.task.data);
}

const rpmd_plugin *operation_plugin(const Operation *operation, Status *status)
{
    return plugin_registry_find(operation->users->context.plugins, operation->name.task.data, status);
}

uint64_t operation_deadline(const Operation *operation)
{
    return caller_deadline(&operation->caller, uv_hrtime(),
                           operation->users->context.config->call_seconds * NANOSECONDS_PER_SECOND);
}

void operation_fill_snapshot(Operation *operation)
{
    operation->reply.user = user_snapshot(operation->user, operation_settings(operation)->population);
}
