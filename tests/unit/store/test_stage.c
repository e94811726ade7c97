/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

static Fixture fixture;

#define ITEMS 3000 /* more than one request clears away */

static StorePut stored[ITEMS];
static uint64_t user_number;

static void setup(void)
{
    fixture_start(&fixture);
    StoreNewItem *items = NEW_ARRAY(StoreNewItem, ITEMS);
    char(*ids)[16] = memory_allocate(ITEMS, sizeof(*ids));
    for (int i = 0; i < ITEMS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "%d", i);
        items[i] = new_item("ann", ids[i], "query", "response", 0);
    }
    StoreReply *reply = put_items(&fixture, "tags", items, ITEMS);
    expect_ok(reply);
    memcpy(stored, reply->puts.puts, sizeof(stored));
    user_number = stored[0].user_number;
    free(items);
    free(ids);
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.user.number, user_number);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

static StoreReply *stage(uint64_t generation, size_t first, size_t count, const char *content)
{
    StoreRecord records[STORE_STAGE_RECORDS + 1];
    for (size_t i = 0; i < count; i++)
        records[i] = (StoreRecord){.item = stored[first + i].number,
                                   .revision = stored[first + i].revision,
                                   .extractor_version = T("1"),
                                   .content = T(content)};
    StoreStage request = {.task = T("tags"),
                          .user = T("ann"),
                          .user_number = user_number,
                          .generation = generation,
                          .records = records,
                          .count = count};
    return ANSWER(&fixture, store_stage(fixture.store, &request, on_reply, &fixture));
}

static uint64_t begin(void)
{
    StoreReply *reply = stage(0, 0, 0, "");
    expect_ok(reply);
    uint64_t generation = reply->staged.generation;
    for (int requests = 0; !reply->staged.is_clean; requests++) {
        ck_assert_int_lt(requests, 100);
        reply = stage(generation, 0, 0, "");
        expect_ok(reply);
        ck_assert_uint_eq(reply->staged.generation, generation);
    }
    return generation;
}

static void stage_all(uint64_t generation, size_t count, const char *content)
{
    for (size_t first = 0; first < count; first += STORE_STAGE_RECORDS)
        expect_ok(stage(generation, first, MIN(count - first, (size_t)STORE_STAGE_RECORDS), content));
}

static const rpmd_text factors = {"f", 1};

static StoreReply *publish(uint64_t generation)
{
    return publish_over(&fixture, "tags", "ann",
                        (StorePublish){.generation = generation, .factors = &factors, .item_count = ITEMS});
}

/* How many items have this content; "": no record. */
static size_t count_content(const char *content)
{
    StoreReply *reply = load_model(&fixture, "tags", "ann");
    expect_ok(reply);
    ck_assert_uint_eq(reply->model.item_count, ITEMS);
    size_t count = 0;
    for (size_t i = 0; i < ITEMS; i++)
        count += text_equal_string(reply->model.items[i].record.content, content);
    return count;
}

static int64_t stored_records(void)
{
    fixture_close(&fixture);
    int64_t count = peek(&fixture, "SELECT count(*) FROM record");
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
    return count;
}

/* Until the keeper has removed what others took the place of. */
static void await_records(int64_t expected)
{
    for (int i = 0; i < 200; i++) {
        usleep(10000);
        if (stored_records() == expected)
            return;
    }
    ck_assert_int_eq(stored_records(), expected);
}

START_TEST(records_count_from_the_publication_on)
{
    uint64_t first = begin();
    ck_assert_uint_eq(first, 1);
    stage_all(first, ITEMS, "first");
    ck_assert_uint_eq(count_content(""), ITEMS);
    expect_ok(publish(first));
    ck_assert_uint_eq(count_content("first"), ITEMS);
    uint64_t second = begin();
    stage_all(second, ITEMS, "second");
    ck_assert_uint_eq(count_content("first"), ITEMS);
    expect_ok(publish(second));
    ck_assert_uint_eq(count_content("second"), ITEMS);
    await_records(ITEMS);
    ck_assert_uint_eq(count_content("second"), ITEMS);
}
END_TEST

