/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

#include "daemon/store/schema.h"
#include "lib/method/factor.h"
#include "lib/method/item_record.h"

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
    fixture_close(&fixture);
    fixture_remove_files(&fixture);
    fixture_make_directory(&fixture);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

/* What an LLM made, which cost money, and what it stands among: two users whose items came in turn. */
static const char old_rows[] =
    "INSERT INTO task VALUES (1, 'tags', 2, 4, 1), (2, 'opinions', 1, 1, 0);"
    "INSERT INTO user VALUES (3, 1, 'ann', 3, 7, 2, 2, 2, 1), (4, 1, 'bob', 1, 1, 0, 0, 0, 1),"
    "  (9, 2, 'ann', 1, 1, 0, 0, 0, 0);"
    "INSERT INTO item VALUES"
    "  (10, 3, 5, 50, 50, 'x', 'A storm at sea', 'classic', x'', '{}'),"
    "  (11, 4, 1, 0, 0, 'x', 'Of bob', 'r', x'', ''),"
    "  (12, 3, 6, 20, 20, 'y', 'Which one?', 'yes', x'79657300006e6f00', ''),"
    "  (13, 3, 7, 50, 0, 'z', 'Too long', 'r', x'', ''),"
    "  (14, 9, 1, 0, 0, 'x', 'Of the other ann', 'r', x'', '');"
    "INSERT INTO analysis VALUES"
    "  (3, 10, '1.2', 0, '', 1, 'classic', 'Classic', -1, 3, 'not in the text'),"
    "  (3, 12, '1.2', 0, '', 1, 'yes', 'agrees', 0, 0, ''),"
    "  (3, 13, '1.1', 3, 'too long', 0, '', '', -1, 0, '');"
    "INSERT INTO feature VALUES"
    "  (3, 10, 0, 'sea', 'where it plays', 'setting', -0.25, 0.1, 11, 14, 2),"
    "  (3, 10, 1, 'storm', '', 'event', 0, 1, 2, 7, 0);"
    "INSERT INTO option_class VALUES (3, 12, 0, 'agrees', 1), (3, 12, 1, 'empty', NULL),"
    "  (3, 12, 2, 'disagrees', -1);"
    "INSERT INTO trait VALUES (3, 10, 0, 'colon', 'has a colon');"
    "INSERT INTO embedding VALUES (3, 10, -6, x'9a99193fcdcc4cbf');" /* 0.6, -0.8 */
    "INSERT INTO reasoning VALUES (3, 10, 2, 1, 'What an LLM wrote'), (3, 12, 1, 1, 'What rpmd wrote');"
    "INSERT INTO version VALUES (3, 1, 99, 'build', 3, 2, 1, 7, '1.2'), (3, 2, 100, 'build', 3, 0, 2, 7, "
    "'1.2');"
    "INSERT INTO factor VALUES (3, 1, 0, 'water', 'sea and lakes'), (3, 1, 1, 'weather', '');"
    "INSERT INTO member VALUES (3, 1, 0, 0, 'setting', 'sea', -1), (3, 1, 0, 1, 'setting', 'lake', 0),"
    "  (3, 1, 1, 0, 'event', 'storm', 0);"
    "INSERT INTO propensity VALUES (3, 0, 'classic', 1);"
    "INSERT INTO factor_count VALUES (3, 0, 1, 1, 0, 0, 1);"
    "INSERT INTO cell VALUES (1, 77, 'Classic', 1, 1);"
    "INSERT INTO share VALUES (3, 77, 'Classic', 1);"
    "INSERT INTO vote VALUES (3, 5, 'yes');"
    "INSERT INTO reply (key, user, created_us, text) VALUES (zeroblob(32), 3, 7, 'A reply');"
    "INSERT INTO usage VALUES (3, 1, 100, 'reason', 'local', 1, 0, 0, 0, 10, 0, 5, 20, 30);"
    "INSERT INTO erasure VALUES (1);";

static void make_old_database(int version, const char *rows)
{
    char path[PATH_MAX];
    sqlite3 *handle;
    char *error = NULL;
    fixture_path(&fixture, "rpmd.db", path);
    ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(schema_migrate(handle, schema_steps, (size_t)version, 0), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(handle, rows, NULL, NULL, &error) == SQLITE_OK, "%s", error);
    sqlite3_close(handle);
}

static void open_store(void)
{
    Status status = STATUS_INIT;
    ck_assert_msg(fixture_open(&fixture, &status) == 0, "%s", status.message);
}

