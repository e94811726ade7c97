/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

#include <time.h>

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
    expect_ok(put_one(&fixture, "tags", "bob", "x", "q", "r", 0));
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

static void spend(const char *user, const char *stage, int64_t day, uint64_t tokens)
{
    const StoreUsage usage = {.task = T("tags"),
                              .user = T(user),
                              .stage = T(stage),
                              .backend = T("local"),
                              .day = day,
                              .calls = 1,
                              .prompt_tokens = tokens,
                              .cost_micros = 10 * tokens};
    expect_ok(ANSWER(&fixture, store_usage_add(fixture.store, &usage, on_reply, &fixture)));
}

static const StoreUsages *spent(StoreListUsage request)
{
    StoreReply *reply = ANSWER(&fixture, store_usage_list(fixture.store, &request, on_reply, &fixture));
    expect_ok(reply);
    return &reply->usages;
}

START_TEST(usage_adds_up)
{
    spend("ann", "extract", 100, 5);
    spend("ann", "extract", 100, 7);
    spend("bob", "extract", 100, 1);
    spend("ann", "reason", 101, 2);
    const StoreUsages *all = spent((StoreListUsage){.from_day = 100});
    ck_assert_uint_eq(all->count, 2);
    expect_text(all->rows[0].stage, "reason"); /* the newest day first */
    ck_assert_int_eq(all->rows[0].day, 101);
    ck_assert_uint_eq(all->rows[1].calls, 3);
    ck_assert_uint_eq(all->rows[1].prompt_tokens, 13);
    ck_assert_uint_eq(all->rows[1].cost_micros, 130);
    expect_text(all->rows[1].user, "");
    const StoreUsages *ann = spent((StoreListUsage){.user = T("ann"), .from_day = 100});
    ck_assert_uint_eq(ann->count, 2);
    expect_text(ann->rows[1].user, "ann");
    ck_assert_uint_eq(ann->rows[1].prompt_tokens, 12);
    ck_assert_uint_eq(spent((StoreListUsage){.from_day = 101})->count, 1);
    ck_assert_uint_eq(spent((StoreListUsage){.from_day = 100, .by_user = true})->count, 3);
    ck_assert_uint_eq(spent((StoreListUsage){.task = T("other")})->count, 0);
}
END_TEST

START_TEST(usage_outlives_its_user)
{
    spend("ann", "extract", 100, 5);
    spend("bob", "extract", 100, 2);
    expect_ok(erase(&fixture, "tags", "ann"));
    spend("ann", "extract", 100, 1); /* a call that was at work meanwhile */
    const StoreUsages *all = spent((StoreListUsage){.from_day = 100, .by_user = true});
    ck_assert_uint_eq(all->count, 2);
    expect_text(all->rows[0].user, "");
    ck_assert_uint_eq(all->rows[0].prompt_tokens, 6);
    expect_text(all->rows[1].user, "bob");
    expect_ok(erase(&fixture, "tags", "bob"));
    all = spent((StoreListUsage){.from_day = 100, .by_user = true});
    ck_assert_uint_eq(all->count, 1);
    ck_assert_uint_eq(all->rows[0].prompt_tokens, 8);
}
END_TEST

/* ---- replies ---- */

static rpmd_text key_of(char letter)
{
    static char keys[26][STORE_REPLY_KEY_SIZE];
    char *key = keys[letter - 'a'];
    memset(key, letter, STORE_REPLY_KEY_SIZE);
    key[0] = '\0'; /* a hash is not a text */
    return (rpmd_text){key, STORE_REPLY_KEY_SIZE};
}

static StoreReply *keep(const char *user, char key, const char *text, int64_t created_us, uint64_t limit)
{
    const StoreNewReply reply = {.task = T("tags"),
                                 .user = T(user),
                                 .key = key_of(key),
                                 .text = T(text),
                                 .created_us = created_us,
                                 .limit_bytes = limit,
                                 .not_before_us = 50};
    return ANSWER(&fixture, store_reply_put(fixture.store, &reply, on_reply, &fixture));
}

