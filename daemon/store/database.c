/* SPDX-License-Identifier: MIT */
#include "daemon/store/database.h"

#include "daemon/store/lock.h"
#include "daemon/store/schema.h"
#include "daemon/store/scrub.h"
#include "daemon/store/store.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* The log is moved into the database file from this many pages on (16 MiB): rarely enough to be cheap, often
 * enough that reading past the log stays fast and the file small. */
#define CHECKPOINT_PAGES 4096

/* What SQLite is told about every connection, and why. */
static const char settings[] =
    /* Nobody else may open the file: a reader would keep erased text in the log. Also needs no -shm file. */
    "PRAGMA locking_mode = EXCLUSIVE;"
    /* The log is synced at each commit: what was acknowledged survives a power cut. */
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    /* Erased text is overwritten, and never reaches a temporary file. */
    "PRAGMA secure_delete = ON;"
    "PRAGMA temp_store = MEMORY;"
    /* 8 MiB of pages: the inner pages of a million items. */
    "PRAGMA cache_size = -8192;"
    /* A log that one large group has grown is cut back to this. */
    "PRAGMA journal_size_limit = 67108864;";

static const char write_ahead_log[] = "PRAGMA journal_mode = WAL;";

/* Pages at most: from 2^25 on the first byte of an overflow page could be taken for a tree's (scrub.c). */
static const char page_limit[] = "PRAGMA max_page_count = 33554431;";

static const struct {
    const char *sql;
    unsigned flags;
} texts[STATEMENT_COUNT] = {
#define STATEMENT(name, text) [STATEMENT_##name] = {text, SQLITE_PREPARE_PERSISTENT},
#include "daemon/store/statements.inc"
#undef STATEMENT
};

static int note_log_pages(void *data, sqlite3 *handle, const char *name, int pages)
{
    Database *database = data;
    database->wal_pages = pages;
    return SQLITE_OK;
}

/* The file holds private texts: nobody else may read it. SQLite gives the log the rights of the database. */
static int create_file(const char *path, const char *directory, Status *status)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return lock_refuse_directory(directory, errno, status);
    close(file);
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    return 0;
}

static int prepare_all(Database *database)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        int r = sqlite3_prepare_v3(database->handle, texts[i].sql, -1, texts[i].flags,
                                   &database->statements[i], NULL);
        if (r != SQLITE_OK)
            return r;
    }
    return SQLITE_OK;
}

static int read_number(Database *database, Status *status, Statement statement, uint64_t *number)
{
    int r = database_next(database, status, statement);
    if (r == DATABASE_ROW) {
        *number = (uint64_t)database_integer(database, statement, 0);
        database_stop(database, statement);
        r = 0;
    }
    return r;
}

