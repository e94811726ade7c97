/* SPDX-License-Identifier: MIT */
#include "daemon/services/convert.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/statistics.h"

#include <jansson.h>

#define SHARED_LIMIT 6 /* reasons why an item was retrieved: more say no more */

/* A message in the arena, initialised. */
#define NEW_MESSAGE(arena, type, init)                                                                       \
    ({                                                                                                       \
        type *_message = ARENA_NEW(arena, type);                                                             \
        init(_message);                                                                                      \
        _message;                                                                                            \
    })

char *convert_text(Arena *arena, rpmd_text text)
{
    return arena_copy(arena, text.data, text.length);
}

/* factor: FACTOR_NONE for none. */
static Rpmd__V1__Feature *convert_feature(Arena *arena, const UserModel *model, rpmd_text query,
                                          const AnalyzedFeature *feature, uint32_t factor)
{
    Rpmd__V1__Feature *message = NEW_MESSAGE(arena, Rpmd__V1__Feature, rpmd__v1__feature__init);
    message->name = convert_text(arena, feature->name);
    message->context = convert_text(arena, feature->context);
    message->category = convert_text(arena, feature->category);
    message->polarity = feature->polarity;
    message->strength = feature->strength;
    message->evidence = NEW_MESSAGE(arena, Rpmd__V1__Span, rpmd__v1__span__init);
    message->evidence->begin = feature->evidence.begin;
    message->evidence->end = feature->evidence.end;
    message->evidence_text = convert_text(arena, text_slice(query, feature->evidence));
    if (factor != FACTOR_NONE)
        message->factor = convert_text(arena, factor_set_get(model->factors, factor)->name);
    return message;
}

Rpmd__V1__Feature **convert_features(Arena *arena, const UserModel *model, rpmd_text query,
                                     const Analysis *analysis, const uint32_t *factors)
{
    Rpmd__V1__Feature **messages = ARENA_ARRAY(arena, Rpmd__V1__Feature *, analysis->feature_count);
    for (size_t f = 0; f < analysis->feature_count; f++)
        messages[f] = convert_feature(arena, model, query, &analysis->features[f], factors[f]);
    return messages;
}

Rpmd__V1__Feature **convert_item_features(Arena *arena, const UserModel *model, const ModelEntry *entry)
{
    const ModelItem *item = entry->item;
    Rpmd__V1__Feature **messages = ARENA_ARRAY(arena, Rpmd__V1__Feature *, item->feature_count);
    for (size_t f = 0; f < item->feature_count; f++) {
        const AnalyzedFeature feature = model_item_feature(item, f);
        messages[f] = convert_feature(arena, model, item->query, &feature, entry->factors[f]);
    }
    return messages;
}

static int compare_answers(const void *a, const void *b)
{
    const Rpmd__V1__AnswerShare *first = *(Rpmd__V1__AnswerShare *const *)a,
                                *second = *(Rpmd__V1__AnswerShare *const *)b;
    if (first->count != second->count)
        return first->count > second->count ? -1 : 1;
    return (first->share < second->share) - (first->share > second->share);
}

/* The answers of a factor (or FACTOR_ALL) that were seen, most frequent first. */
static Rpmd__V1__AnswerShare **answer_shares(Arena *arena, const UserModel *model, uint32_t factor,
                                             double smoothing, size_t *count)
{
    Rpmd__V1__AnswerShare **shares = ARENA_ARRAY(arena, Rpmd__V1__AnswerShare *, model->class_count);
    *count = 0;
    for (uint32_t c = 0; c < model->class_count; c++) {
        uint32_t n = statistics_count(model, factor, c, NULL);
        if (n == 0)
            continue;
        Rpmd__V1__AnswerShare *share =
            NEW_MESSAGE(arena, Rpmd__V1__AnswerShare, rpmd__v1__answer_share__init);
        share->answer = convert_text(arena, model->classes[c]);
        share->count = n;
        share->share = statistics_propensity(model, factor, c, smoothing, NULL);
        shares[(*count)++] = share;
    }
    if (*count > 0)
        qsort(shares, *count, sizeof(*shares), compare_answers);
    return shares;
}

Rpmd__V1__AnswerShare **convert_answers(Arena *arena, const UserModel *model, size_t *count)
{
    return answer_shares(arena, model, FACTOR_ALL, 0, count);
}

Rpmd__V1__Factor *convert_factor(Arena *arena, const UserModel *model, uint32_t factor, double smoothing)
{
    const Factor *source = factor_set_get(model->factors, factor);
    const FactorCounts *counts = &model->counts[factor];
    Rpmd__V1__Factor *message = NEW_MESSAGE(arena, Rpmd__V1__Factor, rpmd__v1__factor__init);
    message->name = convert_text(arena, source->name);
    message->description = convert_text(arena, source->description);
    message->items = counts->items;
    message->answers = answer_shares(arena, model, factor, smoothing, &message->n_answers);
    message->influence = counts->influence;
    message->positive = counts->positive;
    message->neutral = counts->neutral;
    message->negative = counts->negative;
    message->features = (uint32_t)source->member_count;
    return message;
}

