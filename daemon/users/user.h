/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Inside daemon/users: what is kept of a user in memory, found by name.
 *
 * Two numbers say whether a model is current, and there is no flag beside them. seen_revision is the newest
 * revision of the history that anybody reported (it only grows); model_revision is the one that the model was
 * really made from. The model is current when they are equal.
 */

#include "daemon/users/request.h"
#include "daemon/users/task_pool.h"
#include "lib/base/macros.h"
#include "lib/method/feature_text.h"

#include <sys/queue.h>

typedef struct User User;
typedef struct UserTask UserTask;

struct Operation;

struct User {
    User *hash_next;
    TAILQ_ENTRY(User) idle; /* in the order of use, while no operation is at work */
    bool is_idle;
    UserTask *task;
    char *name;
    size_t name_length;

    UserModel *model;   /* owned reference; NULL: not loaded, or the user has none */
    uint64_t number;    /* StoreUser.number; 0: not known */
    uint64_t last_item; /* highest item number that was seen */
    uint64_t seen_revision;
    uint64_t model_revision;
    uint64_t deletions; /* items that were deleted while the user had no model */
    bool feeds_pool;    /* model->share is in the pooled counts */
    size_t bytes;       /* of the model */

    TAILQ_HEAD(OperationLine, Operation) line; /* operations that have their turn, or wait for it */
    struct Operation *turn;                    /* the one that has it */
    struct Operation *builder;                 /* the build that is at work; others wait for its end */
    size_t operations;                         /* at work, in the line or not */
};

struct UserTask {
    UserTask *next;
    char *name;
    TaskPool *pool;      /* owned reference */
    FeatureTexts *texts; /* owned reference; shared by the models of all users */
};

/* Of all users. */
typedef struct UserTable {
    User **buckets;
    size_t bucket_count; /* a power of two */
    size_t user_count;
    TAILQ_HEAD(UserList, User) idle; /* least recently used first */
    UserTask *tasks;
    uint64_t cached_models;
    uint64_t cached_bytes;
} UserTable;

void user_table_init(UserTable *table);

/* Frees what is idle; nothing else may be left. */
void user_table_finish(UserTable *table);

/* NULL: nothing is known of it. */
UserTask *user_task_find(const UserTable *table, rpmd_text task);
User *user_table_find(const UserTable *table, const UserName *name);

/* Finds or adds, and counts one more operation. */
User *user_begin_operation(UserTable *table, uv_loop_t *loop, Store *store, const UserName *name);

/* One operation less. An idle user stays while it has a model and memory allows. */
void user_end_operation(UserTable *table, User *user, uint64_t cache_bytes);

/* Somebody read or wrote the history at this revision. */
void user_saw(User *user, uint64_t revision);

/* The model that was made from the history at this revision. Takes a reference of its own. */
void user_set_model(UserTable *table, User *user, UserModel *model, uint64_t revision);

/* The present model is just as well one of a later revision: nothing that it has was changed since. */
void user_model_is_of(User *user, uint64_t revision);

/* The store has to be asked again for everything; seen_revision stays. */
void user_forget(UserTable *table, User *user);

/* The user is erased: whoever comes with this name next is somebody else. */
void user_forget_all(UserTable *table, User *user);

/* What a query needs of the user; without pooled counts where the task or its answers have none. */
UserSnapshot user_snapshot(const User *user, bool is_pooled);

/* Used just now: it is forgotten later than the others. */
void user_touch(UserTable *table, User *user);

static inline bool user_is_current(const User *user)
{
    return user->model && user->model_revision == user->seen_revision;
}
