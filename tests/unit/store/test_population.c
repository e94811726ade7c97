/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

#include "lib/base/buffer.h"
#include "lib/method/pool_change.h"

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

static const rpmd_text no_factors = {"", 0};

static StoreReply *publish(const char *task, const char *user, const PoolCellChange *cells, size_t cell_count,
                           const PoolVoteChange *votes, size_t vote_count)
{
    _cleanup_buffer_ Buffer change = BUFFER_INIT;
    pool_change_write(&change, cells, cell_count, votes, vote_count);
    return publish_over(&fixture, task, user,
                        (StorePublish){.factors = &no_factors,
                                       .feeds_pool = true,
                                       .pool_change = {change.data, change.length}});
}

static StoreReply *population(const char *task)
{
    StoreLoadPopulation request = {.task = T(task)};
    StoreReply *reply = ANSWER(&fixture, store_population_load(fixture.store, &request, on_reply, &fixture));
    expect_ok(reply);
    return reply;
}

/* Lets the keeper fold all there is. */
static void await_fold(void)
{
    for (int i = 0; i < 500; i++) {
        fixture_close(&fixture);
        int64_t left = peek(&fixture, "SELECT count(*) FROM pool_change");
        Status status;
        ck_assert_int_eq(fixture_open(&fixture, &status), 0);
        if (left == 0)
            return;
        usleep(20000);
    }
    ck_abort_msg("changes are left");
}

START_TEST(shares_add_up)
{
    put_one(&fixture, "tags", "ann", "1", "q", "r", 1);
    put_one(&fixture, "tags", "bob", "1", "q", "r", 1);
    const uint64_t high = UINT64_MAX - 1;
    const PoolCellChange ann[] = {{high, T("a"), 2, 1}, {7, T("a"), 1, 1}, {7, T("b"), 1, 1}};
    const PoolCellChange bob[] = {{high, T("a"), 3, 1}, {7, T("b"), 4, 1}};
    StoreReply *reply = publish("tags", "ann", ann, 3, NULL, 0);
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.last_change, 1);
    reply = publish("tags", "bob", bob, 2, NULL, 0);
    ck_assert_uint_eq(reply->published.last_change, 2);
    for (int folded = 0; folded < 2; folded++) {
        StorePopulation *pool = &population("tags")->population;
        ck_assert_uint_eq(pool->last_change, 2);
        ck_assert_uint_eq(pool->cell_count, 3);
        ck_assert_uint_eq(pool->cells[0].key, high);
        ck_assert_uint_eq(pool->cells[0].count, 5);
        ck_assert_uint_eq(pool->cells[0].users, 2);
        expect_text(pool->cells[1].answer_class, "a");
        expect_text(pool->cells[2].answer_class, "b");
        ck_assert_uint_eq(pool->cells[2].count, 5);
        ck_assert_uint_eq(population("other")->population.cell_count, 0);
        await_fold();
    }
    const PoolCellChange change[] = {{high, T("a"), -2, -1}, {7, T("a"), 1, 0}, {9, T("a"), 1, 1}};
    reply = publish("tags", "ann", change, 3, NULL, 0);
    ck_assert_uint_eq(reply->published.last_change, 3);
    reply = publish("tags", "ann", NULL, 0, NULL, 0);
    ck_assert_uint_eq(reply->published.last_change, 0);
    for (int folded = 0; folded < 2; folded++) {
        StorePopulation *pool = &population("tags")->population;
        ck_assert_uint_eq(pool->last_change, 3);
        ck_assert_uint_eq(pool->cell_count, 4);
        ck_assert_uint_eq(pool->cells[0].count, 3);
        ck_assert_uint_eq(pool->cells[0].users, 1);
        ck_assert_uint_eq(pool->cells[1].count, 2);
        await_fold();
    }
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM cell"), 4);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

