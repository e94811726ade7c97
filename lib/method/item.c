/* SPDX-License-Identifier: MIT */
#include "lib/method/item.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/population.h"

#include <stdatomic.h>

static rpmd_text *copy_texts(Arena *arena, const rpmd_text *texts, size_t count)
{
    rpmd_text *copy = ARENA_ARRAY(arena, rpmd_text, count);
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_text(arena, texts[i]);
    return copy;
}

void analysis_copy(Arena *arena, Analysis *copy, const Analysis *analysis)
{
    *copy = *analysis;
    copy->error = arena_text(arena, analysis->error);
    copy->drop_reason = arena_text(arena, analysis->drop_reason);
    copy->answer = arena_text(arena, analysis->answer);
    copy->answer_class = arena_text(arena, analysis->answer_class);
    copy->features = ARENA_ARRAY(arena, AnalyzedFeature, analysis->feature_count);
    for (size_t i = 0; i < analysis->feature_count; i++) {
        copy->features[i] = analysis->features[i];
        copy->features[i].name = arena_text(arena, analysis->features[i].name);
        copy->features[i].context = arena_text(arena, analysis->features[i].context);
        copy->features[i].category = arena_text(arena, analysis->features[i].category);
    }
    copy->option_classes = ARENA_ARRAY(arena, AnswerClass, analysis->option_class_count);
    for (size_t i = 0; i < analysis->option_class_count; i++) {
        copy->option_classes[i] = analysis->option_classes[i];
        copy->option_classes[i].name = arena_text(arena, analysis->option_classes[i].name);
    }
    copy->traits = ARENA_ARRAY(arena, AnalyzedTrait, analysis->trait_count);
    for (size_t i = 0; i < analysis->trait_count; i++)
        copy->traits[i] = (AnalyzedTrait){.name = arena_text(arena, analysis->traits[i].name),
                                          .meaning = arena_text(arena, analysis->traits[i].meaning)};
    float *values = ARENA_ARRAY(arena, float, analysis->embedding.count);
    if (analysis->embedding.count > 0)
        memcpy(values, analysis->embedding.values, analysis->embedding.count * sizeof(float));
    copy->embedding.values = values;
}

ModelItem *model_item_new(const ModelItemInput *input, Tokenizer *tokenizer)
{
    ModelItem *item = NEW(ModelItem);
    Arena *arena = &item->arena;
    atomic_init(&item->references, 1);
    item->id = arena_text(arena, input->id);
    item->query = arena_text(arena, input->query);
    item->response = arena_text(arena, input->response);
    item->number = input->number;
    item->revision = input->revision;
    item->order_us = input->order_us;
    item->time_us = input->time_us;
    item->options = copy_texts(arena, input->options, input->option_count);
    item->option_count = input->option_count;
    item->extractor_version = arena_text(arena, input->extractor_version);
    item->reasoning = arena_text(arena, input->reasoning);
    if (input->analysis)
        analysis_copy(arena, &item->analysis, input->analysis);
    item->keys = ARENA_ARRAY(arena, rpmd_text, item->analysis.feature_count);
    for (size_t i = 0; i < item->analysis.feature_count; i++)
        item->keys[i] = feature_key(arena, &item->analysis.features[i]);
    item->vector = feature_vector(arena, tokenizer, item->analysis.features, item->analysis.feature_count);
    item->population_keys = population_keys(arena, tokenizer, item->query, &item->analysis);
    item->question = population_question(item->query, item->options, item->option_count);
    item->bytes = sizeof(*item) + arena->total;
    return item;
}

ModelItem *model_item_ref(ModelItem *item)
{
    if (item)
        atomic_fetch_add_explicit(&item->references, 1, memory_order_relaxed);
    return item;
}

void model_item_unref(ModelItem *item)
{
    if (!item || atomic_fetch_sub_explicit(&item->references, 1, memory_order_acq_rel) != 1)
        return;
    arena_finish(&item->arena);
    free(item);
}

bool model_item_counts(const ModelItem *item)
{
    return item->extractor_version.length > 0 && item->analysis.code == STATUS_OK &&
           item->analysis.has_answer;
}

int model_item_compare(const ModelItem *a, const ModelItem *b)
{
    if (a->order_us != b->order_us)
        return a->order_us < b->order_us ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

int feature_sign(float polarity)
{
    return (polarity >= FEATURE_POLARITY_THRESHOLD) - (polarity <= -FEATURE_POLARITY_THRESHOLD);
}

/* An empty text may have no data, which memcpy must not be given. */
static char *append(char *end, rpmd_text text)
{
    return text.length ? mempcpy(end, text.data, text.length) : end;
}

rpmd_text feature_key(Arena *arena, const AnalyzedFeature *feature)
{
    static const char signs[] = {'-', '0', '+'};
    size_t length = feature->category.length + feature->name.length + 3;
    char *key = arena_allocate(arena, length + 1);
    char *end = append(key, feature->category);
    *end++ = FEATURE_KEY_SEPARATOR;
    end = append(end, feature->name);
    *end++ = FEATURE_KEY_SEPARATOR;
    *end = signs[feature_sign(feature->polarity) + 1];
    return (rpmd_text){key, length};
}

FeatureKeyParts feature_key_parts(rpmd_text key)
{
    const char *first = key.length > 2 ? memchr(key.data, FEATURE_KEY_SEPARATOR, key.length - 2) : NULL;
    if (!first) /* no key that feature_key made */
        return (FeatureKeyParts){.name = key};
    const char *name = first + 1;
    char sign = key.data[key.length - 1];
    return (FeatureKeyParts){
        .category = {key.data, (size_t)(first - key.data)},
        .name = {name, (size_t)(key.data + key.length - 2 - name)},
        .sign = sign == '+'   ? 1
                : sign == '-' ? -1
                              : 0,
    };
}
