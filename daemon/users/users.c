/* SPDX-License-Identifier: MIT */
#include "daemon/users/users.h"

#include "daemon/users/appending.h"
#include "daemon/users/operation.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#define FIRST_BUCKETS 256 /* a power of two */

/* ---- entries: found by name, kept in the order of use ---- */

static uint64_t name_hash(const TaskEntry *task, rpmd_text user)
{
    return hash_bytes_seeded(user.data, user.length, (uint64_t)(uintptr_t)task);
}

static void grow_buckets(Users *users)
{
    UserEntry **old = users->buckets;
    size_t old_count = users->bucket_count;
    users->bucket_count = old_count ? old_count * 2 : FIRST_BUCKETS;
    users->buckets = NEW_ARRAY(UserEntry *, users->bucket_count);
    for (size_t i = 0; i < old_count; i++) {
        for (UserEntry *entry = old[i], *next; entry; entry = next) {
            rpmd_text user = {entry->user, entry->user_length};
            UserEntry **bucket = &users->buckets[name_hash(entry->task, user) & (users->bucket_count - 1)];
            next = entry->hash_next;
            entry->hash_next = *bucket;
            *bucket = entry;
        }
    }
    free(old);
}

static TaskEntry *find_task(Users *users, rpmd_text name)
{
    for (TaskEntry *task = users->tasks; task; task = task->next)
        if (text_equal_string(name, task->name))
            return task;
    return NULL;
}

static TaskEntry *add_task(Users *users, rpmd_text name)
{
    TaskEntry *task = find_task(users, name);
    if (task)
        return task;
    task = NEW(TaskEntry);
    task->users = users;
    task->name = memory_copy_text(name.data, name.length);
    task->next = users->tasks;
    users->tasks = task;
    return task;
}

static UserEntry *find_entry(Users *users, const TaskEntry *task, rpmd_text user)
{
    if (users->bucket_count == 0)
        return NULL;
    UserEntry *entry = users->buckets[name_hash(task, user) & (users->bucket_count - 1)];
    while (entry && !(entry->task == task && text_equal(user, (rpmd_text){entry->user, entry->user_length})))
        entry = entry->hash_next;
    return entry;
}

static UserEntry *add_entry(Users *users, const UserName *name)
{
    TaskEntry *task = add_task(users, name->task);
    UserEntry *entry = find_entry(users, task, name->user);
    if (entry)
        return entry;
    if (users->entry_count >= users->bucket_count)
        grow_buckets(users);
    entry = NEW(UserEntry);
    entry->users = users;
    entry->task = task;
    entry->user = memory_copy_text(name->user.data, name->user.length);
    entry->user_length = name->user.length;
    entry->queue_end = &entry->queue;
    UserEntry **bucket = &users->buckets[name_hash(task, name->user) & (users->bucket_count - 1)];
    entry->hash_next = *bucket;
    *bucket = entry;
    users->entry_count++;
    return entry;
}

