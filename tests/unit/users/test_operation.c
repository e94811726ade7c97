/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"
#include "tests/unit/users/users_fixture.h"

/*
 * Each kind of request, in each state that it comes to: its caller leaves, the user is erased, everything is
 * closed. operation.c asserts its table of moves and its invariant at each of them.
 */

#define HISTORY 6 /* items of the user to begin with; one of them came since the model */
#define TRIES 20  /* a state that another thread ends within the loop's turn is met another time */

typedef struct Kind {
    const char *name;
    void (*ask)(Asked *asked);
    unsigned states; /* that it comes to, as bits */
    uint64_t items;  /* of the history when it has been done */
} Kind;

static void get(Asked *asked)
{
    ask_get(asked, "ann");
}

static void add(Asked *asked)
{
    ask_append(asked, "ann", "new", "Is it new?");
}

static void correct(Asked *asked)
{
    ask_append(asked, "ann", "a1", "Is it corrected?");
}

static void put(Asked *asked)
{
    ask_import(asked, "ann", "new", 2);
}

static void delete (Asked *asked)
{
    ask_delete(asked, "ann", "a1");
}

static void build_again(Asked *asked)
{
    ask_build(asked, "ann");
}

static void roll_back(Asked *asked)
{
    ask_rollback(asked, "ann");
}

static void erase(Asked *asked)
{
    ask_erase(asked, "ann");
}

#define AT(state) (1u << OPERATION_##state)
#define ALL (AT(WAITING) | AT(LOADING) | AT(ANALYSING) | AT(ASSEMBLING) | AT(PUBLISHING))

static const Kind kinds[] = {
    {"get", get, ALL, HISTORY},
    {"append", add, ALL, HISTORY + 1},
    {"correction", correct, ALL, HISTORY},
    {"import", put, AT(WAITING) | AT(PUBLISHING), HISTORY + 2},
    {"delete", delete, ALL, HISTORY - 1},
    {"build", build_again, ALL, HISTORY},
    {"rollback", roll_back, ALL, HISTORY},
    {"erase", erase, ALL & ~AT(ANALYSING), 0},
};

static void open_with_history(Fixture *fixture)
{
    fixture_open(fixture, "good");
    import(fixture, "ann", "a", HISTORY - 2);
    build(fixture, "ann");
    append(fixture, "ann", "appended");
    restart_users(fixture);
    import(fixture, "ann", "since", 1);
}

typedef struct Trial {
    void (*act)(Asked *asked);                     /* in the state; may not run the loop */
    void (*check)(const Kind *kind, Asked *asked); /* behind it */
} Trial;

/* What else is asked, and what was seen, of the trial at work. */
static Asked other;
static bool was_written, users_are_closed;

/* Each kind in each state that it comes to. */
static void in_each_state(const Trial *trial)
{
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        for (OperationState state = OPERATION_WAITING; state < OPERATION_DONE; state++) {
            bool is_met = false;
            for (unsigned i = 0; i < TRIES && !is_met && (kinds[k].states & 1u << state); i++) {
                Fixture fixture;
                open_with_history(&fixture);
                Asked asked = {.fixture = &fixture};
                other = (Asked){.fixture = &fixture};
                was_written = state == OPERATION_PUBLISHING;
                kinds[k].ask(&asked);
                is_met = act_in_state(&asked, state, trial->act);
                if (is_met)
                    trial->check(&kinds[k], &asked);
                fixture_close(&fixture);
            }
            ck_assert_msg(is_met == !!(kinds[k].states & 1u << state), "%s was never %s", kinds[k].name,
                          operation_state_name(state));
        }
    }
}

/* ---- leaving ---- */

/* What had not begun to be written is not done; what had, is done whole. */
static void check_left(const Kind *kind, Asked *asked)
{
    Fixture *fixture = asked->fixture;
    settle(fixture);
    ck_assert_msg(!asked->is_done, "%s told a caller who had left", kind->name);
    uint64_t items = history_items(fixture, "ann");
    /* A refresh publishes what came since the model before the change itself. */
    ck_assert_msg(items == HISTORY || (was_written && items == kind->items), "%s left %lu items", kind->name,
                  (unsigned long)items);
    if (items > 0)
        expect_items(fixture, "ann", items);
}

START_TEST(a_caller_can_leave_in_every_state)
{
    in_each_state(&(Trial){cancel, check_left});
}
END_TEST

static void check_again(const Kind *kind, Asked *asked)
{
    Fixture *fixture = asked->fixture;
    kind->ask(&other);
    wait_for(&other);
    settle(fixture);
    ck_assert(!asked->is_done);
    /* The first may have been done. */
    ck_assert_msg(status_is_ok(&other.status) || other.status.code == STATUS_NOT_FOUND, "%s, again: %s",
                  kind->name, other.status.message);
    ck_assert_uint_eq(history_items(fixture, "ann"), kind->items);
    if (kind->items > 0)
        expect_items(fixture, "ann", kind->items);
}

