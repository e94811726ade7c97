/* SPDX-License-Identifier: MIT */
#include "daemon/users/refresh.h"
#include "daemon/users/users.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/* Its turn --> refresh --> LOADING the earlier version's factors --> ASSEMBLING --> PUBLISHING. */
typedef struct RollbackOperation {
    Operation operation;
    Refresh refresh;
    uint64_t version;
} RollbackOperation;

static RollbackOperation *rollback_of(const Operation *operation)
{
    return (RollbackOperation *)operation;
}

static bool is_waiting(const Operation *operation)
{
    return refresh_is_waiting(&rollback_of(operation)->refresh);
}

static void cancel(Operation *operation)
{
    refresh_cancel(&rollback_of(operation)->refresh);
}

static void release(Operation *operation)
{
    refresh_finish(&rollback_of(operation)->refresh);
}

static OperationState begin(Operation *operation)
{
    RollbackOperation *rollback = rollback_of(operation);
    const UserModel *model = operation->user->model;
    if (!model)
        return refresh_refuse_without_model(operation, &rollback->refresh);
    if (rollback->version == 0)
        rollback->version = model->version - 1;
    if (rollback->version == 0 || rollback->version == model->version)
        return operation_refuse_with(
            operation, STATUS_FAILED_PRECONDITION,
            "version %lu is the current one and there is none before it; `rpmctl model versions` lists them",
            (unsigned long)model->version);
    const StoreLoadFactorSet request = {operation->name.task, operation->name.user, rollback->version};
    operation->store =
        store_factor_set_load(operation->users->context.store, &request, operation_on_store, operation);
    return OPERATION_LOADING;
}

static OperationState assemble(Operation *operation)
{
    if (!status_is_ok(&operation->answer.status))
        return operation_refuse(operation, &operation->answer.status);
    Assembly *assembly = assembly_new(ASSEMBLY_ROLLBACK);
    assembly->factor_bytes = arena_text(&assembly->arena, operation->answer.factors);
    if (publication_begin_assembly(operation, assembly))
        return publication_assemble(operation, assembly, &assembly_work);
    assembly_free(assembly);
    return OPERATION_DONE;
}

static OperationState publish(Operation *operation)
{
    const RollbackOperation *rollback = rollback_of(operation);
    const char *reason =
        arena_format(&operation->assembled.arena, "rollback to %lu", (unsigned long)rollback->version);
    StorePublish request = {.base_revision = operation->user->model_revision,
                            .from_version = rollback->version,
                            .reason = text_of(reason)};
    return publication_publish(operation, &request, operation->user->model_revision);
}

static OperationState take_published(Operation *operation)
{
    switch (publication_take(operation)) {
    case PUBLICATION_MADE:
        operation->users->metrics.updates++;
        operation_fill_snapshot(operation);
        break;
    case PUBLICATION_AGAIN:
        return refresh_begin(operation, &rollback_of(operation)->refresh);
    case PUBLICATION_REFUSED:
        break;
    }
    return OPERATION_DONE;
}

static OperationState step(Operation *operation)
{
    RollbackOperation *rollback = rollback_of(operation);
    if (!operation->has_turn)
        return operation_wait_for_turn(operation);
    if (!rollback->refresh.is_over) {
        OperationState next = refresh_step(operation, &rollback->refresh);
        return rollback->refresh.is_over ? begin(operation) : next;
    }
    if (operation->state == OPERATION_LOADING)
        return assemble(operation);
    return operation->state == OPERATION_ASSEMBLING ? publish(operation) : take_published(operation);
}

UserCall *users_rollback(Users *users, const UserName *name, uint64_t version, const Caller *caller,
                         UserCallback callback, void *data)
{
    static const OperationKind kind = {.name = "rollback",
                                       .size = sizeof(RollbackOperation),
                                       .step = step,
                                       .is_waiting = is_waiting,
                                       .cancel = cancel,
                                       .release = release};
    Operation *operation = operation_new(users, &kind, name, caller, callback, data);
    rollback_of(operation)->version = version;
    return operation;
}