/* Takes an idle entry out of the order of use. */
static void unlink_idle(UserEntry *entry)
{
    Users *users = entry->users;
    *(entry->newer ? &entry->newer->older : &users->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &users->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
    entry->is_idle = false;
}

static void link_idle(UserEntry *entry)
{
    Users *users = entry->users;
    entry->older = users->newest;
    *(users->newest ? &users->newest->newer : &users->oldest) = entry;
    users->newest = entry;
    entry->is_idle = true;
}

static void free_entry(UserEntry *entry)
{
    Users *users = entry->users;
    rpmd_text user = {entry->user, entry->user_length};
    UserEntry **link = &users->buckets[name_hash(entry->task, user) & (users->bucket_count - 1)];
    while (*link != entry)
        link = &(*link)->hash_next;
    *link = entry->hash_next;
    if (entry->is_idle)
        unlink_idle(entry);
    user_entry_set_model(entry, NULL, 0);
    users->entry_count--;
    free(entry->user);
    free(entry);
}

/* Frees models that nobody used for longest, until the rest fits the budget. */
static void shrink(Users *users)
{
    while (users->oldest && users->metrics.cached_bytes > users->context.config->cache_bytes)
        free_entry(users->oldest); // NOLINT(clang-analyzer-unix.Malloc): free_entry takes it out of the list
}

void user_entry_set_model(UserEntry *entry, UserModel *model, uint64_t history_revision)
{
    Users *users = entry->users;
    if (entry->model) {
        users->metrics.cached_models--;
        users->metrics.cached_bytes -= entry->bytes;
    }
    arena_finish(&entry->share_arena);
    entry->share = (Contribution){0};
    user_model_unref(entry->model);
    entry->model = user_model_ref(model);
    entry->history_revision = history_revision;
    entry->is_stale = false;
    entry->bytes = model ? user_model_bytes(model) : 0;
    if (model) {
        users->metrics.cached_models++;
        users->metrics.cached_bytes += entry->bytes;
    }
}

/* ---- operations: one at a time for each entry ---- */

void operation_forget_work(Operation *operation)
{
    assembly_finish(&operation->assembly);
    operation->assembly = (Assembly){0};
    arena_finish(&operation->loaded_arena);
    operation->loaded = (__typeof__(operation->loaded)){0};
}

static void free_operation(Operation *operation)
{
    operation_forget_work(operation);
    arena_finish(&operation->arena);
    free(operation);
}

void users_finish_closing(Users *users)
{
    if (!users->closing || users->operations > 0 || !LIST_EMPTY(&users->builds))
        return;
    void (*closed)(void *) = users->closed;
    void *data = users->closed_data;
    for (size_t i = 0; i < users->bucket_count; i++)
        while (users->buckets[i])
            free_entry(users->buckets[i]); // NOLINT(clang-analyzer-unix.Malloc): and out of the bucket
    for (TaskEntry *task = users->tasks, *next; task; task = next) {
        next = task->next;
        population_free(task->population);
        free(task->name);
        free(task);
    }
    free(users->buckets);
    free(users);
    closed(data);
}

/* Starts what waits, one after the other; an operation that finishes at once does not nest. */
static void run_queue(UserEntry *entry)
{
    Users *users = entry->users;
    if (entry->is_running)
        return;
    entry->is_running = true;
    while (entry->queue && !entry->queue->started) {
        entry->queue->started = true;
        operation_start(entry->queue);
    }
    entry->is_running = false;
    if (entry->queue)
        return;
    if (entry->model) {
        link_idle(entry);
        shrink(users);
    } else {
        free_entry(entry);
    }
    users_finish_closing(users);
}

void operation_finish(Operation *operation)
{
    UserEntry *entry = operation->entry;
    Users *users = operation->users;
    operation->callback(&operation->reply, operation->data);
    users->operations--;
    if (entry) {
        entry->queue = operation->next;
        if (!entry->queue)
            entry->queue_end = &entry->queue;
    }
    free_operation(operation);
    if (entry)
        run_queue(entry);
    else
        users_finish_closing(users);
}

void operation_refuse(Operation *operation, const Status *status)
{
    operation->reply = (UserReply){.status = *status};
    operation_finish(operation);
}

void operation_enqueue(Operation *operation)
{
    UserEntry *entry = add_entry(operation->users, &operation->name);
    operation->entry = entry;
    *entry->queue_end = operation;
    entry->queue_end = &operation->next;
    if (entry->is_idle)
        unlink_idle(entry);
    run_queue(entry);
}

/* A new operation, or NULL after the callback was told that the daemon is ending. */
static Operation *new_operation(Users *users, OperationKind kind, const UserName *name, UserCallback callback,
                                void *data)
{
    if (users->closing) {
        UserReply reply = {0};
        status_refuse(&reply.status, STATUS_UNAVAILABLE, "rpmd is shutting down; ask again when it is back");
        callback(&reply, data);
        return NULL;
    }
    Operation *operation = NEW(Operation);
    operation->kind = kind;
    operation->users = users;
    operation->name =
        (UserName){arena_text(&operation->arena, name->task), arena_text(&operation->arena, name->user)};
    operation->callback = callback;
    operation->data = data;
    operation->reply.status = STATUS_INIT;
    users->operations++;
    return operation;
}

/* ---- what others call ---- */

Users *users_new(const UsersContext *context)
{
    Users *users = NEW(Users);
    users->context = *context;
    LIST_INIT(&users->builds);
    LIST_INIT(&users->preparing);
    return users;
}

void users_close(Users *users, void (*closed)(void *data), void *data)
{
    users->closing = true;
    users->closed = closed;
    users->closed_data = data;
    users->operations++; /* until the end of this function: the last build would free everything */
    draft_end_all(users);
    users->operations--;
    users_finish_closing(users);
}

void users_get(Users *users, const UserName *name, UserCallback callback, void *data)
{
    Operation *operation = new_operation(users, OPERATION_GET, name, callback, data);
    if (operation)
        operation_enqueue(operation);
}

void users_append(Users *users, const UserName *name, const StoreNewItem *item, UserCallback callback,
                  void *data)
{
    Operation *operation = new_operation(users, OPERATION_APPEND, name, callback, data);
    if (!operation)
        return;
    Arena *arena = &operation->arena;
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, item->option_count);
    for (size_t i = 0; i < item->option_count; i++)
        options[i] = arena_text(arena, item->options[i]);
    operation->item = (StoreNewItem){
        .user = operation->name.user,
        .id = arena_text(arena, item->id),
        .query = arena_text(arena, item->query),
        .response = arena_text(arena, item->response),
        .time_us = item->time_us,
        .options = options,
        .option_count = item->option_count,
        .meta = arena_text(arena, item->meta),
    };
    appending_begin(operation);
}

