/* SPDX-License-Identifier: MIT */
#include "lib/method/item_internal.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/contribution.h"

#include <stdatomic.h>

static const ItemDetails no_details;

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

/* ---- what follows from the texts ---- */

bool analysis_counts(const Analysis *analysis)
{
    return analysis && analysis->code == STATUS_OK && analysis->has_answer;
}

ItemDerived *item_derived_new(size_t term_count, size_t word_count)
{
    ItemDerived *derived = memory_allocate(1, sizeof(*derived) + word_count * sizeof(uint64_t) +
                                                  term_count * (sizeof(uint32_t) + sizeof(float)));
    uint64_t *words = (uint64_t *)(derived + 1);
    uint32_t *terms = (uint32_t *)(words + word_count);
    derived->words = words;
    derived->word_count = word_count;
    derived->vector = (FeatureVector){terms, (float *)(terms + term_count), (uint32_t)term_count};
    return derived;
}

ItemDerived *item_derive(Tokenizer *tokenizer, rpmd_text query, const Analysis *analysis)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    size_t word_count = 0;
    const uint64_t *words = population_words(&scratch, tokenizer, query, &word_count);
    FeatureVector vector = feature_vector(&scratch, tokenizer, analysis->features, analysis->feature_count);
    ItemDerived *derived = item_derived_new(vector.count, word_count);
    if (word_count > 0)
        memcpy((uint64_t *)derived->words, words, word_count * sizeof(*words));
    if (vector.count > 0) {
        memcpy((uint32_t *)derived->vector.terms, vector.terms, vector.count * sizeof(uint32_t));
        memcpy((float *)derived->vector.weights, vector.weights, vector.count * sizeof(float));
    }
    return derived;
}

static ItemDerived *copy_derived(const ItemDerived *from)
{
    ItemDerived *copy = item_derived_new(from->vector.count, from->word_count);
    memcpy((uint64_t *)copy->words, from->words, from->word_count * sizeof(*from->words));
    memcpy((uint32_t *)copy->vector.terms, from->vector.terms, from->vector.count * sizeof(uint32_t));
    memcpy((float *)copy->vector.weights, from->vector.weights, from->vector.count * sizeof(float));
    return copy;
}

ItemDerived *model_item_take_derived(const ModelItem *item, Tokenizer **tokenizer)
{
    if (item->is_outdated && model_item_counts(item))
        return copy_derived(atomic_load(&item->derived));
    ItemDerived *derived = atomic_exchange(&((ModelItem *)item)->derived, NULL);
    if (derived)
        return derived;
    if (!model_item_counts(item))
        return item_derived_new(0, 0);
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    if (!*tokenizer)
        *tokenizer = tokenizer_new();
    return item_derive(*tokenizer, item->query, model_item_analysis(item, &scratch));
}

void model_item_give_derived(const ModelItem *item, ItemDerived *derived)
{
    free(atomic_exchange(&((ModelItem *)item)->derived, derived));
}

/* ---- making: one allocation, filled from front to back ---- */

/* Where the parts of an item lie in its memory. */
typedef struct Layout {
    size_t details;
    size_t features;
    size_t options;
    size_t option_classes;
    size_t traits;
    size_t embedding;
    size_t texts;
    size_t size;
} Layout;

static bool has_details(const ModelItemInput *input, const Analysis *analysis)
{
    return input->option_count > 0 || analysis->option_class_count > 0 || analysis->trait_count > 0 ||
           analysis->embedding.count > 0 || analysis->error.length > 0 || analysis->drop_reason.length > 0 ||
           input->reasoning.length > 0;
}

static size_t text_bytes(rpmd_text text)
{
    return text.length + 1;
}

