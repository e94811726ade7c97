/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/fault_vfs.h"
#include "tests/unit/store/support.h"

static Fixture fixture;
static int answers;

static void setup(void)
{
    fault_set(0, 0, false);
    fixture_start(&fixture);
    answers = 0;
}

static void teardown(void)
{
    fault_set(0, 0, false);
    fixture_stop(&fixture);
}

static void on_answer(StoreReply *reply, void *data)
{
    StatusCode *code = data;
    answers++;
    if (code)
        *code = reply->status.code;
}

static void never(StoreReply *reply, void *data)
{
    ck_abort_msg("a callback after its cancel");
}

static StoreCall *put(const char *id, StoreCallback callback)
{
    const StoreNewItem item = new_item("ann", id, "q", "r", 0);
    const StorePutItems request = {.task = T("tags"), .items = &item, .count = 1};
    return store_put_items(fixture.store, &request, callback, NULL);
}

static void await(int count)
{
    while (answers < count)
        uv_run(&fixture.loop, UV_RUN_ONCE);
}

/* "a b": the ids that are stored. */
static void expect_items(const char *expected)
{
    char ids[256] = "";
    const StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    for (size_t i = 0; i < model->item_count; i++)
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%.*s", i ? " " : "",
                 TEXT_ARGS(model->items[i].id));
    ck_assert_str_eq(ids, expected);
}

START_TEST(a_waiting_call_that_is_cancelled_is_not_executed)
{
    fault_close_gate();
    put("first", on_answer);
    fault_await_held();
    StoreCall *call = put("cancelled", never);
    put("last", on_answer);
    store_cancel(call);
    fault.gate = false;
    await(2);
    expect_items("first last");
    StoreMetrics metrics;
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.queued, 0);
    ck_assert_uint_eq(metrics.queued_bytes, 0);
    ck_assert_uint_eq(metrics.requests, 3); /* with the load */
}
END_TEST

START_TEST(a_call_at_work_may_be_kept_but_is_not_answered)
{
    fault_close_gate();
    StoreCall *call = put("first", never);
    fault_await_held();
    store_cancel(call);
    fault.gate = false;
    put("last", on_answer);
    await(1);
    expect_items("first last");
}
END_TEST

/* The answer is there, and not delivered yet. */
START_TEST(an_answered_call_can_still_be_cancelled)
{
    StoreMetrics metrics = {0};
    StoreCall *call = put("first", never);
    while (metrics.commits == 0)
        store_metrics(fixture.store, &metrics);
    usleep(1000);
    store_cancel(call);
    put("last", on_answer);
    await(1);
    expect_items("first last");
}
END_TEST

static StoreCall *victim;

static void on_answer_cancel(StoreReply *reply, void *data)
{
    answers++;
    if (victim)
        store_cancel(TAKE_PTR(victim));
}

START_TEST(a_callback_may_cancel_another_call)
{
    fault_close_gate();
    put("first", on_answer_cancel);
    fault_await_held();
    put("second", on_answer_cancel);
    victim = put("third", never);
    fault.gate = false;
    await(2);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    expect_refused(put_one(&fixture, "tags", "", "x", "q", "r", 0), STATUS_INVALID_ARGUMENT, "user is empty");
}
END_TEST

START_TEST(a_read_can_be_cancelled)
{
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
    const StoreLoadModel request = {.task = T("tags"), .user = T("ann")};
    for (int i = 0; i < 200; i++) {
        StoreCall *call = store_model_load(fixture.store, &request, never, NULL);
        if (i % 3 == 0)
            usleep((useconds_t)(i % 7) * 20);
        store_cancel(call);
    }
    expect_items("x");
}
END_TEST

START_TEST(a_refused_call_can_be_cancelled)
{
    fault_close_gate();
    put("first", on_answer);
    fault_await_held();
    for (int i = 0; i < STORE_QUEUE_LIMIT - 1; i++)
        put("x", on_answer);
    StoreCall *refused = put("y", never);
    store_cancel(refused);
    fault.gate = false;
    await(STORE_QUEUE_LIMIT);
    expect_items("first x");
}
END_TEST

START_TEST(closing_answers_what_is_not_cancelled)
{
    fault_close_gate();
    put("first", on_answer);
    fault_await_held();
    put("second", on_answer);
    StoreCall *call = put("third", never);
    const StoreLoadModel request = {.task = T("tags"), .user = T("ann")};
    store_model_load(fixture.store, &request, on_answer, NULL);
    store_cancel(store_model_load(fixture.store, &request, never, NULL));
    store_cancel(call);
    store_close(TAKE_PTR(fixture.store), on_closed, &fixture);
    fault.gate = false;
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    ck_assert(fixture.closed);
    ck_assert_int_eq(answers, 3);
    fixture_restart(&fixture);
    expect_items("first second");
}
END_TEST

