/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

static const StoreFactorSet no_factors;

static StoreReply *publish(const char *task, const char *user, StorePublish publish)
{
    StoreReply *loaded = load_model(&fixture, task, user);
    expect_ok(loaded);
    publish.task = T(task);
    publish.user = T(user);
    publish.user_number = loaded->model.user.number;
    publish.base_version = loaded->model.user.model_version;
    publish.factors = &no_factors;
    return ANSWER(&fixture, store_model_publish(fixture.store, &publish, on_reply, &fixture));
}

static StoreReply *population(const char *task)
{
    StoreLoadPopulation request = {.task = T(task)};
    return ANSWER(&fixture, store_population_load(fixture.store, &request, on_reply, &fixture));
}

/* Cells of a task whose count or users differ from the users' shares; must be none. */
static const char invariant[] =
    "WITH summed (task, key, answer_class, count, users) AS ("
    "  SELECT task, key, answer_class, sum(count), count(*) FROM share JOIN user USING (user)"
    "  GROUP BY task, key, answer_class) "
    "SELECT (SELECT count(*) FROM (SELECT * FROM cell EXCEPT SELECT * FROM summed))"
    "     + (SELECT count(*) FROM (SELECT * FROM summed EXCEPT SELECT * FROM cell))"
    "     + (SELECT count(*) FROM cell WHERE users = 0 OR count = 0)";

static void expect_invariant(void)
{
    Status status;
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, invariant), 0);
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}

START_TEST(shares_add_up)
{
    put_one(&fixture, "tags", "ann", "1", "q", "r", 1);
    put_one(&fixture, "tags", "bob", "1", "q", "r", 1);
    const uint64_t high = UINT64_MAX - 1;
    const StoreCellChange ann[] = {{high, T("a"), 2}, {7, T("a"), 1}, {7, T("b"), 1}, {8, T("x"), 0}};
    const StoreCellChange bob[] = {{high, T("a"), 3}, {7, T("b"), 4}};
    expect_ok(publish("tags", "ann", (StorePublish){.feeds_pool = true, .cells = ann, .cell_count = 4}));
    expect_ok(publish("tags", "bob", (StorePublish){.feeds_pool = true, .cells = bob, .cell_count = 2}));
    StorePopulation *pool = &population("tags")->population;
    ck_assert_uint_eq(pool->cell_count, 3);
    ck_assert_uint_eq(pool->cells[0].key, high);
    ck_assert_uint_eq(pool->cells[0].count, 5);
    ck_assert_uint_eq(pool->cells[0].users, 2);
    expect_text(pool->cells[2].answer_class, "b");
    ck_assert_uint_eq(pool->cells[2].count, 5);
    ck_assert_uint_eq(population("other")->population.cell_count, 0);

    const StoreCellChange change[] = {{high, T("a"), -2}, {7, T("a"), 1}, {9, T("a"), 1}};
    expect_ok(publish("tags", "ann", (StorePublish){.feeds_pool = true, .cells = change, .cell_count = 3}));
    pool = &population("tags")->population;
    ck_assert_uint_eq(pool->cell_count, 4);
    ck_assert_uint_eq(pool->cells[0].count, 3);
    ck_assert_uint_eq(pool->cells[0].users, 1);

    const StoreCellChange below[] = {{7, T("a"), -3}};
    expect_refused(
        publish("tags", "ann", (StorePublish){.feeds_pool = true, .cells = below, .cell_count = 1}),
        STATUS_INVALID_ARGUMENT, "is 2 and cannot change by -3");
    expect_ok(publish(
        "tags", "ann",
        (StorePublish){.feeds_pool = true, .replace_population = true, .cells = bob, .cell_count = 1}));
    pool = &population("tags")->population;
    ck_assert_uint_eq(pool->cell_count, 2);
    ck_assert_uint_eq(pool->cells[0].count, 6);
    ck_assert_uint_eq(pool->cells[1].count, 4);
    expect_invariant();

    expect_ok(publish("tags", "bob", (StorePublish){.feeds_pool = false, .cells = bob, .cell_count = 2}));
    ck_assert(!load_model(&fixture, "tags", "bob")->model.user.feeds_pool);
    pool = &population("tags")->population;
    ck_assert_uint_eq(pool->cell_count, 1);
    ck_assert_uint_eq(pool->cells[0].count, 3);
    expect_ok(erase(&fixture, "tags", "ann"));
    ck_assert_uint_eq(population("tags")->population.cell_count, 0);
    expect_invariant();
}
END_TEST

