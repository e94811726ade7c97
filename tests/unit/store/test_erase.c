/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

#include "daemon/store/scrub.h"
#include "lib/base/buffer.h"
#include "lib/method/pool_change.h"

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

/* How often a text occurs in all files of the state directory. */
static size_t occurrences(const char *text)
{
    size_t found = 0;
    DIR *directory = opendir(fixture.directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[PATH_MAX];
        fixture_path(&fixture, entry->d_name, path);
        FILE *file = fopen(path, "r");
        if (!file || entry->d_type == DT_DIR) {
            if (file)
                fclose(file);
            continue;
        }
        ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
        size_t size = (size_t)ftell(file);
        rewind(file);
        _cleanup_free_ char *bytes = memory_allocate(1, size + 1);
        ck_assert_uint_eq(fread(bytes, 1, size, file), size);
        fclose(file);
        for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), text, strlen(text))); at++)
            found++;
    }
    closedir(directory);
    return found;
}

/* Rows of any table that have the text in any column. */
static int64_t rows_with(const char *text)
{
    static const char *const columns[] = {
        "task.name",
        "user.name",
        "item.id",
        "item.query",
        "item.response",
        "item.options",
        "item.meta",
        "record.error",
        "record.content",
        "extractor.version",
        "factor_set.content",
        "version.reason",
        "version.extractor_version",
        "cell.answer_class",
        "pool_change.content",
        "vote.answer",
        "reply.text",
    };
    int64_t found = 0;
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        char table[32], sql[256];
        snprintf(table, sizeof(table), "%.*s", (int)strcspn(columns[i], "."), columns[i]);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE instr(cast(%s AS TEXT), '%s')", table,
                 columns[i], text);
        found += peek(&fixture, sql);
    }
    return found;
}

static uint64_t seed = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

/* A text that begins with a user's mark and is often short, sometimes longer than a page. */
static const char *marked(const char *mark, char *into, size_t size)
{
    size_t length = draw(8) == 0 ? 3000 + draw(6000) : 20 + draw(500);
    length = MIN(length, size - 1);
    size_t at = (size_t)snprintf(into, size, "%s", mark);
    for (; at + 1 < length; at++)
        into[at] = (char)('a' + draw(26));
    into[at] = '\0';
    return into;
}

#define TEXT_SIZE 10000

static uint64_t load_version(const char *task, const char *user)
{
    StoreReply *reply = load_model(&fixture, task, user);
    expect_ok(reply);
    return reply->model.user.model_version;
}

static void put_marked(const char *task, const char *user, const char *mark, int number, StorePut *put)
{
    static char query[TEXT_SIZE], response[TEXT_SIZE], id[64], meta[64];
    snprintf(id, sizeof(id), "%s%d", mark, number);
    snprintf(meta, sizeof(meta), "{\"%s\":1}", mark);
    StoreNewItem item = new_item(user, id, marked(mark, query, sizeof(query)),
                                 marked(mark, response, sizeof(response)), (int64_t)draw(50));
    const rpmd_text options[] = {T(mark), T(id)};
    item.options = options;
    item.option_count = 2;
    item.meta = T(meta);
    StoreReply *reply = put_items(&fixture, task, &item, 1);
    expect_ok(reply);
    *put = reply->puts.puts[0];
}