START_TEST(votes_are_set_and_withdrawn)
{
    put_one(&fixture, "opinions", "ann", "1", "q", "r", 1);
    put_one(&fixture, "opinions", "bob", "1", "q", "r", 1);
    const PoolVoteChange votes[] = {{2, T("yes")}, {1, T("no")}, {2, T("maybe")}};
    expect_ok(publish("opinions", "bob", NULL, 0, votes, 3));
    expect_ok(publish("opinions", "ann", NULL, 0, votes, 1));
    uint64_t ann = load_model(&fixture, "opinions", "ann")->model.user.number;
    for (int folded = 0; folded < 2; folded++) {
        StorePopulation *pool = &population("opinions")->population;
        ck_assert_uint_eq(pool->vote_count, 3);
        ck_assert_uint_eq(pool->votes[0].user, ann);
        ck_assert_uint_eq(pool->votes[0].question, 2);
        expect_text(pool->votes[0].answer, "yes");
        ck_assert_uint_eq(pool->votes[1].question, 1);
        expect_text(pool->votes[2].answer, "maybe");
        await_fold();
    }
    const PoolVoteChange withdrawn[] = {{1, T("")}, {5, T("")}};
    expect_ok(publish("opinions", "bob", NULL, 0, withdrawn, 2));
    ck_assert_uint_eq(population("opinions")->population.vote_count, 2);
    /* An erasure that names no votes takes those that were folded all the same. */
    StoreReply *reply = erase(&fixture, "opinions", "ann");
    expect_ok(reply);
    await_erasure(&fixture, reply->erased.erasure);
    StorePopulation *pool = &population("opinions")->population;
    ck_assert_uint_eq(pool->vote_count, 1);
    expect_text(pool->votes[0].answer, "maybe");
}
END_TEST

/* ---- random changes against a recount from scratch ---- */

static uint64_t seed = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

#define USERS 5
#define KEYS 400
#define CLASSES 3
#define QUESTIONS 50

static const char *const names[USERS] = {"ann", "bob", "cid", "dan", "eve"};
static const char *const classes[CLASSES] = {"a", "b", "longer than a few bytes"};

/* What each user feeds. */
static struct {
    bool is_there;
    int64_t counts[KEYS][CLASSES];
    int votes[QUESTIONS]; /* 0: none; else 1 + class */
} shares[USERS];

static uint64_t key_of(size_t key)
{
    return key * 0x9e3779b97f4a7c15u; /* numbers of all 64 bits */
}

typedef struct Change {
    PoolCellChange cells[KEYS * CLASSES];
    size_t cell_count;
    PoolVoteChange votes[QUESTIONS];
    size_t vote_count;
} Change;

static void set_count(Change *change, size_t user, size_t key, size_t class, int64_t count)
{
    int64_t *old = &shares[user].counts[key][class];
    if (*old == count)
        return;
    change->cells[change->cell_count++] =
        (PoolCellChange){key_of(key), T(classes[class]), count - *old, (count > 0) - (*old > 0)};
    *old = count;
}

static void set_vote(Change *change, size_t user, size_t question, int vote)
{
    shares[user].votes[question] = vote;
    change->votes[change->vote_count++] = (PoolVoteChange){question, vote ? T(classes[vote - 1]) : T("")};
}

static void erase_share(size_t user)
{
    static Change change;
    change.cell_count = change.vote_count = 0;
    for (size_t key = 0; key < KEYS; key++)
        for (size_t class = 0; class < CLASSES; class ++)
            set_count(&change, user, key, class, 0);
    for (size_t question = 0; question < QUESTIONS; question++)
        if (shares[user].votes[question])
            set_vote(&change, user, question, 0);
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    pool_change_write(&bytes, change.cells, change.cell_count, change.votes, change.vote_count);
    StoreEraseUser request = {
        .task = T("tags"), .user = T(names[user]), .pool_change = {bytes.data, bytes.length}};
    expect_ok(ANSWER(&fixture, store_erase_user(fixture.store, &request, on_reply, &fixture)));
    shares[user].is_there = false;
}

static void change_share(size_t user)
{
    static Change change;
    change.cell_count = change.vote_count = 0;
    if (!shares[user].is_there)
        expect_ok(put_one(&fixture, "tags", names[user], "1", "q", "r", 1));
    shares[user].is_there = true;
    bool large = draw(6) == 0; /* more than one slice */
    for (size_t key = 0; key < KEYS; key++)
        for (size_t class = 0; class < CLASSES; class ++)
            if (draw(large ? 2 : 200) == 0)
                set_count(&change, user, key, class, (int64_t)draw(4));
    for (size_t question = 0; question < QUESTIONS; question++)
        if (draw(10) == 0)
            set_vote(&change, user, question, (int)draw(CLASSES + 1));
    expect_ok(publish("tags", names[user], change.cells, change.cell_count, change.votes, change.vote_count));
}

