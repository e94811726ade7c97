/* SPDX-License-Identifier: MIT */
#include "lib/method/item_record.h"

#include "lib/base/hash.h"
#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <pthread.h>

static const rpmd_text options[] = {{"Yes", 3}, {"No", 2}};
static const float values[] = {0.6F, -0.8F};

/* An item with all that an item may have. */
static void fill_analysis(Analysis *analysis)
{
    static AnalyzedFeature features[] = {
        {{"robot", 5}, {"a machine that acts", 19}, {"theme", 5}, 0, 0.7F, {4, 9}, FEATURE_NOT_JUDGED},
        {{"love", 4}, {"", 0}, {"plot", 4}, -0.35F, 1.0F / 3, {10, 14}, FEATURE_INFLUENTIAL_POSITIVE},
        {{"war", 3}, {"armies", 6}, {"theme", 5}, 1, 0, {0, 3}, FEATURE_NOT_INFLUENTIAL},
        {{"robot", 5}, {"a machine that acts", 19}, {"theme", 5}, -1, 1, {4, 9}, FEATURE_NOT_JUDGED},
        {{"end", 3}, {"", 0}, {"", 0}, -0.0F, 0.5F, {14, 17}, FEATURE_INFLUENTIAL_NEUTRAL},
    };
    static AnswerClass classes[] = {{{"agrees", 6}, 1}, {{"no answer", 9}, NAN}};
    static AnalyzedTrait traits[] = {{{"short", 5}, {"few words", 9}}, {{"formal", 6}, {"", 0}}};
    *analysis = (Analysis){
        .features = features,
        .feature_count = ARRAY_SIZE(features),
        .features_dropped = 300,
        .drop_reason = text_of("no evidence"),
        .option_classes = classes,
        .option_class_count = ARRAY_SIZE(classes),
        .has_answer = true,
        .answer = text_of("Yes"),
        .answer_class = text_of("agrees"),
        .answer_option = 0,
        .traits = traits,
        .trait_count = ARRAY_SIZE(traits),
        .embedding = {values, 2, 77},
    };
}

static ModelItemInput input_of(const Analysis *analysis)
{
    return (ModelItemInput){.id = text_of("item-1"),
                            .query = text_of("The robot love end"),
                            .response = text_of("Yes"),
                            .number = 5,
                            .revision = 6,
                            .order_us = -7,
                            .time_us = 8,
                            .options = options,
                            .option_count = 2,
                            .analysis = analysis,
                            .extractor_version = text_of("1.2"),
                            .reasoning = text_of("because")};
}

static ModelItem *read_record(const ModelItemInput *input, const Buffer *content, FeatureTexts *texts)
{
    return model_item_read(&(ModelItemSource){.id = input->id,
                                              .query = input->query,
                                              .response = input->response,
                                              .number = input->number,
                                              .revision = input->revision,
                                              .order_us = input->order_us,
                                              .time_us = input->time_us,
                                              .options = input->options,
                                              .option_count = input->option_count,
                                              .extractor_version = input->extractor_version,
                                              .content = {content->data, content->length},
                                              .texts = texts});
}

static void assert_text(rpmd_text a, rpmd_text b)
{
    ck_assert_msg(text_equal(a, b), "%.*s and %.*s", TEXT_ARGS(a), TEXT_ARGS(b));
}

static void assert_features_equal(const Analysis *a, const Analysis *b)
{
    ck_assert_uint_eq(a->feature_count, b->feature_count);
    for (size_t f = 0; f < a->feature_count; f++) {
        assert_text(a->features[f].name, b->features[f].name);
        assert_text(a->features[f].context, b->features[f].context);
        assert_text(a->features[f].category, b->features[f].category);
        ck_assert_mem_eq(&a->features[f].polarity, &b->features[f].polarity, sizeof(float));
        ck_assert_mem_eq(&a->features[f].strength, &b->features[f].strength, sizeof(float));
        ck_assert_uint_eq(a->features[f].evidence.begin, b->features[f].evidence.begin);
        ck_assert_uint_eq(a->features[f].evidence.end, b->features[f].evidence.end);
        ck_assert_int_eq(a->features[f].judgement, b->features[f].judgement);
    }
}