Rpmd__V1__TraitShare **convert_traits(Arena *arena, const UserModel *model)
{
    Rpmd__V1__TraitShare **messages = ARENA_ARRAY(arena, Rpmd__V1__TraitShare *, model->trait_count);
    for (size_t t = 0; t < model->trait_count; t++) {
        messages[t] = NEW_MESSAGE(arena, Rpmd__V1__TraitShare, rpmd__v1__trait_share__init);
        messages[t]->name = convert_text(arena, model->traits[t].name);
        messages[t]->meaning = convert_text(arena, model->traits[t].meaning);
        messages[t]->count = model->traits[t].items;
        messages[t]->share = model->item_count ? (double)model->traits[t].items / model->item_count : 0;
    }
    return messages;
}

Rpmd__V1__RetrievedItem **convert_retrieved(Arena *arena, const UserModel *model, const Target *target,
                                            const Retrieved *retrieved, size_t count, const rpmd_text *paths,
                                            const bool *by_llm)
{
    Rpmd__V1__RetrievedItem **messages = ARENA_ARRAY(arena, Rpmd__V1__RetrievedItem *, count);
    for (size_t i = 0; i < count; i++) {
        const ModelItem *item = retrieved[i].entry->item;
        rpmd_text shared[SHARED_LIMIT];
        Rpmd__V1__RetrievedItem *message =
            NEW_MESSAGE(arena, Rpmd__V1__RetrievedItem, rpmd__v1__retrieved_item__init);
        message->id = convert_text(arena, item->id);
        message->query = convert_text(arena, item->query);
        message->response = convert_text(arena, item->response);
        message->time_us = item->time_us;
        message->reasoning = convert_text(arena, paths[i]);
        message->reasoning_source =
            by_llm[i] ? RPMD__V1__SOURCE__SOURCE_LLM : RPMD__V1__SOURCE__SOURCE_NATIVE;
        message->features = convert_item_features(arena, model, retrieved[i].entry);
        message->n_features = item->feature_count;
        message->similarity = retrieved[i].similarity;
        message->n_shared = retrieval_shared(model, target, retrieved[i].entry, shared, SHARED_LIMIT);
        message->shared = ARENA_ARRAY(arena, char *, message->n_shared);
        for (size_t s = 0; s < message->n_shared; s++)
            message->shared[s] = convert_text(arena, shared[s]);
        messages[i] = message;
    }
    return messages;
}

static void read_meta(Arena *arena, rpmd_text meta, Rpmd__V1__HistoryItem *message)
{
    json_t *object = meta.length > 0 ? json_loadb(meta.data, meta.length, 0, NULL) : NULL;
    message->meta = ARENA_ARRAY(arena, Rpmd__V1__HistoryItem__MetaEntry *, json_object_size(object));
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        Rpmd__V1__HistoryItem__MetaEntry *entry =
            NEW_MESSAGE(arena, Rpmd__V1__HistoryItem__MetaEntry, rpmd__v1__history_item__meta_entry__init);
        entry->key = convert_text(arena, text_of(key));
        entry->value = convert_text(arena, text_of(json_string_value(value)));
        message->meta[message->n_meta++] = entry;
    }
    json_decref(object);
}

Rpmd__V1__HistoryItem *convert_item(Arena *arena, rpmd_text id, rpmd_text query, rpmd_text response,
                                    int64_t time_us, const rpmd_text *options, size_t option_count,
                                    rpmd_text meta)
{
    Rpmd__V1__HistoryItem *message = NEW_MESSAGE(arena, Rpmd__V1__HistoryItem, rpmd__v1__history_item__init);
    message->id = convert_text(arena, id);
    message->query = convert_text(arena, query);
    message->response = convert_text(arena, response);
    message->time_us = time_us;
    message->options = ARENA_ARRAY(arena, char *, option_count);
    for (size_t i = 0; i < option_count; i++)
        message->options[i] = convert_text(arena, options[i]);
    message->n_options = option_count;
    read_meta(arena, meta, message);
    return message;
}

rpmd_text convert_meta_text(Arena *arena, const Rpmd__V1__HistoryItem *item)
{
    if (item->n_meta == 0)
        return (rpmd_text){0};
    json_t *object = json_object();
    for (size_t i = 0; i < item->n_meta; i++)
        json_object_set_new(object, item->meta[i]->key, json_string(item->meta[i]->value));
    _cleanup_free_ char *written = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    return written ? arena_text(arena, text_of(written)) : (rpmd_text){0};
}
