/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

static StoreReply *list(const char *user, StoreCursor from, uint32_t limit)
{
    StoreListItems request = {.task = T("tags"), .user = T(user), .from = from, .limit = limit};
    return ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
}

static StoreReply *users(const char *task, const char *after, uint32_t limit)
{
    StoreListUsers request = {.task = T(task), .after = T(after), .limit = limit};
    return ANSWER(&fixture, store_list_users(fixture.store, &request, on_reply, &fixture));
}

static StoreReply *delete (const char *user, const char *id)
{
    StoreDeleteItem request = {.task = T("tags"), .user = T(user), .id = T(id)};
    return ANSWER(&fixture, store_delete_item(fixture.store, &request, on_reply, &fixture));
}

static void expect_order(const char *user, const char *expected)
{
    StoreReply *reply = list(user, (StoreCursor){0}, 0);
    expect_ok(reply);
    char ids[256] = "";
    for (size_t i = 0; i < reply->items.count; i++)
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%.*s", i ? " " : "",
                 TEXT_ARGS(reply->items.items[i].id));
    ck_assert_str_eq(ids, expected);
}

START_TEST(an_item_comes_back_as_it_was_put)
{
    const rpmd_text options[] = {T("yes"), T(""), T("no, “never”")};
    StoreNewItem item = new_item("ann", "one", "a film about the sea", "classic", 5);
    item.options = options;
    item.option_count = 3;
    item.meta = T("{\"page\":3}");
    StoreReply *reply = put_items(&fixture, "tags", &item, 1);
    expect_ok(reply);
    ck_assert_uint_eq(reply->puts.count, 1);
    ck_assert_uint_eq(reply->puts.new_users, 1);
    ck_assert_int_eq(reply->puts.puts[0].outcome, STORE_ACCEPTED);
    expect_text(reply->puts.puts[0].id, "one");
    expect_text(reply->puts.puts[0].user, "ann");
    ck_assert_uint_eq(reply->puts.puts[0].revision, 1);
    ck_assert_int_eq(reply->puts.puts[0].order_us, 5);
    uint64_t number = reply->puts.puts[0].number;

    fixture_restart(&fixture);
    reply = list("ann", (StoreCursor){0}, 0);
    expect_ok(reply);
    ck_assert_uint_eq(reply->items.count, 1);
    ck_assert(!reply->items.more);
    const StoreItem *stored = &reply->items.items[0];
    ck_assert_uint_eq(stored->number, number);
    ck_assert_uint_eq(stored->revision, 1);
    ck_assert_int_eq(stored->time_us, 5);
    ck_assert_int_eq(stored->order_us, 5);
    expect_text(stored->query, "a film about the sea");
    expect_text(stored->response, "classic");
    expect_text(stored->meta, "{\"page\":3}");
    ck_assert_uint_eq(stored->option_count, 3);
    expect_text(stored->options[0], "yes");
    expect_text(stored->options[1], "");
    expect_text(stored->options[2], "no, “never”");
    ck_assert_uint_eq(stored->record.extractor_version.length, 0);
}
END_TEST

START_TEST(putting_again_changes_nothing)
{
    const StoreNewItem items[] = {new_item("ann", "", "q", "r", 0), new_item("bob", "x", "q", "r", 7)};
    StoreReply *reply = put_items(&fixture, "tags", items, 2);
    ck_assert_int_eq(reply->puts.puts[0].outcome, STORE_ACCEPTED);
    ck_assert_int_eq(reply->puts.puts[1].outcome, STORE_ACCEPTED);
    ck_assert_uint_eq(reply->puts.new_users, 2);
    uint64_t number = reply->puts.puts[0].number;
    fixture_restart(&fixture);
    reply = put_items(&fixture, "tags", items, 2);
    ck_assert_int_eq(reply->puts.puts[0].outcome, STORE_UNCHANGED);
    ck_assert_int_eq(reply->puts.puts[1].outcome, STORE_UNCHANGED);
    ck_assert_uint_eq(reply->puts.new_users, 0);
    ck_assert_uint_eq(reply->puts.puts[0].number, number);
    ck_assert_uint_eq(reply->puts.puts[0].revision, 1);
    const StoreUser *ann = &load_model(&fixture, "tags", "ann")->model.user;
    ck_assert_uint_eq(ann->history_revision, 1);
    ck_assert_uint_eq(ann->last_item, number);
    ck_assert_int_eq(ann->greatest_order_us, 0);
}
END_TEST

