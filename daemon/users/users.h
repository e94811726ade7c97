/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The models of users in memory: found, built, changed, rolled back, erased.
 *
 * A model is immutable. A change makes the next one, publishes it through the store in one transaction, and
 * replaces the pointer when the transaction is on disk; whoever holds a reference keeps the old one. Changes
 * to one user are made one after the other, in the order in which they were asked for; users do not wait for
 * each other. Models that nobody uses stay in memory under a byte budget, the least recently used go first.
 *
 * Threads: every function and every callback runs on the loop's thread. Extraction and building run on
 * libuv's pool.
 */

#include "daemon/config.h"
#include "daemon/plugins/registry.h"
#include "daemon/stages/run.h"
#include "daemon/store/store.h"
#include "lib/method/model.h"
#include "lib/method/population.h"

typedef struct Users Users;

/* All are borrowed and outlive the users. */
typedef struct UsersContext {
    uv_loop_t *loop;
    Store *store;
    PluginRegistry *plugins;
    Stages *stages;
    const Config *config;
} UsersContext;

Users *users_new(const UsersContext *context);

/* Lets the changes that have begun end, refuses new ones, then frees everything and calls closed. */
void users_close(Users *users, void (*closed)(void *data), void *data);

/* How a build goes, where stages of it run on an LLM. */
typedef struct BuildReport {
    StageTotals stages[STAGE_COUNT];
    uint64_t features;         /* that were found and stand in the text */
    uint64_t features_dropped; /* that do not (the grounding gate) */
    uint64_t paths;            /* reasoning paths that were asked for */
    uint64_t paths_right;      /* of these: they passed the citation gate at once, */
    uint64_t paths_mended;     /* or when they were asked for again; the others are native */
} BuildReport;

/* The answer to a request. Everything in it is borrowed for the time of the callback. */
typedef struct UserReply {
    Status status;
    UserModel *model;             /* as it is now; NULL with an error, or where the user has none */
    const Population *population; /* users_get: of the task; NULL where the task takes no part */
    const Contribution *share;    /* what the user fed into it; NULL: nothing */
    uint64_t user_number;         /* as the population knows the user */
    StoreOutcome outcome;         /* users_append */
    rpmd_text id;                 /* users_append: the item's */
    StoreErased erased;           /* users_erase */
    const BuildReport *report;    /* users_build, where an LLM took part; else NULL */
} UserReply;

typedef void (*UserCallback)(const UserReply *reply, void *data);

typedef struct UserName {
    rpmd_text task;
    rpmd_text user;
} UserName;

/*
 * The user's model, brought up to date with the history. The callback may run before the function returns.
 * NOT_FOUND: no history. FAILED_PRECONDITION: a history without a model.
 */
void users_get(Users *users, const UserName *name, UserCallback callback, void *data);

/* Adds or corrects an item, and updates the model where there is one. The item is copied. */
void users_append(Users *users, const UserName *name, const StoreNewItem *item, UserCallback callback,
                  void *data);

/* The caller has gone away (data: as it was given): an append that waits for an LLM is not made, and its
 * callback comes with CANCELLED. Any other goes on. */
void users_append_cancel(Users *users, const void *data);

/* Deletes an item, and updates the model where there is one. */
void users_delete(Users *users, const UserName *name, rpmd_text id, UserCallback callback, void *data);

/* Whether a user's counts help the others of the task. */
typedef enum UsersPool { USERS_POOL_KEEP, USERS_POOL_IN, USERS_POOL_OUT } UsersPool;

/* An LLM's part of a build goes on. total: elements of the stage. */
typedef struct BuildProgress {
    Stage stage;
    size_t total;
    const BuildReport *report;
} BuildProgress;

typedef struct BuildRequest {
    UsersPool pool;
    bool is_estimate;       /* says what it would cost, and changes nothing */
    uint64_t budget_micros; /* money that it may spend; 0: no limit */
    void (*progress)(const BuildProgress *progress, void *data); /* may be NULL */
} BuildRequest;

typedef struct UserBuild UserBuild;

/*
 * Analyses what is new or was analysed by another version of the extractor, clusters, publishes. Where stages
 * run on an LLM, their part is done first, while the user's present model serves: that may take minutes. What
 * an LLM replied is kept, so that a build that did not come to its end goes on where it was when it is begun
 * again.
 *
 * Returns a handle until the callback, or NULL where the build is native (the callback may then have run).
 */
UserBuild *users_build(Users *users, const UserName *name, const BuildRequest *request, UserCallback callback,
                       void *data);

/* Ends its calls of LLMs; the callback comes with CANCELLED. What is being published goes on. */
void users_build_cancel(UserBuild *build);

/* Publishes a new version with the factors of an earlier one; version 0 is the one before the current. */
void users_rollback(Users *users, const UserName *name, uint64_t version, UserCallback callback, void *data);

/* Removes a user from a task. */
void users_erase(Users *users, const UserName *name, UserCallback callback, void *data);

/* The history was changed behind the model's back (an import): the next users_get brings it up to date. */
void users_history_changed(Users *users, const UserName *name);

typedef struct UsersMetrics {
    uint64_t cached_models;
    uint64_t cached_bytes;
    uint64_t loads; /* from the store */
    uint64_t builds;
    uint64_t updates; /* appends, deletions, catching up */
} UsersMetrics;

void users_metrics(const Users *users, UsersMetrics *metrics);
