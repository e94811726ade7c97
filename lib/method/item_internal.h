/* SPDX-License-Identifier: MIT */
#pragma once

/* How items are made; for item.c and item_record.c alone. */

#include "lib/method/item.h"

/* An item of the input, with what was derived from it (taken; NULL where it takes no part). */
ModelItem *model_item_make(const ModelItemInput *input, uint64_t question, ItemDerived *derived)
    __attribute__((returns_nonnull));

/* Whether an item with this analysis takes part. */
bool analysis_counts(const Analysis *analysis);

/* What follows from the texts of an item that takes part. */
ItemDerived *item_derive(Tokenizer *tokenizer, rpmd_text query, const Analysis *analysis)
    __attribute__((returns_nonnull));

/* One with room for so many terms and words, to be filled in. */
ItemDerived *item_derived_new(size_t term_count, size_t word_count) __attribute__((returns_nonnull));

/* Gives back what model_item_take_derived took. */
void model_item_give_derived(const ModelItem *item, ItemDerived *derived);
