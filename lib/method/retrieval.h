/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Feature-based retrieval (the paper's step 7): the K items of the history whose features are most like the
 * query's. Nothing newer than the query is retrieved. What is alike is said by the embeddings where the query
 * and all visible items with features have one of the same embedder, and else by the native vectors: the two
 * do not compare, as embedders' cosines are high and close together.
 */

#include "lib/method/model.h"

#define RETRIEVAL_LIMIT 16 /* examples of one prompt, at most */

/* A new query with its features, as the model sees it. */
typedef struct Target {
    rpmd_text query;
    const rpmd_text *options;
    size_t option_count;
    int64_t time_us;          /* 0: now, everything is visible */
    const Analysis *analysis; /* of the query; no answer */
    rpmd_text *keys;          /* of the features */
    uint32_t *factors;        /* factors[f], or FACTOR_NONE */
    FeatureVector vector;
} Target;

/* What a retrieved item and the query share. */
typedef struct Retrieved {
    const ModelEntry *entry;
    double similarity; /* cosine, 0 .. 1, by which it was found */
    double overlap;    /* cosine of the native vectors, 0 .. 1, which predictions weigh by; mostly the same */
} Retrieved;

/*
 * Fills in what follows from the analysis: keys, factors, vector. Query, options, time and analysis are set
 * by the caller, and borrowed; what is made lives in the arena.
 */
void target_prepare(Target *target, Arena *arena, Tokenizer *tokenizer, const UserModel *model);

/* Whether an item takes part and was there when the query came: nothing newer than a query is shown with it.
 */
bool retrieval_is_visible(const ModelItem *item, const Target *target);

/*
 * Up to k items, nearest first; equal ones newest first. Items without a time are older than any query. Where
 * nothing is alike, the newest visible items with similarity 0. Returns how many.
 */
size_t retrieval_find(const UserModel *model, const Target *target, size_t k,
                      Retrieved found[RETRIEVAL_LIMIT]);

/*
 * Names what the target and an item have in common: shared features first, then shared factors. At most
 * `limit`; texts point into the model. Returns how many.
 */
size_t retrieval_shared(const UserModel *model, const Target *target, const ModelEntry *entry,
                        rpmd_text *shared, size_t limit);
