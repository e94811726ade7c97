/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/fault_vfs.h"
#include "tests/unit/store/support.h"

static Fixture fixture;

static void setup(void)
{
    fault_set(0, 0, false);
    fixture_start(&fixture);
}

static void teardown(void)
{
    fault_set(0, 0, false);
    fixture_stop(&fixture);
}

/* Requests whose answers are only counted. */
static struct {
    size_t answered;
    size_t refused;
    Status last_refusal;
    uintptr_t last; /* number of the last answered one that was not refused at the door */
    bool in_order;
} tally;

static void on_counted(StoreReply *reply, void *data)
{
    tally.answered++;
    if (!status_is_ok(&reply->status)) {
        tally.refused++;
        tally.last_refusal = reply->status;
        return;
    }
    tally.in_order &= (uintptr_t)data >= tally.last;
    tally.last = (uintptr_t)data;
}

static StoreNewItem counted_item;
static const StorePutItems counted_put = {.task = {"tags", 4}, .items = &counted_item, .count = 1};

static void submit(size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_put_items(fixture.store, &counted_put, on_counted, (void *)(tally.last + i + 1));
}

static void await(size_t count)
{
    while (tally.answered < count)
        uv_run(&fixture.loop, UV_RUN_ONCE);
}

static void begin_tally(void)
{
    memset(&tally, 0, sizeof(tally));
    tally.in_order = true;
    counted_item = new_item("ann", "", "q", "r", 0);
}

START_TEST(requests_that_wait_are_committed_together)
{
    begin_tally();
    fault_close_gate();
    submit(1);
    fault_await_held();
    submit(400);
    ck_assert_uint_eq(tally.answered, 0);
    StoreMetrics metrics;
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.queued, 401);
    ck_assert_uint_gt(metrics.queued_bytes, 401);
    fault.gate = false;
    await(401);
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.requests, 401);
    ck_assert_uint_eq(metrics.failures, 0);
    ck_assert_uint_eq(metrics.groups, 2);
    ck_assert_uint_eq(metrics.commits, 1); /* the rest changed nothing */
    ck_assert_uint_eq(metrics.largest_group, 400);
    ck_assert_uint_eq(metrics.last_group, 400);
    ck_assert_uint_eq(metrics.queued, 0);
    ck_assert_uint_eq(metrics.queued_bytes, 0);
    ck_assert_uint_gt(metrics.last_commit_ns, 0);
    ck_assert_uint_ge(metrics.longest_commit_ns, metrics.last_commit_ns);
    ck_assert(tally.in_order);
}
END_TEST

START_TEST(a_group_is_bounded)
{
    begin_tally();
    fault_close_gate();
    submit(1);
    fault_await_held();
    submit(STORE_GROUP_REQUESTS + 1);
    fault.gate = false;
    await(STORE_GROUP_REQUESTS + 2);
    StoreMetrics metrics;
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.groups, 3);
    ck_assert_uint_eq(metrics.largest_group, STORE_GROUP_REQUESTS);

    _cleanup_free_ char *large = memory_allocate(1, STORE_GROUP_BYTES + 1);
    memset(large, 'x', STORE_GROUP_BYTES);
    begin_tally();
    counted_item.query = T(large);
    fault_close_gate();
    submit(1);
    fault_await_held();
    submit(2);
    fault.gate = false;
    await(3);
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.groups, 6);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
    begin_tally();
    fault_close_gate();
    submit(STORE_QUEUE_LIMIT + 3);
    ck_assert_uint_eq(tally.answered, 0); /* refusals come through the callback as well */
    fault.gate = false;
    await(STORE_QUEUE_LIMIT + 3);
    ck_assert_uint_eq(tally.refused, 3);
    ck_assert_int_eq(tally.last_refusal.code, STATUS_RESOURCE_EXHAUSTED);
    ck_assert_ptr_nonnull(strstr(tally.last_refusal.message, "Too much waits to be written"));
    ck_assert(tally.in_order);
}
END_TEST

START_TEST(bytes_in_the_queue_are_bounded)
{
    _cleanup_free_ char *large = memory_allocate(1, STORE_TEXT_LIMIT + 1);
    memset(large, 'x', STORE_TEXT_LIMIT);
    begin_tally();
    counted_item.query = T(large);
    fault_close_gate();
    size_t fit = STORE_QUEUE_BYTES_LIMIT / STORE_TEXT_LIMIT;
    submit(fit + 1);
    fault.gate = false;
    await(fit + 1);
    ck_assert_uint_eq(tally.refused, 2); /* each takes a little more than its text */
    ck_assert_int_eq(tally.last_refusal.code, STATUS_RESOURCE_EXHAUSTED);
}
END_TEST

static size_t woken;

