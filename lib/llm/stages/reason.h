/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Personalized reasoning (the paper's step 4): why past items got their answers, several items of one user in
 * one call, each with its leave-one-out statistics. Every path passes the citation gate or is not used.
 */

#include "lib/llm/stages/stage.h"
#include "lib/method/model.h"

#define REASON_BATCH 5
#define REASON_BATCH_BYTES 8192
#define REASON_PATH_LIMIT 1200 /* bytes of a path; five sentences have some 600 */

/* The places of prompts/reason.txt. */
extern const PromptPlace reason_places[];
extern const size_t reason_place_count;

typedef struct ReasonContext {
    const rpmd_plugin *plugin;
    const UserModel *model;
    double smoothing; /* alpha of the shares that are shown */
} ReasonContext;

/* How many of the entries (which take part in the model), from the first on, go into one call: at least 1. */
size_t reason_batch(const ModelEntry *const *entries, size_t count);

/*
 * What is the user's (factors with their statistics) stands before the items; each item's own block holds the
 * statistics of the factors it meets without that item, and those are what its path may cite.
 */
void reason_ask(StageAsk *ask, const PromptTemplate *prompt, const ReasonContext *context,
                const ModelEntry *const *entries, size_t count, Arena *arena);

typedef struct ReasonPath {
    rpmd_text text;    /* one line; empty: the reply has none for this entry */
    const char *fault; /* why it may not be used, as a sentence without its subject; NULL: it may */
} ReasonPath;

/*
 * paths[i] for entries[i], in the arena. A path may be used where lib/llm/stages/reason_gate.h finds no
 * fault. Where it cites nothing itself, the numbers of the factors that the reply names are put behind it,
 * and the observed answer ends it. Returns NULL or a sentence for a repair that names what is wrong: no JSON,
 * a path is missing, the first faults. It numbers the items from the first one with a fault on, with which a
 * repair begins.
 */
const char *reason_parse(rpmd_text reply, const ReasonContext *context, const ModelEntry *const *entries,
                         size_t count, Arena *arena, ReasonPath *paths);