static const char *kept(char key)
{
    static char text[64];
    const StoreFindReply find = {.key = key_of(key), .not_before_us = 50};
    StoreReply *reply = ANSWER(&fixture, store_reply_find(fixture.store, &find, on_reply, &fixture));
    expect_ok(reply);
    snprintf(text, sizeof(text), "%s%.*s", reply->found.found ? "" : "none", TEXT_ARGS(reply->found.text));
    return text;
}

#define MUCH (1u << 20)

START_TEST(replies_are_kept)
{
    expect_ok(keep("ann", 'a', "first", 100, MUCH));
    expect_ok(keep("ann", 'a', "second", 101, MUCH));
    ck_assert_str_eq(kept('a'), "second");
    ck_assert_str_eq(kept('b'), "none");
    fixture_restart(&fixture);
    ck_assert_str_eq(kept('a'), "second");
    expect_ok(keep("nobody", 'b', "lost", 100, MUCH));
    ck_assert_str_eq(kept('b'), "none");
}
END_TEST

START_TEST(old_replies_go)
{
    expect_ok(keep("ann", 'a', "old", 10, MUCH));
    ck_assert_str_eq(kept('a'), "none");
    expect_ok(keep("ann", 'b', "new", 100, MUCH));
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM reply"), 1);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

START_TEST(the_oldest_make_room)
{
    char text[301];
    memset(text, 'x', 300);
    text[300] = '\0';
    for (int key = 'a'; key <= 'e'; key++)
        expect_ok(keep("ann", (char)key, text, 100 + key, 1000));
    ck_assert_str_eq(kept('c'), "none");
    ck_assert_int_eq(kept('d')[0], 'x');
    ck_assert_int_eq(kept('e')[0], 'x');
    expect_ok(keep("ann", 'f', "off", 300, 0));
    ck_assert_str_eq(kept('e'), "none");
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT bytes FROM reply_total"), 0);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

START_TEST(erasing_a_user_erases_replies)
{
    expect_ok(keep("ann", 'a', "of ann", 100, MUCH));
    expect_ok(keep("bob", 'b', "of bob", 100, MUCH));
    StoreReply *reply = erase(&fixture, "tags", "ann");
    expect_ok(reply);
    ck_assert_uint_eq(reply->erased.replies, 1);
    ck_assert_str_eq(kept('a'), "none");
    ck_assert_str_eq(kept('b'), "of bob");
}
END_TEST

/* Of one who was erased, and came back under the same name. */
START_TEST(what_comes_late_is_nobodys)
{
    uint64_t first = load_model(&fixture, "tags", "ann")->model.user.number;
    expect_ok(erase(&fixture, "tags", "ann"));
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
    const StoreNewReply reply = {.task = T("tags"),
                                 .user = T("ann"),
                                 .user_number = first,
                                 .key = key_of('a'),
                                 .text = T("late"),
                                 .created_us = 100,
                                 .limit_bytes = MUCH};
    expect_ok(ANSWER(&fixture, store_reply_put(fixture.store, &reply, on_reply, &fixture)));
    ck_assert_str_eq(kept('a'), "none");
    const StoreUsage usage = {.task = T("tags"),
                              .user = T("ann"),
                              .user_number = first,
                              .stage = T("reason"),
                              .backend = T("local"),
                              .day = 100,
                              .calls = 1};
    expect_ok(ANSWER(&fixture, store_usage_add(fixture.store, &usage, on_reply, &fixture)));
    const StoreUsages *all = spent((StoreListUsage){.from_day = 100, .by_user = true});
    ck_assert_uint_eq(all->count, 1);
    expect_text(all->rows[0].user, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("llm");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, usage_adds_up);
    tcase_add_test(tests, usage_outlives_its_user);
    tcase_add_test(tests, replies_are_kept);
    tcase_add_test(tests, old_replies_go);
    tcase_add_test(tests, the_oldest_make_room);
    tcase_add_test(tests, erasing_a_user_erases_replies);
    tcase_add_test(tests, what_comes_late_is_nobodys);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
