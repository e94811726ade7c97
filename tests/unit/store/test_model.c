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

static const char factor_bytes[] = "factors\0with a NUL";
static const rpmd_text factor_set = {factor_bytes, sizeof(factor_bytes)};
static const char content_bytes[] = "content\0with a NUL";
static const rpmd_text content = {content_bytes, sizeof(content_bytes)};

static StoreReply *publish(StorePublish publish)
{
    return publish_over(&fixture, "tags", "ann", publish);
}

static StorePut put(const char *id, int64_t time_us)
{
    StoreReply *reply = put_one(&fixture, "tags", "ann", id, "query", "response", time_us);
    expect_ok(reply);
    return reply->puts.puts[0];
}

static StoreReply *versions(void)
{
    StoreUserName request = {.task = T("tags"), .user = T("ann")};
    return ANSWER(&fixture, store_list_versions(fixture.store, &request, on_reply, &fixture));
}

static StoreReply *load_factors(uint64_t version)
{
    StoreLoadFactorSet request = {.task = T("tags"), .user = T("ann"), .version = version};
    return ANSWER(&fixture, store_factor_set_load(fixture.store, &request, on_reply, &fixture));
}

static StoreRecord record_of(const StorePut *put, rpmd_text bytes)
{
    return (StoreRecord){
        .item = put->number, .revision = put->revision, .extractor_version = T("1.2"), .content = bytes};
}

/* The model of three items: the last put comes first, the middle one could not be analysed. */
static void publish_first(StorePut items[3])
{
    items[0] = put("x", 20);
    items[1] = put("y", 30);
    items[2] = put("z", 10);
    StoreRecord records[] = {record_of(&items[0], content), record_of(&items[1], content),
                             record_of(&items[2], T("of z"))};
    records[1].code = STATUS_INVALID_ARGUMENT;
    records[1].error = T("too long");
    StoreReply *reply = publish((StorePublish){.created_us = 99,
                                               .reason = T("build"),
                                               .item_count = 3,
                                               .records = records,
                                               .record_count = ARRAY_SIZE(records),
                                               .feature_count = 5,
                                               .reasoning_count = 2,
                                               .factors = &factor_set,
                                               .factor_count = 3,
                                               .answer_kind = 2,
                                               .feeds_pool = true});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.version, 1);
    ck_assert_uint_eq(reply->published.history_revision, 3);
    ck_assert_uint_eq(reply->published.last_change, 0);
}

static void expect_bytes(rpmd_text bytes, rpmd_text expected)
{
    ck_assert_uint_eq(bytes.length, expected.length);
    ck_assert_mem_eq(bytes.data, expected.data, expected.length);
}

static void expect_whole(const StoreItem *item)
{
    ck_assert_uint_eq(item->record.item, item->number);
    ck_assert_uint_eq(item->record.revision, item->revision);
    expect_text(item->record.extractor_version, "1.2");
    ck_assert_int_eq(item->record.code, STATUS_OK);
    expect_text(item->record.error, "");
    expect_bytes(item->record.content, content);
}

START_TEST(a_model_comes_back_as_it_was_published)
{
    StorePut items[3];
    publish_first(items);
    fixture_restart(&fixture);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->user.model_version, 1);
    ck_assert_uint_eq(model->user.last_item, items[2].number);
    ck_assert_int_eq(model->user.greatest_order_us, 30);
    ck_assert(model->user.feeds_pool);
    ck_assert_uint_eq(model->version.number, 1);
    ck_assert_int_eq(model->version.created_us, 99);
    expect_text(model->version.reason, "build");
    expect_text(model->version.extractor_version, "1.2");
    ck_assert_uint_eq(model->version.items, 3);
    ck_assert_uint_eq(model->version.factors, 3);
    ck_assert_uint_eq(model->version.answer_kind, 2);
    ck_assert_uint_eq(model->version.history_revision, 3);
    ck_assert(model->version.current);
    ck_assert_uint_eq(model->item_count, 3);
    expect_text(model->items[0].id, "z");
    expect_text(model->items[2].id, "y");
    expect_text(model->items[0].record.content, "of z");
    expect_whole(&model->items[1]);
    expect_text(model->items[2].record.error, "too long");
    ck_assert_int_eq(model->items[2].record.code, STATUS_INVALID_ARGUMENT);
    expect_bytes(model->factors, factor_set);
    StoreReply *reply = ANSWER(&fixture, store_list_tasks(fixture.store, on_reply, &fixture));
    ck_assert_uint_eq(reply->tasks.tasks[0].models, 1);
}
END_TEST

