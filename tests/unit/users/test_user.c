/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"
#include "tests/unit/users/users_fixture.h"

/* What a model is of: revisions, whatever comes in between, and which models stay in memory. */

#define HISTORY 6

static void open_with_model(Fixture *fixture)
{
    fixture_open(fixture, "good");
    import(fixture, "ann", "a", HISTORY);
    build(fixture, "ann");
}

/* ---- what others do meanwhile ---- */

static Asked meanwhile;

static void import_meanwhile(Asked *asked)
{
    (void)asked;
    ask_import(&meanwhile, "ann", "m", 3);
}

/* As another writer of the store would: the users do not hear of it. */
static void put_meanwhile(Asked *asked)
{
    import_past_users(asked->fixture, "ann", "m", 3);
}

static void delete_meanwhile(Asked *asked)
{
    (void)asked;
    ask_delete(&meanwhile, "ann", "a1");
}

static void correct_meanwhile(Asked *asked)
{
    (void)asked;
    ask_append(&meanwhile, "ann", "a1", "Is it corrected?");
}

/* ---- builds ---- */

static void build_while(void (*act)(Asked *asked), bool has_model, uint64_t items)
{
    static const OperationState states[] = {OPERATION_WAITING, OPERATION_LOADING, OPERATION_ANALYSING,
                                            OPERATION_ASSEMBLING, OPERATION_PUBLISHING};
    for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
        Fixture fixture;
        fixture_open(&fixture, "good");
        import(&fixture, "ann", "a", HISTORY);
        if (has_model) {
            build(&fixture, "ann");
            serve(&fixture, "good_v2"); /* so that all is analysed anew */
        }
        Asked asked = {.fixture = &fixture};
        meanwhile = asked;
        ask_build(&asked, "ann");
        ck_assert(act_in_state(&asked, states[s], act));
        expect_done(&asked);
        if (act == put_meanwhile)
            wait_for_store(&fixture);
        else
            expect_done(&meanwhile);
        settle(&fixture);
        expect_items(&fixture, "ann", items);
        fixture_close(&fixture);
    }
}

START_TEST(an_import_during_a_build_is_in_the_model)
{
    build_while(import_meanwhile, true, HISTORY + 3);
    build_while(import_meanwhile, false, HISTORY + 3);
}
END_TEST

START_TEST(a_deletion_during_a_build_is_not_in_the_model)
{
    build_while(delete_meanwhile, true, HISTORY - 1);
    build_while(delete_meanwhile, false, HISTORY - 1);
}
END_TEST

START_TEST(a_correction_during_a_build_is_in_the_model)
{
    build_while(correct_meanwhile, true, HISTORY);
    build_while(correct_meanwhile, false, HISTORY);
}
END_TEST

/* ---- appends ---- */

static void change_while(void (*ask)(Asked *asked), uint64_t items)
{
    static const OperationState states[] = {OPERATION_ANALYSING, OPERATION_ASSEMBLING, OPERATION_PUBLISHING};
    for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
        Fixture fixture;
        open_with_model(&fixture);
        Asked asked = {.fixture = &fixture};
        ask(&asked);
        bool is_met = act_in_state(&asked, states[s], put_meanwhile);
        wait_for(&asked);
        ck_assert_msg(status_is_ok(&asked.status), "%s", asked.status.message);
        if (is_met) {
            wait_for_store(&fixture);
            /* Nobody told the users: they learn it with the next import. */
            import(&fixture, "ann", "later", 1);
            expect_items(&fixture, "ann", items + 3 + 1);
        }
        fixture_close(&fixture);
    }
}

static void add(Asked *asked)
{
    ask_append(asked, "ann", "new", "Is it new?");
}

static void remove_one(Asked *asked)
{
    ask_delete(asked, "ann", "a2");
}

START_TEST(a_change_that_another_overtakes_is_repeated)
{
    change_while(add, HISTORY + 1);
    change_while(remove_one, HISTORY - 1);
}
END_TEST

/* ---- refreshing ---- */

/* More than one publication has room for. */
START_TEST(many_items_come_into_a_model_in_parts)
{
    for (unsigned is_cold = 0; is_cold < 2; is_cold++) {
        Fixture fixture;
        Asked get = {.fixture = &fixture};
        open_with_model(&fixture);
        if (is_cold)
            restart_users(&fixture);
        import(&fixture, "ann", "many", 700);
        import(&fixture, "ann", "more", 700);
        ask_get(&get, "ann");
        expect_done(&get);
        ck_assert_uint_eq(get.items, HISTORY + 1400);
        expect_items(&fixture, "ann", HISTORY + 1400);
        fixture_close(&fixture);
    }
}
END_TEST

