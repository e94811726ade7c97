/* SPDX-License-Identifier: MIT */
#pragma once

/* What is asked of the users' room and what it answers, as plain types; users.h is the door. */

#include "daemon/config.h"
#include "daemon/plugins/registry.h"
#include "daemon/stages/run.h"
#include "daemon/store/store.h"
#include "daemon/users/task_pool.h"
#include "lib/method/model.h"

typedef struct Users Users;

/* All are borrowed and outlive the users. */
typedef struct UsersContext {
    uv_loop_t *loop;
    Store *store;
    PluginRegistry *plugins;
    Stages *stages;
    const Config *config;
} UsersContext;

typedef struct UserName {
    rpmd_text task;
    rpmd_text user;
} UserName;

/* What a query needs of a user. Borrowed for the time of a callback; take references to keep it. */
typedef struct UserSnapshot {
    UserModel *model;
    TaskPool *pool;       /* pooled counts of the task; NULL where the task takes no part */
    uint64_t user_number; /* StoreUser.number */
    bool feeds_pool;      /* model->share is in them */
} UserSnapshot;

/* Whether a user's counts help the others of the task. */
typedef enum UsersPool { USERS_POOL_KEEP, USERS_POOL_IN, USERS_POOL_OUT } UsersPool;

/* How a build goes, where stages of it run on an LLM. */
typedef struct BuildReport {
    StageTotals stages[STAGE_COUNT];
    uint64_t features;         /* that were found and stand in the text */
    uint64_t features_dropped; /* that do not (the grounding gate) */
    uint64_t paths;            /* reasoning paths that were asked for */
    uint64_t paths_right;      /* of these: they passed the citation gate at once, */
    uint64_t paths_mended;     /* or when they were asked for again; the others are native */
} BuildReport;

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

/* The answer to a request. Everything in it is borrowed for the time of the callback. */
typedef struct UserReply {
    Status status;
    UserSnapshot user;         /* as it is now; without a model where there is an error, or none */
    StoreOutcome outcome;      /* users_append */
    rpmd_text id;              /* users_append: the item's */
    StorePuts puts;            /* users_import */
    StoreErased erased;        /* users_erase */
    const BuildReport *report; /* users_build, where an LLM took part; else NULL */
} UserReply;

typedef void (*UserCallback)(const UserReply *reply, void *data);

typedef struct UsersMetrics {
    uint64_t cached_models;
    uint64_t cached_bytes;
    uint64_t loads; /* from the store */
    uint64_t builds;
    uint64_t updates;    /* appends, deletions, catching up */
    uint64_t operations; /* at work */
} UsersMetrics;
