/* SPDX-License-Identifier: MIT */
#include "daemon/users/operation.h"
#include "daemon/users/users.h"

/* Items of any users, put into the store; whoever of them is in memory hears of the newer history. */

typedef struct ImportOperation {
    Operation operation;
    const StoreNewItem *items; /* in items_arena, which the store takes */
    size_t count;
    Arena items_arena;
} ImportOperation;

static ImportOperation *import_of(Operation *operation)
{
    return (ImportOperation *)operation;
}

static void release(Operation *operation)
{
    arena_finish(&import_of(operation)->items_arena);
}

static OperationState take_puts(Operation *operation)
{
    const StorePuts *puts = &operation->answer.puts;
    Users *users = operation->users;
    if (!status_is_ok(&operation->answer.status))
        return operation_refuse(operation, &operation->answer.status);
    for (size_t i = 0; i < puts->count; i++) {
        const StorePut *put = &puts->puts[i];
        User *user = user_table_find(&users->table, &(UserName){operation->name.task, put->user});
        if (!user || put->outcome == STORE_UNCHANGED)
            continue;
        /* A user who is not known by number yet learns it when it is loaded. */
        if (user->number != 0 && user->number != put->user_number)
            user_forget_all(&users->table, user);
        user->last_item = MAX(user->last_item, put->number);
        user_saw(user, put->revision);
    }
    operation->reply.puts = *puts;
    return OPERATION_DONE;
}

static OperationState step(Operation *operation)
{
    if (operation->state == OPERATION_PUBLISHING)
        return take_puts(operation);
    ImportOperation *import = import_of(operation);
    const StorePutItems request = {.task = operation->name.task,
                                   .items = import->items,
                                   .count = import->count,
                                   .arena = &import->items_arena};
    operation->store =
        store_put_items(operation->users->context.store, &request, operation_on_store, operation);
    return OPERATION_PUBLISHING;
}

UserCall *users_import(Users *users, rpmd_text task, const StoreNewItem *items, size_t count, Arena *arena,
                       const Caller *caller, UserCallback callback, void *data)
{
    static const OperationKind kind = {
        .name = "import", .size = sizeof(ImportOperation), .step = step, .release = release};
    Operation *operation = operation_new(users, &kind, NULL, caller, callback, data);
    ImportOperation *import = import_of(operation);
    operation->name.task = arena_text(&operation->arena, task);
    import->items = items;
    import->count = count;
    import->items_arena = *arena;
    *arena = ARENA_INIT;
    return operation;
}