static void assert_analyses_equal(const Analysis *a, const Analysis *b)
{
    assert_features_equal(a, b);
    ck_assert_int_eq(a->code, b->code);
    ck_assert_int_eq(a->has_answer, b->has_answer);
    ck_assert_uint_eq(a->features_dropped, b->features_dropped);
    ck_assert_uint_eq(a->answer_option, b->answer_option);
    assert_text(a->error, b->error);
    assert_text(a->drop_reason, b->drop_reason);
    assert_text(a->answer, b->answer);
    assert_text(a->answer_class, b->answer_class);
    ck_assert_uint_eq(a->option_class_count, b->option_class_count);
    for (size_t o = 0; o < a->option_class_count; o++) {
        assert_text(a->option_classes[o].name, b->option_classes[o].name);
        ck_assert_mem_eq(&a->option_classes[o].position, &b->option_classes[o].position, sizeof(float));
    }
    ck_assert_uint_eq(a->trait_count, b->trait_count);
    for (size_t t = 0; t < a->trait_count; t++) {
        assert_text(a->traits[t].name, b->traits[t].name);
        assert_text(a->traits[t].meaning, b->traits[t].meaning);
    }
    ck_assert_uint_eq(a->embedding.count, b->embedding.count);
    ck_assert_uint_eq(a->embedding.space, b->embedding.space);
    ck_assert(a->embedding.count == 0 ||
              memcmp(a->embedding.values, b->embedding.values, a->embedding.count * sizeof(float)) == 0);
}

static void assert_items_equal(const ModelItem *a, const ModelItem *b)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = NULL;
    assert_analyses_equal(model_item_analysis(a, &arena), model_item_analysis(b, &arena));
    assert_text(a->id, b->id);
    assert_text(a->query, b->query);
    assert_text(a->response, b->response);
    assert_text(a->extractor_version, b->extractor_version);
    assert_text(a->details->reasoning, b->details->reasoning);
    ck_assert_uint_eq(a->number, b->number);
    ck_assert_uint_eq(a->revision, b->revision);
    ck_assert_int_eq(a->order_us, b->order_us);
    ck_assert_int_eq(a->time_us, b->time_us);
    ck_assert_uint_eq(a->question, b->question);
    ck_assert_uint_eq(a->details->option_count, b->details->option_count);
    ItemDerived *first = model_item_take_derived(a, &tokenizer);
    ItemDerived *second = model_item_take_derived(b, &tokenizer);
    ck_assert_uint_eq(first->word_count, second->word_count);
    ck_assert_uint_eq(first->vector.count, second->vector.count);
    ck_assert_mem_eq(first->words, second->words, first->word_count * sizeof(uint64_t));
    ck_assert_mem_eq(first->vector.terms, second->vector.terms, first->vector.count * sizeof(uint32_t));
    ck_assert_mem_eq(first->vector.weights, second->vector.weights, first->vector.count * sizeof(float));
    free(first);
    free(second);
}

START_TEST(an_item_comes_back_as_it_was)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_buffer_ Buffer content = BUFFER_INIT, again = BUFFER_INIT, third = BUFFER_INIT;
    Analysis analysis;
    fill_analysis(&analysis);
    ModelItemInput input = input_of(&analysis);
    ModelItem *item = model_item_new(&input, tokenizer);
    _cleanup_arena_ Arena arena = ARENA_INIT;
    assert_analyses_equal(model_item_analysis(item, &arena), &analysis);
    item_record_write(&content, item);
    item_record_of_analysis(&again, tokenizer, input.order_us, input.query, options, 2, &analysis,
                            input.reasoning);
    ck_assert_uint_eq(content.length, again.length);
    ck_assert_mem_eq(content.data, again.data, content.length);
    ModelItem *read = read_record(&input, &content, NULL);
    ck_assert_ptr_nonnull(read);
    assert_items_equal(item, read);
    /* What was derived is gone now: it is made again. */
    item_record_write(&third, read);
    ck_assert_uint_eq(content.length, third.length);
    ck_assert_mem_eq(content.data, third.data, content.length);
    assert_items_equal(item, read);
    model_item_unref(read);
    model_item_unref(item);
}
END_TEST