START_TEST(a_user_without_a_model_has_items_only)
{
    put("x", 1);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->version.number, 0);
    ck_assert_uint_eq(model->item_count, 1);
    ck_assert_uint_eq(model->factors.length, 0);
    ck_assert_uint_eq(versions()->versions.count, 0);
    expect_refused(load_model(&fixture, "tags", "bob"), STATUS_NOT_FOUND, "no history of user \"bob\"");
    expect_refused(load_model(&fixture, "none", "ann"), STATUS_NOT_FOUND, "in task \"none\"");
}
END_TEST

START_TEST(a_load_can_be_of_the_user_alone_or_of_what_is_new)
{
    StorePut items[3];
    publish_first(items);
    StoreLoadModel request = {.task = T("tags"), .user = T("ann"), .scope = STORE_LOAD_USER};
    StoreModel *model =
        &ANSWER(&fixture, store_model_load(fixture.store, &request, on_reply, &fixture))->model;
    ck_assert_uint_eq(model->item_count, 0);
    ck_assert_uint_eq(model->factors.length, 0);
    ck_assert_uint_eq(model->version.number, 1);
    put("w", 5);
    put_one(&fixture, "tags", "ann", "y", "other", "response", 30);
    request = (StoreLoadModel){.task = T("tags"), .user = T("ann"), .since_revision = 2};
    model = &ANSWER(&fixture, store_model_load(fixture.store, &request, on_reply, &fixture))->model;
    ck_assert_uint_eq(model->item_count, 3);
    expect_text(model->items[0].id, "w");
    expect_text(model->items[0].record.extractor_version, "");
    expect_text(model->items[1].id, "z");
    expect_text(model->items[1].record.content, "of z");
    expect_text(model->items[2].query, "other");
    ck_assert_uint_eq(model->factors.length, 0);
}
END_TEST

START_TEST(a_list_shows_records_when_asked_for)
{
    StorePut items[3];
    publish_first(items);
    StoreListItems request = {.task = T("tags"), .user = T("ann")};
    StoreReply *reply = ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
    expect_text(reply->items.items[2].record.error, "too long");
    expect_text(reply->items.items[0].record.extractor_version, "1.2");
    ck_assert_uint_eq(reply->items.items[0].record.content.length, 0);
    request.with_records = true;
    request.limit = 1; /* the item with the highest number */
    reply = ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
    ck_assert_uint_eq(reply->items.count, 1);
    expect_text(reply->items.items[0].record.content, "of z");
}
END_TEST

START_TEST(a_chunk_steps_over_items_of_other_chunks)
{
    /* Numbers apart, and near each other. */
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        StorePut one = put(id, i % 7 == 0 ? i + 1 : 100 - i);
        StoreRecord record = record_of(&one, content);
        expect_ok(publish((StorePublish){.records = &record, .record_count = 1, .factors = &factor_set}));
    }
    StoreListItems request = {.task = T("tags"), .user = T("ann"), .limit = 8, .with_records = true};
    StoreReply *reply = ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
    ck_assert_uint_eq(reply->items.count, 8);
    for (size_t i = 0; i < reply->items.count; i++)
        expect_whole(&reply->items.items[i]);
}
END_TEST

START_TEST(a_correction_keeps_what_the_model_has)
{
    StorePut items[3];
    publish_first(items);
    ck_assert_int_eq(put_one(&fixture, "tags", "ann", "z", "other", "response", 10)->puts.puts[0].outcome,
                     STORE_REPLACED);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    expect_text(model->items[0].query, "other");
    expect_text(model->items[0].record.content, "of z");
    ck_assert_uint_eq(model->items[0].record.revision, 3);
    ck_assert_uint_eq(model->items[0].revision, 4);
    expect_whole(&model->items[1]);
    ck_assert_uint_eq(model->user.history_revision, 4);
    ck_assert_uint_eq(model->version.history_revision, 3);
    /* A list shows it as not analysed yet. */
    StoreListItems request = {.task = T("tags"), .user = T("ann"), .with_records = true};
    StoreReply *reply = ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
    expect_text(reply->items.items[0].record.extractor_version, "");
    expect_whole(&reply->items.items[1]);
    /* The next publication takes its place. */
    const StoreRecord record = {
        .item = items[2].number, .revision = 4, .extractor_version = T("1.2"), .content = content};
    expect_ok(publish((StorePublish){.records = &record, .record_count = 1}));
    expect_whole(&load_model(&fixture, "tags", "ann")->model.items[0]);
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM record"), 3);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

START_TEST(a_change_keeps_what_it_does_not_name)
{
    StorePut items[3];
    publish_first(items);
    StoreReply *reply = publish((StorePublish){.reason = T("append"), .item_count = 3});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.version, 2);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    expect_bytes(model->factors, factor_set);
    ck_assert_uint_eq(model->version.factors, 3);
    expect_whole(&model->items[1]);
}
END_TEST

