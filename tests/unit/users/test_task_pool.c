/* SPDX-License-Identifier: MIT */
#include "daemon/users/task_pool.h"

#include "lib/method/pool_change.h"
#include "tests/unit/unit.h"
#include "tests/unit/users/users_fixture.h"

/* Pooled counts in memory: loaded, and kept in step with the store. */

#define VOTER 900 /* numbers of users and keys that the store gives to nobody */
#define KEY 7
#define QUESTION 8

typedef struct Waiting {
    PoolWaiter waiter;
    bool is_told;
    Status status;
    struct Waiting *other; /* that it cancels when it is told; NULL: none */
} Waiting;

static void note_ready(PoolWaiter *waiter, const Status *status)
{
    Waiting *waiting = CONTAINER_OF(waiter, Waiting, waiter);
    ck_assert(!waiting->is_told);
    waiting->is_told = true;
    waiting->status = *status;
    if (waiting->other)
        task_pool_wait_cancel(&waiting->other->waiter);
}

static void wait_for_pool(TaskPool *pool, Waiting *waiting)
{
    *waiting = (Waiting){.waiter.ready = note_ready};
    task_pool_wait(pool, &waiting->waiter);
    ck_assert(!waiting->is_told);
}

static void change_cell(TaskPool *pool, uint64_t number, int64_t count)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    pool_change_write(&bytes, &(PoolCellChange){KEY, T("yes"), count, 1}, 1, NULL, 0);
    task_pool_change(pool, number, VOTER, (rpmd_text){bytes.data, bytes.length});
}

/* answer "": withdrawn. cells: more of them, so that the change is long. */
static void change_vote(TaskPool *pool, uint64_t number, const char *answer, size_t cells)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    PoolCellChange *changes = ARENA_ARRAY(&arena, PoolCellChange, cells);
    for (size_t i = 0; i < cells; i++)
        changes[i] = (PoolCellChange){1000 + i, T("yes"), 1, 1};
    pool_change_write(&bytes, changes, cells, &(PoolVoteChange){QUESTION, T(answer)}, 1);
    task_pool_change(pool, number, VOTER, (rpmd_text){bytes.data, bytes.length});
}

static uint32_t count_of(TaskPool *pool, uint64_t key, const char *answer)
{
    const PopulationView view = {.population = task_pool_read_begin(pool), .minimum_users = 1};
    uint32_t count = population_count(&view, key, T(answer));
    task_pool_read_end(pool);
    return count;
}

static size_t votes_of(TaskPool *pool)
{
    size_t count = 0;
    const PopulationView view = {.population = task_pool_read_begin(pool), .minimum_users = 1};
    population_votes(&view, QUESTION, &count);
    task_pool_read_end(pool);
    return count;
}

