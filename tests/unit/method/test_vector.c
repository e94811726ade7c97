/* SPDX-License-Identifier: MIT */
#include "lib/method/vector.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/item.h"
#include "tests/unit/unit.h"

static Arena arena;
static Tokenizer *tokenizer;

static FeatureVector vector_of(const char *name, const char *context, const char *category, float polarity)
{
    AnalyzedFeature feature = {.name = text_of(name),
                               .context = text_of(context),
                               .category = text_of(category),
                               .polarity = polarity};
    return feature_vector_of_key(&arena, tokenizer, &feature);
}

static double cosine(FeatureVector a, FeatureVector b)
{
    return feature_vector_cosine(&a, &b);
}

static void assert_normal(FeatureVector vector)
{
    double squares = 0;
    for (uint32_t i = 0; i < vector.count; i++) {
        ck_assert_float_gt(vector.weights[i], 0);
        ck_assert(i == 0 || vector.terms[i - 1] < vector.terms[i]);
        squares += (double)vector.weights[i] * (double)vector.weights[i];
    }
    ck_assert_double_eq_tol(squares, 1, 1e-5);
}

START_TEST(cosines)
{
    tokenizer = tokenizer_new();
    FeatureVector robot = vector_of("robot", "", "theme", 0);
    ck_assert_uint_eq(robot.count, 3); /* the stem, the whole name, the category */
    assert_normal(robot);
    assert_normal(vector_of("a very long name of robots", "robots and other robots", "theme", 0.5F));
    ck_assert_double_eq_tol(cosine(robot, robot), 1, 1e-6);
    /* Shared are the stem (1) and the category (0.15), of 2.15. */
    ck_assert_double_eq_tol(cosine(robot, vector_of("robots", "", "theme", 0)), 1.15 / 2.15, 1e-6);
    ck_assert_double_eq_tol(cosine(robot, vector_of("robot", "", "theme", -1)), 1.15 / 2.15, 1e-6);
    ck_assert_double_eq_tol(cosine(robot, vector_of("love", "", "theme", 0)), 0.15 / 2.15, 1e-6);
    ck_assert_double_eq(cosine(robot, vector_of("love", "", "plot", 0)), 0);
    ck_assert_double_eq(cosine(robot, (FeatureVector){0}), 0);
    ck_assert_uint_eq(feature_vector(&arena, tokenizer, NULL, 0).count, 0);
    AnalyzedFeature twice[2] = {{.name = text_of("robot")}, {.name = text_of("robot")}};
    FeatureVector one = feature_vector(&arena, tokenizer, twice, 1);
    FeatureVector two = feature_vector(&arena, tokenizer, twice, 2);
    ck_assert_double_eq_tol(cosine(one, two), 1, 1e-6);
    assert_normal(two);
    /* The words a feature was found in join it with another that was found in them. */
    AnalyzedFeature machine = {.name = text_of("artificial intelligence"), .category = text_of("theme")};
    AnalyzedFeature robots = {.name = text_of("robot"), .category = text_of("character")};
    rpmd_text evidence[] = {text_of("killer robot"), text_of("robot")};
    FeatureVector first = feature_vector_of_history(&arena, tokenizer, &machine, evidence, 2);
    FeatureVector second = feature_vector_of_history(&arena, tokenizer, &robots, evidence, 1);
    assert_normal(first);
    ck_assert_double_gt(cosine(first, second), 0.3);
    tokenizer_free(tokenizer);
    arena_finish(&arena);
}
END_TEST

START_TEST(keys)
{
    AnalyzedFeature feature = {.name = text_of("look"), .category = text_of("aspect"), .polarity = -0.3F};
    rpmd_text key = feature_key(&arena, &feature);
    FeatureKeyParts parts = feature_key_parts(key);
    ck_assert(text_equal_string(parts.name, "look"));
    ck_assert(text_equal_string(parts.category, "aspect"));
    ck_assert_int_eq(parts.sign, -1);
    feature.polarity = 0.05F;
    feature.category = (rpmd_text){0};
    parts = feature_key_parts(feature_key(&arena, &feature));
    ck_assert_int_eq(parts.sign, 0);
    ck_assert_uint_eq(parts.category.length, 0);
    ck_assert_int_eq(feature_sign(FEATURE_POLARITY_THRESHOLD), 1);
    ck_assert(text_equal_string(feature_key_parts(text_of("no key")).name, "no key"));
    ck_assert_uint_eq(feature_key_parts((rpmd_text){0}).name.length, 0);
    arena_finish(&arena);
}
END_TEST

UNIT_TESTS("vector", cosines, keys)
