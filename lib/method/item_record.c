/* SPDX-License-Identifier: MIT */
#include "lib/method/item_record.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/contribution.h"
#include "lib/method/item_internal.h"

#include <math.h>
#include <stdatomic.h>

#define RECORD_FORMAT 1

/* What a record says of numbers that are mostly the same. */
enum {
    POLARITY_ZERO = 0,
    POLARITY_ONE = 1,
    POLARITY_MINUS_ONE = 2,
    POLARITY_IN_FULL = 3,
    POLARITY_MASK = 3,
    STRENGTH_IN_FULL = 1 << 2, /* else in hundredths */
    JUDGEMENT_SHIFT = 3,
    FEATURE_FLAGS = 1 << 6,
};

/* ---- writing ---- */

static bool is_hundredths(float strength, uint8_t *hundredths)
{
    if (!(strength >= 0 && strength <= 1))
        return false;
    *hundredths = (uint8_t)lroundf(strength * 100);
    return float_bits((float)*hundredths / 100.0F) == float_bits(strength);
}

static int polarity_kind(float polarity)
{
    static const float usual[] = {0.0F, 1.0F, -1.0F};
    for (int kind = POLARITY_ZERO; kind < POLARITY_IN_FULL; kind++)
        if (float_bits(usual[kind]) == float_bits(polarity))
            return kind;
    return POLARITY_IN_FULL;
}

/* 0 and the text, or which of the record's texts of this kind it is, counted from 1. */
static void write_category(Buffer *content, const AnalyzedFeature *features, size_t at)
{
    uint64_t number = 0;
    for (size_t f = 0; f < at; f++) {
        bool is_first = true;
        for (size_t g = 0; g < f && is_first; g++)
            is_first = !text_equal(features[g].category, features[f].category);
        number += is_first;
        if (text_equal(features[f].category, features[at].category)) {
            bytes_write_number(content, number);
            return;
        }
    }
    bytes_write_number(content, 0);
    bytes_write_text(content, features[at].category);
}

static void write_features(Buffer *content, const AnalyzedFeature *features, size_t count)
{
    bytes_write_number(content, count);
    for (size_t f = 0; f < count; f++) {
        const AnalyzedFeature *feature = &features[f];
        uint8_t hundredths = 0;
        bool in_full = !is_hundredths(feature->strength, &hundredths);
        int polarity = polarity_kind(feature->polarity);
        uint8_t flags = (uint8_t)(polarity | (in_full ? STRENGTH_IN_FULL : 0) |
                                  (int)feature->judgement << JUDGEMENT_SHIFT);
        buffer_append(content, &flags, 1);
        if (polarity == POLARITY_IN_FULL)
            bytes_write_float(content, feature->polarity);
        if (in_full)
            bytes_write_float(content, feature->strength);
        else
            buffer_append(content, &hundredths, 1);
        bytes_write_number(content, feature->evidence.begin);
        bytes_write_number(content, feature->evidence.end - feature->evidence.begin);
        write_category(content, features, f);
        bytes_write_text(content, feature->name);
        bytes_write_text(content, feature->context);
    }
}

static void write_embedding(Buffer *content, const Embedding *embedding)
{
    bytes_write_number(content, embedding->count);
    if (embedding->count == 0)
        return;
    bytes_write_u64(content, embedding->space);
    for (uint32_t i = 0; i < embedding->count; i++)
        bytes_write_float(content, embedding->values[i]);
}

static void write_answers(Buffer *content, const Analysis *analysis)
{
    bytes_write_number(content, analysis->option_class_count);
    for (size_t o = 0; o < analysis->option_class_count; o++) {
        bytes_write_text(content, analysis->option_classes[o].name);
        bytes_write_float(content, analysis->option_classes[o].position);
    }
    bytes_write_number(content, analysis->trait_count);
    for (size_t t = 0; t < analysis->trait_count; t++) {
        bytes_write_text(content, analysis->traits[t].name);
        bytes_write_text(content, analysis->traits[t].meaning);
    }
}

