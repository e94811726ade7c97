/* SPDX-License-Identifier: MIT */
#pragma once

/* Sentences that reasoning paths and prompts are made of. Each begins with a space unless it is the first. */

#include "lib/base/buffer.h"
#include "lib/method/reasoning.h"

/* Features named in one sentence: more is a list, not a reason. */
#define REASONING_FEATURE_LIMIT 4

/* "movie descriptions" */
void reasoning_plural(Buffer *buffer, rpmd_text noun);

/* A feature with its evidence where that says more than the name: crime ("crime family"). */
void reasoning_feature(Buffer *buffer, rpmd_text query, const AnalyzedFeature *feature);

/*
 * The features to name: those of the greatest weight first, equal ones in text order, one of each name.
 * Returns how many.
 */
size_t reasoning_order(const AnalyzedFeature *features, const double *weights, size_t count,
                       uint32_t order[REASONING_FEATURE_LIMIT]);

/*
 * "On the good side: A and B; on the bad side: C.", or "This review speaks of D." The features are those of
 * the query with the numbers in `order`, most telling first; at most REASONING_FEATURE_LIMIT are named.
 */
void reasoning_features(Buffer *buffer, rpmd_text query_noun, rpmd_text query,
                        const AnalyzedFeature *features, const uint32_t *order, size_t count);

/* `"classic" in 7 of 12 (58%)`: what statistics hold of a class under a factor (or FACTOR_ALL). */
void reasoning_share(Buffer *buffer, const ReasoningTask *task, const UserModel *model, uint32_t factor,
                     uint32_t answer_class, const ModelEntry *without);

/* [name], of a factor or of all items. */
void reasoning_factor(Buffer *buffer, const UserModel *model, uint32_t factor);
