/* SPDX-License-Identifier: MIT */
#include "lib/method/prediction.h"
#include "tests/unit/method/prediction_fixture.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static Arena arena;

static void setup(void)
{
    arena = ARENA_INIT;
}

static void teardown(void)
{
    arena_finish(&arena);
}

static Prediction predict(const PredictionInput *input)
{
    Prediction prediction;
    prediction_make(input, &arena, &prediction);
    return prediction;
}

START_TEST(without_evidence_the_users_answers_decide)
{
    const uint32_t own[] = {1, 3};
    PredictionInput input = {.kind = RPMD_ANSWER_LABELS, .candidate_count = 2, .own = own, .own_items = 4};
    Prediction prediction = predict(&input);
    /* (3 + 3 / 2) / (4 + 3) */
    ck_assert_double_eq_tol(prediction.probabilities[1], 4.5 / 7, 1e-12);
    ck_assert_double_eq_tol(prediction.probabilities[0], 2.5 / 7, 1e-12);
    ck_assert_uint_eq(prediction.answer, 1);
    ck_assert_uint_eq(prediction.runner_up, 0);
    ck_assert_uint_eq(prediction.contribution_count, 1);
    ck_assert_int_eq(prediction.contributions[0].source, PREDICTION_PRIOR);
    ck_assert_double_eq_tol(prediction.contributions[0].shift, log(4.5 / 2.5), 1e-12);
}
END_TEST

START_TEST(the_population_helps_a_user_of_few_items)
{
    const uint32_t own[] = {1, 0}, others[] = {1, 7};
    PredictionInput input = {
        .kind = RPMD_ANSWER_LABELS, .candidate_count = 2, .own = own, .own_items = 1, .others = others};
    Prediction prediction = predict(&input);
    /* others: 2 / 10 and 8 / 10; the user's: (1 + 3 * 0.2) / 4 and 3 * 0.8 / 4 */
    ck_assert_double_eq_tol(prediction.probabilities[0], 1.6 / 4, 1e-12);
    ck_assert_uint_eq(prediction.answer, 1);
    ck_assert_uint_eq(prediction.contribution_count, 2);
    ck_assert_int_eq(prediction.contributions[0].source, PREDICTION_OTHERS);
    ck_assert_double_gt(prediction.contributions[0].shift, 0);
    ck_assert_double_lt(prediction.contributions[1].shift, 0);
}
END_TEST

START_TEST(equal_candidates_keep_their_order)
{
    const uint32_t own[] = {2, 2, 2};
    PredictionInput input = {.kind = RPMD_ANSWER_LABELS, .candidate_count = 3, .own = own, .own_items = 6};
    Prediction prediction = predict(&input);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(prediction.ranking[i], i);
    ck_assert_uint_eq(prediction.answer, 0);
    ck_assert_uint_eq(prediction.runner_up, 1);
    ck_assert_uint_eq(prediction.contribution_count, 0);
}
END_TEST

START_TEST(one_candidate_is_certain)
{
    const uint32_t own[] = {0};
    PredictionInput input = {
        .kind = RPMD_ANSWER_OPTIONS, .candidate_count = 1, .own = own, .own_offered = own};
    Prediction prediction = predict(&input);
    ck_assert_double_eq_tol(prediction.probabilities[0], 1, 1e-12);
    ck_assert_uint_eq(prediction.answer, 0);
    ck_assert_uint_eq(prediction.runner_up, 0);
}
END_TEST

START_TEST(ordinal_answers_take_the_median)
{
    const uint32_t own[] = {30, 0, 31, 0, 39};
    PredictionInput input = {.kind = RPMD_ANSWER_ORDINAL, .candidate_count = 5, .own = own, .own_items = 100};
    Prediction prediction = predict(&input);
    ck_assert_uint_eq(prediction.ranking[0], 4);
    ck_assert_uint_eq(prediction.answer, 2);
    ck_assert_uint_eq(prediction.runner_up, 4);
}
END_TEST

