/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes a user's next model, and what the store must be told about it. Plain computation: runs on libuv's
 * pool, and touches nothing that another thread may change.
 */

#include "daemon/store/store.h"
#include "lib/method/model.h"
#include "lib/method/population.h"
#include "lib/method/reasoning.h"

typedef enum AssemblyKind {
    ASSEMBLY_LOAD,     /* the model as it is stored */
    ASSEMBLY_BUILD,    /* all items, clustered anew */
    ASSEMBLY_PUT,      /* one item added or corrected */
    ASSEMBLY_REMOVE,   /* one item deleted */
    ASSEMBLY_CATCH_UP, /* as stored, with the analyses that were missing; same factors */
    ASSEMBLY_ROLLBACK  /* the items as they are, with the factors of an earlier version */
} AssemblyKind;

/* An analysis that is new, of an item of the stored model. */
typedef struct FreshAnalysis {
    const StoreItem *item;
    const Analysis *analysis;
    rpmd_text version; /* of the extractor */
} FreshAnalysis;

typedef struct Assembly {
    AssemblyKind kind;
    ModelTask task; /* borrowed texts */

    const UserModel *before;          /* PUT, REMOVE, ROLLBACK: what the change starts from */
    const Contribution *before_share; /* PUT, REMOVE: the user's share of the pooled counts */
    const StoreModel *stored;         /* LOAD, BUILD, CATCH_UP */
    const FreshAnalysis *fresh;       /* BUILD, CATCH_UP, PUT (one) */
    size_t fresh_count;
    const rpmd_text *paths;   /* BUILD: paths[i] of stored->items[i], new ones of an LLM; NULL: none */
    const FactorInput *given; /* BUILD: the factors; NULL: clustered from the features */
    size_t given_count;
    uint64_t removed;              /* REMOVE: the item's number */
    const StoreFactorSet *factors; /* ROLLBACK: the earlier version's */
    ReasoningTask reasoning_task;  /* how reasoning paths speak; borrowed texts */

    UserModel *after; /* the result; one reference */
    Contribution share;
    Arena share_arena;
    bool factors_changed;
    bool is_whole; /* statistics and share are the whole truth, not only what changed */
    Arena arena;   /* owns what follows, in the store's terms */
    StoreItemAnalysis *analyses;
    size_t analysis_count;
    StoreFactorSet new_factors;
    StoreStatistics statistics;
    StoreCellChange *cells;
    size_t cell_count;
    StoreVoteChange *votes;
    size_t vote_count;
    StoreReasoning *reasoning;
    size_t reasoning_count;
} Assembly;

void assembly_run(Assembly *assembly);

/* Makes the model alone: the store is not told. May be run again, with other factors. */
void assembly_draft(Assembly *assembly);

/* Frees what the result was not taken out of. */
void assembly_finish(Assembly *assembly);