/* ---- what a request points at ---- */

START_TEST(a_request_is_copied)
{
    char text[] = "query", option[] = "option", id[] = "x", task[] = "tags";
    rpmd_text options[] = {T(option)};
    StoreNewItem item = new_item("ann", id, text, "r", 0);
    item.options = options;
    item.option_count = 1;
    fault_close_gate();
    put("first", on_answer);
    fault_await_held();
    const StorePutItems request = {.task = T(task), .items = &item, .count = 1};
    store_put_items(fixture.store, &request, on_answer, NULL);
    memset(text, '-', sizeof(text) - 1);
    memset(option, '-', sizeof(option) - 1);
    memset(id, '-', sizeof(id) - 1);
    memset(task, '-', sizeof(task) - 1);
    memset(&item, 0, sizeof(item));
    options[0] = T("-");
    fault.gate = false;
    await(2);
    expect_items("first x");
    const StoreItem *stored = &fixture.reply.model.items[1];
    expect_text(stored->query, "query");
    expect_text(stored->options[0], "option");
}
END_TEST

START_TEST(an_arena_is_taken)
{
    Arena arena = ARENA_INIT;
    StoreNewItem *item = ARENA_NEW(&arena, StoreNewItem);
    *item = new_item("ann", "x", arena_copy(&arena, "query", 5), "r", 0);
    const StorePutItems request = {.task = T("tags"), .items = item, .count = 1, .arena = &arena};
    store_put_items(fixture.store, &request, on_answer, NULL);
    ck_assert_ptr_null(arena.blocks);
    await(1);
    expect_items("x");
}
END_TEST

/* ---- groups and snapshots ---- */

START_TEST(reads_do_not_wait_for_a_write)
{
    expect_ok(put_one(&fixture, "tags", "ann", "before", "q", "r", 0));
    usleep(50000); /* the keeper is through with it */
    fault_close_gate();
    put("during", on_answer);
    fault_await_held();
    expect_items("before"); /* answered although the write waits */
    fault.gate = false;
    await(1);
    expect_items("before during");
}
END_TEST

START_TEST(a_refusal_leaves_the_group_whole)
{
    StatusCode codes[3] = {STATUS_UNKNOWN, STATUS_UNKNOWN, STATUS_UNKNOWN};
    const StoreDeleteItem missing = {.task = T("tags"), .user = T("nobody"), .id = T("x")};
    const StoreNewItem items[] = {new_item("ann", "bad", "q", "r", 0), new_item("", "bad", "q", "r", 0)};
    const StorePutItems half = {.task = T("tags"), .items = items, .count = 2};
    StoreMetrics before, after;
    fault_close_gate();
    put("first", on_answer);
    fault_await_held();
    store_metrics(fixture.store, &before);
    put("a", on_answer);
    store_delete_item(fixture.store, &missing, on_answer, &codes[0]); /* refused before it writes */
    store_put_items(fixture.store, &half, on_answer, &codes[1]);      /* refused in the middle */
    put("b", on_answer);
    fault.gate = false;
    await(5);
    ck_assert_int_eq(codes[0], STATUS_NOT_FOUND);
    ck_assert_int_eq(codes[1], STATUS_INVALID_ARGUMENT);
    store_metrics(fixture.store, &after);
    ck_assert_uint_eq(after.last_group, 4);
    ck_assert_uint_eq(after.failures, 2);
    expect_items("first a b");
    /* Numbers of what was undone are given again: users and items have no gap. */
    expect_ok(put_one(&fixture, "tags", "bob", "x", "q", "r", 0));
    ck_assert_uint_eq(load_model(&fixture, "tags", "bob")->model.user.number,
                      1 + load_model(&fixture, "tags", "ann")->model.user.number);
}
END_TEST

int main(void)
{
    fault_install();
    Suite *suite = suite_create("call");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_waiting_call_that_is_cancelled_is_not_executed);
    tcase_add_test(tests, a_call_at_work_may_be_kept_but_is_not_answered);
    tcase_add_test(tests, an_answered_call_can_still_be_cancelled);
    tcase_add_test(tests, a_callback_may_cancel_another_call);
    tcase_add_test(tests, a_read_can_be_cancelled);
    tcase_add_test(tests, a_refused_call_can_be_cancelled);
    tcase_add_test(tests, closing_answers_what_is_not_cancelled);
    tcase_add_test(tests, a_request_is_copied);
    tcase_add_test(tests, an_arena_is_taken);
    tcase_add_test(tests, reads_do_not_wait_for_a_write);
    tcase_add_test(tests, a_refusal_leaves_the_group_whole);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
