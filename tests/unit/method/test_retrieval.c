/* SPDX-License-Identifier: MIT */
#include "lib/method/retrieval.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

static const rpmd_text labels[] = {{"comedy", 6}, {"war", 3}};
static const ModelTask task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 2, .extractor_version = {"1", 1}};

/* What is found for features at a time, as numbers of items ("1 4 2"). */
static const char *found_for(const UserModel *model, const char *features, int64_t time_us, size_t k)
{
    static char text[256];
    FixtureCase fixture;
    FixtureItem query = {.query = "robot love", .features = features};
    fixture_case_init(&fixture, model, &query, 1, NULL);
    fixture.target.time_us = time_us;
    Retrieved found[RETRIEVAL_LIMIT];
    size_t count = retrieval_find(model, &fixture.target, k, found);
    text[0] = 0;
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", i ? " " : "",
                 (unsigned)found[i].entry->item->number);
    fixture_case_finish(&fixture);
    return text;
}

START_TEST(nearest_first_and_newer_first)
{
    const FixtureItem items[] = {{.query = "a", .answer = "war", .features = "robot|love"},
                                 {.query = "b", .answer = "war", .features = "love"},
                                 {.query = "c", .answer = "war", .features = "robot"},
                                 {.query = "d", .answer = "war", .features = "robot"},
                                 {.query = "e", .answer = NULL, .features = "robot"}};
    UserModel *model = fixture_model(&task, items, ARRAY_SIZE(items));
    ck_assert_str_eq(found_for(model, "robot", 0, 3), "4 3 1");
    ck_assert_str_eq(found_for(model, "robot|love", 0, 1), "1");
    ck_assert_str_eq(found_for(model, "robot", 0, 0), "");
    ck_assert_str_eq(found_for(model, "robot", 0, 99), "4 3 1 2");
    /* The same words with the other polarity are less alike, but more than other words. */
    ck_assert_str_eq(found_for(model, "-love", 0, 2), "2 1");
    /* Nothing is alike: the newest, by the category alone all are equal. */
    ck_assert_str_eq(found_for(model, "", 0, 3), "4 3 2");
    user_model_unref(model);
    UserModel *empty = fixture_model(&task, NULL, 0);
    ck_assert_str_eq(found_for(empty, "robot", 0, 3), "");
    user_model_unref(empty);
}
END_TEST

START_TEST(nothing_newer_than_the_query)
{
    const FixtureItem items[] = {{.query = "a", .answer = "war", .features = "robot", .time_us = 100},
                                 {.query = "b", .answer = "war", .features = "robot", .time_us = 200},
                                 {.query = "c", .answer = "war", .features = "robot"},
                                 {.query = "d", .answer = "war", .features = "robot", .time_us = 300}};
    UserModel *model = fixture_model(&task, items, ARRAY_SIZE(items));
    ck_assert_str_eq(found_for(model, "robot", 0, 4), "4 3 2 1");
    ck_assert_str_eq(found_for(model, "robot", 300, 4), "3 2 1");
    ck_assert_str_eq(found_for(model, "robot", 201, 4), "3 2 1");
    ck_assert_str_eq(found_for(model, "robot", 200, 4), "3 1");
    ck_assert_str_eq(found_for(model, "", 1, 4), "3");
    user_model_unref(model);
}
END_TEST

