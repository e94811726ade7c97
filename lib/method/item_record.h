/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What was derived from an item, as bytes for the store: reading them back neither tokenizes nor stems.
 *
 *     format | code, flags, features dropped, answer's option | error, drop reason, answer, class, reasoning
 *            | features | option classes | traits | embedding | order | question | word keys | vector
 *
 * Numbers are of variable length, seven bits a byte; floats, hashes and keys are little-endian. A text that
 * repeats within a record (a category, mostly) is written once. The bytes depend on the item alone.
 */

#include "lib/base/buffer.h"
#include "lib/method/item.h"

/* Appends the bytes. An item that is in a model already costs as much as analysing its texts again. */
void item_record_write(Buffer *content, const ModelItem *item);

/* The same for an analysis that is no item yet. */
void item_record_of_analysis(Buffer *content, Tokenizer *tokenizer, int64_t order_us, rpmd_text query,
                             const rpmd_text *options, size_t option_count, const Analysis *analysis,
                             rpmd_text reasoning);

/* What an item is made of when it comes out of the store; everything is borrowed and copied. */
typedef struct ModelItemSource {
    rpmd_text id;
    rpmd_text query;
    rpmd_text response;
    uint64_t number;
    uint64_t revision;
    int64_t order_us;
    int64_t time_us;
    const rpmd_text *options;
    size_t option_count;
    rpmd_text extractor_version; /* empty: not analysed, and the content is not looked at */
    rpmd_text content;           /* of item_record_write */
    bool is_outdated;    /* of an earlier query: it has the order that it had, and its features no evidence */
    FeatureTexts *texts; /* where the texts of features are kept; NULL: in the item */
} ModelItemSource;

/*
 * The item with one reference, the caller's; the same as model_item_new made. NULL where the content is of
 * another format or broken: the item counts as not analysed then.
 */
ModelItem *model_item_read(const ModelItemSource *source);
