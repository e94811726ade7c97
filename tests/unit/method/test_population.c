/* SPDX-License-Identifier: MIT */
#include "lib/method/population.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

#define USERS 12
#define KEYS 40
#define QUESTIONS 10

static const rpmd_text classes[] = {{"no", 2}, {"yes", 3}};

/* A share that a user may have: cells by key and class, votes by question. */
static Contribution random_share(uint64_t *state, Arena *arena)
{
    Contribution share = {.cells = ARENA_ARRAY(arena, ContributionCell, KEYS * 2),
                          .votes = ARENA_ARRAY(arena, ContributionVote, QUESTIONS)};
    for (uint64_t key = 0; key < KEYS; key++)
        for (size_t c = 0; c < 2; c++)
            if (fixture_random(state, 3) == 0)
                share.cells[share.cell_count++] =
                    (ContributionCell){key, classes[c], 1 + fixture_random(state, 5)};
    for (uint64_t question = 0; question < QUESTIONS; question++)
        if (fixture_random(state, 2))
            share.votes[share.vote_count++] = (ContributionVote){question, classes[fixture_random(state, 2)]};
    return share;
}

static const ContributionCell *cell_of(const Contribution *share, uint64_t key, rpmd_text answer_class)
{
    for (size_t i = 0; share && i < share->cell_count; i++)
        if (share->cells[i].key == key && text_equal(share->cells[i].answer_class, answer_class))
            return &share->cells[i];
    return NULL;
}

/* What a view must say, added up over the shares that are in. */
static void assert_sum_of_rest(const Population *population, const Contribution *shares[USERS], size_t viewer,
                               uint32_t minimum)
{
    PopulationView view = {population, shares[viewer], viewer, minimum};
    for (uint64_t key = 0; key < KEYS; key++) {
        uint32_t sums[2], expected[2] = {0};
        for (size_t c = 0; c < 2; c++) {
            uint32_t users = 0, sum = 0;
            for (size_t u = 0; u < USERS; u++) {
                const ContributionCell *cell = u != viewer ? cell_of(shares[u], key, classes[c]) : NULL;
                users += cell != NULL;
                sum += cell ? cell->count : 0;
            }
            expected[c] = users >= minimum ? sum : 0;
            ck_assert_uint_eq(population_count(&view, key, classes[c]), expected[c]);
        }
        ck_assert_int_eq(population_counts(&view, key, classes, 2, sums), expected[0] + expected[1] > 0);
        ck_assert_uint_eq(sums[0], expected[0]);
        ck_assert_uint_eq(sums[1], expected[1]);
    }
    for (uint64_t question = 0; question < QUESTIONS; question++) {
        size_t count, expected = 0, others = 0;
        const PopulationVote *votes = population_votes(&view, question, &count);
        for (size_t u = 0; u < USERS; u++)
            for (size_t v = 0; shares[u] && v < shares[u]->vote_count; v++)
                if (shares[u]->votes[v].question == question) {
                    if (votes && expected < count) {
                        ck_assert_uint_eq(votes[expected].user, u);
                        ck_assert(text_equal(votes[expected].answer, shares[u]->votes[v].answer));
                    }
                    expected++;
                    others += u != viewer;
                }
        ck_assert_uint_eq(count, others >= minimum ? expected : 0);
    }
}

START_TEST(replacing_leaves_the_sum_of_the_rest)
{
    uint64_t state = 3;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Population *population = population_new();
    Contribution made[USERS];
    const Contribution *shares[USERS] = {0};
    for (size_t change = 0; change < 300; change++) {
        size_t user = fixture_random(&state, USERS);
        Contribution after = random_share(&state, &arena);
        bool leaves = fixture_random(&state, 3) == 0;
        population_replace(population, user, shares[user], leaves ? NULL : &after);
        made[user] = after;
        shares[user] = leaves ? NULL : &made[user];
        assert_sum_of_rest(population, shares, fixture_random(&state, USERS), fixture_random(&state, 5));
    }
    for (size_t user = 0; user < USERS; user++) {
        population_replace(population, user, shares[user], NULL);
        shares[user] = NULL;
    }
    assert_sum_of_rest(population, shares, 0, 0);
    population_free(population);
    population_free(NULL);
}
END_TEST

START_TEST(few_users_are_no_population)
{
    Population *population = population_new();
    ContributionCell cell = {5, classes[0], 7};
    ContributionVote vote = {9, classes[1]};
    Contribution share = {&cell, 1, &vote, 1};
    size_t count;
    for (uint64_t user = 1; user <= 3; user++)
        population_replace(population, user, NULL, &share);
    PopulationView stranger = {population, NULL, 8, 3}, member = {population, &share, 1, 3};
    ck_assert_uint_eq(population_count(&stranger, 5, classes[0]), 21);
    ck_assert_uint_eq(population_count(&member, 5, classes[0]), 0);
    ck_assert_ptr_nonnull(population_votes(&stranger, 9, &count));
    ck_assert_uint_eq(count, 3);
    ck_assert_ptr_null(population_votes(&member, 9, &count));
    member.minimum_users = 2;
    ck_assert_uint_eq(population_count(&member, 5, classes[0]), 14);
    ck_assert_ptr_nonnull(population_votes(&member, 9, &count));
    ck_assert_uint_eq(population_count(&stranger, 5, classes[1]), 0);
    ck_assert_ptr_null(population_votes(&stranger, 10, &count));
    PopulationView nobody = {.minimum_users = 0};
    ck_assert_uint_eq(population_count(&nobody, 5, classes[0]), 0);
    ck_assert_ptr_null(population_votes(&nobody, 9, &count));
    population_free(population);
}
END_TEST