START_TEST(shared_names)
{
    const FixtureItem items[] = {{.query = "love robots", .answer = "war", .features = "robots|love"},
                                 {.query = "robot", .answer = "war", .features = "robot"}};
    UserModel *model = fixture_model(&task, items, 2);
    FixtureCase fixture;
    FixtureItem query = {.query = "robot", .features = "robot|love|love|moon"};
    rpmd_text shared[8];
    fixture_case_init(&fixture, model, &query, 1, NULL);
    ck_assert_uint_eq(fixture.target.factors[3], FACTOR_NONE);
    /* Features by name, once; then the factor that "robot" and "robots" are in. */
    ck_assert_uint_eq(retrieval_shared(model, &fixture.target, model->entries[0], shared, 8), 2);
    ck_assert(text_equal_string(shared[0], "love"));
    ck_assert(text_equal(shared[1], factor_set_get(model->factors, fixture.target.factors[0])->name));
    ck_assert_uint_eq(retrieval_shared(model, &fixture.target, model->entries[0], shared, 1), 1);
    ck_assert_uint_eq(retrieval_shared(model, &fixture.target, model->entries[0], shared, 0), 0);
    ck_assert_uint_eq(retrieval_shared(model, &fixture.target, model->entries[1], shared, 8), 1);
    ck_assert(text_equal_string(shared[0], "robot"));
    fixture_case_finish(&fixture);
    user_model_unref(model);
}
END_TEST

static ModelItem *random_item(uint64_t *state, Tokenizer *tokenizer, uint64_t number, size_t features)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = {.has_answer = true,
                         .answer_class = labels[0],
                         .features = ARENA_ARRAY(&arena, AnalyzedFeature, features),
                         .feature_count = features};
    for (size_t f = 0; f < features; f++)
        analysis.features[f] =
            (AnalyzedFeature){.name = text_of(arena_format(&arena, "w%u v%u", fixture_random(state, 40),
                                                           fixture_random(state, 900))),
                              .context = text_of(arena_format(&arena, "c%u", fixture_random(state, 500)))};
    return model_item_new(&(ModelItemInput){.number = number,
                                            .order_us = (int64_t)number,
                                            .analysis = &analysis,
                                            .extractor_version = text_of("1")},
                          tokenizer);
}

static FeatureVector vector_of(Arena *arena, Tokenizer *tokenizer, const ModelItem *item)
{
    const Analysis *analysis = model_item_analysis(item, arena);
    return feature_vector(arena, tokenizer, analysis->features, analysis->feature_count);
}

/* Against comparing with every item, for queries with up to as many terms as a plugin may emit. */
START_TEST(equals_brute_force)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    uint64_t state = 7;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ModelItem *items[200];
    FeatureVector vectors[ARRAY_SIZE(items)];
    for (uint64_t i = 0; i < ARRAY_SIZE(items); i++) {
        items[i] = random_item(&state, tokenizer, i, fixture_random(&state, 9));
        vectors[i] = vector_of(&arena, tokenizer, items[i]);
    }
    UserModel *model = user_model_build(&task, items, ARRAY_SIZE(items), NULL);
    for (size_t round = 0; round < 30; round++) {
        ModelItem *query = random_item(&state, tokenizer, 0, round < 20 ? round : 256);
        Target target = {.analysis = model_item_analysis(query, &arena),
                         .vector = vector_of(&arena, tokenizer, query)};
        Retrieved found[RETRIEVAL_LIMIT];
        ck_assert_uint_eq(retrieval_find(model, &target, RETRIEVAL_LIMIT, found), RETRIEVAL_LIMIT);
        bool taken[ARRAY_SIZE(items)] = {0};
        for (size_t place = 0; place < RETRIEVAL_LIMIT; place++) {
            size_t best = ARRAY_SIZE(items);
            double nearest = -1;
            for (size_t i = ARRAY_SIZE(items); i-- > 0;) {
                double similarity = feature_vector_cosine(&target.vector, &vectors[i]);
                if (!taken[i] && similarity > nearest) {
                    nearest = similarity;
                    best = i;
                }
            }
            taken[best] = true;
            ck_assert_ptr_eq(found[place].entry->item, items[best]);
            ck_assert_double_eq(found[place].similarity, nearest);
        }
        model_item_unref(query);
    }
    user_model_unref(model);
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        model_item_unref(items[i]);
}
END_TEST

/* Items "n" whose feature is "n", with vectors of two numbers. */
typedef struct Embedded {
    float values[2];
    uint32_t count;
    uint64_t space;
    int64_t time_us;
} Embedded;

