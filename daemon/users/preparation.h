/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Items of a history on their way into a model, a batch at a time and some batches at a time:
 *
 *     ANALYSING (plugin) --> MAKING (another thread) --> STAGING (store, for a build) --> over
 *
 * An item that an LLM analysed comes with its analysis and skips the plugin. Each batch is a few milliseconds
 * of a worker, of a thread and of the store, so that others come in between.
 */

#include "daemon/users/assembly.h"
#include "daemon/users/request.h"

typedef struct Preparation Preparation;

/* Everything is borrowed until the end. */
typedef struct PreparationRequest {
    FreshItem *items; /* `made` is set */
    size_t count;
    FeatureTexts *texts;   /* of the task */
    PluginUrgency urgency; /* PLUGIN_BACKGROUND: a build */
    uint64_t deadline_ns;  /* 0: each batch has call_seconds from its own beginning */
    bool is_staged;        /* records go to the store, a batch at a time: */
    uint64_t user_number;  /* for that */
    StoreRecord *records;  /* else they come here, records[i] of items[i], */
    Arena *arena;          /* and live there */
} PreparationRequest;

/* generation: of the staged records. OK, or why it ended. */
typedef void (*PreparationDone)(void *data, const Status *status, uint64_t generation);

Preparation *preparation_begin(const UsersContext *context, const UserName *name,
                               const PreparationRequest *request, PreparationDone done, void *data);

/* Before `done`: it does not come. */
void preparation_cancel(Preparation *preparation);
