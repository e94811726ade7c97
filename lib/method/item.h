/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A past (query, response) pair with what was found in it: the unit that models are made of. Immutable once
 * made, counted by reference, and shared by all versions of a user's model, from any thread.
 *
 * An item is held for as long as its user's model, so it is compact: one allocation, with the texts of its
 * features in a table that items share. What only making a model needs (ItemDerived) goes with the first
 * model that the item is in.
 */

#include "lib/method/feature_text.h"
#include "lib/method/vector.h"
#include "lib/plugin/analysis.h"

/* By what a query's words and features are counted over the users of a task; see population.h. */
typedef struct PopulationKeys {
    const uint64_t *words; /* distinct stems without function words; increasing */
    size_t word_count;
    const uint64_t *features; /* distinct features; increasing */
    size_t feature_count;
} PopulationKeys;

/* A feature of an item; model_item_feature gives it as plain data. */
typedef struct ItemFeature {
    const FeatureText *text; /* a reference */
    float polarity;
    float strength;
    uint32_t evidence_begin;
    uint32_t evidence_length : 29; /* the evidence lies within one text: see STORE_TEXT_LIMIT */
    uint32_t judgement : 3;
} ItemFeature;

/* What most items do not have. */
typedef struct ItemDetails {
    const rpmd_text *options;
    size_t option_count;
    const AnswerClass *option_classes;
    size_t option_class_count;
    const AnalyzedTrait *traits;
    size_t trait_count;
    Embedding embedding;
    rpmd_text error;
    rpmd_text drop_reason;
    rpmd_text reasoning; /* a path that an LLM wrote; empty: none */
} ItemDetails;

/* What follows from an item's texts and takes tokenizing. One allocation, freed with free. */
typedef struct ItemDerived {
    FeatureVector vector;  /* of the feature texts; empty where there are none */
    const uint64_t *words; /* as in PopulationKeys */
    size_t word_count;
} ItemDerived;

typedef struct ModelItem {
    rpmd_text id;
    rpmd_text query;
    rpmd_text response;          /* as observed */
    rpmd_text extractor_version; /* empty: not analysed yet */
    rpmd_text answer;            /* as in Analysis */
    rpmd_text answer_class;
    uint64_t number;   /* the store's: unique, increasing with arrival */
    uint64_t revision; /* the store's: changes with every correction */
    int64_t order_us;  /* the history's total order is (order_us, number) */
    int64_t time_us;   /* microseconds since 1970-01-01 UTC; 0: unknown */
    uint64_t question; /* the same for the same question with the same options */
    const ItemFeature *features;
    const ItemDetails *details;     /* never NULL */
    _Atomic(ItemDerived *) derived; /* see model_item_take_derived */
    uint32_t feature_count;
    uint32_t features_dropped;
    uint32_t answer_option; /* UINT32_MAX: none */
    uint32_t bytes;         /* memory it takes, without `derived` */
    _Atomic uint32_t references;
    uint8_t code; /* StatusCode; an item with an error takes no part in statistics or retrieval */
    bool has_answer;
    bool is_outdated; /* found in an earlier query than this one: what was derived then stays in it */
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
    const Analysis *analysis; /* NULL: none */
    rpmd_text extractor_version;
    rpmd_text reasoning;
    FeatureTexts *texts; /* where the texts of features are kept; NULL: in the item */
} ModelItemInput;

/* A new item with one reference, the caller's. The tokenizer is used during the call. item_record.h makes one
 * of stored bytes, without a tokenizer. */
ModelItem *model_item_new(const ModelItemInput *input, Tokenizer *tokenizer) __attribute__((returns_nonnull));
ModelItem *model_item_ref(ModelItem *item);
void model_item_unref(ModelItem *item);
DEFINE_CLEANUP(ModelItem, model_item_unref)

/* Whether the item takes part: analysed, without an error, with an answer. */
static inline bool model_item_counts(const ModelItem *item)
{
    return item->extractor_version.length > 0 && item->code == STATUS_OK && item->has_answer;
}

/* Orders a history: negative, 0, positive. */
static inline int model_item_compare(const ModelItem *a, const ModelItem *b)
{
    if (a->order_us != b->order_us)
        return a->order_us < b->order_us ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* A feature as plain data; its texts live as long as the item and are not NUL-terminated. */
AnalyzedFeature model_item_feature(const ModelItem *item, size_t feature);

/* The whole analysis in the arena; its texts live as long as the item. */
const Analysis *model_item_analysis(const ModelItem *item, Arena *arena) __attribute__((returns_nonnull));

/*
 * Takes the vector and the word keys out of the item, or makes them again where they were taken before
 * (*tokenizer is made where it is NULL). The caller frees them.
 */
ItemDerived *model_item_take_derived(const ModelItem *item, Tokenizer **tokenizer)
    __attribute__((returns_nonnull));

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
