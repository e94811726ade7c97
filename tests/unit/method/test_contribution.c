/* SPDX-License-Identifier: MIT */
#include "lib/method/contribution.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

static const rpmd_text labels[] = {{"no", 2}, {"yes", 3}};
static const ModelTask task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 2, .extractor_version = {"1", 1}};
static const ModelTask open = {.answer_kind = RPMD_ANSWER_TEXT, .extractor_version = {"1", 1}};

START_TEST(every_item_word_and_feature_counts)
{
    const FixtureItem items[] = {{.query = "the robot", .answer = "yes", .features = "robot"},
                                 {.query = "The Robot", .answer = "no", .features = "robot|robot"},
                                 {.query = "robots robots", .answer = NULL, .features = "robot"}};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *model = fixture_model(&task, items, 3);
    ContributionChange change = contribution_change(&arena, NULL, model);
    /* Every item, the word and the feature, each for "no" and "yes"; the item without an answer has none. */
    ck_assert_uint_eq(change.cell_count, 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(change.cells[i].count, 1);
        ck_assert_int_eq(change.cells[i].users, 1);
    }
    ck_assert_uint_eq(change.cells[0].key, POPULATION_EVERY_ITEM);
    ck_assert_uint_eq(change.vote_count, 1); /* the newest of two answers to one question */
    ck_assert(text_equal_string(change.votes[0].answer, "no"));
    ck_assert_uint_eq(contribution_count(model, POPULATION_EVERY_ITEM, labels[1]), 1);
    ck_assert_uint_eq(contribution_count(model, 77, labels[1]), 0);
    ck_assert_uint_eq(contribution_count(model, POPULATION_EVERY_ITEM, text_of("perhaps")), 0);
    user_model_unref(model);
    model = fixture_model(&open, items, 3);
    change = contribution_change(&arena, NULL, model);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
    user_model_unref(model);
}
END_TEST

START_TEST(a_change_says_what_begins_and_ends)
{
    const FixtureItem items[] = {{.query = "the robot", .answer = "yes", .features = ""},
                                 {.query = "the robot", .answer = "yes", .features = ""},
                                 {.query = "a castle", .answer = "no", .features = ""}};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *two = fixture_model(&task, items, 2), *three = fixture_model(&task, items, 3);
    UserModel *one = user_model_remove(two, &task, 1);
    ContributionChange change = contribution_change(&arena, two, one);
    ck_assert_uint_eq(change.cell_count, 2);
    ck_assert_int_eq(change.cells[0].count, -1);
    ck_assert_int_eq(change.cells[0].users, 0); /* the other item still feeds the cell */
    ck_assert_uint_eq(change.vote_count, 0);
    change = contribution_change(&arena, two, three);
    ck_assert_uint_eq(change.cell_count, 2);
    ck_assert_int_eq(change.cells[0].users, 1);
    ck_assert(text_equal_string(change.cells[0].answer_class, "no"));
    ck_assert_uint_eq(change.vote_count, 1);
    change = contribution_change(&arena, one, NULL);
    ck_assert_uint_eq(change.cell_count, 2);
    ck_assert_int_eq(change.cells[1].count, -1);
    ck_assert_int_eq(change.cells[1].users, -1);
    ck_assert_uint_eq(change.vote_count, 1);
    ck_assert_uint_eq(change.votes[0].answer.length, 0);
    change = contribution_change(&arena, three, three);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
    change = contribution_change(&arena, NULL, NULL);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
    user_model_unref(one);
    user_model_unref(two);
    user_model_unref(three);
}
END_TEST

START_TEST(a_question_is_its_text_and_its_options)
{
    ck_assert_uint_eq(
        population_question(text_of("the robot"), labels, 2),
        population_question(text_of("THE robot"), (const rpmd_text[]){labels[1], labels[0]}, 2));
    ck_assert_uint_ne(population_question(text_of("the robot"), labels, 2),
                      population_question(text_of("the robot"), labels, 1));
}
END_TEST

UNIT_TESTS("contribution", every_item_word_and_feature_counts, a_change_says_what_begins_and_ends,
           a_question_is_its_text_and_its_options)