static void on_ready(StoreWaiter *waiter)
{
    ck_assert_ptr_null(waiter->store);
    ck_assert(!store_is_busy(fixture.store));
    woken++;
}

static void on_ready_again(StoreWaiter *waiter)
{
    woken++;
    if (woken < 5)
        store_wait(fixture.store, waiter);
}

START_TEST(streams_wait_while_the_store_is_busy)
{
    StoreWaiter first = {.ready = on_ready}, second = {.ready = on_ready}, cancelled = {.ready = on_ready};
    begin_tally();
    woken = 0;
    ck_assert(!store_is_busy(fixture.store));
    fault_close_gate();
    submit(STORE_BUSY_REQUESTS - 1);
    ck_assert(!store_is_busy(fixture.store));
    submit(1);
    ck_assert(store_is_busy(fixture.store));
    store_wait(fixture.store, &first);
    store_wait(fixture.store, &cancelled);
    store_wait(fixture.store, &second);
    store_wait_cancel(&cancelled);
    store_wait_cancel(&cancelled);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(woken, 0);
    fault.gate = false;
    await(STORE_BUSY_REQUESTS);
    ck_assert_uint_eq(woken, 2);
}
END_TEST

START_TEST(waiting_for_an_idle_store_ends_on_a_later_turn)
{
    StoreWaiter waiter = {.ready = on_ready_again};
    woken = 0;
    store_wait(fixture.store, &waiter);
    ck_assert_uint_eq(woken, 0);
    while (woken < 5)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    ck_assert_ptr_null(waiter.store);
}
END_TEST

static void on_close_in_callback(StoreReply *reply, void *data)
{
    expect_ok(reply);
    store_close(fixture.store, on_closed, &fixture);
    fixture.store = NULL;
}

START_TEST(closing_finishes_what_is_queued)
{
    StoreWaiter waiter = {.ready = on_ready_again};
    begin_tally();
    woken = 5;
    fault_close_gate();
    submit(STORE_BUSY_REQUESTS);
    store_wait(fixture.store, &waiter);
    Store *store = fixture.store;
    store_close(store, on_closed, &fixture);
    fixture.store = NULL;
    store_put_items(store, &counted_put, on_counted, NULL); /* too late */
    fault.gate = false;
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    ck_assert(fixture.closed);
    ck_assert_uint_eq(tally.answered, STORE_BUSY_REQUESTS + 1);
    ck_assert_uint_eq(tally.refused, 1);
    ck_assert_int_eq(tally.last_refusal.code, STATUS_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(tally.last_refusal.message, "The daemon is stopping"));
    ck_assert_uint_eq(woken, 6);
}
END_TEST

START_TEST(a_callback_may_close_the_store)
{
    counted_item = new_item("ann", "", "q", "r", 0);
    store_put_items(fixture.store, &counted_put, on_close_in_callback, NULL);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    ck_assert(fixture.closed);
}
END_TEST

START_TEST(a_failed_request_does_not_spoil_its_group)
{
    const StoreNewItem items[2] = {new_item("ann", "1", "q", "r", 0), new_item("", "2", "q", "r", 0)};
    const StorePutItems bad = {.task = T("tags"), .items = items, .count = 2};
    const StoreNewItem other = new_item("ann", "other", "q", "r", 0);
    const StorePutItems good = {.task = T("tags"), .items = &other, .count = 1};
    begin_tally();
    fault_close_gate();
    submit(1);
    fault_await_held();
    store_put_items(fixture.store, &good, on_counted, (void *)1);
    store_put_items(fixture.store, &bad, on_counted, NULL);
    submit(1);
    fault.gate = false;
    await(4);
    ck_assert_uint_eq(tally.refused, 1);
    ck_assert_int_eq(tally.last_refusal.code, STATUS_INVALID_ARGUMENT);
    StoreMetrics metrics;
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.largest_group, 3);
    /* Nothing of the bad request was kept, not even its first item. */
    const StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->item_count, 2);
    for (size_t i = 0; i < model->item_count; i++)
        ck_assert(!text_equal_string(model->items[i].id, "1"));
}
END_TEST

int main(void)
{
    fault_install();
    Suite *suite = suite_create("store");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, requests_that_wait_are_committed_together);
    tcase_add_test(tests, a_group_is_bounded);
    tcase_add_test(tests, the_queue_is_bounded);
    tcase_add_test(tests, bytes_in_the_queue_are_bounded);
    tcase_add_test(tests, streams_wait_while_the_store_is_busy);
    tcase_add_test(tests, waiting_for_an_idle_store_ends_on_a_later_turn);
    tcase_add_test(tests, closing_finishes_what_is_queued);
    tcase_add_test(tests, a_callback_may_close_the_store);
    tcase_add_test(tests, a_failed_request_does_not_spoil_its_group);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