START_TEST(an_item_twice_in_one_request_is_one)
{
    const StoreNewItem items[] = {new_item("ann", "", "q", "r", 0), new_item("ann", "", "q", "r", 0),
                                  new_item("ann", "", "q", "r", 1)};
    StoreReply *reply = put_items(&fixture, "tags", items, 3);
    ck_assert_int_eq(reply->puts.puts[0].outcome, STORE_ACCEPTED);
    ck_assert_int_eq(reply->puts.puts[1].outcome, STORE_UNCHANGED);
    ck_assert_int_eq(reply->puts.puts[2].outcome, STORE_ACCEPTED);
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.user.items, 2);
}
END_TEST

START_TEST(derived_ids_tell_contents_apart)
{
    const rpmd_text options[] = {T("ab"), T("c")}, others[] = {T("a"), T("bc")};
    StoreNewItem items[] = {
        new_item("", "", "ab", "c", 0),  new_item("", "", "a", "bc", 0), new_item("", "", "ab", "c", 1),
        new_item("", "", "ab", "c", -1), new_item("", "", "ab", "c", 0), new_item("", "", "ab", "c", 0),
    };
    items[4].options = options;
    items[5].options = others;
    items[4].option_count = items[5].option_count = 2;
    char ids[ARRAY_SIZE(items)][STORE_DERIVED_ID_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        store_derive_id(&items[i], ids[i]);
        ck_assert_uint_eq(strlen(ids[i]), 32);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(ids[i], ids[k]);
    }
    StoreNewItem same = new_item("somebody", "named", "ab", "c", 0);
    char id[STORE_DERIVED_ID_SIZE];
    store_derive_id(&same, id);
    ck_assert_str_eq(id, ids[0]);
}
END_TEST

START_TEST(a_correction_keeps_the_number)
{
    StorePut before = put_one(&fixture, "tags", "ann", "x", "q", "r", 10)->puts.puts[0];
    put_one(&fixture, "tags", "ann", "y", "q", "r", 20);
    StorePut after = put_one(&fixture, "tags", "ann", "x", "q", "better", 0)->puts.puts[0];
    ck_assert_int_eq(after.outcome, STORE_REPLACED);
    ck_assert_uint_eq(after.number, before.number);
    ck_assert_uint_eq(after.revision, 3);
    ck_assert_int_eq(after.order_us, 10);
    expect_order("ann", "x y");
    after = put_one(&fixture, "tags", "ann", "x", "q", "better", 30)->puts.puts[0];
    ck_assert_int_eq(after.outcome, STORE_REPLACED);
    ck_assert_int_eq(after.order_us, 30);
    expect_order("ann", "y x");
    expect_text(fixture.reply.items.items[1].response, "better");
}
END_TEST

START_TEST(each_part_of_the_content_counts_as_a_correction)
{
    const rpmd_text options[] = {T("a")};
    StoreNewItem item = new_item("ann", "x", "q", "r", 0);
    put_items(&fixture, "tags", &item, 1);
    item.query = T("Q");
    ck_assert_int_eq(put_items(&fixture, "tags", &item, 1)->puts.puts[0].outcome, STORE_REPLACED);
    item.response = T("R");
    ck_assert_int_eq(put_items(&fixture, "tags", &item, 1)->puts.puts[0].outcome, STORE_REPLACED);
    item.time_us = 4;
    ck_assert_int_eq(put_items(&fixture, "tags", &item, 1)->puts.puts[0].outcome, STORE_REPLACED);
    item.options = options;
    item.option_count = 1;
    ck_assert_int_eq(put_items(&fixture, "tags", &item, 1)->puts.puts[0].outcome, STORE_REPLACED);
    item.meta = T("{}");
    ck_assert_int_eq(put_items(&fixture, "tags", &item, 1)->puts.puts[0].outcome, STORE_REPLACED);
    ck_assert_int_eq(put_items(&fixture, "tags", &item, 1)->puts.puts[0].outcome, STORE_UNCHANGED);
}
END_TEST