static const char *found_by_embeddings(const Embedded *items, size_t count, Embedded query)
{
    static char text[256];
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ModelItem *made[8];
    for (size_t i = 0; i < count; i++) {
        AnalyzedFeature feature = {.name = text_of(arena_format(&arena, "f%zu", i))};
        const Analysis analysis = {.has_answer = true,
                                   .answer = labels[0],
                                   .answer_class = labels[0],
                                   .features = &feature,
                                   .feature_count = items[i].count > 0 || items[i].space > 0,
                                   .embedding = {items[i].values, items[i].count, items[i].space}};
        made[i] = model_item_new(&(ModelItemInput){.number = i,
                                                   .order_us = (int64_t)i,
                                                   .time_us = items[i].time_us,
                                                   .analysis = &analysis,
                                                   .extractor_version = text_of("1")},
                                 tokenizer);
    }
    UserModel *model = user_model_build(&task, made, (uint32_t)count, NULL);
    AnalyzedFeature own = {.name = text_of("f0")};
    const Analysis analysis = {
        .features = &own, .feature_count = 1, .embedding = {query.values, query.count, query.space}};
    Target target = {.analysis = &analysis, .time_us = query.time_us};
    Retrieved found[RETRIEVAL_LIMIT];
    target_prepare(&target, &arena, tokenizer, model);
    size_t found_count = retrieval_find(model, &target, RETRIEVAL_LIMIT, found);
    text[0] = 0;
    for (size_t i = 0; i < found_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u:%.1f/%.1f", i ? " " : "",
                 (unsigned)found[i].entry->item->number, found[i].similarity, found[i].overlap);
    user_model_unref(model);
    for (size_t i = 0; i < count; i++)
        model_item_unref(made[i]);
    return text;
}

/* By the vectors where all compare, by words where one does not. */
START_TEST(by_embeddings)
{
    const Embedded query = {{1, 0}, 2, 7, 0}, now = {{1, 0}, 2, 7, 50};
    const Embedded all[] = {{{0, 1}, 2, 7, 10}, {{0.6F, 0.8F}, 2, 7, 20}, {{-1, 0}, 2, 7, 30}};
    ck_assert_str_eq(found_by_embeddings(all, 3, query), "1:0.6/0.1 2:0.0/0.1 0:0.0/1.0");
    const Embedded without[] = {{{0, 1}, 2, 7, 10}, {{0}, 0, 0, 20}, {{0.6F, 0.8F}, 2, 7, 30}};
    ck_assert_str_eq(found_by_embeddings(without, 3, query), "2:0.6/0.1 1:0.0/0.0 0:0.0/1.0");
    const Embedded lacking[] = {{{0, 1}, 2, 7, 10}, {{0}, 0, 1, 20}};
    ck_assert_str_eq(found_by_embeddings(lacking, 2, query), "0:1.0/1.0 1:0.1/0.1");
    const Embedded other_space[] = {{{1, 0}, 2, 8, 10}, {{1, 0}, 2, 7, 20}};
    ck_assert_str_eq(found_by_embeddings(other_space, 2, query), "0:1.0/1.0 1:0.1/0.1");
    const Embedded other_size[] = {{{1, 0}, 1, 7, 10}, {{1, 0}, 2, 7, 20}};
    ck_assert_str_eq(found_by_embeddings(other_size, 2, query), "0:1.0/1.0 1:0.1/0.1");
    const Embedded newer_lacks[] = {{{0, 1}, 2, 7, 10}, {{0.6F, 0.8F}, 2, 7, 20}, {{1}, 1, 9, 60}};
    ck_assert_str_eq(found_by_embeddings(newer_lacks, 3, now), "1:0.6/0.1 0:0.0/1.0");
    ck_assert_str_eq(found_by_embeddings(all, 3, (Embedded){.time_us = 50}), "0:1.0/1.0 2:0.1/0.1 1:0.1/0.1");
}
END_TEST

UNIT_TESTS("retrieval", nearest_first_and_newer_first, nothing_newer_than_the_query, shared_names,
           equals_brute_force, by_embeddings)