/* Whether a cell says what the shares add up to. */
static bool is_right(const StoreCell *cell)
{
    size_t key = 0, class = 0;
    int64_t count = 0, users = 0;
    while (key < KEYS && key_of(key) != cell->key)
        key++;
    while (class < CLASSES && !text_equal_string(cell->answer_class, classes[class]))
        class ++;
    if (key == KEYS || class == CLASSES)
        return false;
    for (size_t user = 0; user < USERS; user++) {
        count += shares[user].counts[key][class];
        users += shares[user].counts[key][class] > 0;
    }
    return count > 0 && (int64_t)cell->count == count && (int64_t)cell->users == users;
}

static bool is_before(const StoreCell *a, const StoreCell *b)
{
    if (a->key != b->key)
        return (int64_t)a->key < (int64_t)b->key;
    return text_compare(a->answer_class, b->answer_class) < 0;
}

static void expect_population(void)
{
    const StorePopulation *pool = &population("tags")->population;
    size_t right = 0, in_order = 0, cells = 0, votes = 0;
    for (size_t i = 0; i < pool->cell_count; i++) {
        right += is_right(&pool->cells[i]);
        in_order += i == 0 || is_before(&pool->cells[i - 1], &pool->cells[i]); /* and so none twice */
    }
    for (size_t key = 0; key < KEYS; key++)
        for (size_t class = 0; class < CLASSES; class ++) {
            int64_t count = 0;
            for (size_t user = 0; user < USERS; user++)
                count += shares[user].counts[key][class];
            cells += count > 0;
        }
    for (size_t user = 0; user < USERS; user++)
        for (size_t question = 0; question < QUESTIONS; question++)
            votes += shares[user].votes[question] != 0;
    ck_assert_uint_eq(pool->cell_count, cells);
    ck_assert_uint_eq(right, cells);
    ck_assert_uint_eq(in_order, cells);
    ck_assert_uint_eq(pool->vote_count, votes);
}

START_TEST(the_pool_is_the_sum_of_the_shares_whatever_happens)
{
    for (int step = 0; step < 400; step++) {
        size_t user = draw(USERS);
        if (shares[user].is_there && draw(12) == 0)
            erase_share(user);
        else
            change_share(user);
        if (draw(3) == 0)
            expect_population();
        if (draw(20) == 0)
            fixture_restart(&fixture);
    }
    await_fold();
    expect_population();
    for (size_t user = 0; user < USERS; user++)
        if (shares[user].is_there)
            erase_share(user);
    expect_population();
    await_fold();
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT (SELECT count(*) FROM cell) + (SELECT count(*) FROM vote)"), 0);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

/* One that takes many slices, interrupted in each of them. */
START_TEST(a_large_change_is_folded_in_slices)
{
    enum { COUNT = 60000 };
    PoolCellChange *cells = NEW_ARRAY(PoolCellChange, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        cells[i] = (PoolCellChange){key_of(i), T("a"), 2, 1};
    expect_ok(put_one(&fixture, "tags", "ann", "1", "q", "r", 1));
    expect_ok(publish("tags", "ann", cells, COUNT, NULL, 0));
    for (int64_t folded = 0; folded < COUNT;) {
        usleep(30000);
        fixture_close(&fixture);
        int64_t now = peek(&fixture, "SELECT count(*) FROM cell");
        folded = now;
        ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM cell WHERE count <> 2 OR users <> 1"), 0);
        Status status;
        ck_assert_int_eq(fixture_open(&fixture, &status), 0);
        const StorePopulation *pool = &population("tags")->population;
        ck_assert_uint_eq(pool->cell_count, COUNT);
        size_t right = 0;
        for (size_t i = 0; i < COUNT; i++)
            right += pool->cells[i].count == 2 && pool->cells[i].users == 1;
        ck_assert_uint_eq(right, COUNT);
    }
    await_fold();
    ck_assert_uint_eq(population("tags")->population.cell_count, COUNT);
    free(cells);
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
    tcase_add_test(tests, a_large_change_is_folded_in_slices);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