START_TEST(who_has_no_model_is_told_how_to_build_it)
{
    Fixture fixture;
    Asked get = {.fixture = &fixture}, nobody = get;
    fixture_open(&fixture, "good");
    import(&fixture, "ann", "a", 2);
    ask_get(&get, "ann");
    expect_refused(&get, STATUS_FAILED_PRECONDITION,
                   "the user ann has 2 items in the task fixture but no model; build it: rpmctl model build "
                   "--task fixture --user ann");
    ask_get(&nobody, "bob");
    expect_refused(&nobody, STATUS_NOT_FOUND, "bob");
    fixture_close(&fixture);
}
END_TEST

/* Whoever comes with the name of an erased user is somebody else. */
START_TEST(an_erased_user_who_comes_back_is_another)
{
    Fixture fixture;
    Asked first = {.fixture = &fixture}, erased = first, second = first;
    open_with_model(&fixture);
    ask_get(&first, "ann");
    expect_done(&first);
    ask_erase(&erased, "ann");
    expect_done(&erased);
    ck_assert_uint_eq(erased.erased.items, HISTORY);
    append(&fixture, "ann", "back");
    build(&fixture, "ann");
    ask_get(&second, "ann");
    expect_done(&second);
    ck_assert_uint_eq(second.items, 1);
    ck_assert_uint_eq(second.version, 1);
    ck_assert_uint_ne(second.user_number, first.user_number);
    fixture_close(&fixture);
}
END_TEST

/* ---- memory ---- */

static uint64_t loads(Fixture *fixture)
{
    UsersMetrics metrics;
    users_metrics(fixture->users, &metrics);
    return metrics.loads;
}

static bool is_in_memory(Fixture *fixture, const char *user)
{
    UserSnapshot snapshot;
    const UserName name = named(user);
    return users_find(fixture->users, &name, &snapshot);
}

static void get(Fixture *fixture, const char *user)
{
    Asked asked = {.fixture = fixture};
    ask_get(&asked, user);
    expect_done(&asked);
}

START_TEST(models_over_the_budget_go_the_least_used_first)
{
    Fixture fixture;
    static const char *const names[] = {"ann", "bob", "cat"};
    open_with_model(&fixture);
    import(&fixture, "bob", "b", HISTORY);
    build(&fixture, "bob");
    UsersMetrics metrics;
    users_metrics(fixture.users, &metrics);
    ck_assert_uint_eq(metrics.cached_models, 2);
    fixture.config.cache_bytes = metrics.cached_bytes + metrics.cached_bytes / 4; /* for two, not for three */
    import(&fixture, "cat", "c", HISTORY);
    get(&fixture, "ann");
    ck_assert(is_in_memory(&fixture, "bob") && is_in_memory(&fixture, "ann")); /* in this order */
    build(&fixture, "cat");
    ck_assert(!is_in_memory(&fixture, "bob"));
    ck_assert(is_in_memory(&fixture, "ann") && is_in_memory(&fixture, "cat"));
    uint64_t before = loads(&fixture);
    get(&fixture, "bob");
    ck_assert_uint_eq(loads(&fixture), before + 1);
    ck_assert(!is_in_memory(&fixture, "ann"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        expect_items(&fixture, names[i], HISTORY);
    fixture_close(&fixture);
}
END_TEST

START_TEST(a_model_larger_than_the_budget_stays)
{
    Fixture fixture;
    open_with_model(&fixture);
    fixture.config.cache_bytes = 1;
    get(&fixture, "ann");
    uint64_t before = loads(&fixture);
    for (unsigned i = 0; i < 3; i++)
        get(&fixture, "ann");
    ck_assert_uint_eq(loads(&fixture), before);
    ck_assert(is_in_memory(&fixture, "ann"));
    fixture_close(&fixture);
}
END_TEST

UNIT_TESTS("user", an_import_during_a_build_is_in_the_model, a_deletion_during_a_build_is_not_in_the_model,
           a_correction_during_a_build_is_in_the_model, a_change_that_another_overtakes_is_repeated,
           many_items_come_into_a_model_in_parts, who_has_no_model_is_told_how_to_build_it,
           an_erased_user_who_comes_back_is_another, models_over_the_budget_go_the_least_used_first,
           a_model_larger_than_the_budget_stays)
