/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What most operations begin with, in their turn: the user's model in memory, and of the newest history.
 *
 *     [current?] -- yes --> over
 *         | no
 *         v
 *     LOADING, all of it --> ASSEMBLING the model as it was published --.
 *         | or, with a model in memory, what changed since               |
 *         v                                                              v
 *     ANALYSING what came since <----------------------------- [anything?] -- no --> over
 *         |
 *         v
 *     ASSEMBLING --> PUBLISHING --> [current?] ...
 */

#include "daemon/users/preparation.h"
#include "daemon/users/publication.h"

/* One pass: the model is then of the history as it was when the pass began, or of a later one. */
typedef struct Refresh {
    Operation *operation;
    bool is_over;       /* the pass is over; without user->model the user has none */
    uint64_t revision;  /* of the history that the pass brings the model to */
    uint64_t items;     /* of the history, where the user has no model */
    Arena loaded;       /* own the items that are to be analysed: of what changed, */
    Arena loaded_model; /* or of the whole model */
    FreshItem *fresh;   /* by revision */
    size_t fresh_count;
    size_t fresh_done; /* of them, published */
    size_t fresh_part; /* of them, being prepared */
    Arena prepared;    /* owns their records */
    StoreRecord *records;
    Preparation *preparation;
    Status status; /* of it */
} Refresh;

/*
 * One step, as OperationKind.step; only in the operation's turn. When refresh->is_over is set, the state that
 * is returned means nothing, and the operation's own steps begin. OPERATION_DONE without it: refused.
 */
OperationState refresh_step(Operation *operation, Refresh *refresh);

/* Begins another pass, as a step does: the history went on. */
OperationState refresh_begin(Operation *operation, Refresh *refresh);

bool refresh_is_waiting(const Refresh *refresh);
void refresh_cancel(Refresh *refresh);
void refresh_finish(Refresh *refresh);

/* "The user has 12 items ... but no model": FAILED_PRECONDITION. */
OperationState refresh_refuse_without_model(Operation *operation, const Refresh *refresh);
