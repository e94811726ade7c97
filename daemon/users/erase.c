/* SPDX-License-Identifier: MIT */
#include "daemon/users/publication.h"
#include "daemon/users/users.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/*
 * Others of the user end --> its turn --> [fed the pool and not in memory?] -- yes --> LOADING --> ASSEMBLING
 * the model as it was published --> PUBLISHING: the user goes, and the user's share of the pooled counts.
 */

static OperationState erase(Operation *operation)
{
    Assembly *assembled = &operation->assembled;
    rpmd_text change = assembled->kind == ASSEMBLY_WITHDRAW ? assembled->pool_change : (rpmd_text){0};
    buffer_clear(&operation->pool_change);
    buffer_append(&operation->pool_change, change.data, change.length);
    const StoreEraseUser request = {.task = operation->name.task,
                                    .user = operation->name.user,
                                    .user_number = operation->user->number,
                                    .pool_change = change};
    operation->store =
        store_erase_user(operation->users->context.store, &request, operation_on_store, operation);
    return OPERATION_PUBLISHING;
}

/* The share of the model that was published. */
static OperationState withdraw(Operation *operation, UserModel *model)
{
    Assembly *assembly = assembly_new(ASSEMBLY_WITHDRAW);
    publication_begin_without_plugin(operation, assembly, model->answer_kind);
    user_model_unref(assembly->before);
    assembly->before = user_model_ref(model);
    assembly->fed_pool = true;
    assembly->feeds_pool = false;
    return publication_assemble(operation, assembly, &assembly_work);
}

static OperationState take_loaded(Operation *operation)
{
    User *user = operation->user;
    const StoreModel *stored = &operation->answer.model;
    if (!status_is_ok(&operation->answer.status))
        return operation_refuse(operation, &operation->answer.status);
    user->number = stored->user.number;
    user->last_item = stored->user.last_item;
    user_saw(user, stored->user.history_revision);
    if (stored->version.number == 0 || !stored->user.feeds_pool)
        return erase(operation);
    const rpmd_plugin *plugin = operation_plugin(operation, NULL);
    rpmd_answer_kind answer_kind = (rpmd_answer_kind)stored->version.answer_kind;
    Assembly *assembly = assembly_new(ASSEMBLY_LOAD);
    publication_begin_without_plugin(operation, assembly, plugin ? plugin->answer_kind : answer_kind);
    assembly->stored = *stored;
    assembly->stored_arena = operation->answer.arena;
    operation->answer.arena = ARENA_INIT;
    return publication_assemble(operation, assembly, &assembly_work);
}

static OperationState take_assembled(Operation *operation)
{
    /* What was loaded is good for its share alone: there may be no plugin that knows the answers. */
    UserModel *loaded = operation->assembled.after;
    return loaded ? withdraw(operation, loaded) : erase(operation);
}

static OperationState take_erased(Operation *operation)
{
    User *user = operation->user;
    if (!status_is_ok(&operation->answer.status)) {
        user_forget(&operation->users->table, user);
        return operation_refuse(operation, &operation->answer.status);
    }
    operation->reply.erased = operation->answer.erased;
    task_pool_change(user->task->pool, operation->answer.erased.last_change, user->number,
                     (rpmd_text){operation->pool_change.data, operation->pool_change.length});
    user_forget_all(&operation->users->table, user);
    return OPERATION_DONE;
}

static OperationState step(Operation *operation)
{
    User *user = operation->user;
    if (!operation->has_turn) {
        operations_abort(operation, "the user was erased in the meantime");
        return operation_wait_for_turn(operation);
    }
    switch (operation->state) {
    case OPERATION_LOADING:
        return take_loaded(operation);
    case OPERATION_ASSEMBLING:
        return take_assembled(operation);
    case OPERATION_PUBLISHING:
        return take_erased(operation);
    case OPERATION_WAITING:
    case OPERATION_ANALYSING:
    case OPERATION_DONE:
        break;
    }
    if (!user->model)
        return operation_load(operation, STORE_LOAD_MODEL, 0);
    return user->feeds_pool ? withdraw(operation, user->model) : erase(operation);
}

UserCall *users_erase(Users *users, const UserName *name, const Caller *caller, UserCallback callback,
                      void *data)
{
    static const OperationKind kind = {.name = "erase", .size = sizeof(Operation), .step = step};
    return operation_new(users, &kind, name, caller, callback, data);
}
