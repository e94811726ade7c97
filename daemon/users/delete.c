/* SPDX-License-Identifier: MIT */
#include "daemon/users/refresh.h"
#include "daemon/users/users.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/* Its turn --> refresh --> [a model?] -- yes --> assemble without the item --> publish. -- no --> the store.
 */
typedef struct DeleteOperation {
    Operation operation;
    Refresh refresh;
    rpmd_text id;
    bool has_no_model; /* the store deletes it alone */
} DeleteOperation;

static DeleteOperation *delete_of(const Operation *operation)
{
    return (DeleteOperation *)operation;
}

static bool is_waiting(const Operation *operation)
{
    return refresh_is_waiting(&delete_of(operation)->refresh);
}

static void cancel(Operation *operation)
{
    refresh_cancel(&delete_of(operation)->refresh);
}

static void release(Operation *operation)
{
    refresh_finish(&delete_of(operation)->refresh);
}

static OperationState begin(Operation *operation)
{
    DeleteOperation *deletion = delete_of(operation);
    const User *user = operation->user;
    if (!user->model) {
        deletion->has_no_model = true;
        const StoreDeleteItem request = {operation->name.task, operation->name.user, deletion->id};
        operation->store =
            store_delete_item(operation->users->context.store, &request, operation_on_store, operation);
        return OPERATION_PUBLISHING;
    }
    const ModelEntry *found = user_model_find(user->model, deletion->id);
    if (!found)
        return operation_refuse_with(
            operation, STATUS_NOT_FOUND,
            "the user %s has no item '%.*s' in the task %s; `rpmctl history list` shows the ids", user->name,
            TEXT_ARGS(deletion->id), user->task->name);
    Assembly *assembly = assembly_new(ASSEMBLY_REMOVE);
    assembly->removed = found->item->number;
    if (publication_begin_assembly(operation, assembly))
        return publication_assemble(operation, assembly, &assembly_work);
    assembly_free(assembly);
    return OPERATION_DONE;
}

static OperationState publish(Operation *operation)
{
    Assembly *assembled = &operation->assembled;
    const User *user = operation->user;
    uint64_t *deleted = ARENA_NEW(&assembled->arena, uint64_t);
    *deleted = assembled->removed;
    StorePublish request = {
        .base_revision = user->model_revision, .deleted = deleted, .reason = text_of("delete")};
    return publication_publish(operation, &request, user->model_revision + 1);
}

static OperationState take_published(Operation *operation)
{
    DeleteOperation *deletion = delete_of(operation);
    if (deletion->has_no_model) {
        operation->reply.status = operation->answer.status;
        operation->user->deletions += status_is_ok(&operation->answer.status);
        return OPERATION_DONE;
    }
    switch (publication_take(operation)) {
    case PUBLICATION_MADE:
        operation->users->metrics.updates++;
        operation_fill_snapshot(operation);
        break;
    case PUBLICATION_AGAIN:
        return refresh_begin(operation, &deletion->refresh);
    case PUBLICATION_REFUSED:
        break;
    }
    return OPERATION_DONE;
}

static OperationState step(Operation *operation)
{
    DeleteOperation *deletion = delete_of(operation);
    if (!operation->has_turn)
        return operation_wait_for_turn(operation);
    if (!deletion->refresh.is_over) {
        OperationState next = refresh_step(operation, &deletion->refresh);
        return deletion->refresh.is_over ? begin(operation) : next;
    }
    return operation->state == OPERATION_ASSEMBLING ? publish(operation) : take_published(operation);
}

UserCall *users_delete(Users *users, const UserName *name, rpmd_text id, const Caller *caller,
                       UserCallback callback, void *data)
{
    static const OperationKind kind = {.name = "delete",
                                       .size = sizeof(DeleteOperation),
                                       .step = step,
                                       .is_waiting = is_waiting,
                                       .cancel = cancel,
                                       .release = release};
    Operation *operation = operation_new(users, &kind, name, caller, callback, data);
    delete_of(operation)->id = arena_text(&operation->arena, id);
    return operation;
}