/* ---- the history's change together with the model ---- */

static StorePublishedItem next_item(const StoreUser *user, const char *id, int64_t time_us)
{
    return (StorePublishedItem){
        .item = new_item("ann", id, "appended", "response", time_us),
        .number = user->last_item + 1,
        .revision = user->history_revision + 1,
        .order_us = time_us ? time_us : user->greatest_order_us,
        .record = {.extractor_version = T("1.3"), .content = content},
    };
}

START_TEST(an_append_is_published_with_its_model)
{
    StorePut items[3];
    publish_first(items);
    StoreUser user = load_model(&fixture, "tags", "ann")->model.user;
    StorePublishedItem item = next_item(&user, "", 0);
    StoreReply *reply =
        publish((StorePublish){.items = &item, .published_count = 1, .item_count = 4, .reason = T("append")});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.history_revision, 4);
    ck_assert_uint_eq(reply->published.version, 2);
    fixture_restart(&fixture);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->item_count, 4);
    ck_assert_uint_eq(model->user.items, 4);
    ck_assert_uint_eq(model->version.items, 4);
    ck_assert_uint_eq(model->version.history_revision, 4);
    ck_assert_uint_eq(model->user.last_item, item.number);
    const StoreItem *last = &model->items[3];
    char derived[STORE_DERIVED_ID_SIZE];
    store_derive_id(&item.item, derived);
    expect_text(last->id, derived);
    ck_assert_uint_eq(last->number, item.number);
    ck_assert_int_eq(last->order_us, 30);
    expect_text(last->record.extractor_version, "1.3");
    expect_bytes(last->record.content, content);
    /* What was there without a new version knows it, too. */
    ck_assert_int_eq(put_items(&fixture, "tags", &item.item, 1)->puts.puts[0].outcome, STORE_UNCHANGED);
    StoreReply *tasks = ANSWER(&fixture, store_list_tasks(fixture.store, on_reply, &fixture));
    ck_assert_uint_eq(tasks->tasks.tasks[0].items, 4);
}
END_TEST

START_TEST(a_correction_is_published_with_its_model)
{
    StorePut items[3];
    publish_first(items);
    StoreUser user = load_model(&fixture, "tags", "ann")->model.user;
    StorePublishedItem item = next_item(&user, "y", 5);
    item.number = items[1].number;
    item.record.extractor_version = T("");
    expect_ok(publish((StorePublish){.items = &item, .published_count = 1, .item_count = 3}));
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->item_count, 3);
    expect_text(model->items[0].id, "y");
    expect_text(model->items[0].query, "appended");
    expect_text(model->items[0].record.extractor_version, "");
    ck_assert_uint_eq(model->user.history_revision, 4);
    ck_assert_int_eq(model->user.greatest_order_us, 20); /* y was the last, and is not any more */
    ck_assert_uint_eq(model->user.last_item, items[2].number);
}
END_TEST

START_TEST(a_deletion_is_published_with_its_model)
{
    StorePut items[3];
    publish_first(items);
    const uint64_t deleted = items[1].number;
    StoreReply *reply = publish((StorePublish){.deleted = &deleted, .item_count = 2, .reason = T("delete")});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.history_revision, 4);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->item_count, 2);
    ck_assert_uint_eq(model->user.items, 2);
    ck_assert_int_eq(model->user.greatest_order_us, 20);
    ck_assert_uint_eq(model->version.items, 2);
    ck_assert_uint_eq(model->version.history_revision, 4);
    StoreDeleteItem request = {.task = T("tags"), .user = T("ann"), .id = T("x")};
    expect_refused(ANSWER(&fixture, store_delete_item(fixture.store, &request, on_reply, &fixture)),
                   STATUS_FAILED_PRECONDITION, "has a model");
    expect_refused(publish((StorePublish){.deleted = &deleted}), STATUS_ABORTED, "an item of it was deleted");
    reply = ANSWER(&fixture, store_list_tasks(fixture.store, on_reply, &fixture));
    ck_assert_uint_eq(reply->tasks.tasks[0].items, 2);
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM record"), 2);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

