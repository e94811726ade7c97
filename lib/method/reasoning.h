/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Personalized reasoning paths (the paper's step 4), written from the statistics: two to five sentences on
 * one line that cite features with the words of the text, factors as [name] with their numbers, and end with
 * the answer. What they cite passes lib/method/citation.h.
 *
 * A native path is a function of the model and costs microseconds, so it is written when it is shown and
 * never differs from the numbers of the day.
 */

#include "lib/method/prediction_input.h"

/* How a task speaks of its queries and responses; from the plugin's prompt texts. */
typedef struct ReasoningTask {
    rpmd_text query_noun;    /* "movie description" */
    rpmd_text response_noun; /* "tag" */
    double smoothing;        /* alpha of the shares that are shown */
} ReasoningTask;

/*
 * Why a past item got its answer, from the statistics without that item (leave-one-out). Says so where they
 * speak against it. The item takes part in the model. In the arena.
 */
rpmd_text reasoning_of_item(Arena *arena, const ReasoningTask *task, const UserModel *model,
                            const ModelEntry *entry);

/*
 * The path to show for a past item: the one that an LLM wrote, as long as the statistics bear out what it
 * cites, else the native one. *by_llm says which. In the arena, or the item's.
 */
rpmd_text reasoning_path(Arena *arena, const ReasoningTask *task, const UserModel *model,
                         const ModelEntry *entry, bool *by_llm);

/* Why a prediction came out as it did: cites what moved it most, for and against. In the arena. */
rpmd_text reasoning_of_prediction(Arena *arena, const ReasoningTask *task, const PredictionRequest *request,
                                  const PredictionCase *prediction);