START_TEST(a_favourable_tone_raises_the_answer)
{
    const uint32_t own[] = {0, 2, 2, 2, 0};
    const double near[5] = {0};
    PredictionInput input = {.kind = RPMD_ANSWER_ORDINAL,
                             .candidate_count = 5,
                             .own = own,
                             .own_items = 6,
                             .tone_near = near,
                             .tone = 1};
    ck_assert_uint_ge(predict(&input).answer, 2);
    double good = predict(&input).probabilities[3];
    input.tone = -1;
    ck_assert_double_lt(predict(&input).probabilities[3], good);
    ck_assert_uint_le(predict(&input).answer, 2);
}
END_TEST

START_TEST(options_count_against_the_items_that_offer_them)
{
    /* The first class was chosen every time it was offered, the second seldom. */
    const uint32_t own[] = {5, 10}, offered[] = {5, 60};
    PredictionInput input = {.kind = RPMD_ANSWER_OPTIONS,
                             .candidate_count = 2,
                             .own = own,
                             .own_offered = offered,
                             .own_items = 60};
    ck_assert_uint_eq(predict(&input).answer, 0);
}
END_TEST

START_TEST(each_kind_of_evidence_moves_the_answer)
{
    const uint32_t own[] = {5, 5}, chosen[] = {1, 5}, pooled_chosen[] = {3, 30};
    const PredictionFactor factor = {.chosen = chosen, .items = 6};
    const PredictionPooled pooled = {.chosen = pooled_chosen, .weight = 1};
    const PredictionNamed named = {.candidate = 1, .strength = 1};
    const PredictionExample example = {.candidate = 1, .similarity = 0.8};
    const double votes[] = {0, 3};
    const PredictionInput base = {
        .kind = RPMD_ANSWER_LABELS, .candidate_count = 2, .own = own, .own_items = 10};
    PredictionInput inputs[5] = {base, base, base, base, base};
    inputs[0].factors = &factor, inputs[0].factor_count = 1;
    inputs[1].pooled = &pooled, inputs[1].pooled_count = 1;
    inputs[2].named = &named, inputs[2].named_count = 1;
    inputs[3].examples = &example, inputs[3].example_count = 1;
    inputs[4].votes = votes;
    const PredictionSource sources[] = {PREDICTION_FACTOR, PREDICTION_POOLED, PREDICTION_NAMED,
                                        PREDICTION_EXAMPLE, PREDICTION_VOTES};
    for (size_t i = 0; i < 5; i++) {
        Prediction prediction = predict(&inputs[i]);
        ck_assert_uint_eq(prediction.answer, 1);
        ck_assert_uint_eq(prediction.contribution_count, 1);
        ck_assert_int_eq(prediction.contributions[0].source, sources[i]);
        ck_assert_double_gt(prediction.contributions[0].shift, 0);
    }
}
END_TEST

START_TEST(what_may_not_be_known_moves_nothing)
{
    const uint32_t own[] = {5, 5, 5}, hidden[] = {0, 0, 0}, half[] = {9, 0, 0};
    PredictionPooled pooled = {.chosen = hidden, .weight = 1};
    PredictionInput input = {.kind = RPMD_ANSWER_LABELS,
                             .candidate_count = 3,
                             .own = own,
                             .own_items = 15,
                             .pooled = &pooled,
                             .pooled_count = 1};
    ck_assert_uint_eq(predict(&input).contribution_count, 0);
    pooled.chosen = half;
    Prediction prediction = predict(&input);
    ck_assert_double_eq_tol(prediction.probabilities[1], prediction.probabilities[2], 1e-12);
    ck_assert_uint_eq(prediction.answer, 0);
}
END_TEST