START_TEST(an_item_that_takes_no_part_has_nothing_derived)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_buffer_ Buffer content = BUFFER_INIT;
    Analysis analysis;
    fill_analysis(&analysis);
    analysis.code = STATUS_INTERNAL;
    analysis.error = text_of("the plugin failed");
    analysis.answer_option = ANALYSIS_NO_OPTION;
    ModelItemInput input = input_of(&analysis);
    ModelItem *item = model_item_new(&input, tokenizer);
    item_record_write(&content, item);
    ModelItem *read = read_record(&input, &content, NULL);
    ck_assert_ptr_nonnull(read);
    ck_assert(!model_item_counts(read));
    ck_assert_uint_eq(read->question, 0);
    assert_items_equal(item, read);
    model_item_unref(read);
    input.extractor_version = (rpmd_text){0};
    read = read_record(&input, &(Buffer){0}, NULL);
    ck_assert_ptr_nonnull(read);
    ck_assert(!model_item_counts(read));
    ck_assert_uint_eq(read->feature_count, 0);
    model_item_unref(read);
    model_item_unref(item);
}
END_TEST

/* More distinct weights than a byte numbers. */
START_TEST(a_vector_of_many_weights_comes_back)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    uint32_t terms[300], read_terms[300];
    float weights[300], read_weights[300];
    for (uint32_t i = 0; i < 300; i++) {
        terms[i] = i * 7;
        weights[i] = 1.0F / (float)(i + 1);
    }
    feature_vector_write(&bytes, &(FeatureVector){terms, weights, 300});
    ByteReader reader = byte_reader((rpmd_text){bytes.data, bytes.length});
    ck_assert_uint_eq(feature_vector_read_count(&reader), 300);
    feature_vector_read(&reader, 300, read_terms, read_weights);
    ck_assert(!reader.is_broken && bytes_left(&reader) == 0);
    ck_assert_mem_eq(terms, read_terms, sizeof(terms));
    ck_assert_mem_eq(weights, read_weights, sizeof(weights));
}
END_TEST

START_TEST(broken_records_are_none)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_buffer_ Buffer content = BUFFER_INIT;
    Analysis analysis;
    fill_analysis(&analysis);
    ModelItemInput input = input_of(&analysis);
    item_record_of_analysis(&content, tokenizer, input.order_us, input.query, options, 2, &analysis,
                            input.reasoning);
    for (size_t length = 0; length < content.length; length++) {
        Buffer shorter = {content.data, length, 0};
        ck_assert_ptr_null(read_record(&input, &shorter, NULL));
    }
    for (size_t bit = 0; bit < content.length * 8; bit++) {
        content.data[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert_ptr_null(read_record(&input, &content, NULL));
        content.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    buffer_append(&content, "x", 1);
    ck_assert_ptr_null(read_record(&input, &content, NULL));
    /* Evidence that this query does not have. */
    content.length--;
    input.query = text_of("short");
    ck_assert_ptr_null(read_record(&input, &content, NULL));
}
END_TEST

/* What the hash does not refuse is read with care too. */
START_TEST(any_bytes_are_read_without_harm)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_buffer_ Buffer content = BUFFER_INIT;
    Analysis analysis;
    uint64_t state = 11;
    fill_analysis(&analysis);
    ModelItemInput input = input_of(&analysis);
    item_record_of_analysis(&content, tokenizer, input.order_us, input.query, options, 2, &analysis,
                            input.reasoning);
    for (size_t round = 0; round < 20000; round++) {
        _cleanup_buffer_ Buffer broken = BUFFER_INIT;
        buffer_append(&broken, content.data, content.length);
        for (size_t flips = 1 + fixture_random(&state, 4); flips > 0; flips--)
            broken.data[5 + fixture_random(&state, (uint32_t)content.length - 5)] =
                (char)fixture_random(&state, 256);
        if (fixture_random(&state, 3) == 0)
            broken.length = 5 + fixture_random(&state, (uint32_t)content.length - 5);
        uint32_t hash = (uint32_t)hash_bytes(broken.data + 5, broken.length - 5);
        for (size_t i = 0; i < sizeof(hash); i++)
            broken.data[1 + i] = (char)(hash >> 8 * i);
        ModelItem *item = read_record(&input, &broken, NULL);
        model_item_unref(item);
    }
}
END_TEST