static int open_connection(Database *database, Status *status)
{
    int version = 0;
    int r = sqlite3_open_v2(database->path, &database->handle,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(database->handle, settings, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = schema_check(database->handle, schema_steps[schema_step_count - 1].version, database->path,
                         &version, status);
    if (r < 0)
        return STATUS_REFUSED;
    if (r == SQLITE_OK)
        r = sqlite3_exec(database->handle, write_ahead_log, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(database->handle, page_limit, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = schema_migrate(database->handle, schema_steps, schema_step_count, version);
    if (r == SQLITE_OK)
        r = prepare_all(database);
    if (r != SQLITE_OK)
        return database_refuse(database, r, status);
    sqlite3_wal_hook(database->handle, note_log_pages, database);

    uint64_t traces = 0;
    r = read_number(database, status, STATEMENT_LAST_ITEM, &database->last_item);
    if (r == 0)
        r = read_number(database, status, STATEMENT_LAST_USER, &database->last_user);
    if (r == 0)
        r = read_number(database, status, STATEMENT_FIND_ERASURE, &traces);
    database->traces = traces != 0;
    return r;
}

int database_open(Database *database, const char *directory, Status *status)
{
    *database = DATABASE_INIT;
    int r = lock_take(directory, &database->lock, status);
    if (r == 0) {
        size_t size = strlen(directory) + sizeof("/" DATABASE_FILE);
        database->path = NEW_ARRAY(char, size);
        snprintf(database->path, size, "%s/" DATABASE_FILE, directory);
        r = create_file(database->path, directory, status);
    }
    if (r == 0)
        r = open_connection(database, status);
    if (r != 0)
        database_close(database);
    return r;
}

void database_close(Database *database)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(database->statements[i]);
    sqlite3_close(database->handle);
    free(database->path);
    lock_release(database->lock);
    *database = DATABASE_INIT;
}

/* A sync that failed is none of these: what was written before it may yet turn out to be kept. */
static bool is_full(const Database *database, int code)
{
    int error = database->handle ? sqlite3_system_errno(database->handle) : 0;
    return (code & 0xff) == SQLITE_FULL || ((code & 0xff) == SQLITE_IOERR && code != SQLITE_IOERR_FSYNC &&
                                            (error == ENOSPC || error == EDQUOT));
}

int database_refuse(const Database *database, int code, Status *status)
{
    const char *path = database->path;
    const char *reason = sqlite3_errstr(code);
    if (is_full(database, code))
        return status_refuse(status, STATUS_RESOURCE_EXHAUSTED,
                             "The disk of %s is full: nothing of this request was kept. Free some space and "
                             "repeat it.",
                             path);
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return status_refuse(status, STATUS_DATA_LOSS,
                             "The database %s is damaged (%s). Restore it from a backup, or move it away and "
                             "import the histories again.",
                             path, reason);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return status_refuse(status, STATUS_UNAVAILABLE,
                             "Another program has the database %s open. Close it and repeat.", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return status_refuse(
            status, STATUS_UNAVAILABLE,
            "The database %s cannot be written (%s). Give rpmd the right to write it and its "
            "directory.",
            path, reason);
    case SQLITE_IOERR: {
        int error = database->handle ? sqlite3_system_errno(database->handle) : 0;
        return status_refuse(status, STATUS_UNAVAILABLE,
                             "Reading or writing %s failed (%s%s%s). Check the disk, then repeat: what "
                             "failed may have been kept.",
                             path, reason, error ? ": " : "", error ? strerrordesc_np(error) : "");
    }
    default:
        return status_refuse(status, STATUS_INTERNAL, "The database %s refused a statement (%s): %s.", path,
                             reason, database->handle ? sqlite3_errmsg(database->handle) : "not open");
    }
}

static int bind_text(Database *database, sqlite3_stmt *handle, int index, rpmd_text text, bool as_text,
                     Status *status)
{
    const char *data = text.length ? text.data : "";
    if (text.length > STORE_TEXT_LIMIT)
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "A text of %zu bytes is too long: at most %u.",
                             text.length, STORE_TEXT_LIMIT);
    if (as_text && memchr(data, '\0', text.length))
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "A text has a NUL byte in it.");
    int r = as_text ? sqlite3_bind_text64(handle, index, data, text.length, SQLITE_STATIC, SQLITE_UTF8)
                    : sqlite3_bind_blob64(handle, index, data, text.length, SQLITE_STATIC);
    return r == SQLITE_OK ? 0 : database_refuse(database, r, status);
}

int database_bind(Database *database, Status *status, Statement statement, const Value *values, size_t count)
{
    sqlite3_stmt *handle = database->statements[statement];
    for (size_t i = 0; i < count; i++) {
        int index = (int)i + 1;
        int r = 0;
        switch (values[i].type) {
        case VALUE_INTEGER:
            sqlite3_bind_int64(handle, index, values[i].integer);
            break;
        case VALUE_REAL:
            sqlite3_bind_double(handle, index, values[i].real);
            break;
        case VALUE_TEXT:
        case VALUE_BLOB:
            r = bind_text(database, handle, index, values[i].text, values[i].type == VALUE_TEXT, status);
            break;
        }
        if (r != 0)
            return r;
    }
    return 0;
}

int database_next(Database *database, Status *status, Statement statement)
{
    sqlite3_stmt *handle = database->statements[statement];
    int r = sqlite3_step(handle);
    if (r == SQLITE_ROW)
        return DATABASE_ROW;
    if (r != SQLITE_DONE)
        database_refuse(database, r, status);
    sqlite3_reset(handle);
    return r == SQLITE_DONE ? 0 : STATUS_REFUSED;
}

void database_stop(Database *database, Statement statement)
{
    sqlite3_reset(database->statements[statement]);
}

int database_run(Database *database, Status *status, Statement statement, const Value *values, size_t count)
{
    int r = database_bind(database, status, statement, values, count);
    return r ? r : database_next(database, status, statement);
}

int database_control(Database *database, Statement statement)
{
    sqlite3_stmt *handle = database->statements[statement];
    int r = sqlite3_step(handle);
    sqlite3_reset(handle);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

uint64_t database_changes(const Database *database)
{
    return (uint64_t)sqlite3_changes64(database->handle);
}

int64_t database_integer(const Database *database, Statement statement, int column)
{
    return sqlite3_column_int64(database->statements[statement], column);
}

double database_real(const Database *database, Statement statement, int column)
{
    sqlite3_stmt *handle = database->statements[statement];
    return sqlite3_column_type(handle, column) == SQLITE_NULL ? NAN : sqlite3_column_double(handle, column);
}

rpmd_text database_borrow(const Database *database, Statement statement, int column)
{
    sqlite3_stmt *handle = database->statements[statement];
    const char *data = sqlite3_column_blob(handle, column);
    size_t length = (size_t)sqlite3_column_bytes(handle, column);
    return (rpmd_text){.data = length ? data : "", .length = length};
}

rpmd_text database_text(const Database *database, Statement statement, int column, Arena *arena)
{
    return arena_text(arena, database_borrow(database, statement, column));
}

void database_stop_all(Database *database)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_stmt_busy(database->statements[i]))
            sqlite3_reset(database->statements[i]);
}

void database_checkpoint(Database *database)
{
    if (database->wal_pages < CHECKPOINT_PAGES)
        return;
    sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    database->wal_pages = 0;
}

/* Outside of any transaction, so that its own commit stands for itself. */
static int forget_erasure(Database *database)
{
    int r = database_control(database, STATEMENT_FORGET_ERASURE);
    if (r == SQLITE_OK)
        database->traces = false;
    return r;
}

int database_remove_traces(Database *database, Status *status)
{
    int r = sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (r == SQLITE_OK)
        r = scrub_database(database->handle);
    if (r == SQLITE_OK)
        r = forget_erasure(database);
    if (r == SQLITE_OK)
        return 0;
    return status_refuse(
        status, STATUS_UNAVAILABLE,
        "The user's rows are erased, but traces may remain in the files of %s (%s). Mend that "
        "and repeat the request.",
        database->path, sqlite3_errstr(r));
}
