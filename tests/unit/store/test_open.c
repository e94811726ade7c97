/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

#include "daemon/store/schema.h"

#include <sys/stat.h>
#include <sys/wait.h>

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

/* Opens a store that cannot be opened. */
static void expect_closed(const char *directory, StatusCode code, const char *part)
{
    uv_loop_t loop;
    Status status = STATUS_INIT;
    Store *store;
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(store_open(&store, &loop, directory, &status), STATUS_REFUSED);
    ck_assert_ptr_null(store);
    ck_assert_msg(status.code == code, "%s: %s", status_code_name(status.code), status.message);
    ck_assert_msg(strstr(status.message, part) != NULL, "\"%s\" is not in \"%s\"", part, status.message);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void reopen(void)
{
    Status status = STATUS_INIT;
    ck_assert_msg(fixture_open(&fixture, &status) == 0, "%s", status.message);
}

START_TEST(a_missing_directory_is_named)
{
    char path[PATH_MAX];
    fixture_path(&fixture, "nowhere", path);
    expect_closed(path, STATUS_NOT_FOUND, "nowhere does not exist. Create it");
}
END_TEST

START_TEST(a_file_is_no_directory)
{
    char path[PATH_MAX];
    fixture_path(&fixture, "file", path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    expect_closed(path, STATUS_FAILED_PRECONDITION, "file is not a directory");
}
END_TEST

/* Rights do not bind the superuser: a child gives them up first. */
START_TEST(a_directory_without_the_right_to_write_is_named)
{
    fixture_close(&fixture);
    fixture_remove_files(&fixture);
    ck_assert_int_eq(mkdir(fixture.directory, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        uv_loop_t loop;
        Status status = STATUS_INIT;
        Store *store;
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        uv_loop_init(&loop);
        int r = store_open(&store, &loop, fixture.directory, &status);
        _exit(r == STATUS_REFUSED && status.code == STATUS_PERMISSION_DENIED &&
                      strstr(status.message, "cannot be written by this user")
                  ? 0
                  : 1);
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(chmod(fixture.directory, 0755), 0);
    reopen();
}
END_TEST

START_TEST(a_second_process_is_told_who_holds_the_store)
{
    char part[64];
    snprintf(part, sizeof(part), "Another rpmd (process %d) uses the state directory", (int)getpid());
    pid_t child = fork();
    if (child == 0) {
        uv_loop_t loop;
        Status status = STATUS_INIT;
        Store *store;
        uv_loop_init(&loop);
        int r = store_open(&store, &loop, fixture.directory, &status);
        _exit(r == STATUS_REFUSED && status.code == STATUS_FAILED_PRECONDITION && strstr(status.message, part)
                  ? 0
                  : 1);
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_int_eq(result, 0);
    expect_closed(fixture.directory, STATUS_FAILED_PRECONDITION, part); /* nor a second time in this one */
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
}
END_TEST

START_TEST(a_lock_file_without_a_number_is_fine)
{
    char path[PATH_MAX];
    fixture_path(&fixture, "rpmd.lock", path);
    ck_assert_int_eq(truncate(path, 0), 0);
    expect_closed(fixture.directory, STATUS_FAILED_PRECONDITION, "Another rpmd uses the state directory");
}
END_TEST

START_TEST(the_lock_ends_with_the_store)
{
    fixture_restart(&fixture);
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
}
END_TEST

START_TEST(files_are_private)
{
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
    const char *names[] = {"rpmd.db", "rpmd.db-wal", "rpmd.lock"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[PATH_MAX];
        struct stat facts;
        fixture_path(&fixture, names[i], path);
        ck_assert_int_eq(stat(path, &facts), 0);
        ck_assert_uint_eq(facts.st_mode & 0777, 0600);
    }
}
END_TEST

START_TEST(a_newer_database_is_left_alone)
{
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
    fixture_close(&fixture);
    poke(&fixture, "PRAGMA user_version = 99");
    expect_closed(fixture.directory, STATUS_FAILED_PRECONDITION,
                  "has version 99, and this rpmd knows versions up to 4. Start a newer rpmd");
    ck_assert_int_eq(peek(&fixture, "SELECT user_version FROM pragma_user_version"), 99);
    poke(&fixture, "PRAGMA user_version = 4");
    reopen();
    expect_ok(load_model(&fixture, "tags", "ann"));
}
END_TEST

START_TEST(a_database_of_another_program_is_left_alone)
{
    fixture_close(&fixture);
    char path[PATH_MAX];
    fixture_path(&fixture, "rpmd.db", path);
    unlink(path);
    poke(&fixture, "CREATE TABLE theirs (x)");
    expect_closed(fixture.directory, STATUS_FAILED_PRECONDITION, "is a database of another program");
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM sqlite_schema"), 1);
    unlink(path);
    reopen();
}
END_TEST

static void overwrite(off_t offset, size_t length)
{
    char path[PATH_MAX];
    fixture_path(&fixture, "rpmd.db", path);
    int file = open(path, O_WRONLY);
    _cleanup_free_ char *garbage = memory_allocate(1, length);
    memset(garbage, 0x5a, length);
    ck_assert_int_eq(pwrite(file, garbage, length, offset), (ssize_t)length);
    close(file);
}

START_TEST(a_damaged_file_is_named)
{
    fixture_close(&fixture);
    overwrite(0, 100);
    expect_closed(fixture.directory, STATUS_DATA_LOSS,
                  "is damaged (file is not a database). Restore it from a backup");
    char path[PATH_MAX];
    fixture_path(&fixture, "rpmd.db", path);
    unlink(path);
    reopen();
}
END_TEST

START_TEST(damage_is_told_when_it_is_met)
{
    expect_ok(put_one(&fixture, "tags", "ann", "x", "q", "r", 0));
    fixture_close(&fixture);
    int64_t page = peek(&fixture, "SELECT rootpage FROM sqlite_schema WHERE name = 'record'");
    overwrite((page - 1) * 4096, 4096);
    reopen();
    expect_refused(load_model(&fixture, "tags", "ann"), STATUS_DATA_LOSS, "is damaged");
    expect_ok(put_one(&fixture, "tags", "ann", "y", "q", "r", 0)); /* what does not meet it goes on */
}
END_TEST

static const SchemaStep two_steps[] = {
    {1, "CREATE TABLE a (x); INSERT INTO a VALUES (7)"},
    {2, "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x * 2; CREATE TABLE b (z)"},
};
static const SchemaStep bad_step[] = {
    {1, "CREATE TABLE a (x); INSERT INTO a VALUES (7)"},
    {2, "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x * 2; CREATE TABLE a (z)"},
};

static int migrate(const SchemaStep *steps, size_t count)
{
    char path[PATH_MAX];
    fixture_path(&fixture, "other.db", path);
    sqlite3 *handle;
    Status status;
    int version;
    ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
    ck_assert_int_eq(schema_check(handle, 2, path, &version, &status), SQLITE_OK);
    int r = schema_migrate(handle, steps, count, version);
    ck_assert(sqlite3_get_autocommit(handle));
    sqlite3_close(handle);
    return r;
}

static int64_t peek_other(const char *sql)
{
    char path[PATH_MAX];
    fixture_path(&fixture, "other.db", path);
    sqlite3 *handle;
    sqlite3_stmt *statement;
    ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return value;
}

START_TEST(an_older_database_is_brought_up_to_date)
{
    ck_assert_int_eq(migrate(two_steps, 1), SQLITE_OK);
    ck_assert_int_eq(peek_other("SELECT user_version FROM pragma_user_version"), 1);
    ck_assert_int_eq(migrate(two_steps, 2), SQLITE_OK);
    ck_assert_int_eq(peek_other("SELECT user_version FROM pragma_user_version"), 2);
    ck_assert_int_eq(peek_other("SELECT y FROM a"), 14);
    ck_assert_int_eq(migrate(two_steps, 2), SQLITE_OK);
    ck_assert_int_eq(peek_other("SELECT count(*) FROM a"), 1);
}
END_TEST

START_TEST(a_step_that_fails_changes_nothing)
{
    ck_assert_int_eq(migrate(bad_step, 2), SQLITE_ERROR);
    ck_assert_int_eq(peek_other("SELECT user_version FROM pragma_user_version"), 1);
    ck_assert_int_eq(peek_other("SELECT x FROM a"), 7);
    ck_assert_int_eq(peek_other("SELECT count(*) FROM pragma_table_info('a')"), 1);
}
END_TEST

START_TEST(the_steps_are_numbered_without_a_gap)
{
    for (size_t i = 0; i < schema_step_count; i++)
        ck_assert_int_eq(schema_steps[i].version, (int)i + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("open");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_missing_directory_is_named);
    tcase_add_test(tests, a_file_is_no_directory);
    tcase_add_test(tests, a_directory_without_the_right_to_write_is_named);
    tcase_add_test(tests, a_second_process_is_told_who_holds_the_store);
    tcase_add_test(tests, a_lock_file_without_a_number_is_fine);
    tcase_add_test(tests, the_lock_ends_with_the_store);
    tcase_add_test(tests, files_are_private);
    tcase_add_test(tests, a_newer_database_is_left_alone);
    tcase_add_test(tests, a_database_of_another_program_is_left_alone);
    tcase_add_test(tests, a_damaged_file_is_named);
    tcase_add_test(tests, damage_is_told_when_it_is_met);
    tcase_add_test(tests, an_older_database_is_brought_up_to_date);
    tcase_add_test(tests, a_step_that_fails_changes_nothing);
    tcase_add_test(tests, the_steps_are_numbered_without_a_gap);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