/* A model with the mark in every text there is, and a reply of an LLM. */
static void publish_marked(const char *task, const char *user, const char *mark, const StorePut *puts,
                           size_t count)
{
    static char long_text[TEXT_SIZE], factors[TEXT_SIZE];
    const rpmd_text text = T(mark), factor_set = T(marked(mark, factors, sizeof(factors)));
    StoreRecord records[64];
    marked(mark, long_text, sizeof(long_text));
    for (size_t i = 0; i < count; i++)
        records[i] = (StoreRecord){.item = puts[i].number,
                                   .revision = puts[i].revision,
                                   .extractor_version = T("1"),
                                   .code = i % 5 == 0 ? STATUS_INVALID_ARGUMENT : STATUS_OK,
                                   .error = text,
                                   .content = T(long_text)};
    _cleanup_buffer_ Buffer change = BUFFER_INIT;
    pool_change_write(&change, &(PoolCellChange){1, text, 1, load_version(task, user) ? 0 : 1}, 1,
                      &(PoolVoteChange){1, text}, 1);
    expect_ok(publish_over(&fixture, task, user,
                           (StorePublish){.reason = text,
                                          .extractor_version = T("1"),
                                          .records = records,
                                          .record_count = count,
                                          .feature_count = 2 * count,
                                          .reasoning_count = count,
                                          .factors = &factor_set,
                                          .factor_count = 1,
                                          .feeds_pool = true,
                                          .pool_change = {change.data, change.length}}));
    char key[STORE_REPLY_KEY_SIZE] = {(char)draw(256), (char)draw(256), (char)draw(256)};
    const StoreNewReply reply = {
        .task = T(task), .user = T(user), .key = {key, sizeof(key)}, .text = text, .limit_bytes = 1 << 20};
    expect_ok(ANSWER(&fixture, store_reply_put(fixture.store, &reply, on_reply, &fixture)));
}

/* Takes the user's cells and votes out of the pool. */
static StoreReply *erase_marked(const char *task, const char *user)
{
    _cleanup_buffer_ Buffer change = BUFFER_INIT;
    uint64_t fed = load_version(task, user);
    if (fed)
        pool_change_write(&change, &(PoolCellChange){1, T(user), -(int64_t)fed, -1}, 1,
                          &(PoolVoteChange){1, T("")}, 1);
    const StoreEraseUser request = {
        .task = T(task), .user = T(user), .pool_change = {change.data, change.length}};
    return ANSWER(&fixture, store_erase_user(fixture.store, &request, on_reply, &fixture));
}

#define MARKS 8

/* Users whose rows were put, corrected and moved about in turn, so that pages were split and merged. */
static void fill(void)
{
    StorePut puts[MARKS][16];
    char mark[32];
    for (int round = 0; round < 3; round++)
        for (int number = 0; number < 16; number++)
            for (int user = 0; user < MARKS; user++) {
                snprintf(mark, sizeof(mark), "Mark%dEndOfMark", user);
                put_marked("tags", mark, mark, number, &puts[user][number]);
                if (number == 15)
                    publish_marked("tags", mark, mark, puts[user], 16);
                if (number == 15)
                    put_marked("opinions", mark, mark, round, &(StorePut){0});
            }
}

static void expect_good_database(void)
{
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                    "integrity_check <> 'ok'"),
                     0);
}

