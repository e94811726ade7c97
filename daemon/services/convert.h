/* SPDX-License-Identifier: MIT */
#pragma once

/* The method's structures as messages. Everything is made in the arena or points into the model. */

#include "lib/base/arena.h"
#include "lib/method/model.h"
#include "lib/method/retrieval.h"

#include "rpmd/v1/common.pb-c.h"

/* A NUL-terminated copy; "" for an empty text. */
char *convert_text(Arena *arena, rpmd_text text);

/* Features of a query, with their factors (FACTOR_NONE for none). */
Rpmd__V1__Feature **convert_features(Arena *arena, const UserModel *model, rpmd_text query,
                                     const Analysis *analysis, const uint32_t *factors);

/* The same of an item of the model. */
Rpmd__V1__Feature **convert_item_features(Arena *arena, const UserModel *model, const ModelEntry *entry);

/* One factor with its statistics. */
Rpmd__V1__Factor *convert_factor(Arena *arena, const UserModel *model, uint32_t factor, double smoothing);

/* The user's answers over all items, most frequent first; *count of them. */
Rpmd__V1__AnswerShare **convert_answers(Arena *arena, const UserModel *model, size_t *count);

Rpmd__V1__TraitShare **convert_traits(Arena *arena, const UserModel *model);

/* Retrieved items; paths[i] is the reasoning path of retrieved[i], by_llm[i] says who wrote it. */
Rpmd__V1__RetrievedItem **convert_retrieved(Arena *arena, const UserModel *model, const Target *target,
                                            const Retrieved *retrieved, size_t count, const rpmd_text *paths,
                                            const bool *by_llm);

/* A stored item as it was sent. meta: a JSON object, as convert_meta_text wrote it. */
Rpmd__V1__HistoryItem *convert_item(Arena *arena, rpmd_text id, rpmd_text query, rpmd_text response,
                                    int64_t time_us, const rpmd_text *options, size_t option_count,
                                    rpmd_text meta);

/* The entries of an item's meta as one text, by key; empty without any. */
rpmd_text convert_meta_text(Arena *arena, const Rpmd__V1__HistoryItem *item);
