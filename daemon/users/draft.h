/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What LLMs contribute to a build, while the user's present model serves:
 *
 *     analyse (plugin) --> [extract] --> [judge] --> [embed] --> model (another thread) -->
 *     [cluster --> model] --> [reason] --> over
 *
 * The build takes what still fits the history as it then is; the rest is native.
 */

#include "daemon/users/assembly.h"
#include "daemon/users/request.h"

typedef struct Draft Draft;

/* One item of the history as it was loaded. */
typedef struct DraftItem {
    const StoreItem *item;
    ModelItem *read;    /* borrowed; as it is stored. NULL: to be analysed */
    Analysis *analysis; /* anew; NULL: as it is stored */
    bool is_extracted;  /* its features are the LLM's */
    bool is_judged;     /* and so are its judgements */
    bool has_version;   /* the analysis is all that the configuration asks for */
    rpmd_text path;     /* of an LLM, through the gate; empty: none, or as it is stored */
} DraftItem;

/* Whether a build of the task has stages on an LLM. */
bool draft_is_wanted(const UsersContext *context, const char *task);

typedef struct DraftRequest {
    UserName name;        /* texts end with a NUL; borrowed until the draft is freed, as are the items */
    uint64_t user_number; /* StoreUser.number */
    FeatureTexts *texts;  /* of the task; borrowed */
    const StoreItem *items;
    ModelItem *const *read; /* read[i] of items[i]; NULL: to be analysed */
    size_t count;
    BuildRequest build;
    void *progress_data;
} DraftRequest;

/* OK, or why it ended before. The draft is then the caller's to free. */
typedef void (*DraftDone)(void *data, const Status *status);

Draft *draft_begin(const UsersContext *context, const DraftRequest *request, DraftDone done, void *data);

/* Ends what it asked of others (then no callback comes any more), and frees it. NULL is fine. */
void draft_free(Draft *draft);

/* ---- what is in it when it is done; borrowed from it ---- */

const BuildReport *draft_report(const Draft *draft);

/* In the history's order. */
const DraftItem *draft_items(const Draft *draft);

/* The versions that analyses have: with all that is configured, and the plugin's alone. */
rpmd_text draft_version(const Draft *draft, bool is_complete);

/* A copy of the factors in the arena; NULL: they are clustered natively. */
const FactorInput *draft_factors(const Draft *draft, Arena *arena, size_t *count);
