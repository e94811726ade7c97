/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/fault_vfs.h"
#include "tests/unit/store/support.h"

#include "lib/base/buffer.h"
#include "lib/method/pool_change.h"

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

#define ITEMS 6

typedef enum Fate { UNKNOWN, KEPT, REFUSED } Fate;

/* What the outside was told. */
typedef struct Known {
    Fate items[ITEMS];
    Fate published;
    bool erased;
} Known;

static Fate fate_of(const StoreReply *reply)
{
    if (status_is_ok(&reply->status))
        return KEPT;
    if (reply->status.code == STATUS_RESOURCE_EXHAUSTED) {
        expect_refused(reply, STATUS_RESOURCE_EXHAUSTED, "is full: nothing of this request was kept");
        return REFUSED;
    }
    expect_refused(reply, STATUS_UNAVAILABLE, "Check the disk, then repeat: what failed may have been kept");
    return UNKNOWN;
}

static void put_number(int number, Known *known)
{
    char id[16];
    _cleanup_free_ char *query = memory_allocate(1, 9001);
    memset(query, 'a' + number, 9000); /* more than a page */
    snprintf(id, sizeof(id), "%d", number);
    known->items[number] = fate_of(put_one(&fixture, "tags", "ann", id, query, "r", 0));
}

static void publish(Known *known)
{
    const rpmd_text factors = T("factors");
    _cleanup_buffer_ Buffer change = BUFFER_INIT;
    pool_change_write(&change, &(PoolCellChange){1, T("a"), 1, 1}, 1, NULL, 0);
    StoreReply *loaded = load_model(&fixture, "tags", "ann");
    if (!status_is_ok(&loaded->status))
        return;
    StorePublish request = {.task = T("tags"),
                            .user = T("ann"),
                            .user_number = loaded->model.user.number,
                            .base_version = loaded->model.user.model_version,
                            .base_revision = loaded->model.user.history_revision,
                            .factors = &factors,
                            .feeds_pool = true,
                            .pool_change = {change.data, change.length}};
    known->published =
        fate_of(ANSWER(&fixture, store_model_publish(fixture.store, &request, on_reply, &fixture)));
}

static void erase_bob(Known *known)
{
    StoreReply *reply = erase(&fixture, "tags", "bob");
    known->erased = fate_of(reply) == KEPT;
}

static void scenario(Known *known)
{
    for (int i = 0; i < ITEMS - 1; i++)
        put_number(i, known);
    publish(known);
    erase_bob(known);
    put_number(ITEMS - 1, known);
}

static bool has_item(const StoreModel *model, int number)
{
    char id[16];
    snprintf(id, sizeof(id), "%d", number);
    for (size_t i = 0; i < model->item_count; i++)
        if (text_equal_string(model->items[i].id, id))
            return model->items[i].query.length == 9000 && model->items[i].query.data[8999] == 'a' + number;
    return false;
}

/* After the disk was mended: what was acknowledged is there, what was refused is not. */
static void expect_known(const Known *known)
{
    StoreReply *reply = load_model(&fixture, "tags", "ann");
    bool found = status_is_ok(&reply->status);
    for (int i = 0; i < ITEMS; i++) {
        bool there = found && has_item(&reply->model, i);
        ck_assert(known->items[i] == UNKNOWN || there == (known->items[i] == KEPT));
    }
    bool published = found && reply->model.version.number == 1;
    ck_assert(known->published == UNKNOWN || published == (known->published == KEPT));
    if (known->erased)
        expect_refused(load_model(&fixture, "tags", "bob"), STATUS_NOT_FOUND, "no history");
}

/* Each change of a file in the scenario fails in its turn: once, or from then on. */
static void fail_each_change(int code, bool lasting)
{
    int n = 1;
    for (bool failed = true; failed; n++) {
        Known known = {0};
        Status status = STATUS_INIT;
        expect_ok(put_one(&fixture, "tags", "bob", "x", "bob's", "r", 0));
        fault_set(n, code, lasting);
        scenario(&known);
        failed = fault.failures > 0;
        if (n % 2) /* with the fault in place, or not */
            fault_set(0, 0, false);
        fixture_close(&fixture);
        fault_set(0, 0, false);
        ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM pragma_integrity_check "
                                        "WHERE integrity_check <> 'ok'"),
                         0);
        ck_assert_msg(fixture_open(&fixture, &status) == 0, "%s", status.message);
        expect_known(&known);
        Known again = {0};
        expect_ok(put_one(&fixture, "tags", "bob", "y", "bob's", "r", 0));
        scenario(&again);
        for (int i = 0; i < ITEMS; i++)
            ck_assert_int_eq(again.items[i], KEPT);
        ck_assert_int_eq(again.published, KEPT);
        ck_assert(again.erased);
        expect_ok(erase(&fixture, "tags", "ann"));
    }
    ck_assert_int_gt(n, 40);
}