/* Runs until the cell has the count; a test that waits for ever fails. */
static void run_until_count(Fixture *fixture, TaskPool *pool, uint64_t key, uint32_t count)
{
    while (count_of(pool, key, "yes") != count)
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static uint64_t last_change(Fixture *fixture)
{
    store_population_load(fixture->store, &(StoreLoadPopulation){T(TASK)}, note_answer, fixture);
    return wait_for_store(fixture)->population.last_change;
}

static TaskPool *open_with_two(Fixture *fixture)
{
    fixture_open(fixture, "good");
    import(fixture, "ann", "a", 3);
    build(fixture, "ann");
    import(fixture, "bob", "b", 3);
    build(fixture, "bob");
    return task_pool_new(&fixture->loop, fixture->store, TASK);
}

static TaskPool *open_ready(Fixture *fixture)
{
    Waiting waiting;
    TaskPool *pool = open_with_two(fixture);
    wait_for_pool(pool, &waiting);
    run_until(fixture, &waiting.is_told);
    return pool;
}

static void close_pool(Fixture *fixture, TaskPool *pool)
{
    task_pool_close(pool);
    fixture_close(fixture);
}

/* ---- loading ---- */

START_TEST(all_who_wait_are_told_once)
{
    Fixture fixture;
    Waiting first, second, third;
    TaskPool *pool = open_with_two(&fixture);
    ck_assert(!task_pool_is_ready(pool));
    wait_for_pool(pool, &first);
    wait_for_pool(pool, &second);
    wait_for_pool(pool, &third);
    task_pool_wait_cancel(&second.waiter);
    first.other = &third;
    run_until(&fixture, &first.is_told);
    ck_assert(task_pool_is_ready(pool));
    ck_assert(status_is_ok(&first.status));
    settle(&fixture);
    ck_assert(!second.is_told && !third.is_told);
    ck_assert_uint_eq(count_of(pool, POPULATION_EVERY_ITEM, "yes"), 4);
    ck_assert_uint_eq(count_of(pool, POPULATION_EVERY_ITEM, "no"), 2);
    close_pool(&fixture, pool);
}
END_TEST

START_TEST(it_can_be_closed_while_it_is_loaded)
{
    for (unsigned turns = 0; turns < 12; turns++) {
        Fixture fixture;
        Waiting waiting;
        TaskPool *pool = open_with_two(&fixture);
        wait_for_pool(pool, &waiting);
        change_cell(pool, last_change(&fixture) + 1, 5);
        for (unsigned i = 0; i < turns; i++)
            uv_run(&fixture.loop, UV_RUN_NOWAIT);
        bool was_told = waiting.is_told;
        task_pool_wait_cancel(&waiting.waiter);
        task_pool_close(pool);
        settle(&fixture);
        ck_assert(waiting.is_told == was_told);
        fixture_close(&fixture);
    }
}
END_TEST

/* ---- changes ---- */

START_TEST(a_change_that_comes_while_it_is_loaded_counts_once)
{
    Fixture fixture;
    Waiting waiting;
    TaskPool *pool = open_with_two(&fixture);
    uint64_t last = last_change(&fixture);
    ck_assert_uint_gt(last, 0);
    change_cell(pool, last + 1, 100); /* nothing is loaded yet: the load will have it */
    wait_for_pool(pool, &waiting);
    change_cell(pool, last, 20); /* the load has it */
    change_cell(pool, last + 2, 3);
    change_cell(pool, 0, 1000); /* there was none */
    run_until(&fixture, &waiting.is_told);
    run_until_count(&fixture, pool, KEY, 3);
    change_cell(pool, last, 20);
    change_cell(pool, last + 3, 4);
    run_until_count(&fixture, pool, KEY, 7);
    close_pool(&fixture, pool);
}
END_TEST

START_TEST(changes_keep_their_order)
{
    for (unsigned is_loading = 0; is_loading < 2; is_loading++) {
        for (unsigned is_long = 0; is_long < 2; is_long++) {
            Fixture fixture;
            Waiting waiting = {.is_told = true};
            TaskPool *pool = is_loading ? open_with_two(&fixture) : open_ready(&fixture);
            uint64_t last = last_change(&fixture);
            if (is_loading)
                wait_for_pool(pool, &waiting);
            /* A long one goes to another thread; the short ones behind it do not overtake it. */
            change_vote(pool, last + 1, "yes", is_long ? 2000 : 0);
            change_vote(pool, last + 2, "", 0);
            change_cell(pool, last + 3, 1);
            run_until(&fixture, &waiting.is_told);
            run_until_count(&fixture, pool, KEY, 1);
            ck_assert_uint_eq(votes_of(pool), 0);
            change_vote(pool, last + 4, "", is_long ? 2000 : 0);
            change_vote(pool, last + 5, "no", 0);
            change_cell(pool, last + 6, 1);
            run_until_count(&fixture, pool, KEY, 2);
            ck_assert_uint_eq(votes_of(pool), 1);
            close_pool(&fixture, pool);
        }
    }
}
END_TEST

START_TEST(a_reader_does_not_hold_the_loop)
{
    Fixture fixture;
    TaskPool *pool = open_ready(&fixture);
    uint64_t last = last_change(&fixture);
    const Population *population = task_pool_read_begin(pool);
    const PopulationView view = {.population = population, .minimum_users = 1};
    change_cell(pool, last + 1, 5);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(population_count(&view, KEY, T("yes")), 0);
    task_pool_read_end(pool);
    run_until_count(&fixture, pool, KEY, 5);
    close_pool(&fixture, pool);
}
END_TEST

/* ---- in step with the store ---- */

START_TEST(what_users_publish_is_what_would_be_loaded)
{
    Fixture fixture;
    TaskPool *pool = open_with_two(&fixture);
    task_pool_close(pool);
    const UserName name = named("ann");
    UserSnapshot snapshot;
    Asked get = {.fixture = &fixture}, asked;
    ask_get(&get, "ann");
    expect_done(&get);
    append(&fixture, "ann", "appended");
    import(&fixture, "cat", "c", 4);
    build(&fixture, "cat");
    void (*const asks[])(Asked *, const char *) = {ask_build, ask_rollback, ask_erase};
    for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
        asked = (Asked){.fixture = &fixture};
        asks[i](&asked, "bob");
        expect_done(&asked);
    }
    asked = (Asked){.fixture = &fixture};
    ask_delete(&asked, "ann", "a0");
    expect_done(&asked);
    settle(&fixture);
    ck_assert(users_find(fixture.users, &name, &snapshot));
    TaskPool *present = task_pool_ref(snapshot.pool), *loaded;
    Waiting waiting;
    loaded = task_pool_new(&fixture.loop, fixture.store, TASK);
    wait_for_pool(loaded, &waiting);
    run_until(&fixture, &waiting.is_told);
    /* ann has a1, a2 and the appended one; cat has four. */
    ck_assert_uint_eq(count_of(loaded, POPULATION_EVERY_ITEM, "yes"), 5);
    ck_assert_uint_eq(count_of(loaded, POPULATION_EVERY_ITEM, "no"), 2);
    ck_assert_uint_eq(count_of(present, POPULATION_EVERY_ITEM, "yes"), 5);
    ck_assert_uint_eq(count_of(present, POPULATION_EVERY_ITEM, "no"), 2);
    task_pool_close(loaded);
    task_pool_unref(present);
    fixture_close(&fixture);
}
END_TEST

UNIT_TESTS("task_pool", all_who_wait_are_told_once, it_can_be_closed_while_it_is_loaded,
           a_change_that_comes_while_it_is_loaded_counts_once, changes_keep_their_order,
           a_reader_does_not_hold_the_loop, what_users_publish_is_what_would_be_loaded)
