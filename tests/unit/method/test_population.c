/* SPDX-License-Identifier: MIT */
#include "lib/method/population.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

#define USERS 12
#define KEYS 40
#define QUESTIONS 10

static const rpmd_text classes[] = {{"no", 2}, {"yes", 3}};

/* What a user feeds in: counts by key and class, and answers by question (0: none, else class plus 1). */
typedef struct Fed {
    uint32_t counts[KEYS][2];
    uint32_t answers[QUESTIONS];
} Fed;

static Fed random_fed(uint64_t *state)
{
    Fed fed = {0};
    for (uint64_t key = 0; key < KEYS; key++)
        for (size_t c = 0; c < 2; c++)
            if (fixture_random(state, 3) == 0)
                fed.counts[key][c] = 1 + fixture_random(state, 5);
    for (uint64_t question = 0; question < QUESTIONS; question++)
        fed.answers[question] = fixture_random(state, 3);
    return fed;
}

static void feed(Population *population, uint64_t user, const Fed *before, const Fed *after)
{
    static const Fed nothing;
    PoolCellChange cells[KEYS * 2];
    PoolVoteChange votes[QUESTIONS];
    size_t cell_count = 0, vote_count = 0;
    before = before ? before : &nothing;
    after = after ? after : &nothing;
    for (uint64_t key = 0; key < KEYS; key++)
        for (size_t c = 0; c < 2; c++)
            if (before->counts[key][c] != after->counts[key][c])
                cells[cell_count++] =
                    (PoolCellChange){key, classes[c], (int64_t)after->counts[key][c] - before->counts[key][c],
                                     (after->counts[key][c] > 0) - (before->counts[key][c] > 0)};
    for (uint64_t question = 0; question < QUESTIONS; question++)
        if (before->answers[question] != after->answers[question])
            votes[vote_count++] = (PoolVoteChange){
                question, after->answers[question] ? classes[after->answers[question] - 1] : (rpmd_text){0}};
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    pool_change_write(&bytes, cells, cell_count, votes, vote_count);
    ck_assert(population_apply(population, user, (rpmd_text){bytes.data, bytes.length}));
}

static Share *share_of(const Fed *fed)
{
    ShareBuilder builder;
    share_builder_begin(&builder, NULL, 0);
    /* Another numbering than the population's. */
    uint32_t numbers[] = {0, share_builder_class(&builder, classes[1])};
    numbers[0] = share_builder_class(&builder, classes[0]);
    for (uint64_t key = 0; key < KEYS; key++)
        for (size_t c = 0; c < 2; c++)
            share_builder_add(&builder, key, numbers[c], (int32_t)fed->counts[key][c]);
    return share_builder_finish(&builder);
}

/* What a view must say, added up over the users that are in. */
static void assert_sum_of_rest(const Population *population, const Fed *fed[USERS], size_t viewer,
                               uint32_t minimum)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Share *own = fed[viewer] ? share_of(fed[viewer]) : NULL;
    PopulationView view = {population, own, viewer, minimum};
    PopulationClasses numbered = population_classes(&arena, &view, classes, 2);
    for (uint64_t key = 0; key < KEYS; key++) {
        uint32_t sums[2], expected[2] = {0};
        for (size_t c = 0; c < 2; c++) {
            uint32_t users = 0, sum = 0;
            for (size_t u = 0; u < USERS; u++) {
                uint32_t count = u != viewer && fed[u] ? fed[u]->counts[key][c] : 0;
                users += count > 0;
                sum += count;
            }
            expected[c] = users >= minimum ? sum : 0;
            ck_assert_uint_eq(population_count(&view, key, classes[c]), expected[c]);
        }
        ck_assert_int_eq(population_counts(&view, key, &numbered, sums), expected[0] + expected[1] > 0);
        ck_assert_uint_eq(sums[0], expected[0]);
        ck_assert_uint_eq(sums[1], expected[1]);
    }
    for (uint64_t question = 0; question < QUESTIONS; question++) {
        size_t count, expected = 0, others = 0;
        const PopulationVote *votes = population_votes(&view, question, &count);
        for (size_t u = 0; u < USERS; u++) {
            bool is_there = fed[u] && fed[u]->answers[question] > 0;
            expected += is_there;
            others += is_there && u != viewer;
        }
        ck_assert_uint_eq(count, others >= minimum ? expected : 0);
        for (size_t v = 0; v < count; v++) {
            const Fed *voter = fed[votes[v].user];
            ck_assert_uint_eq(votes[v].answer,
                              population_answer(population, classes[voter->answers[question] - 1]));
            ck_assert(v == 0 || vote_order(votes[v - 1].user, votes[v].user) < 0);
        }
    }
    share_unref(own);
}

START_TEST(changes_leave_the_sum_of_the_rest)
{
    uint64_t state = 3;
    Population *population = population_new();
    Fed made[USERS];
    const Fed *fed[USERS] = {0};
    for (size_t change = 0; change < 300; change++) {
        size_t user = fixture_random(&state, USERS);
        Fed after = random_fed(&state);
        bool leaves = fixture_random(&state, 3) == 0;
        feed(population, user, fed[user], leaves ? NULL : &after);
        made[user] = after;
        fed[user] = leaves ? NULL : &made[user];
        assert_sum_of_rest(population, fed, fixture_random(&state, USERS), fixture_random(&state, 5));
    }
    for (size_t user = 0; user < USERS; user++) {
        feed(population, user, fed[user], NULL);
        fed[user] = NULL;
    }
    assert_sum_of_rest(population, fed, 0, 0);
    population_free(population);
    population_free(NULL);
}
END_TEST

START_TEST(few_users_are_no_population)
{
    Population *population = population_new();
    Fed fed = {0};
    fed.counts[5][0] = 7;
    fed.answers[9] = 2;
    Share *share = share_of(&fed);
    size_t count;
    for (uint64_t user = 1; user <= 3; user++)
        feed(population, user, NULL, &fed);
    PopulationView stranger = {population, NULL, 8, 3}, member = {population, share, 1, 3};
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
    share_unref(share);
    population_free(population);
}
END_TEST

START_TEST(users_who_come_and_go_take_no_memory)
{
    Population *population = population_new();
    size_t first = 0;
    for (uint64_t round = 0; round < 20000; round++) {
        PoolCellChange cell = {round * 7919 + 1, classes[0], 1, 1};
        for (int step = 0; step < 2; step++) {
            _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
            pool_change_write(&bytes, &cell, 1, NULL, 0);
            ck_assert(population_apply(population, 1, (rpmd_text){bytes.data, bytes.length}));
            cell.count = cell.users = -1;
        }
        if (round == 0)
            first = population_bytes(population);
    }
    ck_assert_uint_eq(population_bytes(population), first);
    population_free(population);
}
END_TEST

START_TEST(broken_changes_are_refused)
{
    Population *population = population_new();
    ck_assert(population_apply(population, 1, (rpmd_text){0}));
    ck_assert(!population_apply(population, 1, text_of("no change")));
    ck_assert_uint_eq(population_count(&(PopulationView){.population = population}, 5, classes[0]), 0);
    population_free(population);
}
END_TEST

UNIT_TESTS("population", changes_leave_the_sum_of_the_rest, few_users_are_no_population,
           users_who_come_and_go_take_no_memory, broken_changes_are_refused)