START_TEST(users_who_come_and_go_take_no_memory)
{
    Population *population = population_new();
    size_t first = 0;
    for (uint64_t round = 0; round < 20000; round++) {
        ContributionCell cell = {round * 7919 + 1, classes[0], 1};
        Contribution share = {.cells = &cell, .cell_count = 1};
        population_replace(population, 1, NULL, &share);
        population_replace(population, 1, &share, NULL);
        if (round == 0)
            first = population_bytes(population);
    }
    ck_assert_uint_eq(population_bytes(population), first);
    population_free(population);
}
END_TEST

START_TEST(differences)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ContributionCell old_cells[] = {{1, classes[0], 2}, {1, classes[1], 3}, {4, classes[0], 1}};
    ContributionCell new_cells[] = {{1, classes[0], 5}, {1, classes[1], 3}, {3, classes[0], 2}};
    ContributionVote old_votes[] = {{1, classes[0]}, {2, classes[0]}, {3, classes[0]}};
    ContributionVote new_votes[] = {{2, classes[0]}, {3, classes[1]}, {4, classes[1]}};
    Contribution before = {old_cells, 3, old_votes, 3}, after = {new_cells, 3, new_votes, 3};
    ContributionChange change = contribution_difference(&arena, &before, &after);
    ck_assert_uint_eq(change.cell_count, 3);
    ck_assert_int_eq(change.cells[0].change, 3);
    ck_assert_uint_eq(change.cells[1].key, 3);
    ck_assert_int_eq(change.cells[1].change, 2);
    ck_assert_uint_eq(change.cells[2].key, 4);
    ck_assert_int_eq(change.cells[2].change, -1);
    ck_assert_uint_eq(change.vote_count, 3);
    ck_assert_uint_eq(change.votes[0].question, 1);
    ck_assert_uint_eq(change.votes[0].answer.length, 0);
    ck_assert(text_equal(change.votes[1].answer, classes[1]));
    ck_assert_uint_eq(change.votes[2].question, 4);
    change = contribution_difference(&arena, &before, &before);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
}
END_TEST

START_TEST(shares_of_models)
{
    const ModelTask labels = {.answer_kind = RPMD_ANSWER_LABELS,
                              .labels = classes,
                              .label_count = 2,
                              .extractor_version = {"1", 1}};
    const ModelTask open = {.answer_kind = RPMD_ANSWER_TEXT, .extractor_version = {"1", 1}};
    const FixtureItem items[] = {{.query = "the robot", .answer = "yes", .features = "robot"},
                                 {.query = "The  Robot", .answer = "no", .features = "robot|robot"},
                                 {.query = "robots robots", .answer = NULL, .features = "robot"}};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *model = fixture_model(&labels, items, 3);
    Contribution share = contribution_of_model(&arena, model);
    /* Every item, the word and the feature, each for "no" and "yes"; the item without an answer has none. */
    ck_assert_uint_eq(share.cell_count, 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_uint_eq(share.cells[i].count, 1);
    ck_assert_uint_eq(share.cells[0].key, POPULATION_EVERY_ITEM);
    ck_assert(text_equal_string(share.cells[0].answer_class, "no"));
    ck_assert_uint_eq(
        population_question(text_of("the robot"), classes, 2),
        population_question(text_of("THE robot"), (const rpmd_text[]){classes[1], classes[0]}, 2));
    ck_assert_uint_ne(population_question(text_of("the robot"), classes, 2),
                      population_question(text_of("the robot"), classes, 1));
    user_model_unref(model);
    model = fixture_model(&labels, (const FixtureItem[]){items[0], items[0], items[1]}, 2);
    share = contribution_of_model(&arena, model);
    ck_assert_uint_eq(share.vote_count, 1); /* the newest of two answers to one question */
    ck_assert_uint_eq(share.cells[0].count, 2);
    user_model_unref(model);
    model = fixture_model(&open, items, 3);
    share = contribution_of_model(&arena, model);
    ck_assert_uint_eq(share.cell_count + share.vote_count, 0);
    user_model_unref(model);
}
END_TEST

UNIT_TESTS("population", replacing_leaves_the_sum_of_the_rest, few_users_are_no_population,
           users_who_come_and_go_take_no_memory, differences, shares_of_models)
