/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The texts of features, each kept once for all items that have it: a task's features repeat over items and
 * users, and their texts are most of what an item would take. A text goes with the last item that has it.
 *
 * A table may be used from any thread, and may be freed before the texts that came from it.
 */

#include "lib/plugin/analysis.h"
#include "rpmd/plugin.h"

#include <stdint.h>

typedef struct FeatureTexts FeatureTexts;

/* A category, a name and the sign of a polarity, with a context. Immutable. */
typedef struct FeatureText {
    rpmd_text key;      /* feature_key of it: by which features are the same */
    rpmd_text category; /* points into the key */
    rpmd_text name;     /* points into the key */
    rpmd_text context;
    uint64_t population_key; /* by which the feature is counted over the users of a task; never 0 */
} FeatureText;

/* An empty table with one reference. */
FeatureTexts *feature_texts_new(void) __attribute__((returns_nonnull));
FeatureTexts *feature_texts_ref(FeatureTexts *texts);
void feature_texts_unref(FeatureTexts *texts);

/*
 * The text of a feature, with a reference that the caller gives back with feature_text_unref. NULL for texts:
 * one that is shared with nobody. *new_bytes grows by the memory of a text that was not there before.
 */
const FeatureText *feature_text_take(FeatureTexts *texts, const AnalyzedFeature *feature, size_t *new_bytes)
    __attribute__((returns_nonnull));
void feature_text_unref(const FeatureText *text);