void users_delete(Users *users, const UserName *name, rpmd_text id, UserCallback callback, void *data)
{
    Operation *operation = new_operation(users, OPERATION_DELETE, name, callback, data);
    if (!operation)
        return;
    operation->id = arena_text(&operation->arena, id);
    operation_enqueue(operation);
}

void users_publish_build(Users *users, const UserName *name, UsersPool pool, const Draft *draft,
                         UserCallback callback, void *data)
{
    Operation *operation = new_operation(users, OPERATION_BUILD, name, callback, data);
    if (!operation)
        return;
    operation->pool = pool;
    operation->draft = draft;
    operation_enqueue(operation);
}

UserBuild *users_build(Users *users, const UserName *name, const BuildRequest *request, UserCallback callback,
                       void *data)
{
    _cleanup_free_ char *task = memory_copy_text(name->task.data, name->task.length);
    if (!users->closing && (request->is_estimate || draft_is_wanted(&users->context, task)))
        return draft_begin(users, name, request, callback, data);
    users_publish_build(users, name, request->pool, NULL, callback, data);
    return NULL;
}

void users_rollback(Users *users, const UserName *name, uint64_t version, UserCallback callback, void *data)
{
    Operation *operation = new_operation(users, OPERATION_ROLLBACK, name, callback, data);
    if (!operation)
        return;
    operation->version = version;
    operation_enqueue(operation);
}

void users_erase(Users *users, const UserName *name, UserCallback callback, void *data)
{
    /* What LLMs reply from now on is of somebody who is gone. */
    draft_cancel_user(users, name);
    Operation *operation = new_operation(users, OPERATION_ERASE, name, callback, data);
    if (operation)
        operation_enqueue(operation);
}

void users_history_changed(Users *users, const UserName *name)
{
    const TaskEntry *task = find_task(users, name->task);
    UserEntry *entry = task ? find_entry(users, task, name->user) : NULL;
    if (entry)
        entry->is_stale = true;
}

void users_metrics(const Users *users, UsersMetrics *metrics)
{
    *metrics = users->metrics;
}
