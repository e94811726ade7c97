/* SPDX-License-Identifier: MIT */
#include "daemon/users/user.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <assert.h>

#define FIRST_BUCKETS 256 /* a power of two */

/* ---- tasks -------------------------------------------------------------------------------------------- */

UserTask *user_task_find(const UserTable *table, rpmd_text name)
{
    for (UserTask *task = table->tasks; task; task = task->next)
        if (text_equal_string(name, task->name))
            return task;
    return NULL;
}

static UserTask *add_task(UserTable *table, uv_loop_t *loop, Store *store, rpmd_text name)
{
    UserTask *task = user_task_find(table, name);
    if (task)
        return task;
    task = NEW(UserTask);
    task->name = memory_copy_text(name.data, name.length);
    task->pool = task_pool_new(loop, store, task->name);
    task->texts = feature_texts_new();
    task->next = table->tasks;
    table->tasks = task;
    return task;
}

/* ---- found by name ------------------------------------------------------------------------------------ */

static User **bucket_of(const UserTable *table, const UserTask *task, rpmd_text user)
{
    uint64_t hash = hash_bytes_seeded(user.data, user.length, (uint64_t)(uintptr_t)task);
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static rpmd_text name_of(const User *user)
{
    return (rpmd_text){user->name, user->name_length};
}

static void grow_buckets(UserTable *table)
{
    User **old = table->buckets;
    size_t old_count = table->bucket_count;
    table->bucket_count = old_count ? old_count * 2 : FIRST_BUCKETS;
    table->buckets = NEW_ARRAY(User *, table->bucket_count);
    for (size_t i = 0; i < old_count; i++) {
        for (User *user = old[i], *next; user; user = next) {
            User **bucket = bucket_of(table, user->task, name_of(user));
            next = user->hash_next;
            user->hash_next = *bucket;
            *bucket = user;
        }
    }
    free(old);
}

static User *find_in_task(const UserTable *table, const UserTask *task, rpmd_text name)
{
    if (!task || table->bucket_count == 0)
        return NULL;
    User *user = *bucket_of(table, task, name);
    while (user && !(user->task == task && text_equal(name, name_of(user))))
        user = user->hash_next;
    return user;
}

User *user_table_find(const UserTable *table, const UserName *name)
{
    return find_in_task(table, user_task_find(table, name->task), name->user);
}

static User *add_user(UserTable *table, UserTask *task, rpmd_text name)
{
    if (table->user_count >= table->bucket_count)
        grow_buckets(table);
    User *user = NEW(User);
    user->task = task;
    user->name = memory_copy_text(name.data, name.length);
    user->name_length = name.length;
    TAILQ_INIT(&user->line);
    User **bucket = bucket_of(table, task, name);
    user->hash_next = *bucket;
    *bucket = user;
    table->user_count++;
    return user;
}

static void free_user(UserTable *table, User *user)
{
    User **link = bucket_of(table, user->task, name_of(user));
    while (*link != user)
        link = &(*link)->hash_next;
    *link = user->hash_next;
    if (user->is_idle)
        TAILQ_REMOVE(&table->idle, user, idle);
    user_set_model(table, user, NULL, 0);
    table->user_count--;
    free(user->name);
    free(user);
}

/* ---- life --------------------------------------------------------------------------------------------- */

void user_table_init(UserTable *table)
{
    TAILQ_INIT(&table->idle);
}

void user_table_finish(UserTable *table)
{
    User *user;
    while ((user = TAILQ_FIRST(&table->idle)))
        free_user(table, user); // NOLINT(clang-analyzer-unix.Malloc): it takes the user out of the list
    assert(table->user_count == 0);
    for (UserTask *task = table->tasks, *next; task; task = next) {
        next = task->next;
        task_pool_close(task->pool);
        feature_texts_unref(task->texts);
        free(task->name);
        free(task);
    }
    free(table->buckets);
}

User *user_begin_operation(UserTable *table, uv_loop_t *loop, Store *store, const UserName *name)
{
    UserTask *task = add_task(table, loop, store, name->task);
    User *user = find_in_task(table, task, name->user);
    if (!user)
        user = add_user(table, task, name->user);
    if (user->is_idle)
        TAILQ_REMOVE(&table->idle, user, idle);
    user->is_idle = false;
    user->operations++;
    return user;
}

/* Frees models that nobody used for longest, until the rest fits. One stays whatever its size: a user who is
 * larger than the budget would else be loaded at every query. */
static void shrink(UserTable *table, uint64_t cache_bytes)
{
    User *user;
    while (table->cached_bytes > cache_bytes && table->cached_models > 1 &&
           (user = TAILQ_FIRST(&table->idle)))
        free_user(table, user); // NOLINT(clang-analyzer-unix.Malloc): it takes the user out of the list
}

void user_end_operation(UserTable *table, User *user, uint64_t cache_bytes)
{
    if (--user->operations > 0)
        return;
    assert(TAILQ_EMPTY(&user->line));
    if (!user->model) {
        free_user(table, user);
        return;
    }
    TAILQ_INSERT_TAIL(&table->idle, user, idle);
    user->is_idle = true;
    shrink(table, cache_bytes);
}

/* ---- revisions ---------------------------------------------------------------------------------------- */

void user_saw(User *user, uint64_t revision)
{
    user->seen_revision = MAX(user->seen_revision, revision);
}

void user_set_model(UserTable *table, User *user, UserModel *model, uint64_t revision)
{
    UserModel *old = user->model;
    table->cached_models -= old != NULL;
    table->cached_bytes -= user->bytes;
    user->model = user_model_ref(model);
    user->bytes = user_model_bytes(model);
    user->model_revision = model ? revision : 0;
    table->cached_models += model != NULL;
    table->cached_bytes += user->bytes;
    user_saw(user, user->model_revision);
    user_model_unref(old);
}

void user_model_is_of(User *user, uint64_t revision)
{
    user->model_revision = MAX(user->model_revision, revision);
    user_saw(user, user->model_revision);
}

void user_forget(UserTable *table, User *user)
{
    user_set_model(table, user, NULL, 0);
}

void user_forget_all(UserTable *table, User *user)
{
    user_set_model(table, user, NULL, 0);
    user->number = user->last_item = user->seen_revision = 0;
}

UserSnapshot user_snapshot(const User *user, bool is_pooled)
{
    bool has_pool = is_pooled && user->model && user->model->answer_kind != RPMD_ANSWER_TEXT;
    return (UserSnapshot){.model = user->model,
                          .pool = has_pool ? user->task->pool : NULL,
                          .user_number = user->number,
                          .feeds_pool = user->feeds_pool};
}

void user_touch(UserTable *table, User *user)
{
    if (!user->is_idle)
        return;
    TAILQ_REMOVE(&table->idle, user, idle);
    TAILQ_INSERT_TAIL(&table->idle, user, idle);
}
