/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A stage over many elements (queries, items): asked for in batches, some at a time. A reply that is of no
 * use is asked for once more, for the elements that it left without something of use; what is then still left
 * is done natively. A batch that the server finds too long is halved.
 */

#include "daemon/stages/stages.h"

/* Batches of one run at work at a time; how many of all runs, the backend's concurrency says. */
#define STAGE_RUN_PARALLEL 4

typedef struct StageRun StageRun;

/* What became of the batches and what was spent. Adds up over runs. */
typedef struct StageTotals {
    uint64_t elements;
    uint64_t given_up; /* of these: left to the native way */
    uint64_t batches;
    uint64_t batches_right; /* of these: of use at the first reply */
    uint64_t repairs;
    uint64_t calls; /* requests to the server */
    uint64_t cached_replies;
    LlmUsage usage;
    uint64_t cost_micros;
} StageTotals;

/* The elements that a reply left without something of use. */
typedef struct StageLeft {
    size_t count;
    size_t first, last; /* where the count is above 0; elements between them may be done */
} StageLeft;

static inline void stage_left_add(StageLeft *left, size_t element)
{
    left->first = left->count ? left->first : element;
    left->last = element;
    left->count++;
}

/* What a stage does with its elements. All of it comes from the loop, never from within stage_run. batch, ask
 * and take may not cancel the run; progress may. */
typedef struct StageWork {
    /* How many elements from `begin` on are one batch: at least 1. */
    size_t (*batch)(void *data, size_t begin);
    /* Writes the ask for a batch; the arena lives until the batch is done. STATUS_REFUSED ends the run. */
    int (*ask)(void *data, size_t begin, size_t count, StageAsk *ask, Arena *arena, Status *status);
    /* Takes the reply, and says which elements it left, in their order. NULL: nothing is to be asked again. A
     * sentence: what is wrong with it, where some are left. */
    const char *(*take)(void *data, size_t begin, size_t count, rpmd_text reply, Arena *arena,
                        StageLeft *left);
    /* After one or more batches; may be NULL. */
    void (*progress)(void *data, const StageTotals *totals);
    /* The end: OK, or why it ended before. Not called when the run was cancelled. */
    void (*done)(void *data, const Status *status, const StageTotals *totals);
} StageWork;

typedef struct StageRunRequest {
    Stage stage;
    rpmd_text task; /* copied, as is the user */
    rpmd_text user;
    uint64_t user_number; /* StoreUser.number; 0: not known */
    const char *backend;  /* of the configuration */
    size_t count;
    uint64_t deadline_ns;
    bool has_budget;
    uint64_t budget_micros; /* money that the run may spend: RESOURCE_EXHAUSTED when it is gone */
} StageRunRequest;

/* work is borrowed for the run's life. A run is its caller's until `done` comes or it was cancelled. */
StageRun *stage_run(Stages *stages, const StageRunRequest *request, const StageWork *work, void *data);

/* Frees it at once, with its calls; no callback comes any more. Only before `done`. */
void stage_run_cancel(StageRun *run);