START_TEST(nothing_of_an_erased_user_is_in_the_files)
{
    fill();
    for (int user = 0; user < MARKS; user++) {
        char mark[32];
        snprintf(mark, sizeof(mark), "Mark%dEndOfMark", user);
        ck_assert_uint_gt(occurrences(mark), 100);
        StoreReply *reply = erase_marked("tags", mark);
        expect_ok(reply);
        ck_assert_uint_eq(reply->erased.users, 1);
        ck_assert_uint_eq(reply->erased.items, 16);
        ck_assert_uint_eq(reply->erased.features, 32);
        ck_assert_uint_eq(reply->erased.reasoning_paths, 16);
        ck_assert_uint_eq(reply->erased.factors, 3);
        ck_assert_uint_eq(reply->erased.versions, 3);
        ck_assert_uint_eq(reply->erased.replies, 3);
        ck_assert_uint_eq(reply->erased.erasure, 2 * (uint64_t)user + 1);
        ck_assert_uint_gt(reply->erased.last_change, 0);
        expect_refused(load_model(&fixture, "tags", mark), STATUS_NOT_FOUND, "no history");
        reply = erase_marked("opinions", mark);
        expect_ok(reply);
        ck_assert_uint_eq(reply->erased.items, 3);
        ck_assert_uint_eq(reply->erased.last_change, 0);
        await_erasure(&fixture, reply->erased.erasure);
        ck_assert_uint_eq(occurrences(mark), 0); /* while the store is open */
        /* What goes on afterwards must not bring a copy back from the cached pages. */
        for (int other = user + 1; other < MARKS; other++) {
            char its_mark[32];
            snprintf(its_mark, sizeof(its_mark), "Mark%dEndOfMark", other);
            for (int number = 0; number < 16; number++)
                put_marked("tags", its_mark, its_mark, number, &(StorePut){0});
        }
        ck_assert_uint_eq(occurrences(mark), 0);
        fixture_close(&fixture);
        ck_assert_uint_eq(occurrences(mark), 0);
        ck_assert_int_eq(rows_with(mark), 0);
        ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM erasure"), 0);
        expect_good_database();
        Status status;
        ck_assert_int_eq(fixture_open(&fixture, &status), 0);
        StoreMetrics metrics;
        store_metrics(fixture.store, &metrics);
        ck_assert_uint_eq(metrics.erasures_finished, 2 * (uint64_t)user + 2);
        ck_assert_uint_eq(metrics.last_erasure, 2 * (uint64_t)user + 2);
    }
    StoreReply *reply = ANSWER(&fixture, store_list_tasks(fixture.store, on_reply, &fixture));
    for (size_t i = 0; i < reply->tasks.count; i++) {
        ck_assert_uint_eq(reply->tasks.tasks[i].users, 0);
        ck_assert_uint_eq(reply->tasks.tasks[i].items, 0);
        ck_assert_uint_eq(reply->tasks.tasks[i].models, 0);
    }
    fixture_close(&fixture);
    ck_assert_uint_eq(occurrences("EndOfMark"), 0);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

/* ---- while others write ---- */

#define WRITERS 8

/* One of those who go on: each puts, corrects and publishes as soon as the last answer is there. */
typedef struct Busy {
    char name[32];
    int number;
    bool is_ending;
    bool is_waiting;
} Busy;

static void busy_next(Busy *busy);

static void on_busy(StoreReply *reply, void *data)
{
    Busy *busy = data;
    expect_ok(reply);
    busy->is_waiting = false;
    if (!busy->is_ending)
        busy_next(busy);
}

static void busy_next(Busy *busy)
{
    static char query[TEXT_SIZE];
    char id[32];
    snprintf(id, sizeof(id), "%d", (int)draw(60));
    StoreNewItem item =
        new_item(busy->name, id, marked("other", query, sizeof(query)), "r", (int64_t)draw(1000));
    const StorePutItems request = {.task = T("tags"), .items = &item, .count = 1};
    busy->number++;
    busy->is_waiting = true;
    store_put_items(fixture.store, &request, on_busy, busy);
}

START_TEST(traces_go_while_others_write)
{
    Busy busy[WRITERS] = {0};
    int written = 0;
    fill();
    for (int i = 0; i < WRITERS; i++) {
        snprintf(busy[i].name, sizeof(busy[i].name), "busy %d", i);
        busy_next(&busy[i]);
    }
    for (int user = 0; user < MARKS; user++) {
        char mark[32];
        snprintf(mark, sizeof(mark), "Mark%dEndOfMark", user);
        expect_ok(erase_marked("opinions", mark));
        StoreReply *reply = erase_marked("tags", mark);
        expect_ok(reply);
        await_erasure(&fixture, reply->erased.erasure);
        ck_assert_uint_eq(occurrences(mark), 0);
        for (int turn = 0; turn < 50; turn++)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        ck_assert_uint_eq(occurrences(mark), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        busy[i].is_ending = true;
        while (busy[i].is_waiting)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        written += busy[i].number;
    }
    ck_assert_int_gt(written, 500);
    ck_assert_uint_eq(occurrences("EndOfMark"), 0);
    fixture_close(&fixture);
    ck_assert_uint_eq(occurrences("EndOfMark"), 0);
    expect_good_database();
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

#define NEIGHBOURS 60

static void put_neighbour(int user, int number, const char *content)
{
    char name[32], id[64], query[512];
    snprintf(name, sizeof(name), "Neighbour%02dEnd", user);
    snprintf(id, sizeof(id), "%s %d", name, number);
    snprintf(query, sizeof(query), "%s of %s, %0*d", content, name, 100 + (int)draw(250), number);
    expect_ok(put_one(&fixture, "tags", name, id, query, "r", 0));
}

/* Small users share pages; what one of them had in a page that was split is nowhere when the others go on. */
START_TEST(neighbours_do_not_bring_anything_back)
{
    for (int number = 0; number < 12; number++)
        for (int user = 0; user < NEIGHBOURS; user++)
            put_neighbour((user * 7) % NEIGHBOURS, number, "first");
    for (int user = 1; user < NEIGHBOURS; user += 3) {
        char name[32];
        snprintf(name, sizeof(name), "Neighbour%02dEnd", user);
        StoreReply *reply = erase(&fixture, "tags", name);
        expect_ok(reply);
        await_erasure(&fixture, reply->erased.erasure);
        for (int other = 0; other < NEIGHBOURS; other += 3)
            for (int number = 0; number < 3; number++)
                put_neighbour(other, number, "again");
        ck_assert_uint_eq(occurrences(name), 0);
    }
}
END_TEST

START_TEST(only_the_named_task_is_erased)
{
    put_one(&fixture, "tags", "ann", "x", "SeenInTags", "r", 0);
    put_one(&fixture, "opinions", "ann", "x", "SeenInOpinions", "r", 0);
    StoreReply *reply = erase(&fixture, "tags", "ann");
    expect_ok(reply);
    ck_assert_uint_eq(reply->erased.users, 1);
    ck_assert_uint_eq(reply->erased.items, 1);
    await_erasure(&fixture, reply->erased.erasure);
    ck_assert_uint_eq(occurrences("SeenInTags"), 0);
    ck_assert_uint_gt(occurrences("SeenInOpinions"), 0);
    expect_ok(load_model(&fixture, "opinions", "ann"));
}
END_TEST

START_TEST(erasing_nobody_is_refused)
{
    expect_refused(erase(&fixture, "tags", "ann"), STATUS_NOT_FOUND, "no history of user \"ann\" in task");
    expect_refused(erase(&fixture, "tags", ""), STATUS_INVALID_ARGUMENT, "The user is empty");
    expect_refused(erase(&fixture, "", "ann"), STATUS_INVALID_ARGUMENT, "The task is empty");
}
END_TEST

START_TEST(one_who_comes_back_is_another)
{
    uint64_t first = put_one(&fixture, "tags", "ann", "x", "q", "r", 0)->puts.puts[0].user_number;
    StoreEraseUser request = {.task = T("tags"), .user = T("ann"), .user_number = first + 1};
    expect_refused(ANSWER(&fixture, store_erase_user(fixture.store, &request, on_reply, &fixture)),
                   STATUS_ABORTED, "the user was erased in the meantime");
    request.user_number = first;
    expect_ok(ANSWER(&fixture, store_erase_user(fixture.store, &request, on_reply, &fixture)));
    fixture_restart(&fixture);
    uint64_t second = put_one(&fixture, "tags", "ann", "x", "q", "r", 0)->puts.puts[0].user_number;
    ck_assert_uint_gt(second, first);
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.item_count, 1);
    expect_refused(ANSWER(&fixture, store_erase_user(fixture.store, &request, on_reply, &fixture)),
                   STATUS_ABORTED, "the user was erased in the meantime");
}
END_TEST

/* Closed at once, again and again: each start goes on with what the last one left. */
START_TEST(an_interrupted_erasure_is_finished)
{
    fill();
    StoreReply *reply = NULL;
    for (int user = 0; user < MARKS; user++) {
        char mark[32];
        snprintf(mark, sizeof(mark), "Mark%dEndOfMark", user);
        expect_ok(erase_marked("tags", mark));
        reply = erase_marked("opinions", mark);
        expect_ok(reply);
    }
    uint64_t last = reply->erased.erasure;
    for (int i = 0; i < 20; i++) {
        usleep((useconds_t)draw(30000));
        fixture_restart(&fixture);
    }
    await_erasure(&fixture, last);
    ck_assert_uint_eq(occurrences("EndOfMark"), 0);
    fixture_close(&fixture);
    ck_assert_int_eq(rows_with("EndOfMark"), 0);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM erasure"), 0);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

/* Another program reads, and with it the log stays. */
START_TEST(an_erasure_waits_for_readers)
{
    char path[PATH_MAX];
    sqlite3 *handle;
    put_one(&fixture, "tags", "ann", "x", "SeenOnce", "r", 0);
    fixture_path(&fixture, "rpmd.db", path);
    ck_assert_int_eq(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(handle, "BEGIN; SELECT count(*) FROM item", NULL, NULL, NULL), SQLITE_OK);
    StoreReply *reply = erase(&fixture, "tags", "ann");
    expect_ok(reply);
    uint64_t erasure = reply->erased.erasure;
    usleep(200000);
    StoreMetrics metrics;
    store_metrics(fixture.store, &metrics);
    ck_assert_uint_eq(metrics.erasures_finished, 0);
    ck_assert_uint_eq(metrics.last_erasure, erasure);
    expect_ok(put_one(&fixture, "tags", "bob", "x", "q", "r", 0));
    sqlite3_close(handle);
    await_erasure(&fixture, erasure);
    ck_assert_uint_eq(occurrences("SeenOnce"), 0);
}
END_TEST

/* A leaf page of 512 bytes with two cells at its end, a gap before them, and a free block between them. */
static void make_page(unsigned char *page, size_t start)
{
    memset(page, 'x', 512);
    unsigned char *header = page + start;
    header[0] = 13;
    header[1] = 490 >> 8, header[2] = 490 & 0xff; /* the first free block */
    header[3] = 0, header[4] = 2;                 /* cells */
    header[5] = 480 >> 8, header[6] = 480 & 0xff; /* content */
    header[7] = 0;
    page[490] = page[491] = page[492] = 0;
    page[493] = 10;
}

START_TEST(a_page_is_scrubbed_between_its_rows)
{
    unsigned char page[512], before[512];
    for (int first = 0; first < 2; first++) {
        size_t start = first ? 100 : 0;
        make_page(page, start);
        memcpy(before, page, sizeof(page));
        ck_assert(scrub_page(page, sizeof(page), first));
        for (size_t i = 0; i < sizeof(page); i++) {
            bool unused = (i >= start + 8 + 4 && i < 480) || (i >= 494 && i < 500);
            ck_assert_uint_eq(page[i], unused ? 0 : before[i]);
        }
        ck_assert(!scrub_page(page, sizeof(page), first));
    }
}
END_TEST

START_TEST(what_is_not_a_tree_page_is_left_alone)
{
    unsigned char page[512], before[512];
    make_page(page, 0);
    page[0] = 0; /* an overflow page */
    memcpy(before, page, sizeof(page));
    ck_assert(!scrub_page(page, sizeof(page), false));
    page[0] = before[0] = 13;
    page[3] = before[3] = 0xff; /* more cells than fit */
    ck_assert(!scrub_page(page, sizeof(page), false));
    page[3] = before[3] = 0;
    page[5] = before[5] = 0xff; /* content behind the page */
    ck_assert(!scrub_page(page, sizeof(page), false));
    ck_assert_mem_eq(page, before, sizeof(page));
    make_page(page, 0);
    page[492] = 0xff; /* a free block that is longer than the page: only the gap is cleared */
    memcpy(before, page, sizeof(page));
    ck_assert(scrub_page(page, sizeof(page), false));
    ck_assert_mem_eq(page + 480, before + 480, 32);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("erase");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, nothing_of_an_erased_user_is_in_the_files);
    tcase_add_test(tests, traces_go_while_others_write);
    tcase_add_test(tests, neighbours_do_not_bring_anything_back);
    tcase_add_test(tests, only_the_named_task_is_erased);
    tcase_add_test(tests, erasing_nobody_is_refused);
    tcase_add_test(tests, one_who_comes_back_is_another);
    tcase_add_test(tests, an_interrupted_erasure_is_finished);
    tcase_add_test(tests, an_erasure_waits_for_readers);
    tcase_add_test(tests, a_page_is_scrubbed_between_its_rows);
    tcase_add_test(tests, what_is_not_a_tree_page_is_left_alone);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
