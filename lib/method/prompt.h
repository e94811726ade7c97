/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The reasoning prompt (the paper's step 8): what is the same for the task first, then what is the same for
 * the user, then the query's. docs/prediction.md shows one and says why it is in this order.
 *
 *   # Task                     what is asked, the answers there are
 *   # How to read this         factors, shares, quoted data
 *   # This user                the answers over all items, the factor table
 *   # Example: past item 3 …   where items are shared: those, the same ones in every prompt of the user
 *   # Example: past item 7 …   K times: text, features, reasoning, answer; of a shared one, that it stands
 * above # The new …                text, features, factors met that the table has not Statistics say … closed
 * answers: the prediction, right before the question # Question                 what to write
 *
 * Texts of the history and the query stand in lines that begin with "> " or in double quotes; nothing in them
 * can begin a section.
 */

#include "lib/base/status.h"
#include "lib/method/reasoning.h"

#define PROMPT_DEFAULT_BUDGET (12 * 1024)

typedef struct PromptSettings {
    size_t budget_bytes; /* of the whole prompt; 0: PROMPT_DEFAULT_BUDGET */
    double smoothing;    /* alpha of the shares */
} PromptSettings;

/* A past item that stands in every prompt of the user. */
typedef struct PromptItem {
    const ModelEntry *entry;
    rpmd_text reasoning; /* an empty one: written natively */
} PromptItem;

typedef struct PromptRequest {
    const rpmd_prompt_texts *texts; /* of the plugin */
    const UserModel *model;
    const Target *target; /* prepared */
    const Retrieved *retrieved;
    size_t retrieved_count;
    const rpmd_text *reasoning; /* reasoning[i] for retrieved[i]; an empty one, or NULL: written natively */
    const PromptItem
        *shared; /* in the history's order; the newest, as many as half of the prompt has room for */
    size_t shared_count;
    const PredictionCase *prediction; /* of this target; NULL: no conclusion is drawn (open answers) */
    PromptSettings settings;
} PromptRequest;

typedef struct Prompt {
    rpmd_text text;
    size_t stable_bytes; /* a prefix that is the same for every query of this user with these settings */
    size_t task_bytes;   /* a prefix that is the same for every user of the task */
    rpmd_text *dropped;  /* what did not fit, a sentence each */
    size_t dropped_count;
    size_t examples; /* of the retrieved items, those shown: the first ones */
} Prompt;

/*
 * The newest items that are visible to the target, at most `limit`, in the history's order: what an LLM's
 * server has in its cache when the next query of the user comes. items has room for them. Returns how many
 * there are.
 */
size_t prompt_choose_shared(const UserModel *model, const Target *target, size_t limit, PromptItem *items);

/*
 * Everything lives in the arena. Drops factors of the table that are least telling, then examples, then
 * shortens the query; the table's share of the budget does not depend on the query. STATUS_REFUSED
 * (INVALID_ARGUMENT, with the least size that would do) where even that does not fit.
 */
int prompt_construct(const PromptRequest *request, Arena *arena, Prompt *prompt, Status *status);