/* derived: NULL where the item takes no part. */
static void write_record(Buffer *content, const Analysis *analysis, rpmd_text reasoning, int64_t order_us,
                         uint64_t question, const ItemDerived *derived)
{
    Buffer body = BUFFER_INIT;
    bytes_write_number(&body, (uint64_t)analysis->code);
    bytes_write_number(&body, analysis->has_answer);
    bytes_write_number(&body, analysis->features_dropped);
    bytes_write_number(&body,
                       analysis->answer_option == ANALYSIS_NO_OPTION ? 0 : analysis->answer_option + 1);
    bytes_write_text(&body, analysis->error);
    bytes_write_text(&body, analysis->drop_reason);
    bytes_write_text(&body, analysis->answer);
    bytes_write_number(&body, text_equal(analysis->answer, analysis->answer_class));
    if (!text_equal(analysis->answer, analysis->answer_class))
        bytes_write_text(&body, analysis->answer_class);
    bytes_write_text(&body, reasoning);
    write_features(&body, analysis->features, analysis->feature_count);
    write_answers(&body, analysis);
    write_embedding(&body, &analysis->embedding);
    if (derived) {
        bytes_write_u64(&body, (uint64_t)order_us);
        bytes_write_u64(&body, question);
        bytes_write_number(&body, derived->word_count);
        for (size_t w = 0; w < derived->word_count; w++)
            bytes_write_u64(&body, derived->words[w]);
        feature_vector_write(&body, &derived->vector);
    }
    bytes_write_number(content, RECORD_FORMAT);
    bytes_write_u32(content, (uint32_t)hash_bytes(body.data, body.length));
    buffer_append(content, body.data, body.length);
    buffer_finish(&body);
}

void item_record_write(Buffer *content, const ModelItem *item)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = NULL;
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    const Analysis *analysis = model_item_analysis(item, &scratch);
    bool is_fresh = atomic_load(&item->derived) != NULL;
    ItemDerived *derived = analysis_counts(analysis) ? model_item_take_derived(item, &tokenizer) : NULL;
    write_record(content, analysis, item->details->reasoning, item->order_us, item->question, derived);
    if (is_fresh)
        model_item_give_derived(item, TAKE_PTR(derived));
    free(derived);
}

void item_record_of_analysis(Buffer *content, Tokenizer *tokenizer, int64_t order_us, rpmd_text query,
                             const rpmd_text *options, size_t option_count, const Analysis *analysis,
                             rpmd_text reasoning)
{
    bool counts = analysis_counts(analysis);
    ItemDerived *derived = counts ? item_derive(tokenizer, query, analysis) : NULL;
    write_record(content, analysis, reasoning, order_us,
                 counts ? population_question(query, options, option_count) : 0, derived);
    free(derived);
}

/* ---- reading ---- */

static rpmd_text read_category(ByteReader *reader, rpmd_text *categories, size_t *category_count)
{
    uint64_t number = bytes_read_number(reader);
    if (number == 0 && !reader->is_broken)
        return categories[(*category_count)++] = bytes_read_text(reader);
    if (number <= *category_count && !reader->is_broken)
        return categories[number - 1];
    reader->is_broken = true;
    return (rpmd_text){0};
}

/* query_length: of the text that was analysed; SIZE_MAX: another one, in which there is no evidence. */
static void read_feature(ByteReader *reader, AnalyzedFeature *feature, size_t query_length)
{
    static const float usual[] = {0.0F, 1.0F, -1.0F};
    uint8_t flags = bytes_read_byte(reader);
    unsigned judgement = flags >> JUDGEMENT_SHIFT & 7;
    feature->polarity =
        (flags & POLARITY_MASK) == POLARITY_IN_FULL ? bytes_read_float(reader) : usual[flags & POLARITY_MASK];
    feature->strength =
        flags & STRENGTH_IN_FULL ? bytes_read_float(reader) : (float)bytes_read_byte(reader) / 100.0F;
    feature->judgement = (FeatureJudgement)judgement;
    uint64_t begin = bytes_read_number(reader), length = bytes_read_number(reader);
    reader->is_broken |= flags >= FEATURE_FLAGS || judgement > FEATURE_INFLUENTIAL_POSITIVE ||
                         begin > query_length || length > query_length - begin;
    if (!reader->is_broken && query_length != SIZE_MAX)
        feature->evidence = (rpmd_span){(uint32_t)begin, (uint32_t)(begin + length)};
}

static void read_features(ByteReader *reader, Arena *scratch, Analysis *analysis, size_t query_length)
{
    size_t count = bytes_read_count(reader, 6), category_count = 0;
    analysis->features = ARENA_ARRAY(scratch, AnalyzedFeature, count);
    rpmd_text *categories = ARENA_ARRAY(scratch, rpmd_text, count);
    for (; analysis->feature_count < count && !reader->is_broken; analysis->feature_count++) {
        AnalyzedFeature *feature = &analysis->features[analysis->feature_count];
        read_feature(reader, feature, query_length);
        feature->category = read_category(reader, categories, &category_count);
        feature->name = bytes_read_text(reader);
        feature->context = bytes_read_text(reader);
    }
}