START_TEST(what_changed_in_the_meantime_is_not_overwritten)
{
    StorePut item = put("x", 1);
    const uint64_t missing = item.number + 7;
    StoreUser user = load_model(&fixture, "tags", "ann")->model.user;
    StorePublishedItem next = next_item(&user, "y", 0);
    StorePublish request = {.task = T("tags"),
                            .user = T("ann"),
                            .user_number = user.number,
                            .base_revision = 1,
                            .factors = &factor_set,
                            .items = &next,
                            .published_count = 1};
#define PUBLISH() ANSWER(&fixture, store_model_publish(fixture.store, &request, on_reply, &fixture))
    put_one(&fixture, "tags", "ann", "x", "corrected", "response", 1);
    expect_refused(PUBLISH(), STATUS_ABORTED, "the history went on");
    request.items = NULL;
    request.published_count = 0;
    request.deleted = &item.number;
    expect_refused(PUBLISH(), STATUS_ABORTED, "the history went on");
    request.deleted = &missing;
    request.base_revision = 2;
    expect_refused(PUBLISH(), STATUS_ABORTED, "an item of it was deleted");
    request.deleted = NULL;
    request.base_version = 3;
    expect_refused(PUBLISH(), STATUS_ABORTED, "another version was published");
    request.base_version = 0;
    request.base_revision = 3;
    expect_refused(PUBLISH(), STATUS_INVALID_ARGUMENT, "revision 3 of a history that is at 2");
    request.base_revision = 1;
    request.generation = 1;
    expect_refused(PUBLISH(), STATUS_ABORTED, "another build began");
    request.generation = 0;
    /* The record of an item that was corrected meanwhile is kept as what it is: the version stands for what
     * it read. */
    StoreRecord stale = record_of(&item, content);
    request.records = &stale;
    request.record_count = 1;
    StoreReply *reply = PUBLISH();
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.history_revision, 2);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->version.history_revision, 1);
    ck_assert_uint_eq(model->user.history_revision, 2);
    expect_text(model->items[0].record.extractor_version, "1.2");
    ck_assert_uint_eq(model->items[0].record.revision, 1);
    ck_assert_uint_eq(model->items[0].revision, 2);

    expect_ok(erase(&fixture, "tags", "ann"));
    expect_refused(PUBLISH(), STATUS_NOT_FOUND, "no history of user");
    put("x", 1);
    expect_refused(PUBLISH(), STATUS_ABORTED, "the user was erased");
#undef PUBLISH
}
END_TEST

START_TEST(an_item_that_does_not_fit_is_refused)
{
    StorePut first = put("x", 1);
    StoreUser user = load_model(&fixture, "tags", "ann")->model.user;
    StorePublishedItem item = next_item(&user, "x", 0);
    expect_refused(publish((StorePublish){.items = &item, .published_count = 1, .factors = &factor_set}),
                   STATUS_ABORTED, "an item with this id came or went");
    item.item.id = T("y");
    item.number = first.number;
    expect_refused(publish((StorePublish){.items = &item, .published_count = 1, .factors = &factor_set}),
                   STATUS_ABORTED, "an item with this id came or went");
    item.number = user.last_item + 2;
    expect_refused(publish((StorePublish){.items = &item, .published_count = 1, .factors = &factor_set}),
                   STATUS_ABORTED, "an item with this id came or went");
    item.number = user.last_item + 1;
    item.revision = 9;
    expect_refused(publish((StorePublish){.items = &item, .published_count = 1, .factors = &factor_set}),
                   STATUS_INVALID_ARGUMENT, "has revision 9, and the history is at 1");
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.user.model_version, 0);
}
END_TEST

