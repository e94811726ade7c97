/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A user's model: the history with its features, the factors, and the statistics (the paper's steps 1 to 3).
 * Immutable, counted by reference, shared between threads.
 *
 * A model is a function of its items and its factor set. A change keeps what is expensive (features, vectors,
 * the factors of each item's features) and counts again what is cheap, so that the result is the same, bit
 * for bit, as building over the changed history with the same factor set.
 */

#include "lib/method/factor.h"
#include "lib/method/item.h"
#include "lib/method/share.h"

/* What the task's plugin says about answers. Borrowed where it is passed; copied into the model. */
typedef struct ModelTask {
    rpmd_answer_kind answer_kind;
    const rpmd_text *labels; /* RPMD_ANSWER_LABELS: all of them, in order */
    size_t label_count;
    int32_t ordinal_min;
    int32_t ordinal_max;
    rpmd_text extractor_version;
} ModelTask;

/* An item's place in a model: the item, and the factors of its features under this factor set. */
typedef struct ModelEntry {
    ModelItem *item;
    const uint16_t *factors; /* factors[f] of features[f], or FACTOR_NONE */
    const uint16_t *met;     /* the distinct factors met, increasing */
    const uint32_t *terms;   /* the item's vector; empty where it takes no part */
    const float *weights;
    uint32_t term_count;
    uint32_t met_count;
} ModelEntry;

/* Neighbouring entries of a history, with their numbers and vectors side by side. Immutable; shared by all
 * models that have them, so that a change copies one block and not the history. */
typedef struct ModelBlock ModelBlock;

#define CLASS_NONE UINT32_MAX

/* The raw counts of one factor. */
typedef struct FactorCounts {
    uint32_t items;     /* n_F: items that meet the factor; Coverage */
    uint32_t influence; /* (feature, item) pairs judged to have influenced the answer; of these: */
    uint32_t positive;
    uint32_t neutral;
    uint32_t negative;
} FactorCounts;

/* How many items show a trait; the first of them in the history's order says what it means. */
typedef struct TraitCount {
    rpmd_text name;
    rpmd_text meaning;
    uint32_t items;
    const ModelItem *first;
} TraitCount;

typedef struct UserModel {
    rpmd_answer_kind answer_kind;
    int32_t ordinal_min;
    int32_t ordinal_max;
    rpmd_text extractor_version;

    const rpmd_text
        *classes; /* LABELS, ORDINAL: all there are, in order; OPTIONS: those seen, by bytes; TEXT: none */
    uint32_t class_count;

    const ModelEntry **entries; /* the whole history in order; items with errors too */
    uint32_t entry_count;
    uint32_t item_count; /* that take part (model_item_counts) */
    uint32_t failed_count;
    uint64_t features; /* of all items */
    uint64_t paths;    /* reasoning paths that LLMs wrote */
    uint64_t features_dropped;
    uint64_t unassigned; /* features of items that take part, in no factor */

    FactorSet *factors; /* owned reference */
    uint32_t factor_count;
    const FactorCounts *counts; /* counts[factor] */
    const uint32_t
        *by_class; /* by_class[factor * class_count + class] = #(a_i = class and G_i meets factor) */
    const uint32_t *class_totals; /* class_totals[class] over all items that take part */
    const TraitCount *traits;     /* by share, then name */
    size_t trait_count;

    ModelBlock **blocks; /* own the entries */
    uint32_t block_count;
    ModelItem **by_id;       /* by a hash of the id; entry_count */
    ModelItem **by_question; /* of those that take part, by question, each question's newest first */
    uint32_t question_count; /* of items there; 0 where the task has no votes */
    Share *share;            /* see contribution.h */
    uint32_t promotable;     /* unassigned features that enough items meet to become factors */

    uint64_t version; /* set when it is published */
    int64_t created_us;
    void *class_memory; /* owns the classes */
    void *count_memory; /* owns the counts */
    size_t bytes;
    _Atomic(struct PromptStable *) prompt_stable; /* see prompt_stable.h; NULL: not written yet */
    _Atomic unsigned references;
} UserModel;

/*
 * A model over items (in any order) with one reference. factors: the set to use, or NULL to cluster. The
 * references that the caller holds stay the caller's. Linear in the items.
 */
UserModel *user_model_build(const ModelTask *task, ModelItem *const *items, size_t count, FactorSet *factors)
    __attribute__((returns_nonnull));

/* The model's items with another factor set; NULL: cluster anew. */
UserModel *user_model_with_factors(const UserModel *model, const ModelTask *task, FactorSet *factors)
    __attribute__((returns_nonnull));

/*
 * The model with items added, or put in the place of those with the same numbers; of several with one number
 * the last counts.
 */
UserModel *user_model_put_many(const UserModel *model, const ModelTask *task, ModelItem *const *items,
                               size_t count) __attribute__((returns_nonnull));
UserModel *user_model_put(const UserModel *model, const ModelTask *task, ModelItem *item)
    __attribute__((returns_nonnull));

/* The model without the items of these numbers. */
UserModel *user_model_remove_many(const UserModel *model, const ModelTask *task, const uint64_t *numbers,
                                  size_t count) __attribute__((returns_nonnull));
UserModel *user_model_remove(const UserModel *model, const ModelTask *task, uint64_t number)
    __attribute__((returns_nonnull));

/*
 * The model with unassigned features that enough items meet made factors (factor_set_promote), or NULL where
 * there is nothing to promote, which takes no time.
 */
UserModel *user_model_promote(const UserModel *model, const ModelTask *task);

UserModel *user_model_ref(UserModel *model);
void user_model_unref(UserModel *model);
DEFINE_CLEANUP(UserModel, user_model_unref)

/* Memory that goes when the model goes; what is shared with another version is counted in both. */
static inline size_t user_model_bytes(const UserModel *model)
{
    return model ? model->bytes : 0;
}

/* The entry of an item, by its id; NULL where there is none. */
const ModelEntry *user_model_find(const UserModel *model, rpmd_text id);

/* The class of an answer text; CLASS_NONE where there is none. */
uint32_t user_model_class(const UserModel *model, rpmd_text answer_class);