START_TEST(votes_are_set_and_withdrawn)
{
    put_one(&fixture, "opinions", "ann", "1", "q", "r", 1);
    put_one(&fixture, "opinions", "bob", "1", "q", "r", 1);
    const StoreVoteChange votes[] = {{2, T("yes")}, {1, T("no")}, {2, T("maybe")}};
    expect_ok(
        publish("opinions", "bob", (StorePublish){.feeds_pool = true, .votes = votes, .vote_count = 3}));
    expect_ok(
        publish("opinions", "ann", (StorePublish){.feeds_pool = true, .votes = votes, .vote_count = 1}));
    uint64_t ann = load_model(&fixture, "opinions", "ann")->model.user.number;
    StorePopulation *pool = &population("opinions")->population;
    ck_assert_uint_eq(pool->vote_count, 3);
    ck_assert_uint_eq(pool->votes[0].user, ann);
    ck_assert_uint_eq(pool->votes[0].question, 2);
    expect_text(pool->votes[0].answer, "yes");
    ck_assert_uint_eq(pool->votes[1].question, 1);
    expect_text(pool->votes[2].answer, "maybe");
    const StoreVoteChange withdrawn[] = {{1, T("")}, {5, T("")}};
    expect_ok(
        publish("opinions", "bob", (StorePublish){.feeds_pool = true, .votes = withdrawn, .vote_count = 2}));
    ck_assert_uint_eq(population("opinions")->population.vote_count, 2);
    expect_ok(publish(
        "opinions", "bob",
        (StorePublish){.feeds_pool = true, .replace_votes = true, .votes = votes + 1, .vote_count = 1}));
    pool = &population("opinions")->population;
    ck_assert_uint_eq(pool->vote_count, 2);
    expect_text(pool->votes[1].answer, "no");
    expect_ok(publish("opinions", "bob", (StorePublish){.feeds_pool = false}));
    ck_assert_uint_eq(population("opinions")->population.vote_count, 1);
    expect_ok(erase(&fixture, "", "ann"));
    ck_assert_uint_eq(population("opinions")->population.vote_count, 0);
}
END_TEST

static uint64_t seed = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static void do_something(int step)
{
    static const char *const tasks[] = {"tags", "opinions"};
    static const char *const names[] = {"ann", "bob", "cid", "dan"};
    static const char *const classes[] = {"a", "b", "c"};
    const char *task = tasks[draw(2)], *user = names[draw(4)];
    char id[16];
    snprintf(id, sizeof(id), "%d", step);
    if (draw(12) == 0) {
        erase(&fixture, draw(3) ? task : "", user);
        return;
    }
    expect_ok(put_one(&fixture, task, user, id, "q", "r", 0));
    StoreCellChange cells[6];
    size_t count = draw(ARRAY_SIZE(cells) + 1);
    bool replace = draw(4) == 0;
    for (size_t i = 0; i < count; i++)
        cells[i] = (StoreCellChange){draw(5), T(classes[draw(3)]), (int64_t)draw(5) - (replace ? 0 : 2)};
    StorePublish request = {
        .feeds_pool = draw(10) != 0, .replace_population = replace, .cells = cells, .cell_count = count};
    StoreReply *reply = publish(task, user, request);
    if (!status_is_ok(&reply->status)) /* a share would have gone below zero: the whole request is undone */
        expect_refused(reply, STATUS_INVALID_ARGUMENT, "cannot change by -");
}

START_TEST(the_pool_is_the_sum_of_the_shares_whatever_happens)
{
    for (int step = 0; step < 600; step++) {
        do_something(step);
        if (step % 60 == 59)
            expect_invariant();
    }
    ck_assert_uint_gt(population("tags")->population.cell_count, 0);
    static const char *const names[] = {"ann", "bob", "cid", "dan"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        erase(&fixture, "", names[i]);
    ck_assert_uint_eq(population("tags")->population.cell_count, 0);
    expect_invariant();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("population");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, shares_add_up);
    tcase_add_test(tests, votes_are_set_and_withdrawn);
    tcase_add_test(tests, the_pool_is_the_sum_of_the_shares_whatever_happens);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
