/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"
#include "tests/unit/users/users_fixture.h"

/* Who of one user's requests waits for whom: the line, its turns, and builds beside it. */

#define HISTORY 5

static void open_with_model(Fixture *fixture, const char *plugin)
{
    fixture_open(fixture, plugin);
    import(fixture, "ann", "a", HISTORY);
    build(fixture, "ann");
}

/* The ids of the history in its order, each with a blank behind it; in the fixture's answer. */
static const char *history_order(Fixture *fixture)
{
    static char order[1024];
    const StoreListItems request = {.task = T(TASK), .user = T("ann")};
    store_list_items(fixture->store, &request, note_answer, fixture);
    const StoreItems *items = &wait_for_store(fixture)->items;
    size_t length = 0;
    order[0] = '\0';
    for (size_t i = 0; i < items->count; i++)
        length +=
            (size_t)snprintf(order + length, sizeof(order) - length, "%.*s ", TEXT_ARGS(items->items[i].id));
    return order;
}

/* ---- appends ---- */

START_TEST(appends_keep_the_order_in_which_they_came)
{
    Fixture fixture;
    open_with_model(&fixture, "deaf");
    static const char *const ids[] = {"first", "second", "third", "fourth"};
    Asked asked[ARRAY_SIZE(ids)];
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        asked[i] = (Asked){.fixture = &fixture};
        /* The first takes half a second, the others are ready before it. */
        ask_append(&asked[i], "ann", ids[i], i == 0 ? "trigger it" : "Is it another?");
    }
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        expect_done(&asked[i]);
        ck_assert_int_eq(asked[i].outcome, STORE_ACCEPTED);
    }
    ck_assert_str_eq(history_order(&fixture), "a0 a1 a2 a3 a4 first second third fourth ");
    expect_items(&fixture, "ann", HISTORY + ARRAY_SIZE(ids));
    fixture_close(&fixture);
}
END_TEST

/* Many at once share publications: the same id, corrections and new ones among them. */
START_TEST(appends_that_wait_together_are_all_there)
{
    Fixture fixture;
    open_with_model(&fixture, "good");
    Asked asked[40];
    char id[16], query[64];
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        asked[i] = (Asked){.fixture = &fixture};
        snprintf(id, sizeof(id), "n%zu", i % 5 == 4 ? i - 1 : i);
        snprintf(query, sizeof(query), "Is it number %zu?", i);
        ask_append(&asked[i], "ann", id, query);
    }
    size_t replaced = 0;
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        expect_done(&asked[i]);
        replaced += asked[i].outcome == STORE_REPLACED;
    }
    ck_assert_uint_eq(replaced, 8);
    expect_items(&fixture, "ann", HISTORY + 32);
    fixture_close(&fixture);
}
END_TEST

static void leave(Asked *asked)
{
    cancel(asked);
}

/* Whoever of them leaves, the others are done. */
START_TEST(an_append_that_is_left_takes_no_other_with_it)
{
    static const OperationState states[] = {OPERATION_WAITING, OPERATION_ASSEMBLING, OPERATION_PUBLISHING};
    for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
        Fixture fixture;
        open_with_model(&fixture, "good");
        Asked asked[3];
        static const char *const ids[] = {"x", "y", "z"};
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
            asked[i] = (Asked){.fixture = &fixture};
            ask_append(&asked[i], "ann", ids[i], "Is it so?");
        }
        bool is_met = act_in_state(&asked[0], states[s], leave);
        expect_done(&asked[1]);
        expect_done(&asked[2]);
        settle(&fixture);
        ck_assert(asked[0].is_done == !is_met);
        uint64_t items = history_items(&fixture, "ann");
        ck_assert_uint_ge(items, HISTORY + 2);
        expect_items(&fixture, "ann", items);
        fixture_close(&fixture);
    }
}
END_TEST

static Asked *to_leave;

static void leave_other(Asked *asked)
{
    (void)asked;
    if (to_leave->call)
        cancel(to_leave);
}

START_TEST(one_that_is_published_with_others_can_leave)
{
    static const OperationState states[] = {OPERATION_ASSEMBLING, OPERATION_PUBLISHING};
    for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
        Fixture fixture;
        open_with_model(&fixture, "good");
        Asked asked[3];
        static const char *const ids[] = {"x", "y", "z"};
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
            asked[i] = (Asked){.fixture = &fixture};
            ask_append(&asked[i], "ann", ids[i], "Is it so?");
        }
        to_leave = &asked[1];
        act_in_state(&asked[0], states[s], leave_other);
        expect_done(&asked[0]);
        expect_done(&asked[2]);
        settle(&fixture);
        uint64_t items = history_items(&fixture, "ann");
        ck_assert_uint_ge(items, HISTORY + 2);
        expect_items(&fixture, "ann", items);
        append(&fixture, "ann", "later"); /* numbers go on */
        expect_items(&fixture, "ann", items + 1);
        fixture_close(&fixture);
    }
}
END_TEST

