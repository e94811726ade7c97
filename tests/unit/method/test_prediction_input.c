/* SPDX-License-Identifier: MIT */
#include "tests/unit/method/prediction_fixture.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static const rpmd_text labels[] = {{"classic", 7}, {"action", 6}, {"romance", 7}};
static const ModelTask label_task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 3, .extractor_version = {"1", 1}};
static const ModelTask ordinal_task = {
    .answer_kind = RPMD_ANSWER_ORDINAL, .ordinal_min = 1, .ordinal_max = 5, .extractor_version = {"1", 1}};
static const ModelTask option_task = {.answer_kind = RPMD_ANSWER_OPTIONS, .extractor_version = {"1", 1}};

static const FixtureItem films[] = {
    {.query = "a war in winter", .answer = "classic", .features = "war|winter"},
    {.query = "the war and the general", .answer = "classic", .features = "war"},
    {.query = "a wedding by the sea", .answer = "romance", .features = "wedding"},
    {.query = "one more war", .answer = "action", .features = "war"},
    {.query = "a second wedding", .answer = "romance", .features = "wedding"},
};

START_TEST(one_item_is_enough)
{
    UserModel *model = fixture_model(&label_task, films, 1);
    FixtureCase fixture;
    fixture_case_init(&fixture, model, &(FixtureItem){.query = "anything", .features = ""}, 3, NULL);
    const PredictionCase *prediction = &fixture.prediction;
    ck_assert_uint_eq(prediction->input.candidate_count, 3);
    ck_assert_str_eq(prediction->candidates[prediction->result.answer].answer.data, "classic");
    fixture_case_finish(&fixture);
    user_model_unref(model);
}
END_TEST

START_TEST(factors_and_examples_are_gathered)
{
    UserModel *model = fixture_model(&label_task, films, ARRAY_SIZE(films));
    FixtureCase fixture;
    fixture_case_init(&fixture, model, &(FixtureItem){.query = "their wedding", .features = "wedding"}, 2,
                      NULL);
    const PredictionInput *input = &fixture.prediction.input;
    ck_assert_uint_eq(input->own[0], 2);
    ck_assert_uint_eq(input->own_items, 5);
    ck_assert_uint_eq(input->factor_count, 1);
    ck_assert_uint_eq(input->factors[0].items, 2);
    ck_assert_uint_eq(input->factors[0].chosen[2], 2);
    ck_assert_uint_eq(input->example_count, 2);
    ck_assert_uint_eq(input->examples[0].candidate, 2);
    ck_assert_ptr_null(input->others);
    ck_assert_str_eq(fixture.prediction.candidates[fixture.prediction.result.answer].answer.data, "romance");
    fixture_case_finish(&fixture);
    user_model_unref(model);
}
END_TEST

START_TEST(a_feature_may_be_called_like_a_label)
{
    UserModel *model = fixture_model(&label_task, films, 1);
    FixtureCase fixture;
    fixture_case_init(&fixture, model,
                      &(FixtureItem){.query = "x", .features = "an action film|actions|roman|classic"}, 3,
                      NULL);
    const PredictionInput *input = &fixture.prediction.input;
    ck_assert_uint_eq(input->named_count, 2);
    ck_assert_uint_eq(input->named[0].candidate, 1);
    ck_assert_uint_eq(input->named[1].candidate, 0);
    fixture_case_finish(&fixture);
    user_model_unref(model);
}
END_TEST

START_TEST(tone_is_what_the_features_say_together)
{
    AnalyzedFeature features[] = {{.polarity = 1, .strength = 1}, {.polarity = -1, .strength = 1}};
    ck_assert_double_eq(prediction_tone(features, 0), 0);
    ck_assert_double_eq(prediction_tone(features, 2), 0);
    ck_assert_double_gt(prediction_tone(features, 1), 0.5);
    ck_assert_double_lt(prediction_tone(features + 1, 1), -0.5);

    static const FixtureItem reviews[] = {
        {.query = "good sound good build", .answer = "5", .features = "+sound|+build"},
        {.query = "bad sound bad build", .answer = "2", .features = "-sound|-build"},
        {.query = "great sound and case", .answer = "5", .features = "+sound|+case"},
        {.query = "poor case", .answer = "1", .features = "-case"},
    };
    UserModel *model = fixture_model(&ordinal_task, reviews, ARRAY_SIZE(reviews));
    FixtureCase good, bad;
    fixture_case_init(&good, model, &(FixtureItem){.query = "fine lid", .features = "+lid|+hinge"}, 3, NULL);
    fixture_case_init(&bad, model, &(FixtureItem){.query = "awful lid", .features = "-lid|-hinge"}, 3, NULL);
    ck_assert_uint_eq(good.prediction.input.candidate_count, 5);
    ck_assert_double_gt(good.prediction.input.tone, 0);
    ck_assert_double_gt(good.prediction.input.tone_near[4], 1.5);
    ck_assert_str_eq(good.prediction.candidates[good.prediction.result.answer].answer.data, "5");
    ck_assert_uint_le(bad.prediction.result.answer, 1);
    fixture_case_finish(&good);
    fixture_case_finish(&bad);
    user_model_unref(model);
}
END_TEST