START_TEST(texts_are_shared_and_go_with_the_last_item)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_buffer_ Buffer content = BUFFER_INIT;
    FeatureTexts *texts = feature_texts_new();
    Analysis analysis;
    fill_analysis(&analysis);
    ModelItemInput input = input_of(&analysis);
    item_record_of_analysis(&content, tokenizer, input.order_us, input.query, options, 2, &analysis,
                            input.reasoning);
    ModelItem *first = read_record(&input, &content, texts), *second = read_record(&input, &content, texts);
    for (uint32_t f = 0; f < first->feature_count; f++)
        ck_assert_ptr_eq(first->features[f].text, second->features[f].text);
    ck_assert_ptr_ne(first->features[0].text, first->features[3].text); /* another polarity */
    ck_assert_uint_lt(second->bytes, first->bytes);
    /* Many come and go: those that stay are found. */
    for (unsigned i = 0; i < 2000; i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        char *name = arena_format(&arena, "name %u", i);
        AnalyzedFeature feature = {.name = text_of(name), .category = text_of("c")};
        size_t bytes = 0;
        const FeatureText *one = feature_text_take(texts, &feature, &bytes);
        ck_assert_uint_gt(bytes, 0);
        bytes = 0;
        const FeatureText *other = feature_text_take(texts, &feature, &bytes);
        ck_assert_ptr_eq(one, other);
        ck_assert_uint_eq(bytes, 0);
        feature_text_unref(one);
        if (i % 3)
            feature_text_unref(other);
        ModelItem *third = read_record(&input, &content, texts);
        ck_assert_ptr_eq(third->features[2].text, first->features[2].text);
        model_item_unref(third);
    }
    for (unsigned i = 0; i < 2000; i += 3) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        AnalyzedFeature feature = {.name = text_of(arena_format(&arena, "name %u", i)),
                                   .category = text_of("c")};
        size_t bytes = 0;
        const FeatureText *text = feature_text_take(texts, &feature, &bytes);
        ck_assert_uint_eq(bytes, 0);
        feature_text_unref(text);
        feature_text_unref(text);
    }
    model_item_unref(first);
    feature_texts_unref(texts);
    ck_assert(text_equal_string(second->features[0].text->name, "robot"));
    ck_assert(text_equal_string(second->features[0].text->key, "theme\x1frobot\x1f"
                                                               "0"));
    model_item_unref(second);
    feature_texts_unref(NULL);
    feature_text_unref(NULL);
}
END_TEST

/* ---- from several threads ---- */

typedef struct Reader {
    ModelItemInput input;
    const Buffer *content;
    FeatureTexts *texts;
    size_t wrong;
} Reader;

static void *read_again_and_again(void *data)
{
    Reader *reader = data;
    for (size_t round = 0; round < 5000; round++) {
        ModelItem *item = read_record(&reader->input, reader->content, reader->texts);
        reader->wrong += !item || !text_equal_string(item->features[0].text->name, "robot");
        model_item_unref(item);
    }
    return NULL;
}

/* Nobody else holds the texts: they come and go all the time. */
START_TEST(threads_share_texts)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_buffer_ Buffer content = BUFFER_INIT;
    Analysis analysis;
    fill_analysis(&analysis);
    FeatureTexts *texts = feature_texts_new();
    Reader readers[3];
    pthread_t threads[ARRAY_SIZE(readers)];
    ModelItemInput input = input_of(&analysis);
    item_record_of_analysis(&content, tokenizer, input.query, options, 2, &analysis, input.reasoning);
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
        readers[i] = (Reader){input, &content, texts, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_again_and_again, &readers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(readers[i].wrong, 0);
    }
    feature_texts_unref(texts);
}
END_TEST

UNIT_TESTS("item_record", an_item_comes_back_as_it_was, an_item_that_takes_no_part_has_nothing_derived,
           a_vector_of_many_weights_comes_back, broken_records_are_none, any_bytes_are_read_without_harm,
           texts_are_shared_and_go_with_the_last_item, threads_share_texts)