/* ---- reading ---- */

START_TEST(a_get_passes_an_append_that_is_not_ready)
{
    Fixture fixture;
    open_with_model(&fixture, "slow");
    Asked hanging = {.fixture = &fixture}, get = {.fixture = &fixture};
    ask_append(&hanging, "ann", "hanging", "trigger it");
    act_in_state(&hanging, OPERATION_ANALYSING, NULL);
    import(&fixture, "ann", "since", 2); /* so that it has to have a turn */
    ask_get(&get, "ann");
    expect_done(&get);
    ck_assert_uint_eq(get.items, HISTORY + 2);
    ck_assert(!hanging.is_done);
    cancel(&hanging);
    settle(&fixture);
    expect_items(&fixture, "ann", HISTORY + 2);
    fixture_close(&fixture);
}
END_TEST

START_TEST(other_users_do_not_wait)
{
    Fixture fixture;
    open_with_model(&fixture, "slow");
    import(&fixture, "bob", "b", 3);
    Asked hanging = {.fixture = &fixture};
    ask_append(&hanging, "ann", "hanging", "trigger it");
    act_in_state(&hanging, OPERATION_ANALYSING, NULL);
    build(&fixture, "bob");
    append(&fixture, "bob", "appended");
    expect_items(&fixture, "bob", 4); /* it closes the users */
    expect_refused(&hanging, STATUS_UNAVAILABLE, "rpmd is shutting down");
    fixture_close(&fixture);
}
END_TEST

/* ---- builds ---- */

/* The model has an item at which the new version of the plugin hangs. */
static void begin_hanging_build(Fixture *fixture, Asked *hanging)
{
    Asked appended = {.fixture = fixture};
    open_with_model(fixture, "good");
    ask_append(&appended, "ann", "stuck", "trigger it");
    expect_done(&appended);
    serve(fixture, "slow_v2");
    *hanging = (Asked){.fixture = fixture};
    ask_build(hanging, "ann");
    ck_assert(act_in_state(hanging, OPERATION_ANALYSING, NULL));
}

START_TEST(a_build_holds_nobody)
{
    Fixture fixture;
    Asked hanging, get, deleted;
    const UserName name = named("ann");
    UserSnapshot snapshot;
    begin_hanging_build(&fixture, &hanging);
    get = deleted = (Asked){.fixture = &fixture};
    ask_get(&get, "ann");
    expect_done(&get);
    ck_assert_uint_eq(get.items, HISTORY + 1);
    ck_assert(users_find(fixture.users, &name, &snapshot));
    append(&fixture, "ann", "appended");
    import(&fixture, "ann", "since", 2);
    get = (Asked){.fixture = &fixture};
    ask_get(&get, "ann");
    expect_done(&get);
    ck_assert_uint_eq(get.items, HISTORY + 4);
    ask_delete(&deleted, "ann", "stuck");
    expect_done(&deleted);
    ck_assert(!hanging.is_done);
    cancel(&hanging);
    settle(&fixture);
    /* Without that item it comes to its end. */
    build(&fixture, "ann");
    expect_items(&fixture, "ann", HISTORY + 3);
    fixture_close(&fixture);
}
END_TEST

START_TEST(a_second_build_waits_for_the_first)
{
    for (unsigned leaves = 0; leaves < 2; leaves++) {
        Fixture fixture;
        Asked first = {.fixture = &fixture}, second = first, third = first;
        open_with_model(&fixture, "good");
        ask_build(&first, "ann");
        ask_build(&second, "ann");
        ask_build(&third, "ann");
        ck_assert(act_in_state(&first, OPERATION_LOADING, leaves ? leave : NULL));
        ck_assert_int_eq(third.call->state, OPERATION_WAITING);
        if (!leaves) {
            ck_assert_int_eq(second.call->state, OPERATION_WAITING);
            expect_done(&first);
            ck_assert(!second.is_done);
        }
        expect_done(&second);
        ck_assert(!third.is_done);
        expect_done(&third);
        ck_assert_uint_eq(third.version, second.version + 1);
        expect_items(&fixture, "ann", HISTORY);
        fixture_close(&fixture);
    }
}
END_TEST

UNIT_TESTS("line", appends_keep_the_order_in_which_they_came, appends_that_wait_together_are_all_there,
           an_append_that_is_left_takes_no_other_with_it, one_that_is_published_with_others_can_leave,
           a_get_passes_an_append_that_is_not_ready, other_users_do_not_wait, a_build_holds_nobody,
           a_second_build_waits_for_the_first)