static ModelItem *read_item(const StoreItem *item)
{
    const ModelItemSource source = {.id = item->id,
                                    .query = item->query,
                                    .response = item->response,
                                    .number = item->number,
                                    .revision = item->revision,
                                    .order_us = item->order_us,
                                    .time_us = item->time_us,
                                    .options = item->options,
                                    .option_count = item->option_count,
                                    .extractor_version = item->record.extractor_version,
                                    .content = item->record.content};
    ModelItem *read = model_item_read(&source);
    ck_assert_ptr_nonnull(read);
    return read;
}

static void expect_first(const StoreItem *item)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    expect_text(item->id, "x");
    ck_assert_uint_eq(item->revision, 5);
    expect_text(item->meta, "{}");
    expect_text(item->record.extractor_version, "1.2");
    ModelItem *read = read_item(item);
    const Analysis *analysis = model_item_analysis(read, &arena);
    ck_assert_int_eq(analysis->code, STATUS_OK);
    ck_assert(analysis->has_answer);
    expect_text(analysis->answer, "classic");
    expect_text(analysis->answer_class, "Classic");
    ck_assert(analysis->answer_option == ANALYSIS_NO_OPTION);
    ck_assert_uint_eq(analysis->features_dropped, 3);
    expect_text(analysis->drop_reason, "not in the text");
    ck_assert_uint_eq(analysis->feature_count, 2);
    const AnalyzedFeature *feature = &analysis->features[0];
    expect_text(feature->name, "sea");
    expect_text(feature->context, "where it plays");
    expect_text(feature->category, "setting");
    ck_assert(feature->polarity == -0.25f && feature->strength == 0.1f);
    ck_assert_uint_eq(feature->evidence.begin, 11);
    ck_assert_uint_eq(feature->evidence.end, 14);
    ck_assert_int_eq(feature->judgement, FEATURE_INFLUENTIAL_NEGATIVE);
    expect_text(analysis->features[1].name, "storm");
    ck_assert_uint_eq(analysis->trait_count, 1);
    expect_text(analysis->traits[0].meaning, "has a colon");
    ck_assert_uint_eq(analysis->embedding.count, 2);
    ck_assert(analysis->embedding.space == UINT64_MAX - 5);
    ck_assert(analysis->embedding.values[0] == 0.6f && analysis->embedding.values[1] == -0.8f);
    expect_text(read->details->reasoning, "What an LLM wrote");
    model_item_unref(read);
}

static void expect_with_options(const StoreItem *item)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    expect_text(item->id, "y");
    ck_assert_uint_eq(item->option_count, 3);
    expect_text(item->options[1], "");
    ModelItem *read = read_item(item);
    const Analysis *analysis = model_item_analysis(read, &arena);
    ck_assert_uint_eq(analysis->option_class_count, 3);
    expect_text(analysis->option_classes[0].name, "agrees");
    ck_assert(analysis->option_classes[0].position == 1);
    ck_assert(analysis->option_classes[1].position != analysis->option_classes[1].position); /* NaN */
    ck_assert_uint_eq(analysis->answer_option, 0);
    expect_text(read->details->reasoning, "");
    model_item_unref(read);
}

START_TEST(a_version_3_database_is_brought_up_to_date)
{
    make_old_database(3, old_rows);
    open_store();
    StoreReply *reply = load_model(&fixture, "tags", "ann");
    expect_ok(reply);
    const StoreModel *model = &reply->model;
    ck_assert_uint_eq(model->user.number, 3);
    ck_assert_uint_eq(model->user.items, 3);
    ck_assert_uint_eq(model->user.last_item, (3ull << 32) + 3);
    ck_assert_uint_eq(model->user.history_revision, 7);
    ck_assert_int_eq(model->user.greatest_order_us, 50);
    ck_assert_uint_eq(model->version.number, 2);
    ck_assert_uint_eq(model->item_count, 3);
    expect_with_options(&model->items[0]);
    expect_first(&model->items[1]);
    expect_text(model->items[2].id, "z");
    ck_assert_uint_eq(model->items[2].number, (3ull << 32) + 3);
    ck_assert_int_eq(model->items[2].record.code, STATUS_INVALID_ARGUMENT);
    expect_text(model->items[2].record.error, "too long");
    expect_text(model->items[2].record.extractor_version, "1.1");

    model = &load_model(&fixture, "tags", "bob")->model;
    ck_assert_uint_eq(model->item_count, 1);
    expect_text(model->items[0].query, "Of bob");
    expect_text(model->items[0].record.extractor_version, "");
    model = &load_model(&fixture, "opinions", "ann")->model;
    expect_text(model->items[0].query, "Of the other ann");
    ck_assert(!model->user.feeds_pool);
}
END_TEST

