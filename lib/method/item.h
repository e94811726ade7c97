/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A past (query, response) pair with what was found in it: the unit that models are made of. Immutable once
 * made, counted by reference, and shared by all versions of a user's model, from any thread.
 */

#include "lib/method/vector.h"
#include "lib/plugin/analysis.h"

/* By what a query's words and features are counted over the users of a task; see population.h. */
typedef struct PopulationKeys {
    const uint64_t *words; /* distinct stems without function words; increasing */
    size_t word_count;
    const uint64_t *features; /* distinct features; increasing */
    size_t feature_count;
} PopulationKeys;

typedef struct ModelItem {
    rpmd_text id;
    rpmd_text query;
    rpmd_text response; /* as observed */
    uint64_t number;    /* the store's: unique, increasing with arrival */
    uint64_t revision;  /* the store's: changes with every correction */
    int64_t order_us;   /* the history's total order is (order_us, number) */
    int64_t time_us;    /* microseconds since 1970-01-01 UTC; 0: unknown */
    const rpmd_text *options;
    size_t option_count;
    Analysis analysis;           /* an item with an error takes no part in statistics or retrieval */
    rpmd_text extractor_version; /* empty: not analysed yet */
    rpmd_text reasoning;         /* a path that an LLM wrote; empty: none */
    rpmd_text *keys;             /* keys[i] is the key of analysis.features[i] */
    FeatureVector vector;        /* of the feature texts; empty where there are none */
    PopulationKeys population_keys;
    uint64_t question; /* the same for the same question with the same options */
    size_t bytes;      /* memory it takes */
    Arena arena;       /* owns all of the above */
    _Atomic unsigned references;
} ModelItem;

/* What an item is made of; everything is borrowed and copied. */
typedef struct ModelItemInput {
    rpmd_text id;
    rpmd_text query;
    rpmd_text response;
    uint64_t number;
    uint64_t revision;
    int64_t order_us;
    int64_t time_us;
    const rpmd_text *options;
    size_t option_count;
    const Analysis *analysis;
    rpmd_text extractor_version;
    rpmd_text reasoning;
} ModelItemInput;

/* A new item with one reference, the caller's. The tokenizer is used during the call. */
ModelItem *model_item_new(const ModelItemInput *input, Tokenizer *tokenizer) __attribute__((returns_nonnull));
ModelItem *model_item_ref(ModelItem *item);
void model_item_unref(ModelItem *item);

/* Whether the item takes part: analysed, without an error, with an answer. */
bool model_item_counts(const ModelItem *item);

/* Orders a history: negative, 0, positive. */
int model_item_compare(const ModelItem *a, const ModelItem *b);

/* A deep copy into an arena. */
void analysis_copy(Arena *arena, Analysis *copy, const Analysis *analysis);

/*
 * The key by which features are the same: category, name and the sign of the polarity, in one text with
 * FEATURE_KEY_SEPARATOR between. In the arena.
 */
#define FEATURE_KEY_SEPARATOR '\x1f'
#define FEATURE_POLARITY_THRESHOLD 0.1F /* weaker than this is neutral */
rpmd_text feature_key(Arena *arena, const AnalyzedFeature *feature);
int feature_sign(float polarity);

/* The parts of a key; they point into it. */
typedef struct FeatureKeyParts {
    rpmd_text category;
    rpmd_text name;
    int sign; /* -1, 0, +1 */
} FeatureKeyParts;
FeatureKeyParts feature_key_parts(rpmd_text key);
