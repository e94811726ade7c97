/* SPDX-License-Identifier: MIT */
#include "lib/method/model_internal.h"

#include "lib/base/memory.h"

#include <stdatomic.h>

/* ---- factors of features ---- */

void assigner_finish(Assigner *assigner)
{
    tokenizer_free(assigner->tokenizer);
    key_map_finish(&assigner->keys);
    free(assigner->texts);
    free(assigner->assigned);
}

uint16_t assigner_factor(Assigner *assigner, const FeatureText *text)
{
    uint32_t count = assigner->keys.count;
    uint32_t number = key_map_add(&assigner->keys, text->population_key);
    if (number < count)
        return assigner->assigned[number];
    uint32_t factor = factor_set_find(assigner->factors, text->key);
    if (factor == FACTOR_NONE && !factor_set_known(assigner->factors, text->population_key, &factor) &&
        factor_set_count(assigner->factors) > 0) {
        if (!assigner->tokenizer)
            assigner->tokenizer = tokenizer_new();
        factor = factor_set_assign(assigner->factors, assigner->tokenizer, text->key);
    }
    GROW(assigner->texts, count, assigner->capacity);
    GROW(assigner->assigned, count, assigner->assigned_capacity);
    assigner->texts[count] = text;
    return assigner->assigned[count] = (uint16_t)factor;
}

/* ---- making ---- */

/* The factors of a draft's features, and how many distinct ones it meets, listed behind them. */
static uint32_t find_factors(const EntryDraft *draft, Assigner *assigner, uint16_t *factors)
{
    uint32_t feature_count = draft->item->feature_count, met_count = 0;
    uint16_t *met = factors + feature_count;
    for (uint32_t f = 0; f < feature_count; f++) {
        uint16_t factor = draft->keeps_factors ? draft->known->factors[f]
                                               : assigner_factor(assigner, draft->item->features[f].text);
        uint32_t at = met_count;
        factors[f] = factor;
        while (at > 0 && met[at - 1] > factor)
            at--;
        if (factor == FACTOR_NONE || (at > 0 && met[at - 1] == factor))
            continue;
        memmove(&met[at + 1], &met[at], (met_count - at) * sizeof(*met));
        met[at] = factor;
        met_count++;
    }
    return met_count;
}

static FeatureVector vector_of(const EntryDraft *draft)
{
    if (draft->known)
        return (FeatureVector){draft->known->terms, draft->known->weights, draft->known->term_count};
    return draft->derived ? draft->derived->vector : (FeatureVector){0};
}

/* Copies the vectors: all terms side by side, as retrieval goes over them, then all weights. */
static void fill_vectors(ModelBlock *block, const EntryDraft *drafts, uint32_t *terms, float *weights)
{
    for (uint32_t e = 0; e < block->count; e++) {
        FeatureVector vector = vector_of(&drafts[e]);
        ModelEntry *entry = &block->entries[e];
        entry->terms = terms;
        entry->weights = weights;
        entry->term_count = vector.count;
        if (vector.count == 0)
            continue;
        memcpy(terms, vector.terms, vector.count * sizeof(*terms));
        memcpy(weights, vector.weights, vector.count * sizeof(*weights));
        terms += vector.count;
        weights += vector.count;
    }
}

static void fill_entries(ModelBlock *block, const EntryDraft *drafts, const uint16_t *found,
                         uint16_t *factors, const uint32_t *met_counts)
{
    for (uint32_t e = 0; e < block->count; e++) {
        ModelItem *item = drafts[e].item;
        ModelEntry *entry = &block->entries[e];
        size_t used = item->feature_count + met_counts[e];
        entry->item = model_item_ref(item);
        entry->factors = factors;
        entry->met = factors + item->feature_count;
        entry->met_count = met_counts[e];
        if (used > 0)
            memcpy(factors, found, used * sizeof(*factors));
        factors += used;
        found += 2 * (size_t)item->feature_count;
        block->lowest_number = MIN(block->lowest_number, item->number);
        block->highest_number = MAX(block->highest_number, item->number);
        block->bytes += item->bytes;
    }
}

ModelBlock *model_block_new(const EntryDraft *drafts, uint32_t count, Assigner *assigner)
{
    uint32_t met_counts[MODEL_BLOCK_ENTRIES] = {0};
    size_t features = 0, terms = 0, factors = 0;
    for (uint32_t e = 0; e < count; e++) {
        features += drafts[e].item->feature_count;
        terms += vector_of(&drafts[e]).count;
    }
    _cleanup_free_ uint16_t *found = NEW_ARRAY(uint16_t, 2 * features);
    for (uint32_t e = 0, at = 0; e < count; e++) {
        met_counts[e] = find_factors(&drafts[e], assigner, found + at);
        at += 2 * drafts[e].item->feature_count;
        factors += drafts[e].item->feature_count + met_counts[e];
    }
    size_t size = sizeof(ModelBlock) + count * sizeof(ModelEntry) +
                  terms * (sizeof(uint32_t) + sizeof(float)) + factors * sizeof(uint16_t);
    ModelBlock *block = memory_allocate(1, size);
    atomic_init(&block->references, 1);
    block->count = count;
    block->entries = (ModelEntry *)(block + 1);
    block->lowest_number = UINT64_MAX;
    block->bytes = memory_footprint(size);
    uint32_t *term_room = (uint32_t *)(block->entries + count);
    float *weight_room = (float *)(term_room + terms);
    fill_vectors(block, drafts, term_room, weight_room);
    fill_entries(block, drafts, found, (uint16_t *)(weight_room + terms), met_counts);
    return block;
}

ModelBlock *model_block_ref(ModelBlock *block)
{
    atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
    return block;
}

void model_block_unref(ModelBlock *block)
{
    if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t e = 0; e < block->count; e++)
        model_item_unref(block->entries[e].item);
    free(block);
}