/* A random input of up to 6 candidates; its arrays live in the arena. */
static PredictionInput random_input(uint64_t *state)
{
    static const rpmd_answer_kind kinds[] = {RPMD_ANSWER_LABELS, RPMD_ANSWER_ORDINAL, RPMD_ANSWER_OPTIONS};
    size_t count = 1 + fixture_random(state, 6);
    PredictionInput input = {.kind = kinds[fixture_random(state, 3)], .candidate_count = count};
    uint32_t *own = ARENA_ARRAY(&arena, uint32_t, count), *offered = ARENA_ARRAY(&arena, uint32_t, count);
    uint32_t *others = ARENA_ARRAY(&arena, uint32_t, count), *met = ARENA_ARRAY(&arena, uint32_t, count);
    double *near = ARENA_ARRAY(&arena, double, count), *votes = ARENA_ARRAY(&arena, double, count);
    for (size_t i = 0; i < count; i++) {
        met[i] = fixture_random(state, 4);
        own[i] = met[i] + fixture_random(state, 5);
        input.own_items += own[i];
        others[i] = fixture_random(state, 50);
        near[i] = fixture_random(state, 10) / 4.0;
        votes[i] = fixture_random(state, 3);
    }
    for (size_t i = 0; i < count; i++)
        offered[i] = own[i] + fixture_random(state, 5);
    PredictionFactor *factor = ARENA_NEW(&arena, PredictionFactor);
    *factor = (PredictionFactor){.chosen = met, .items = input.own_items};
    PredictionPooled *pooled = ARENA_NEW(&arena, PredictionPooled);
    *pooled = (PredictionPooled){.chosen = others, .weight = 1};
    PredictionExample *example = ARENA_NEW(&arena, PredictionExample);
    *example = (PredictionExample){
        .candidate = fixture_random(state, 4) ? fixture_random(state, (uint32_t)count) : PREDICTION_NONE,
        .similarity = fixture_random(state, 100) / 100.0};
    input.own = own;
    input.own_offered = input.kind == RPMD_ANSWER_OPTIONS ? offered : NULL;
    input.others = fixture_random(state, 2) ? others : NULL;
    input.tone = fixture_random(state, 5) - 2.0;
    input.tone_near = near;
    input.factors = factor, input.factor_count = fixture_random(state, 2);
    input.pooled = pooled, input.pooled_count = fixture_random(state, 2);
    input.examples = example, input.example_count = fixture_random(state, 2);
    input.votes = fixture_random(state, 2) ? votes : NULL;
    return input;
}

/* Whatever is counted: a distribution, and contributions that add up to the odds. */
START_TEST(contributions_add_up_to_the_odds)
{
    uint64_t state = 1;
    for (int round = 0; round < 2000; round++) {
        PredictionInput input = random_input(&state);
        Prediction prediction = predict(&input);
        double sum = 0, shift = 0;
        for (size_t i = 0; i < input.candidate_count; i++) {
            ck_assert(prediction.probabilities[i] > 0 && prediction.probabilities[i] <= 1);
            sum += prediction.probabilities[i];
            if (i > 0)
                ck_assert_double_ge(prediction.probabilities[prediction.ranking[i - 1]],
                                    prediction.probabilities[prediction.ranking[i]]);
        }
        ck_assert_double_eq_tol(sum, 1, 1e-9);
        for (size_t i = 0; i < prediction.contribution_count; i++) {
            shift += prediction.contributions[i].shift;
            if (i > 0)
                ck_assert_double_ge(fabs(prediction.contributions[i - 1].shift),
                                    fabs(prediction.contributions[i].shift));
        }
        ck_assert_double_eq_tol(
            shift,
            log(prediction.probabilities[prediction.answer] / prediction.probabilities[prediction.runner_up]),
            1e-9);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prediction");
    TCase *test_case = tcase_create("prediction");
    tcase_add_checked_fixture(test_case, setup, teardown);
    tcase_add_test(test_case, without_evidence_the_users_answers_decide);
    tcase_add_test(test_case, the_population_helps_a_user_of_few_items);
    tcase_add_test(test_case, equal_candidates_keep_their_order);
    tcase_add_test(test_case, one_candidate_is_certain);
    tcase_add_test(test_case, ordinal_answers_take_the_median);
    tcase_add_test(test_case, a_favourable_tone_raises_the_answer);
    tcase_add_test(test_case, options_count_against_the_items_that_offer_them);
    tcase_add_test(test_case, each_kind_of_evidence_moves_the_answer);
    tcase_add_test(test_case, what_may_not_be_known_moves_nothing);
    tcase_add_test(test_case, contributions_add_up_to_the_odds);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