static Layout lay_out(const ModelItemInput *input, const Analysis *analysis)
{
    Layout layout = {.details = sizeof(ModelItem)};
    layout.features = layout.details + (has_details(input, analysis) ? sizeof(ItemDetails) : 0);
    layout.options = layout.features + analysis->feature_count * sizeof(ItemFeature);
    layout.option_classes = layout.options + input->option_count * sizeof(rpmd_text);
    layout.traits = layout.option_classes + analysis->option_class_count * sizeof(AnswerClass);
    layout.embedding = layout.traits + analysis->trait_count * sizeof(AnalyzedTrait);
    layout.texts = layout.embedding + analysis->embedding.count * sizeof(float);
    size_t size = text_bytes(input->id) + text_bytes(input->query) + text_bytes(input->response) +
                  text_bytes(input->extractor_version);
    if (!text_equal(analysis->answer, input->response))
        size += text_bytes(analysis->answer);
    if (!text_equal(analysis->answer_class, analysis->answer))
        size += text_bytes(analysis->answer_class);
    if (has_details(input, analysis))
        size +=
            text_bytes(analysis->error) + text_bytes(analysis->drop_reason) + text_bytes(input->reasoning);
    for (size_t o = 0; o < input->option_count; o++)
        size += text_bytes(input->options[o]);
    for (size_t o = 0; o < analysis->option_class_count; o++)
        size += text_bytes(analysis->option_classes[o].name);
    for (size_t t = 0; t < analysis->trait_count; t++)
        size += text_bytes(analysis->traits[t].name) + text_bytes(analysis->traits[t].meaning);
    layout.size = layout.texts + size;
    return layout;
}

/* Copies a text, and ends it with a NUL. */
static rpmd_text put_text(char **end, rpmd_text text)
{
    char *copy = *end;
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    *end += text.length + 1;
    return (rpmd_text){copy, text.length};
}

/* An answer often is the response, and its class the answer: then the text is there already. */
static rpmd_text put_again(char **end, rpmd_text text, rpmd_text there)
{
    return text_equal(text, there) ? there : put_text(end, text);
}

static void fill_details(ModelItem *item, const Layout *layout, const ModelItemInput *input,
                         const Analysis *analysis, char **end)
{
    char *memory = (char *)item;
    ItemDetails *details = (ItemDetails *)(memory + layout->details);
    rpmd_text *options = (rpmd_text *)(memory + layout->options);
    AnswerClass *classes = (AnswerClass *)(memory + layout->option_classes);
    AnalyzedTrait *traits = (AnalyzedTrait *)(memory + layout->traits);
    float *values = (float *)(memory + layout->embedding);
    for (size_t o = 0; o < input->option_count; o++)
        options[o] = put_text(end, input->options[o]);
    for (size_t o = 0; o < analysis->option_class_count; o++)
        classes[o] = (AnswerClass){.name = put_text(end, analysis->option_classes[o].name),
                                   .position = analysis->option_classes[o].position};
    for (size_t t = 0; t < analysis->trait_count; t++)
        traits[t] = (AnalyzedTrait){.name = put_text(end, analysis->traits[t].name),
                                    .meaning = put_text(end, analysis->traits[t].meaning)};
    if (analysis->embedding.count > 0)
        memcpy(values, analysis->embedding.values, analysis->embedding.count * sizeof(float));
    *details = (ItemDetails){
        .options = options,
        .option_count = input->option_count,
        .option_classes = classes,
        .option_class_count = analysis->option_class_count,
        .traits = traits,
        .trait_count = analysis->trait_count,
        .embedding = {values, analysis->embedding.count, analysis->embedding.space},
        .error = put_text(end, analysis->error),
        .drop_reason = put_text(end, analysis->drop_reason),
        .reasoning = put_text(end, input->reasoning),
    };
    item->details = details;
}

/* Returns the bytes of texts that were not there before. */
static size_t fill_features(ModelItem *item, const Layout *layout, FeatureTexts *texts,
                            const Analysis *analysis)
{
    ItemFeature *features = (ItemFeature *)((char *)item + layout->features);
    size_t new_bytes = 0;
    for (size_t f = 0; f < analysis->feature_count; f++) {
        const AnalyzedFeature *feature = &analysis->features[f];
        features[f] = (ItemFeature){.text = feature_text_take(texts, feature, &new_bytes),
                                    .polarity = feature->polarity,
                                    .strength = feature->strength,
                                    .evidence_begin = feature->evidence.begin,
                                    .evidence_length = feature->evidence.end - feature->evidence.begin,
                                    .judgement = feature->judgement};
    }
    item->features = features;
    item->feature_count = (uint32_t)analysis->feature_count;
    return new_bytes;
}