START_TEST(factors_are_kept)
{
    make_old_database(3, old_rows);
    open_store();
    StoreLoadFactorSet request = {.task = T("tags"), .user = T("ann"), .version = 1};
    StoreReply *reply = ANSWER(&fixture, store_factor_set_load(fixture.store, &request, on_reply, &fixture));
    expect_ok(reply);
    FactorSet *set = factor_set_read(reply->factors);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(factor_set_count(set), 2);
    expect_text(factor_set_get(set, 0)->name, "water");
    expect_text(factor_set_get(set, 0)->description, "sea and lakes");
    ck_assert_uint_eq(factor_set_get(set, 0)->member_count, 2);
    FeatureKeyParts parts = feature_key_parts(factor_set_get(set, 1)->members[0]);
    expect_text(parts.category, "event");
    expect_text(parts.name, "storm");
    ck_assert_int_eq(parts.sign, 0);
    factor_set_unref(set);
    set = factor_set_read(load_model(&fixture, "tags", "ann")->model.factors);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(factor_set_count(set), 0);
    factor_set_unref(set);
}
END_TEST

START_TEST(pooled_counts_replies_and_costs_are_kept)
{
    make_old_database(3, old_rows);
    open_store();
    StoreLoadPopulation request = {.task = T("tags")};
    StoreReply *reply = ANSWER(&fixture, store_population_load(fixture.store, &request, on_reply, &fixture));
    ck_assert_uint_eq(reply->population.cell_count, 1);
    ck_assert_uint_eq(reply->population.cells[0].key, 77);
    ck_assert_uint_eq(reply->population.vote_count, 1);
    ck_assert_uint_eq(reply->population.votes[0].user, 3);
    expect_text(reply->population.votes[0].answer, "yes");
    const char key[STORE_REPLY_KEY_SIZE] = {0};
    const StoreFindReply find = {.key = {key, sizeof(key)}};
    reply = ANSWER(&fixture, store_reply_find(fixture.store, &find, on_reply, &fixture));
    expect_text(reply->found.text, "A reply");
    StoreListUsage usage = {.user = T("ann")};
    reply = ANSWER(&fixture, store_usage_list(fixture.store, &usage, on_reply, &fixture));
    ck_assert_uint_eq(reply->usages.count, 1);
    ck_assert_uint_eq(reply->usages.rows[0].cost_micros, 20);
    reply = erase(&fixture, "tags", "ann");
    expect_ok(reply);
    ck_assert_uint_eq(reply->erased.features, 2);
    ck_assert_uint_eq(reply->erased.reasoning_paths, 1);
    ck_assert_uint_eq(reply->erased.factors, 2);
    ck_assert_uint_eq(reply->erased.versions, 2);
}
END_TEST

START_TEST(nothing_of_the_old_tables_is_left)
{
    make_old_database(3, old_rows);
    open_store();
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old%' OR name IN "
                                    "('analysis', 'feature', 'share', 'member', 'propensity')"),
                     0);
    ck_assert_int_eq(peek(&fixture, "SELECT is_clean FROM progress"), 1);
    ck_assert_int_eq(peek(&fixture, "SELECT user_version FROM pragma_user_version"), 4);
    open_store();
    StoreReply *reply = erase(&fixture, "tags", "ann");
    expect_ok(reply);
    await_erasure(&fixture, reply->erased.erasure);
    char path[PATH_MAX];
    fixture_path(&fixture, "rpmd.db", path);
    FILE *file = fopen(path, "r");
    static char bytes[1 << 20];
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    ck_assert_ptr_null(memmem(bytes, length, "What an LLM wrote", 17));
    ck_assert_ptr_null(memmem(bytes, length, "storm", 5));
}
END_TEST

START_TEST(a_version_1_database_is_brought_up_to_date)
{
    make_old_database(1, "INSERT INTO task VALUES (1, 'tags', 1, 1, 0);"
                         "INSERT INTO user VALUES (1, 1, 'ann', 1, 1, 0, 0, 0, 1);"
                         "INSERT INTO item VALUES (1, 1, 1, 0, 0, 'x', 'q', 'r', x'', '');");
    open_store();
    expect_text(load_model(&fixture, "tags", "ann")->model.items[0].query, "q");
    expect_ok(put_one(&fixture, "tags", "ann", "y", "q", "r", 0));
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.item_count, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("migration");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_version_3_database_is_brought_up_to_date);
    tcase_add_test(tests, factors_are_kept);
    tcase_add_test(tests, pooled_counts_replies_and_costs_are_kept);
    tcase_add_test(tests, nothing_of_the_old_tables_is_left);
    tcase_add_test(tests, a_version_1_database_is_brought_up_to_date);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
