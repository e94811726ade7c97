/* SPDX-License-Identifier: MIT */
#include "lib/method/statistics.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

static const rpmd_text labels[] = {{"comedy", 6}, {"drama", 5}, {"war", 3}};
static const ModelTask label_task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 3, .extractor_version = {"1", 1}};
static const ModelTask text_task = {.answer_kind = RPMD_ANSWER_TEXT, .extractor_version = {"1", 1}};

static const FixtureItem tagged[] = {
    {.query = "robot love", .answer = "comedy", .features = "robot|love"},
    {.query = "robot", .answer = "comedy", .features = "robot"},
    {.query = "robot soldier", .answer = "war", .features = "robot|soldier"},
    {.query = "love soldier", .answer = "drama", .features = "love|soldier"},
    {.query = "soldier", .answer = "war", .features = "soldier"},
};

static uint32_t factor_of(const UserModel *model, const char *name)
{
    for (uint32_t f = 0; f < model->factor_count; f++) {
        const Factor *factor = factor_set_get(model->factors, f);
        for (size_t m = 0; m < factor->member_count; m++)
            if (text_equal_string(feature_key_parts(factor->members[m]).name, name))
                return f;
    }
    ck_abort_msg("no factor has %s", name);
    return 0;
}

static uint32_t class_of(const UserModel *model, const char *name)
{
    return user_model_class(model, text_of(name));
}

START_TEST(counts_and_propensity)
{
    UserModel *model = fixture_model(&label_task, tagged, ARRAY_SIZE(tagged));
    uint32_t robot = factor_of(model, "robot"), love = factor_of(model, "love");
    uint32_t comedy = class_of(model, "comedy"), war = class_of(model, "war");
    ck_assert_uint_eq(model->item_count, 5);
    ck_assert_uint_eq(statistics_items(model, FACTOR_ALL, NULL), 5);
    ck_assert_uint_eq(statistics_items(model, robot, NULL), 3);
    ck_assert_uint_eq(statistics_items(model, love, NULL), 2);
    ck_assert_uint_eq(statistics_count(model, robot, comedy, NULL), 2);
    ck_assert_uint_eq(statistics_count(model, FACTOR_ALL, war, NULL), 2);
    ck_assert_uint_eq(statistics_count(model, robot, CLASS_NONE, NULL), 0);
    /* The paper's formula: 2 of 3. */
    ck_assert_double_eq_tol(statistics_propensity(model, robot, comedy, 0, NULL), 2.0 / 3, 1e-12);
    /* Smoothed with alpha 2 and pi = 2/5: (2 + 0.8) / (3 + 2). */
    ck_assert_double_eq_tol(statistics_propensity(model, robot, comedy, 2, NULL), 2.8 / 5, 1e-12);
    ck_assert_double_eq_tol(statistics_propensity(model, FACTOR_ALL, comedy, 2, NULL), 0.4, 1e-12);
    double sum = 0;
    for (uint32_t c = 0; c < model->class_count; c++)
        sum += statistics_propensity(model, robot, c, 1.5, NULL);
    ck_assert_double_eq_tol(sum, 1, 1e-12);
    user_model_unref(model);
}
END_TEST

START_TEST(leave_one_out_is_the_history_without_the_item)
{
    UserModel *model = fixture_model(&label_task, tagged, ARRAY_SIZE(tagged));
    const ModelEntry *first = user_model_find(model, text_of("item-1"));
    uint32_t robot = factor_of(model, "robot"), love = factor_of(model, "love");
    uint32_t comedy = class_of(model, "comedy");
    ck_assert_uint_eq(statistics_items(model, FACTOR_ALL, first), 4);
    ck_assert_uint_eq(statistics_count(model, FACTOR_ALL, comedy, first), 1);
    ck_assert_uint_eq(statistics_items(model, robot, first), 2);
    ck_assert_uint_eq(statistics_count(model, robot, comedy, first), 1);
    ck_assert_uint_eq(statistics_count(model, love, comedy, first), 0);
    /* pi is 1/4 without the item: (1 + 0.25) / (2 + 1). */
    ck_assert_double_eq_tol(statistics_propensity(model, robot, comedy, 1, first), 1.25 / 3, 1e-12);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelEntry *entry = model->entries[e];
        UserModel *rest = user_model_remove(model, &label_task, entry->item->number);
        for (uint32_t f = 0; f < model->factor_count; f++) {
            FactorCounts without = statistics_factor(model, f, entry);
            ck_assert_mem_eq(&without, &rest->counts[f], sizeof(without));
            for (uint32_t c = 0; c < model->class_count; c++)
                ck_assert_double_eq(statistics_propensity(model, f, c, 0.7, entry),
                                    statistics_propensity(rest, f, c, 0.7, NULL));
        }
        user_model_unref(rest);
    }
    user_model_unref(model);
}
END_TEST

