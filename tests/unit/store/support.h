/* SPDX-License-Identifier: MIT */
#pragma once

/* A store in a directory of its own, and requests that wait for their answer. */

#include "daemon/store/store.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

typedef struct Fixture {
    uv_loop_t loop;
    Store *store;
    char directory[PATH_MAX / 2];
    StoreReply reply; /* the last one; its arena is ours */
    bool answered;
    bool closed;
} Fixture;

#define T(string) text_of(string)

static inline void fixture_path(const Fixture *fixture, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", fixture->directory, name);
}

static inline void on_closed(void *data)
{
    ((Fixture *)data)->closed = true;
}

static inline void fixture_make_directory(Fixture *fixture)
{
    const char *base = getenv("TMPDIR");
    snprintf(fixture->directory, sizeof(fixture->directory),
             "%s/rpmd-store-"
             "XX"
             "XX"
             "XX",
             base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
}

/* Opens the store; returns what store_open returned. */
static inline int fixture_open(Fixture *fixture, Status *status)
{
    ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
    fixture->closed = false;
    return store_open(&fixture->store, &fixture->loop, fixture->directory, status);
}

static inline void fixture_start(Fixture *fixture)
{
    Status status = STATUS_INIT;
    *fixture = (Fixture){0};
    fixture_make_directory(fixture);
    int r = fixture_open(fixture, &status);
    ck_assert_msg(r == 0, "%s", status.message);
}

static inline void fixture_forget(Fixture *fixture)
{
    arena_finish(&fixture->reply.arena);
    fixture->reply = (StoreReply){0};
}

/* Closes the store and proves that no handle is left. */
static inline void fixture_close(Fixture *fixture)
{
    fixture_forget(fixture);
    if (fixture->store) {
        store_close(fixture->store, on_closed, fixture);
        fixture->store = NULL;
        uv_run(&fixture->loop, UV_RUN_DEFAULT);
        ck_assert(fixture->closed);
    }
    ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
}

static inline void fixture_remove_files(Fixture *fixture)
{
    DIR *directory = opendir(fixture->directory);
    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[PATH_MAX];
        fixture_path(fixture, entry->d_name, path);
        unlink(path);
    }
    closedir(directory);
    ck_assert_int_eq(rmdir(fixture->directory), 0);
}

static inline void fixture_stop(Fixture *fixture)
{
    fixture_close(fixture);
    fixture_remove_files(fixture);
}

static inline void fixture_restart(Fixture *fixture)
{
    Status status = STATUS_INIT;
    fixture_close(fixture);
    int r = fixture_open(fixture, &status);
    ck_assert_msg(r == 0, "%s", status.message);
}

static inline void on_reply(StoreReply *reply, void *data)
{
    Fixture *fixture = data;
    ck_assert(!fixture->answered);
    fixture->answered = true;
    fixture->reply = *reply;
    reply->arena = ARENA_INIT;
}

/* `store_x(fixture->store, ..., on_reply, fixture)` and its answer. */
#define ANSWER(fixture, request)                                                                             \
    ({                                                                                                       \
        fixture_forget(fixture);                                                                             \
        (fixture)->answered = false;                                                                         \
        request;                                                                                             \
        ck_assert(!(fixture)->answered);                                                                     \
        while (!(fixture)->answered)                                                                         \
            uv_run(&(fixture)->loop, UV_RUN_ONCE);                                                           \
        &(fixture)->reply;                                                                                   \
    })

static inline void expect_ok(const StoreReply *reply)
{
    ck_assert_msg(status_is_ok(&reply->status), "%s: %s", status_code_name(reply->status.code),
                  reply->status.message);
}

static inline void expect_refused(const StoreReply *reply, StatusCode code, const char *part)
{
    ck_assert_msg(reply->status.code == code, "%s: %s", status_code_name(reply->status.code),
                  reply->status.message);
    ck_assert_msg(strstr(reply->status.message, part) != NULL, "\"%s\" is not in \"%s\"", part,
                  reply->status.message);
}

static inline void expect_text(rpmd_text text, const char *expected)
{
    ck_assert_msg(text_equal_string(text, expected), "\"%.*s\" is not \"%s\"", TEXT_ARGS(text), expected);
}

static inline StoreReply *put_items(Fixture *fixture, const char *task, const StoreNewItem *items,
                                    size_t count)
{
    StorePutItems request = {.task = T(task), .items = items, .count = count};
    return ANSWER(fixture, store_put_items(fixture->store, &request, on_reply, fixture));
}

static inline StoreNewItem new_item(const char *user, const char *id, const char *query, const char *response,
                                    int64_t time_us)
{
    return (StoreNewItem){
        .user = T(user), .id = T(id), .query = T(query), .response = T(response), .time_us = time_us};
}

static inline StoreReply *put_one(Fixture *fixture, const char *task, const char *user, const char *id,
                                  const char *query, const char *response, int64_t time_us)
{
    StoreNewItem item = new_item(user, id, query, response, time_us);
    return put_items(fixture, task, &item, 1);
}

static inline StoreReply *load_model(Fixture *fixture, const char *task, const char *user)
{
    StoreLoadModel request = {.task = T(task), .user = T(user)};
    return ANSWER(fixture, store_model_load(fixture->store, &request, on_reply, fixture));
}

static inline StoreReply *erase(Fixture *fixture, const char *task, const char *user)
{
    StoreEraseUser request = {.task = T(task), .user = T(user)};
    return ANSWER(fixture, store_erase_user(fixture->store, &request, on_reply, fixture));
}

/* Waits for the keeper to be through with an erasure. */
static inline void await_erasure(Fixture *fixture, uint64_t erasure)
{
    StoreMetrics metrics;
    for (;;) {
        store_metrics(fixture->store, &metrics);
        ck_assert_str_eq(metrics.erasure_trouble, "");
        if (metrics.erasures_finished >= erasure)
            return;
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

/* Publishes over what is current; task, user and base are filled in. */
static inline StoreReply *publish_over(Fixture *fixture, const char *task, const char *user,
                                       StorePublish publish)
{
    StoreReply *loaded = load_model(fixture, task, user);
    ck_assert_msg(status_is_ok(&loaded->status), "%s", loaded->status.message);
    publish.task = T(task);
    publish.user = T(user);
    publish.user_number = loaded->model.user.number;
    publish.base_version = loaded->model.user.model_version;
    publish.base_revision = loaded->model.user.history_revision;
    if (!publish.extractor_version.length)
        publish.extractor_version = T("1.2");
    return ANSWER(fixture, store_model_publish(fixture->store, &publish, on_reply, fixture));
}

/* Looks into the database of a closed store: the number that a query gives. */
static inline int64_t peek(const Fixture *fixture, const char *sql)
{
    char path[PATH_MAX];
    fixture_path(fixture, "rpmd.db", path);
    sqlite3 *handle;
    sqlite3_stmt *statement;
    ck_assert_int_eq(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"),
                     SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(handle));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return value;
}

/* Changes the database of a closed store. */
static inline void poke(const Fixture *fixture, const char *sql)
{
    char path[PATH_MAX];
    fixture_path(fixture, "rpmd.db", path);
    sqlite3 *handle;
    ck_assert_int_eq(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"),
                     SQLITE_OK);
    int r = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    ck_assert_msg(r == SQLITE_OK, "%s", sqlite3_errmsg(handle));
    sqlite3_close(handle);
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