START_TEST(bad_models_are_refused)
{
    StorePut item = put("x", 1);
    expect_refused(publish((StorePublish){0}), STATUS_INVALID_ARGUMENT, "needs factors");
    StoreRecord record = record_of(&item, content);
    record.extractor_version = T("");
    expect_refused(publish((StorePublish){.factors = &factor_set, .records = &record, .record_count = 1}),
                   STATUS_INVALID_ARGUMENT, "names no extractor version");
    expect_refused(publish((StorePublish){.factors = &factor_set, .pool_change = T("nonsense")}),
                   STATUS_INVALID_ARGUMENT, "A change of the pooled counts is not one");
    expect_refused(load_factors(1), STATUS_NOT_FOUND, "Version 1 of user \"ann\" is not kept");
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.user.model_version, 0);
}
END_TEST

START_TEST(an_earlier_version_can_be_made_current)
{
    StorePut items[3];
    publish_first(items);
    const rpmd_text others = T("others");
    expect_ok(publish((StorePublish){.factors = &others, .factor_count = 1}));
    expect_bytes(load_factors(1)->factors, factor_set);
    expect_text(load_factors(2)->factors, "others");
    StoreReply *reply = publish((StorePublish){.from_version = 1, .reason = T("rollback to 1")});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.version, 3);
    expect_bytes(load_model(&fixture, "tags", "ann")->model.factors, factor_set);
    StoreVersions *list = &versions()->versions;
    ck_assert_uint_eq(list->count, 3);
    ck_assert_uint_eq(list->versions[0].number, 3);
    ck_assert(list->versions[0].current && !list->versions[1].current);
    ck_assert_uint_eq(list->versions[0].factor_set, list->versions[2].factor_set);
    ck_assert_uint_ne(list->versions[0].factor_set, list->versions[1].factor_set);
    ck_assert_uint_eq(list->versions[0].factors, 3);
    expect_refused(publish((StorePublish){.from_version = 9}), STATUS_NOT_FOUND, "Version 9 of user");
}
END_TEST

START_TEST(old_versions_go_but_their_factors_stay_while_shared)
{
    put("x", 1);
    for (int i = 0; i < 3; i++) {
        expect_ok(publish((StorePublish){.factors = &factor_set, .reason = T("build")}));
        for (int k = 0; k < 2 * STORE_VERSION_LIMIT / 3; k++)
            expect_ok(publish((StorePublish){.reason = T("append")}));
    }
    StoreVersions *list = &versions()->versions;
    ck_assert_uint_eq(list->count, STORE_VERSION_LIMIT);
    ck_assert(list->versions[0].current);
    uint64_t sets = 0, last = 0;
    for (size_t i = 0; i < list->count; i++) {
        sets += list->versions[i].factor_set != last;
        last = list->versions[i].factor_set;
    }
    ck_assert_uint_eq(sets, 3); /* each build can still be gone back to */
    uint64_t oldest = list->versions[list->count - 1].number;
    ck_assert_uint_eq(oldest, 1 + 2 * STORE_VERSION_LIMIT / 3);
    expect_bytes(load_factors(oldest)->factors, factor_set);

    for (int i = 0; i <= STORE_VERSION_LIMIT; i++)
        expect_ok(publish((StorePublish){.factors = &factor_set}));
    expect_refused(load_factors(oldest), STATUS_NOT_FOUND, "is not kept");
    ck_assert_uint_eq(versions()->versions.count, STORE_VERSION_LIMIT);
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM factor_set"), STORE_VERSION_LIMIT);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_model_comes_back_as_it_was_published);
    tcase_add_test(tests, a_user_without_a_model_has_items_only);
    tcase_add_test(tests, a_load_can_be_of_the_user_alone_or_of_what_is_new);
    tcase_add_test(tests, a_list_shows_records_when_asked_for);
    tcase_add_test(tests, a_chunk_steps_over_items_of_other_chunks);
    tcase_add_test(tests, a_correction_keeps_what_the_model_has);
    tcase_add_test(tests, a_change_keeps_what_it_does_not_name);
    tcase_add_test(tests, an_append_is_published_with_its_model);
    tcase_add_test(tests, a_correction_is_published_with_its_model);
    tcase_add_test(tests, a_deletion_is_published_with_its_model);
    tcase_add_test(tests, what_changed_in_the_meantime_is_not_overwritten);
    tcase_add_test(tests, an_item_that_does_not_fit_is_refused);
    tcase_add_test(tests, bad_models_are_refused);
    tcase_add_test(tests, an_earlier_version_can_be_made_current);
    tcase_add_test(tests, old_versions_go_but_their_factors_stay_while_shared);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
