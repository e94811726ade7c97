/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a reasoning path that an LLM wrote about a past item may say. Small models mix up the items of one
 * call, so that the citation gate alone would let a path pass that speaks of another item.
 */

#include "lib/method/citation_model.h"
#include "lib/method/model.h"

/* The entries of one call, and of which of them the path is. */
typedef struct ReasonItem {
    const UserModel *model;
    double smoothing; /* alpha of the shares that are shown */
    const ModelEntry *const *entries;
    size_t entry_count;
    size_t entry;
} ReasonItem;

/*
 * Why the path (one line) may not be used, as a sentence without its subject in the arena; NULL: it may. It
 * has to
 *   - pass the citation gate without its own item (lib/method/citation_model.h); *report says what it cites,
 *   - quote, in double or single quotation marks, only what stands in the item, or an answer, or a name,
 *   - conclude with no other answer than the observed one,
 *   - say something of the item: a word of its query, or the name of a feature,
 *   - name no year or amount that does not stand in the item, and no other label more often than its answer,
 *   - repeat no words of another item of the call that are not its own.
 */
const char *reason_fault(rpmd_text path, const ReasonItem *item, Arena *arena, CitationReport *report);