START_TEST(nothing_known)
{
    const FixtureItem one[] = {{.query = "a", .answer = "war", .features = "robot"},
                               {.query = "b", .answer = "war", .features = "robot"}};
    UserModel *both = fixture_model(&label_task, one, 2);
    UserModel *single = user_model_remove(both, &label_task, 2);
    UserModel *empty = user_model_remove(single, &label_task, 1);
    const ModelEntry *only = single->entries[0];
    ck_assert_uint_eq(single->factor_count, 1);
    ck_assert_uint_eq(statistics_items(single, 0, only), 0);
    /* No item is left: every class is alike, smoothed or not. */
    ck_assert_double_eq_tol(statistics_propensity(single, 0, 0, 0, only), 1.0 / 3, 1e-12);
    ck_assert_double_eq_tol(statistics_propensity(single, 0, 0, 2, only), 1.0 / 3, 1e-12);
    ck_assert_double_eq_tol(statistics_propensity(empty, 0, 1, 0, NULL), 1.0 / 3, 1e-12);
    ck_assert_double_eq_tol(statistics_propensity(empty, FACTOR_ALL, 1, 0, NULL), 1.0 / 3, 1e-12);
    ck_assert_uint_eq(empty->item_count, 0);
    user_model_unref(empty);
    user_model_unref(single);
    user_model_unref(both);

    UserModel *nobody = fixture_model(&label_task, NULL, 0);
    ck_assert_uint_eq(nobody->factor_count, 0);
    ck_assert_uint_eq(nobody->entry_count, 0);
    user_model_unref(nobody);

    /* n_F = 0 with alpha 0 falls back to pi: the factor's items are gone, others are there. */
    const FixtureItem three[] = {{.query = "a", .answer = "war", .features = "robot"},
                                 {.query = "b", .answer = "war", .features = "robot"},
                                 {.query = "c", .answer = "comedy", .features = ""}};
    UserModel *model = fixture_model(&label_task, three, 3);
    UserModel *less = user_model_remove(model, &label_task, 1);
    UserModel *least = user_model_remove(less, &label_task, 2);
    ck_assert_double_eq(statistics_propensity(least, 0, class_of(least, "comedy"), 0, NULL), 1);
    ck_assert_double_eq(statistics_propensity(least, 0, class_of(least, "war"), 0, NULL), 0);
    user_model_unref(least);
    user_model_unref(less);
    user_model_unref(model);
}
END_TEST

START_TEST(coverage_influence_polarity)
{
    const FixtureItem items[] = {{.query = "robot love", .answer = "x", .features = "!robot|love"},
                                 {.query = "robot love", .answer = "y", .features = "!robot|robot"},
                                 {.query = "robot love", .answer = "z", .features = "robot|!love"},
                                 {.query = "robot love", .answer = NULL, .features = "!robot|!love"}};
    UserModel *model = fixture_model(&text_task, items, 4);
    FactorCounts robot = statistics_factor(model, factor_of(model, "robot"), NULL);
    ck_assert_uint_eq(model->class_count, 0);
    ck_assert_uint_eq(model->item_count, 3); /* without an answer an item takes no part */
    ck_assert_uint_eq(model->failed_count, 1);
    ck_assert_uint_eq(robot.items, 3); /* the second item meets it once, by two features */
    ck_assert_uint_eq(robot.influence, 2);
    ck_assert_uint_eq(robot.positive, 2);
    ck_assert_uint_eq(robot.neutral + robot.negative, 0);
    robot = statistics_factor(model, factor_of(model, "robot"), user_model_find(model, text_of("item-2")));
    ck_assert_uint_eq(robot.items, 2);
    ck_assert_uint_eq(robot.influence, 1);
    /* An item that takes no part has nothing to leave out. */
    robot = statistics_factor(model, factor_of(model, "robot"), user_model_find(model, text_of("item-4")));
    ck_assert_uint_eq(robot.items, 3);
    ck_assert_ptr_null(user_model_find(model, text_of("item-5")));
    user_model_unref(model);
}
END_TEST

START_TEST(every_judgement_counts_once)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    AnalyzedFeature features[5] = {0};
    for (int j = 0; j < 5; j++)
        features[j] = (AnalyzedFeature){.name = text_of("robot"), .judgement = (FeatureJudgement)j};
    Analysis analysis = {.features = features, .feature_count = 5, .has_answer = true};
    ModelItem *items[2];
    for (uint64_t i = 0; i < 2; i++)
        items[i] = model_item_new(
            &(ModelItemInput){.number = i, .analysis = &analysis, .extractor_version = text_of("1")},
            tokenizer);
    UserModel *model = user_model_build(&text_task, items, 2, NULL);
    ck_assert_uint_eq(model->factor_count, 1);
    FactorCounts counts = statistics_factor(model, 0, NULL);
    FactorCounts without = statistics_factor(model, 0, model->entries[1]);
    ck_assert_mem_eq(&counts, &((FactorCounts){2, 6, 2, 2, 2}), sizeof(counts));
    ck_assert_mem_eq(&without, &((FactorCounts){1, 3, 1, 1, 1}), sizeof(without));
    user_model_unref(model);
    model_item_unref(items[0]);
    model_item_unref(items[1]);
}
END_TEST

UNIT_TESTS("statistics", counts_and_propensity, leave_one_out_is_the_history_without_the_item, nothing_known,
           coverage_influence_polarity, every_judgement_counts_once)