START_TEST(the_next_request_goes_on_behind_one_that_was_left)
{
    in_each_state(&(Trial){cancel, check_again});
}
END_TEST

/* ---- erasing ---- */

static void erase_too(Asked *asked)
{
    (void)asked;
    ask_erase(&other, "ann");
}

static void check_erased(const Kind *kind, Asked *asked)
{
    Fixture *fixture = asked->fixture;
    Asked late = {.fixture = fixture};
    wait_for(&other);
    wait_for(asked);
    /* It may have come to its end before the erasure's first step. */
    if (!status_is_ok(&asked->status))
        expect_refused(asked, STATUS_ABORTED, "the user was erased in the meantime");
    /* Of two erasures one did it. An import is of many users: its items may come behind the erasure. */
    if (kind->ask != erase)
        expect_done(&other);
    else
        ck_assert(status_is_ok(&asked->status) != status_is_ok(&other.status));
    if (kind->ask == put)
        return;
    ck_assert_uint_eq(history_items(fixture, "ann"), 0);
    ask_get(&late, "ann");
    expect_refused(&late, STATUS_NOT_FOUND, "ann");
}

START_TEST(an_erasure_ends_what_is_at_work)
{
    in_each_state(&(Trial){erase_too, check_erased});
}
END_TEST

/* ---- closing ---- */

static void close_all(Asked *asked)
{
    users_are_closed = false;
    users_close(TAKE_PTR(asked->fixture->users), set_true, &users_are_closed);
}

static void check_closed(const Kind *kind, Asked *asked)
{
    run_until(asked->fixture, &users_are_closed);
    ck_assert_msg(asked->is_done, "%s was not told", kind->name);
    if (!was_written || !status_is_ok(&asked->status))
        expect_refused(asked, STATUS_UNAVAILABLE, "rpmd is shutting down; ask again when it is back");
}

START_TEST(closing_ends_what_is_at_work)
{
    in_each_state(&(Trial){close_all, check_closed});
}
END_TEST

/* All kinds in the line behind one that is being analysed. */
START_TEST(closing_tells_all_who_wait)
{
    Fixture fixture;
    open_with_history(&fixture);
    serve(&fixture, "slow");
    Asked first = {.fixture = &fixture}, asked[ARRAY_SIZE(kinds)];
    ask_append(&first, "ann", "first", "trigger");
    act_in_state(&first, OPERATION_ANALYSING, NULL);
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        asked[k] = (Asked){.fixture = &fixture};
        if (kinds[k].ask != erase && kinds[k].ask != put)
            kinds[k].ask(&asked[k]);
    }
    close_users(&fixture);
    expect_refused(&first, STATUS_UNAVAILABLE, "rpmd is shutting down");
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
        if (kinds[k].ask != erase && kinds[k].ask != put)
            expect_refused(&asked[k], STATUS_UNAVAILABLE, "rpmd is shutting down");
    fixture_close(&fixture);
}
END_TEST

static void close_from_reply(const UserReply *reply, void *data)
{
    ck_assert_msg(status_is_ok(&reply->status), "%s", reply->status.message);
    close_all(data);
}

START_TEST(a_callback_can_close_everything)
{
    Fixture fixture;
    open_with_history(&fixture);
    const UserName name = named("ann");
    Asked asked = {.fixture = &fixture};
    users_get(fixture.users, &name, &nobody_special, close_from_reply, &asked);
    run_until(&fixture, &users_are_closed);
    fixture_close(&fixture);
}
END_TEST

/* ---- deadlines ---- */

START_TEST(a_caller_s_deadline_ends_the_analysis)
{
    Fixture fixture;
    open_with_history(&fixture);
    serve(&fixture, "slow");
    const UserName name = named("ann");
    const StoreNewItem item = {.user = T("ann"), .id = T("x"), .query = T("trigger"), .response = T("yes")};
    const Caller hurried = {.deadline_ns = uv_hrtime() + 50000000, .uid = -1};
    Asked asked = {.fixture = &fixture};
    asked.call = users_append(fixture.users, &name, &item, &hurried, note_reply, &asked);
    expect_refused(&asked, STATUS_DEADLINE_EXCEEDED, "");
    ck_assert_uint_eq(history_items(&fixture, "ann"), HISTORY);
    fixture_close(&fixture);
}
END_TEST

UNIT_TESTS("operation", a_caller_can_leave_in_every_state, the_next_request_goes_on_behind_one_that_was_left,
           an_erasure_ends_what_is_at_work, closing_ends_what_is_at_work, closing_tells_all_who_wait,
           a_callback_can_close_everything, a_caller_s_deadline_ends_the_analysis)
