/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What LLMs contribute to a build, gathered before it while the user's present model serves:
 *
 *     load --> analyse (plugin) --> [extract] --> [judge] --> [embed] --> model (pool) -->
 *     [cluster --> model] --> [reason] --> publish
 *
 * The build that follows takes what still fits the history as it then is; the rest is native.
 */

#include "daemon/users/assembly.h"
#include "daemon/users/users.h"

/* One item of the history as it was loaded. */
typedef struct DraftItem {
    const StoreItem *item;
    Analysis *analysis; /* anew; NULL: as it is stored */
    bool is_extracted;  /* its features are the LLM's */
    bool is_judged;     /* and so are its judgements */
    bool has_version;   /* the analysis is all that the configuration asks for */
    rpmd_text path;     /* of an LLM, through the gate; empty: none, or as it is stored */
} DraftItem;

typedef struct Draft {
    DraftItem *items; /* in the history's order */
    DraftItem **by_number;
    size_t count;
    rpmd_text version; /* of analyses that have all that is configured */
    rpmd_text native_version;
    const FactorInput *factors; /* NULL: to be clustered natively */
    size_t factor_count;
} Draft;

/* What was contributed for an item; NULL where it is gone, new or was corrected. */
const DraftItem *draft_find(const Draft *draft, const StoreItem *item);

/* Whether a build of the task has stages on an LLM. */
bool draft_is_wanted(const UsersContext *context, const char *task);

UserBuild *draft_begin(Users *users, const UserName *name, const BuildRequest *request, UserCallback callback,
                       void *data);

/* Ends all of them, as the daemon is ending: the callbacks come with UNAVAILABLE. */
void draft_end_all(Users *users);

/* Ends those of a user, who is being erased: the callbacks come with ABORTED. */
void draft_cancel_user(Users *users, const UserName *name);