START_TEST(items_are_ordered_by_time_then_arrival)
{
    const StoreNewItem items[] = {
        new_item("ann", "none-1", "q", "r", 0),   new_item("ann", "at-50", "q", "r", 50),
        new_item("ann", "none-2", "q", "r", 0),   new_item("ann", "at-20", "q", "r", 20),
        new_item("ann", "also-50", "q", "r", 50), new_item("ann", "before", "q", "r", -9),
        new_item("ann", "none-3", "q", "r", 0),
    };
    expect_ok(put_items(&fixture, "tags", items, ARRAY_SIZE(items)));
    expect_order("ann", "before none-1 at-20 at-50 none-2 also-50 none-3");
}
END_TEST

START_TEST(a_list_comes_in_chunks)
{
    for (int i = 0; i < 25; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        put_one(&fixture, "tags", "ann", id, "q", "r", i / 3);
    }
    StoreCursor from = {0};
    int seen = 0, chunks = 0;
    bool more = true;
    while (more) {
        StoreReply *reply = list("ann", from, 10);
        expect_ok(reply);
        for (size_t i = 0; i < reply->items.count; i++) {
            char id[16];
            snprintf(id, sizeof(id), "%d", seen++);
            expect_text(reply->items.items[i].id, id);
        }
        from = reply->items.next;
        more = reply->items.more;
        chunks++;
    }
    ck_assert_int_eq(seen, 25);
    ck_assert_int_eq(chunks, 3);
    ck_assert_uint_eq(list("ann", from, 10)->items.count, 0);
}
END_TEST

START_TEST(a_chunk_is_bounded_in_bytes)
{
    _cleanup_free_ char *large = memory_allocate(1, STORE_LIST_BYTES + 1);
    memset(large, 'x', STORE_LIST_BYTES);
    put_one(&fixture, "tags", "ann", "1", large, "r", 0);
    put_one(&fixture, "tags", "ann", "2", large, "r", 0);
    StoreReply *reply = list("ann", (StoreCursor){0}, 0);
    ck_assert_uint_eq(reply->items.count, 1);
    ck_assert(reply->items.more);
    reply = list("ann", reply->items.next, 0);
    ck_assert_uint_eq(reply->items.count, 1);
    expect_text(reply->items.items[0].id, "2");
    ck_assert(!reply->items.more);
}
END_TEST

START_TEST(users_and_tasks_are_counted)
{
    const StoreNewItem items[] = {new_item("cid", "", "1", "r", 0), new_item("ann", "", "2", "r", 0),
                                  new_item("cid", "", "3", "r", 0), new_item("bob", "", "4", "r", 0),
                                  new_item("cid", "", "5", "r", 0)};
    expect_ok(put_items(&fixture, "tags", items, ARRAY_SIZE(items)));
    expect_ok(put_items(&fixture, "opinions", items, 1));
    StoreReply *reply = users("tags", "", 0);
    ck_assert_uint_eq(reply->users.count, 3);
    ck_assert(!reply->users.more);
    expect_text(reply->users.users[0].user, "ann");
    expect_text(reply->users.users[2].user, "cid");
    ck_assert_uint_eq(reply->users.users[2].items, 3);
    ck_assert_uint_eq(reply->users.users[2].history_revision, 3);
    ck_assert_uint_eq(reply->users.users[2].model_version, 0);
    ck_assert(reply->users.users[2].feeds_pool);
    reply = users("tags", "", 2);
    ck_assert_uint_eq(reply->users.count, 2);
    ck_assert(reply->users.more);
    reply = users("tags", "bob", 2);
    ck_assert_uint_eq(reply->users.count, 1);
    ck_assert(!reply->users.more);
    ck_assert_uint_eq(users("nothing", "", 0)->users.count, 0);

    reply = ANSWER(&fixture, store_list_tasks(fixture.store, on_reply, &fixture));
    ck_assert_uint_eq(reply->tasks.count, 2);
    expect_text(reply->tasks.tasks[0].task, "opinions");
    ck_assert_uint_eq(reply->tasks.tasks[0].items, 1);
    ck_assert_uint_eq(reply->tasks.tasks[1].users, 3);
    ck_assert_uint_eq(reply->tasks.tasks[1].items, 5);
    ck_assert_uint_eq(reply->tasks.tasks[1].models, 0);
}
END_TEST