START_TEST(the_disk_is_full_once)
{
    fail_each_change(SQLITE_FULL, false);
}
END_TEST

START_TEST(the_disk_stays_full)
{
    fail_each_change(SQLITE_FULL, true);
}
END_TEST

START_TEST(the_disk_fails_once)
{
    fail_each_change(SQLITE_IOERR_WRITE, false);
}
END_TEST

START_TEST(the_disk_fails_for_good)
{
    fail_each_change(SQLITE_IOERR_FSYNC, true);
}
END_TEST

START_TEST(a_store_that_cannot_be_made_says_so)
{
    int n = 1;
    for (bool failed = true; failed; n++) {
        Status status = STATUS_INIT;
        fixture_close(&fixture);
        fixture_remove_files(&fixture);
        fixture_make_directory(&fixture);
        fault_set(n, SQLITE_FULL, true);
        int r = fixture_open(&fixture, &status);
        failed = fault.failures > 0;
        ck_assert_int_eq(r, failed ? STATUS_REFUSED : 0);
        if (failed)
            ck_assert_msg(status.code == STATUS_RESOURCE_EXHAUSTED ||
                              strstr(status.message, "Check the disk"),
                          "%s", status.message);
        fixture_close(&fixture);
        fault_set(0, 0, false);
        ck_assert_int_eq(fixture_open(&fixture, &status), 0);
        expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
    }
    ck_assert_int_gt(n, 5);
}
END_TEST

START_TEST(a_read_only_database_says_so)
{
    fault_set(1, SQLITE_READONLY, true);
    expect_refused(put_one(&fixture, "tags", "ann", "x", "q", "r", 0), STATUS_UNAVAILABLE,
                   "cannot be written (attempt to write a readonly database)");
}
END_TEST

static int answered;
static StatusCode codes[5];

static void on_answer(StoreReply *reply, void *data)
{
    codes[(intptr_t)data] = reply->status.code;
    answered++;
}

/* A group whose commit fails is repeated one by one: only what cannot be kept is refused. */
START_TEST(a_request_that_is_too_much_does_not_spoil_its_group)
{
    enum { FIRST, SMALL, LARGE, LAST, COUNT };
    const size_t length = 2 << 20;
    _cleanup_free_ char *large = memory_allocate(1, length + 1);
    memset(large, 'x', length);
    const StoreNewItem items[COUNT] = {[FIRST] = new_item("ann", "1", "q", "r", 0),
                                       [SMALL] = new_item("ann", "2", "q", "r", 0),
                                       [LARGE] = new_item("ann", "3", large, "r", 0),
                                       [LAST] = new_item("ann", "4", "q", "r", 0)};
    StorePutItems requests[COUNT];
    answered = 0;
    fault_close_gate(); /* the first one's commit is held up while the others queue */
    for (intptr_t i = 0; i < COUNT; i++) {
        requests[i] = (StorePutItems){.task = T("tags"), .items = &items[i], .count = 1};
        store_put_items(fixture.store, &requests[i], on_answer, (void *)i);
        if (i == FIRST)
            fault_await_held();
    }
    fault.room = 1 << 20;
    fault.gate = false;
    while (answered < COUNT)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(codes[i], i == LARGE ? STATUS_RESOURCE_EXHAUSTED : STATUS_OK);
    StoreMetrics metrics;
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.largest_group, COUNT - 1);
    ck_assert_uint_eq(metrics.failures, 1);
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.item_count, 3);
}
END_TEST

int main(void)
{
    fault_install();
    Suite *suite = suite_create("fault");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, the_disk_is_full_once);
    tcase_add_test(tests, the_disk_stays_full);
    tcase_add_test(tests, the_disk_fails_once);
    tcase_add_test(tests, the_disk_fails_for_good);
    tcase_add_test(tests, a_store_that_cannot_be_made_says_so);
    tcase_add_test(tests, a_read_only_database_says_so);
    tcase_add_test(tests, a_request_that_is_too_much_does_not_spoil_its_group);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
