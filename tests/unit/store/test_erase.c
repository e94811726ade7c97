/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

#include "daemon/store/scrub.h"

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
        "analysis.error",
        "analysis.extractor_version",
        "analysis.answer",
        "analysis.drop_reason",
        "analysis.answer_class",
        "option_class.name",
        "feature.name",
        "feature.context",
        "feature.category",
        "trait.name",
        "trait.meaning",
        "reasoning.path",
        "embedding.numbers",
        "factor.name",
        "factor.description",
        "member.category",
        "member.name",
        "propensity.answer_class",
        "version.reason",
        "version.extractor_version",
        "cell.answer_class",
        "share.answer_class",
        "vote.answer",
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

/* A model with the mark in every text there is. */
static void publish_marked(const char *task, const char *user, const char *mark, const StorePut *puts,
                           size_t count)
{
    static char context[TEXT_SIZE];
    const rpmd_text text = T(mark);
    AnalyzedFeature features[] = {
        {.name = text, .context = T(marked(mark, context, sizeof(context))), .category = text},
        {.name = text, .context = text, .category = text}};
    AnswerClass option = {.name = text};
    float numbers[16] = {0};
    memcpy(numbers, mark, MIN(strlen(mark), sizeof(numbers)));
    AnalyzedTrait trait = {.name = text, .meaning = text};
    const Analysis analysis = {.error = text,
                               .drop_reason = text,
                               .answer = text,
                               .answer_class = text,
                               .option_classes = &option,
                               .option_class_count = 1,
                               .features = features,
                               .feature_count = 2,
                               .traits = &trait,
                               .trait_count = 1,
                               .embedding = {numbers, ARRAY_SIZE(numbers), 7}};
    StoreItemAnalysis analyses[64];
    StoreReasoning reasoning[64];
    for (size_t i = 0; i < count; i++) {
        analyses[i] = (StoreItemAnalysis){puts[i].number, puts[i].revision, text, &analysis};
        reasoning[i] = (StoreReasoning){puts[i].number, STORE_SOURCE_LLM, features[0].context};
    }
    const StoreMember member = {.category = text, .name = text};
    const StoreFactor factor = {.name = text, .description = text, .members = &member, .member_count = 1};
    const StorePropensity propensity = {.answer_class = text, .count = 1};
    const StoreCellChange cell = {.key = 1, .answer_class = text, .change = 1};
    const StoreVoteChange vote = {.question = 1, .answer = text};
    StoreReply *loaded = load_model(&fixture, task, user);
    StorePublish request = {.task = T(task),
                            .user = T(user),
                            .user_number = loaded->model.user.number,
                            .base_version = loaded->model.user.model_version,
                            .reason = text,
                            .extractor_version = text,
                            .analyses = analyses,
                            .analysis_count = count,
                            .reasoning = reasoning,
                            .reasoning_count = count,
                            .factors = &(StoreFactorSet){&factor, 1},
                            .statistics = {.propensities = &propensity, .propensity_count = 1},
                            .feeds_pool = true,
                            .cells = &cell,
                            .cell_count = 1,
                            .votes = &vote,
                            .vote_count = 1};
    expect_ok(ANSWER(&fixture, store_model_publish(fixture.store, &request, on_reply, &fixture)));
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

START_TEST(nothing_of_an_erased_user_is_in_the_files)
{
    fill();
    for (int user = 0; user < MARKS; user++) {
        char mark[32];
        snprintf(mark, sizeof(mark), "Mark%dEndOfMark", user);
        ck_assert_uint_gt(occurrences(mark), 100);
        StoreReply *reply = erase(&fixture, "", mark);
        expect_ok(reply);
        ck_assert_uint_eq(reply->erased.features, user == 0 ? 32 : 0); /* the others were corrected since */
        ck_assert_uint_eq(reply->erased.reasoning_paths, user == 0 ? 16 : 0);
        ck_assert_uint_eq(reply->erased.users, 2);
        ck_assert_uint_eq(reply->erased.items, 16 + 3);
        ck_assert_uint_eq(reply->erased.factors, 3);
        ck_assert_uint_eq(reply->erased.versions, 3);
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
        ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                        "integrity_check <> 'ok'"),
                         0);
        Status status;
        ck_assert_int_eq(fixture_open(&fixture, &status), 0);
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

START_TEST(only_the_named_task_is_erased)
{
    put_one(&fixture, "tags", "ann", "x", "SeenInTags", "r", 0);
    put_one(&fixture, "opinions", "ann", "x", "SeenInOpinions", "r", 0);
    StoreReply *reply = erase(&fixture, "tags", "ann");
    expect_ok(reply);
    ck_assert_uint_eq(reply->erased.users, 1);
    ck_assert_uint_eq(reply->erased.items, 1);
    ck_assert_uint_eq(occurrences("SeenInTags"), 0);
    ck_assert_uint_gt(occurrences("SeenInOpinions"), 0);
    expect_ok(load_model(&fixture, "opinions", "ann"));
}
END_TEST

START_TEST(erasing_nobody_is_refused)
{
    expect_refused(erase(&fixture, "tags", "ann"), STATUS_NOT_FOUND, "no history of user \"ann\" in task");
    expect_refused(erase(&fixture, "", "ann"), STATUS_NOT_FOUND, "no history of user \"ann\" in any task");
    expect_refused(erase(&fixture, "tags", ""), STATUS_INVALID_ARGUMENT, "The user is empty");
    expect_refused(erase(&fixture, "", ""), STATUS_INVALID_ARGUMENT, "The user is empty");
}
END_TEST

/* A crash came between the rows' end and that of their traces. */
START_TEST(an_interrupted_erasure_is_finished)
{
    put_one(&fixture, "tags", "ann", "x", "q", "r", 0);
    fixture_close(&fixture);
    poke(&fixture, "INSERT INTO erasure (erasure) VALUES (1)");
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
    expect_ok(load_model(&fixture, "tags", "ann"));
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM erasure"), 0);
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
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
    tcase_add_test(tests, only_the_named_task_is_erased);
    tcase_add_test(tests, erasing_nobody_is_refused);
    tcase_add_test(tests, an_interrupted_erasure_is_finished);
    tcase_add_test(tests, a_page_is_scrubbed_between_its_rows);
    tcase_add_test(tests, what_is_not_a_tree_page_is_left_alone);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