START_TEST(an_item_can_be_deleted)
{
    put_one(&fixture, "tags", "ann", "x", "q", "r", 0);
    uint64_t number = put_one(&fixture, "tags", "ann", "y", "q", "r", 0)->puts.puts[0].number;
    expect_refused(delete ("ann", "z"), STATUS_NOT_FOUND, "User \"ann\" has no item \"z\" in task \"tags\"");
    expect_refused(delete ("bob", "x"), STATUS_NOT_FOUND, "no history of user \"bob\" in task \"tags\"");
    expect_ok(delete ("ann", "y"));
    expect_order("ann", "x");
    StoreReply *reply = load_model(&fixture, "tags", "ann");
    ck_assert_uint_eq(reply->model.user.items, 1);
    ck_assert_uint_eq(reply->model.user.history_revision, 3);
    ck_assert_uint_gt(put_one(&fixture, "tags", "ann", "y", "q", "r", 0)->puts.puts[0].number, number);
}
END_TEST

START_TEST(bad_texts_are_refused_as_a_whole)
{
    StoreNewItem items[] = {new_item("ann", "x", "q", "r", 0), new_item("ann", "y", "q", "r", 0)};
    items[1].query = (rpmd_text){"a\0b", 3};
    expect_refused(put_items(&fixture, "tags", items, 2), STATUS_INVALID_ARGUMENT, "NUL byte");
    expect_refused(list("ann", (StoreCursor){0}, 0), STATUS_NOT_FOUND, "no history of user \"ann\"");
    rpmd_text option = {"a\0", 2};
    items[1] = new_item("ann", "y", "q", "r", 0);
    items[1].options = &option;
    items[1].option_count = 1;
    expect_refused(put_items(&fixture, "tags", items, 2), STATUS_INVALID_ARGUMENT, "option has a NUL byte");
    items[1] = new_item("", "y", "q", "r", 0);
    expect_refused(put_items(&fixture, "tags", items, 2), STATUS_INVALID_ARGUMENT, "The user is empty");
    expect_refused(put_items(&fixture, "", items, 1), STATUS_INVALID_ARGUMENT, "The task is empty");
    size_t length = STORE_TEXT_LIMIT + 1;
    _cleanup_free_ char *large = memory_allocate(1, length + 1);
    memset(large, 'x', length);
    items[1] = new_item("ann", "y", large, "r", 0);
    expect_refused(put_items(&fixture, "tags", items, 2), STATUS_INVALID_ARGUMENT, "is too long");
    items[1].query.length = STORE_TEXT_LIMIT;
    expect_ok(put_items(&fixture, "tags", items, 2));
    ck_assert_uint_eq(users("tags", "", 0)->users.users[0].items, 2);
}
END_TEST

START_TEST(an_empty_request_is_fine)
{
    StoreReply *reply = put_items(&fixture, "tags", NULL, 0);
    expect_ok(reply);
    ck_assert_uint_eq(reply->puts.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_item_comes_back_as_it_was_put);
    tcase_add_test(tests, putting_again_changes_nothing);
    tcase_add_test(tests, an_item_twice_in_one_request_is_one);
    tcase_add_test(tests, derived_ids_tell_contents_apart);
    tcase_add_test(tests, a_correction_keeps_the_number);
    tcase_add_test(tests, each_part_of_the_content_counts_as_a_correction);
    tcase_add_test(tests, items_are_ordered_by_time_then_arrival);
    tcase_add_test(tests, a_list_comes_in_chunks);
    tcase_add_test(tests, a_chunk_is_bounded_in_bytes);
    tcase_add_test(tests, users_and_tasks_are_counted);
    tcase_add_test(tests, an_item_can_be_deleted);
    tcase_add_test(tests, bad_texts_are_refused_as_a_whole);
    tcase_add_test(tests, an_empty_request_is_fine);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