/* ---- options and votes ---- */

static const rpmd_text yes_no[] = {{"Yes", 3}, {"No", 2}, {"Refused", 7}};
static const AnswerClass yes_no_classes[] = {
    {{"agrees", 6}, 1}, {{"disagrees", 9}, -1}, {{"no answer", 9}, NAN}};
#define YES_NO .options = yes_no, .option_classes = yes_no_classes, .option_count = 3

static const FixtureItem opinions[] = {
    {.query = "more parks?", .answer = "No", .answer_class = "disagrees", .features = "parks", YES_NO},
    {.query = "more roads?", .answer = "No", .answer_class = "disagrees", .features = "roads", YES_NO},
    {.query = "more schools?", .answer = "Yes", .answer_class = "agrees", .features = "schools", YES_NO},
};

START_TEST(options_are_counted_by_their_class)
{
    UserModel *model = fixture_model(&option_task, opinions, ARRAY_SIZE(opinions));
    FixtureCase fixture;
    fixture_case_init(&fixture, model, &(FixtureItem){.query = "more trams?", .features = "roads", YES_NO}, 3,
                      NULL);
    const PredictionInput *input = &fixture.prediction.input;
    ck_assert_uint_eq(input->candidate_count, 3);
    ck_assert_uint_eq(input->own[1], 2);
    ck_assert_uint_eq(input->own_offered[2], 3);
    ck_assert_uint_eq(input->own_items, 3);
    ck_assert_str_eq(fixture.prediction.candidates[fixture.prediction.result.answer].answer.data, "No");
    fixture_case_finish(&fixture);
    user_model_unref(model);
}
END_TEST

/* Users 1 to 4 answered "more trams?", and agree or not with `opinions`. */
static Population *crowd(bool one_more)
{
    Population *population = population_new();
    for (uint64_t user = 1; user <= 4 + (one_more ? 1u : 0u); user++) {
        bool alike = user <= 2;
        FixtureItem items[] = {
            {.query = "more parks?",
             .answer = alike ? "No" : "Yes",
             .answer_class = alike ? "disagrees" : "agrees",
             .features = "parks",
             YES_NO},
            {.query = "more roads?",
             .answer = alike ? "No" : "Yes",
             .answer_class = alike ? "disagrees" : "agrees",
             .features = "roads",
             YES_NO},
            {.query = "more trams?",
             .answer = alike ? "Refused" : "Yes",
             .answer_class = alike ? "no answer" : "agrees",
             .features = "trams",
             YES_NO},
        };
        UserModel *model = fixture_model(&option_task, items, ARRAY_SIZE(items));
        fixture_feed(population, user, NULL, model);
        if (user == 5)
            fixture_feed(population, user, model, NULL);
        user_model_unref(model);
    }
    return population;
}

START_TEST(votes_count_by_earlier_agreement)
{
    Population *population = crowd(false);
    UserModel *model = fixture_model(&option_task, opinions, ARRAY_SIZE(opinions));
    PopulationView view = {.population = population, .user = 9, .minimum_users = 3};
    FixtureCase fixture;
    const FixtureItem query = {.query = "More trams?", .features = "trams", YES_NO};
    fixture_case_init(&fixture, model, &query, 3, &view);
    ck_assert_uint_eq(fixture.prediction.voters, 4);
    /* Two voters each way, but those who refused agreed with this user before. */
    ck_assert_double_gt(fixture.prediction.input.votes[2], fixture.prediction.input.votes[0]);
    ck_assert_double_eq(fixture.prediction.input.votes[1], 0);
    fixture_case_finish(&fixture);

    view.minimum_users = 5;
    fixture_case_init(&fixture, model, &query, 3, &view);
    ck_assert_ptr_null(fixture.prediction.input.votes);
    ck_assert_uint_eq(fixture.prediction.voters, 0);
    fixture_case_finish(&fixture);
    user_model_unref(model);
    population_free(population);
}
END_TEST