static void read_answers(ByteReader *reader, Arena *scratch, Analysis *analysis)
{
    size_t class_count = bytes_read_count(reader, 1 + sizeof(float));
    analysis->option_classes = ARENA_ARRAY(scratch, AnswerClass, class_count);
    for (; analysis->option_class_count < class_count && !reader->is_broken; analysis->option_class_count++) {
        AnswerClass *class = &analysis->option_classes[analysis->option_class_count];
        class->name = bytes_read_text(reader);
        class->position = bytes_read_float(reader);
    }
    size_t trait_count = bytes_read_count(reader, 2);
    analysis->traits = ARENA_ARRAY(scratch, AnalyzedTrait, trait_count);
    for (; analysis->trait_count < trait_count && !reader->is_broken; analysis->trait_count++) {
        AnalyzedTrait *trait = &analysis->traits[analysis->trait_count];
        trait->name = bytes_read_text(reader);
        trait->meaning = bytes_read_text(reader);
    }
}

static void read_embedding(ByteReader *reader, Arena *scratch, Embedding *embedding)
{
    size_t count = bytes_read_count(reader, sizeof(float));
    float *values = ARENA_ARRAY(scratch, float, count);
    embedding->space = count > 0 ? bytes_read_u64(reader) : 0;
    for (size_t i = 0; i < count; i++)
        values[i] = bytes_read_float(reader);
    embedding->values = values;
    embedding->count = (uint32_t)count;
}

static ItemDerived *read_derived(ByteReader *reader)
{
    size_t word_count = bytes_read_count(reader, sizeof(uint64_t));
    const uint8_t *words = bytes_skip(reader, word_count * sizeof(uint64_t));
    uint32_t term_count = feature_vector_read_count(reader);
    if (reader->is_broken)
        return NULL;
    ItemDerived *derived = item_derived_new(term_count, word_count);
    bytes_to_u64((uint64_t *)derived->words, words, word_count);
    feature_vector_read(reader, term_count, (uint32_t *)derived->vector.terms,
                        (float *)derived->vector.weights);
    return derived;
}

static void read_head(ByteReader *reader, Analysis *analysis)
{
    uint64_t code = bytes_read_number(reader);
    reader->is_broken |= code >= STATUS_CODE_COUNT;
    analysis->code = (StatusCode)code;
    analysis->has_answer = bytes_read_number(reader) != 0;
    analysis->features_dropped = (uint32_t)bytes_read_number(reader);
    uint64_t option = bytes_read_number(reader);
    analysis->answer_option = option == 0 ? ANALYSIS_NO_OPTION : (size_t)(option - 1);
    analysis->error = bytes_read_text(reader);
    analysis->drop_reason = bytes_read_text(reader);
    analysis->answer = bytes_read_text(reader);
    bool same = bytes_read_number(reader) != 0;
    analysis->answer_class = same ? analysis->answer : bytes_read_text(reader);
}

/* The body of a record of this format that is as it was written. */
static ByteReader open_record(rpmd_text content)
{
    ByteReader reader = byte_reader(content);
    uint64_t format = bytes_read_number(&reader);
    uint32_t hash = bytes_read_u32(&reader);
    reader.is_broken |=
        format != RECORD_FORMAT || hash != (uint32_t)hash_bytes(reader.at, bytes_left(&reader));
    return reader;
}

ModelItem *model_item_read(const ModelItemSource *source)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    Analysis analysis = {.answer_option = ANALYSIS_NO_OPTION};
    ItemDerived *derived = NULL;
    uint64_t question = 0;
    ModelItemInput input = {
        .id = source->id,
        .query = source->query,
        .response = source->response,
        .number = source->number,
        .revision = source->revision,
        .order_us = source->order_us,
        .time_us = source->time_us,
        .options = source->options,
        .option_count = source->option_count,
        .extractor_version = source->extractor_version,
        .texts = source->texts,
    };
    if (source->extractor_version.length == 0)
        return model_item_make(&input, 0, NULL);
    ByteReader reader = open_record(source->content);
    read_head(&reader, &analysis);
    input.reasoning = bytes_read_text(&reader);
    read_features(&reader, &scratch, &analysis, source->is_outdated ? SIZE_MAX : source->query.length);
    read_answers(&reader, &scratch, &analysis);
    read_embedding(&reader, &scratch, &analysis.embedding);
    if (analysis_counts(&analysis) && !reader.is_broken) {
        int64_t order_us = (int64_t)bytes_read_u64(&reader);
        /* What it was to the others then: the newest answer to its question, or not. */
        input.order_us = source->is_outdated ? order_us : source->order_us;
        question = bytes_read_u64(&reader);
        derived = read_derived(&reader);
    }
    if (reader.is_broken || bytes_left(&reader) > 0) {
        free(derived);
        return NULL;
    }
    input.analysis = &analysis;
    ModelItem *item = model_item_make(&input, question, derived);
    item->is_outdated = source->is_outdated;
    return item;
}