ModelItem *model_item_make(const ModelItemInput *input, uint64_t question, ItemDerived *derived)
{
    static const Analysis nothing = {.answer_option = ANALYSIS_NO_OPTION};
    const Analysis *analysis = input->analysis ? input->analysis : &nothing;
    Layout layout = lay_out(input, analysis);
    _cleanup_free_ char *room = memory_allocate(1, layout.size);
    ModelItem *item = (ModelItem *)room;
    char *end = room + layout.texts;
    size_t text_bytes_new = fill_features(item, &layout, input->texts, analysis);
    atomic_init(&item->references, 1);
    atomic_init(&item->derived, NULL);
    item->id = put_text(&end, input->id);
    item->query = put_text(&end, input->query);
    item->response = put_text(&end, input->response);
    item->extractor_version = put_text(&end, input->extractor_version);
    item->answer = put_again(&end, analysis->answer, item->response);
    item->answer_class = put_again(&end, analysis->answer_class, item->answer);
    item->number = input->number;
    item->revision = input->revision;
    item->order_us = input->order_us;
    item->time_us = input->time_us;
    item->question = question;
    item->features_dropped = analysis->features_dropped;
    item->answer_option = (uint32_t)MIN(analysis->answer_option, (size_t)UINT32_MAX);
    item->code = (uint8_t)analysis->code;
    item->has_answer = analysis->has_answer;
    item->details = &no_details;
    if (has_details(input, analysis))
        fill_details(item, &layout, input, analysis, &end);
    item->derived = derived;
    item->bytes = (uint32_t)(memory_footprint(layout.size) + text_bytes_new);
    room = NULL;
    return item;
}

ModelItem *model_item_new(const ModelItemInput *input, Tokenizer *tokenizer)
{
    bool counts = input->extractor_version.length > 0 && analysis_counts(input->analysis);
    return model_item_make(
        input, counts ? population_question(input->query, input->options, input->option_count) : 0,
        counts ? item_derive(tokenizer, input->query, input->analysis) : NULL);
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
    for (uint32_t f = 0; f < item->feature_count; f++)
        feature_text_unref(item->features[f].text);
    free(item->derived);
    free(item);
}

/* ---- as plain data ---- */

AnalyzedFeature model_item_feature(const ModelItem *item, size_t feature)
{
    const ItemFeature *held = &item->features[feature];
    return (AnalyzedFeature){
        .name = held->text->name,
        .context = held->text->context,
        .category = held->text->category,
        .polarity = held->polarity,
        .strength = held->strength,
        .evidence = {held->evidence_begin, held->evidence_begin + held->evidence_length},
        .judgement = (FeatureJudgement)held->judgement,
    };
}

const Analysis *model_item_analysis(const ModelItem *item, Arena *arena)
{
    const ItemDetails *details = item->details;
    Analysis *analysis = ARENA_NEW(arena, Analysis);
    *analysis = (Analysis){
        .code = (StatusCode)item->code,
        .error = details->error,
        .features = ARENA_ARRAY(arena, AnalyzedFeature, item->feature_count),
        .feature_count = item->feature_count,
        .features_dropped = item->features_dropped,
        .drop_reason = details->drop_reason,
        .option_classes = (AnswerClass *)details->option_classes,
        .option_class_count = details->option_class_count,
        .has_answer = item->has_answer,
        .answer = item->answer,
        .answer_class = item->answer_class,
        .answer_option = item->answer_option == UINT32_MAX ? ANALYSIS_NO_OPTION : item->answer_option,
        .traits = (AnalyzedTrait *)details->traits,
        .trait_count = details->trait_count,
        .embedding = details->embedding,
    };
    for (uint32_t f = 0; f < item->feature_count; f++)
        analysis->features[f] = model_item_feature(item, f);
    return analysis;
}

/* ---- keys ---- */

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