START_TEST(of_many_voters_a_sample_is_looked_at)
{
    Population *population = population_new();
    UserModel *model = fixture_model(&option_task, opinions, ARRAY_SIZE(opinions));
    uint64_t question = population_question(text_of("more trams?"), yes_no, 3);
    const size_t users = 3 * PREDICTION_VOTERS;
    for (uint64_t user = 1; user <= users; user++) {
        /* Those who agree with the user about parks want trams. */
        bool alike = user % 3 == 0;
        uint64_t parks = population_question(text_of("more parks?"), yes_no, 3);
        population_load_vote(population, parks, user, text_of(alike ? "No" : "Yes"));
        population_load_vote(population, question, user, text_of(alike ? "Yes" : "Refused"));
    }
    PopulationView view = {.population = population, .user = 9000, .minimum_users = 3};
    FixtureCase fixture;
    const FixtureItem query = {.query = "More trams?", .features = "trams", YES_NO};
    fixture_case_init(&fixture, model, &query, 3, &view);
    ck_assert_uint_eq(fixture.prediction.voters, PREDICTION_VOTERS);
    /* About a third of the sample, with more weight each. */
    ck_assert_double_gt(fixture.prediction.input.votes[0], PREDICTION_VOTERS / 5.0);
    ck_assert_double_gt(fixture.prediction.input.votes[2], 0);
    ck_assert_double_eq(fixture.prediction.input.votes[1], 0);
    fixture_case_finish(&fixture);
    user_model_unref(model);
    population_free(population);
}
END_TEST

START_TEST(who_left_the_population_leaves_no_trace)
{
    Population *without = crowd(false), *again = crowd(true);
    UserModel *model = fixture_model(&option_task, opinions, ARRAY_SIZE(opinions));
    const FixtureItem query = {.query = "more trams?", .features = "trams|roads", YES_NO};
    PopulationView view = {.population = without, .user = 9, .minimum_users = 2};
    FixtureCase first, second;
    fixture_case_init(&first, model, &query, 3, &view);
    view.population = again;
    fixture_case_init(&second, model, &query, 3, &view);
    ck_assert_mem_eq(first.prediction.result.probabilities, second.prediction.result.probabilities,
                     3 * sizeof(double));
    ck_assert_uint_gt(first.prediction.input.pooled_count, 0);
    ck_assert_uint_eq(first.prediction.input.pooled_count, second.prediction.input.pooled_count);
    fixture_case_finish(&first);
    fixture_case_finish(&second);
    user_model_unref(model);
    population_free(without);
    population_free(again);
}
END_TEST

START_TEST(cells_of_few_users_change_nothing)
{
    Population *population = crowd(false);
    UserModel *model = fixture_model(&option_task, opinions, ARRAY_SIZE(opinions));
    const FixtureItem query = {.query = "more trams?", .features = "trams|roads", YES_NO};
    PopulationView view = {.population = population, .user = 9, .minimum_users = 5};
    FixtureCase hidden, off;
    fixture_case_init(&hidden, model, &query, 3, &view);
    fixture_case_init(&off, model, &query, 3, NULL);
    ck_assert_mem_eq(hidden.prediction.result.probabilities, off.prediction.result.probabilities,
                     3 * sizeof(double));
    fixture_case_finish(&hidden);
    fixture_case_finish(&off);
    user_model_unref(model);
    population_free(population);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prediction_input");
    TCase *test_case = tcase_create("prediction_input");
    tcase_add_test(test_case, one_item_is_enough);
    tcase_add_test(test_case, factors_and_examples_are_gathered);
    tcase_add_test(test_case, a_feature_may_be_called_like_a_label);
    tcase_add_test(test_case, tone_is_what_the_features_say_together);
    tcase_add_test(test_case, options_are_counted_by_their_class);
    tcase_add_test(test_case, votes_count_by_earlier_agreement);
    tcase_add_test(test_case, of_many_voters_a_sample_is_looked_at);
    tcase_add_test(test_case, who_left_the_population_leaves_no_trace);
    tcase_add_test(test_case, cells_of_few_users_change_nothing);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