START_TEST(a_build_that_broke_off_leaves_nothing_behind)
{
    uint64_t first = begin();
    stage_all(first, ITEMS, "first");
    expect_ok(publish(first));
    uint64_t broken = begin();
    stage_all(broken, ITEMS / 2, "broken");
    fixture_restart(&fixture);
    ck_assert_uint_eq(count_content("first"), ITEMS);
    /* Only a part of the new build's items get a record: the others keep theirs. */
    uint64_t second = begin();
    ck_assert_uint_gt(second, broken);
    expect_refused(stage(broken, 0, 1, "late"), STATUS_ABORTED, "is being built anew by another request");
    expect_refused(publish(broken), STATUS_ABORTED, "another build began");
    stage_all(second, 100, "second");
    expect_ok(publish(second));
    ck_assert_uint_eq(count_content("second"), 100);
    ck_assert_uint_eq(count_content("first"), ITEMS - 100);
    await_records(ITEMS);
    ck_assert_uint_eq(count_content("broken"), 0);
}
END_TEST

START_TEST(a_model_is_not_published_beside_the_rest_of_a_broken_build)
{
    uint64_t broken = begin();
    stage_all(broken, ITEMS, "broken");
    StoreReply *reply = stage(0, 0, 10, "second");
    expect_ok(reply);
    ck_assert(!reply->staged.is_clean);
    uint64_t second = reply->staged.generation;
    expect_refused(publish(second), STATUS_INVALID_ARGUMENT, "Records of a build that broke off are left");
    /* What came with the first request stays. */
    while (!reply->staged.is_clean) {
        reply = stage(second, 0, 0, "");
        expect_ok(reply);
    }
    expect_ok(publish(second));
    ck_assert_uint_eq(count_content("second"), 10);
    ck_assert_uint_eq(count_content(""), ITEMS - 10);
    await_records(10);
}
END_TEST

START_TEST(what_changes_during_a_build_is_kept)
{
    uint64_t first = begin();
    stage_all(first, ITEMS, "first");
    expect_ok(publish(first));
    uint64_t second = begin();
    stage_all(second, ITEMS - 1, "second");
    /* One item is corrected, another gets a record of its own. */
    StorePut corrected = put_one(&fixture, "tags", "ann", "5", "other", "response", 0)->puts.puts[0];
    const StoreRecord records[] = {{.item = corrected.number,
                                    .revision = corrected.revision,
                                    .extractor_version = T("1"),
                                    .content = T("new")},
                                   {.item = stored[7].number,
                                    .revision = stored[7].revision,
                                    .extractor_version = T("1"),
                                    .content = T("own")}};
    expect_ok(publish_over(&fixture, "tags", "ann",
                           (StorePublish){.records = records, .record_count = 2, .item_count = ITEMS}));
    ck_assert_uint_eq(count_content("new"), 1);
    ck_assert_uint_eq(count_content("own"), 1);
    ck_assert_uint_eq(count_content("first"), ITEMS - 2);
    /* The build's record of the corrected item is of what it was. */
    expect_ok(stage(second, 5, 1, "late"));
    expect_ok(publish(second));
    ck_assert_uint_eq(count_content("new"), 1);
    ck_assert_uint_eq(count_content("first"), 1);
    ck_assert_uint_eq(count_content("second"), ITEMS - 2);
    await_records(ITEMS);
    ck_assert_uint_eq(count_content("second"), ITEMS - 2);
}
END_TEST

START_TEST(bad_records_are_refused)
{
    uint64_t first = begin();
    expect_refused(stage(first, 0, STORE_STAGE_RECORDS + 1, "x"), STATUS_INVALID_ARGUMENT,
                   "129 records are too many: at most 128");
    expect_refused(stage(first + 1, 0, 1, "x"), STATUS_ABORTED, "is being built anew");
    StoreRecord nameless = {.item = stored[0].number, .revision = stored[0].revision};
    StoreStage request = {.task = T("tags"),
                          .user = T("ann"),
                          .user_number = user_number,
                          .generation = first,
                          .records = &nameless,
                          .count = 1};
    expect_refused(ANSWER(&fixture, store_stage(fixture.store, &request, on_reply, &fixture)),
                   STATUS_INVALID_ARGUMENT, "names no extractor version");
    request.user_number++;
    expect_refused(ANSWER(&fixture, store_stage(fixture.store, &request, on_reply, &fixture)), STATUS_ABORTED,
                   "the user was erased in the meantime");
    expect_ok(publish(first));
    expect_refused(stage(first, 0, 1, "x"), STATUS_ABORTED, "is being built anew");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stage");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, records_count_from_the_publication_on);
    tcase_add_test(tests, a_build_that_broke_off_leaves_nothing_behind);
    tcase_add_test(tests, a_model_is_not_published_beside_the_rest_of_a_broken_build);
    tcase_add_test(tests, what_changes_during_a_build_is_kept);
    tcase_add_test(tests, bad_records_are_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
