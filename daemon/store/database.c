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

/* What SQLite is told about every connection, and why. */
static const char settings[] =
    /* The log is synced at each commit: what was acknowledged survives a power cut. */
    "PRAGMA synchronous = FULL;"
    /* Erased text is overwritten, and never reaches a temporary file. */
    "PRAGMA secure_delete = ON;"
    "PRAGMA temp_store = MEMORY;";

static const char writer_settings[] =
    "PRAGMA journal_mode = WAL;"
    /* 16 MiB of pages: the inner pages of a million items, and the last leaves of those who are active. */
    "PRAGMA cache_size = -16384;"
    /* A log that a large group has grown is cut back to this. */
    "PRAGMA journal_size_limit = 67108864;"
    /* From 2^25 pages on the first byte of an overflow page could be taken for a tree's (scrub.c). */
    "PRAGMA max_page_count = 33554431;";

static const char *const texts[STATEMENT_COUNT] = {
#define STATEMENT(name, text) [STATEMENT_##name] = text,
#include "daemon/store/statements.inc"
#undef STATEMENT
};

static int note_commit(void *data, sqlite3 *handle, const char *name, int pages)
{
    Database *database = data;
    database->log_pages = pages;
    database->writes++;
    return SQLITE_OK;
}

/* ---- opening and closing ------------------------------------------------------------------------------ */

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

int database_files_open(DatabaseFiles *files, const char *directory, Status *status)
{
    *files = DATABASE_FILES_INIT;
    int r = lock_take(directory, &files->lock, status);
    if (r != 0)
        return r;
    size_t size = strlen(directory) + sizeof("/" DATABASE_FILE);
    files->path = NEW_ARRAY(char, size);
    snprintf(files->path, size, "%s/" DATABASE_FILE, directory);
    r = create_file(files->path, directory, status);
    if (r != 0)
        database_files_close(files);
    return r;
}

void database_files_close(DatabaseFiles *files)
{
    free(files->path);
    lock_release(files->lock);
    *files = DATABASE_FILES_INIT;
}

static int connect_to(Database *database, const DatabaseFiles *files)
{
    *database = (Database){.path = files->path};
    int r = sqlite3_open_v2(files->path, &database->handle,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                            scrub_file_system());
    if (r == SQLITE_OK)
        r = sqlite3_busy_timeout(database->handle, DATABASE_BUSY_MILLISECONDS);
    if (r == SQLITE_OK)
        r = sqlite3_exec(database->handle, settings, NULL, NULL, NULL);
    return r;
}

static int fail_to_open(Database *database, int code, Status *status)
{
    if (code > 0)
        database_refuse(database, code, status);
    database_close(database);
    return STATUS_REFUSED;
}

/* What older versions left in the gaps of pages goes once; from then on none is written. */
static int clean_file(Database *database, Status *status)
{
    uint64_t is_clean = 0;
    int r = database_number(database, status, &is_clean, FIND_CLEAN, INTEGER(1));
    if (r != 0 || is_clean)
        return r;
    int code = sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (code == SQLITE_OK)
        code = scrub_database(database->handle);
    database_forget_pages(database);
    if (code != SQLITE_OK)
        return database_refuse(database, code, status);
    return database_execute(database, status, SET_CLEAN, INTEGER(1));
}

static int read_numbers(Database *database, Status *status)
{
    DatabaseNumbers *numbers = &database->numbers;
    int r = database_number(database, status, &numbers->user, LAST_USER, INTEGER(1));
    if (r == 0)
        r = database_number(database, status, &numbers->change, LAST_CHANGE, INTEGER(1));
    if (r == 0)
        r = database_number(database, status, &numbers->erasure, LAST_ERASURE, INTEGER(1));
    return r;
}

int database_open(Database *database, const DatabaseFiles *files, Status *status)
{
    int version = 0;
    int r = connect_to(database, files);
    if (r == SQLITE_OK)
        r = schema_check(database->handle, schema_steps[schema_step_count - 1].version, files->path, &version,
                         status);
    if (r == SQLITE_OK)
        r = sqlite3_exec(database->handle, writer_settings, NULL, NULL, NULL);
    if (r == SQLITE_OK) {
        sqlite3_wal_hook(database->handle, note_commit, database);
        r = schema_migrate(database->handle, schema_steps, schema_step_count, version);
    }
    if (r != SQLITE_OK)
        return fail_to_open(database, r, status);
    r = clean_file(database, status);
    if (r == 0)
        r = read_numbers(database, status);
    return r == 0 ? 0 : fail_to_open(database, 0, status);
}

int database_open_beside(Database *database, const DatabaseFiles *files, int cache_kib, int busy_milliseconds,
                         Status *status)
{
    char setting[64];
    snprintf(setting, sizeof(setting), "PRAGMA cache_size = -%d", cache_kib);
    int r = connect_to(database, files);
    if (r == SQLITE_OK)
        r = sqlite3_exec(database->handle, setting, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_wal_autocheckpoint(database->handle, 0);
    if (r == SQLITE_OK)
        r = sqlite3_busy_timeout(database->handle, busy_milliseconds);
    return r == SQLITE_OK ? 0 : fail_to_open(database, r, status);
}

void database_close(Database *database)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(database->statements[i]);
    sqlite3_close(database->handle);
    *database = (Database){0};
}

/* ---- errors ------------------------------------------------------------------------------------------- */

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

/* ---- statements --------------------------------------------------------------------------------------- */

static int prepare(Database *database, Statement statement)
{
    if (database->statements[statement])
        return SQLITE_OK;
    return sqlite3_prepare_v3(database->handle, texts[statement], -1, SQLITE_PREPARE_PERSISTENT,
                              &database->statements[statement], NULL);
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
    int prepared = prepare(database, statement);
    if (prepared != SQLITE_OK)
        return database_refuse(database, prepared, status);
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
    int r = prepare(database, statement);
    sqlite3_stmt *handle = database->statements[statement];
    if (r == SQLITE_OK)
        r = sqlite3_step(handle);
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

int database_find_number(Database *database, Status *status, uint64_t *number, Statement statement,
                         const Value *values, size_t count)
{
    *number = 0;
    int r = database_bind(database, status, statement, values, count);
    if (r == 0)
        r = database_next(database, status, statement);
    if (r != DATABASE_ROW)
        return r;
    *number = (uint64_t)database_integer(database, statement, 0);
    database_stop(database, statement);
    return 0;
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

/* ---- transactions and the log ------------------------------------------------------------------------- */

/* A statement without parameters or rows. */
static int control(Database *database, Statement statement)
{
    int r = prepare(database, statement);
    if (r != SQLITE_OK)
        return r;
    r = sqlite3_step(database->statements[statement]);
    sqlite3_reset(database->statements[statement]);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* A pragma without rows; it takes effect outside of transactions alone. */
static int set_sync(Database *database, bool later)
{
    if (database->syncs_later == later)
        return SQLITE_OK;
    int r = control(database, later ? STATEMENT_SYNC_LATER : STATEMENT_SYNC);
    if (r == SQLITE_OK)
        database->syncs_later = later;
    return r;
}

static int begin(Database *database, bool syncs_later)
{
    database->kept_numbers = database->numbers;
    int r = set_sync(database, syncs_later);
    return r == SQLITE_OK ? control(database, STATEMENT_BEGIN) : r;
}

int database_begin(Database *database)
{
    return begin(database, false);
}

int database_begin_unsynced(Database *database)
{
    return begin(database, true);
}

int database_begin_reading(Database *database)
{
    return control(database, STATEMENT_BEGIN_READING);
}

int database_commit(Database *database)
{
    return control(database, STATEMENT_COMMIT);
}

void database_stop_all(Database *database)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (database->statements[i] && sqlite3_stmt_busy(database->statements[i]))
            sqlite3_reset(database->statements[i]);
}

void database_roll_back(Database *database)
{
    database_stop_all(database);
    if (!sqlite3_get_autocommit(database->handle))
        control(database, STATEMENT_ROLLBACK);
    database->numbers = database->kept_numbers;
    database->cleaning = (DatabaseCleaning){0};
}

bool database_lost_transaction(const Database *database)
{
    return sqlite3_get_autocommit(database->handle) != 0;
}

uint64_t database_total_changes(const Database *database)
{
    return (uint64_t)sqlite3_total_changes64(database->handle);
}

void database_forget_pages(Database *database)
{
    sqlite3_db_release_memory(database->handle);
}

int database_checkpoint(Database *database, int *left)
{
    int pages = 0, moved = 0;
    int r = sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    *left = r == SQLITE_OK ? MAX(pages - moved, 0) : 0;
    return r;
}

int database_empty_log(Database *database, int *pages)
{
    int r = sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_RESTART, pages, NULL);
    *pages = MAX(*pages, 0);
    return r;
}

/* The file format: https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log". */
#define LOG_HEADER_SIZE 32
#define LOG_PAGE_HEADER_SIZE 24

int database_shorten_log(Database *database, int pages, int64_t most, bool *is_cut)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    Status status;
    uint64_t page_size = 0;
    *is_cut = false;
    if (database_number(database, &status, &page_size, PAGE_SIZE, INTEGER(0)) != 0)
        return sqlite3_extended_errcode(database->handle);
    int64_t used = LOG_HEADER_SIZE + pages * (int64_t)(LOG_PAGE_HEADER_SIZE + page_size);
    int r = sqlite3_file_control(database->handle, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (r != SQLITE_OK || !file || !file->pMethods)
        return r != SQLITE_OK ? r : SQLITE_ERROR;
    r = file->pMethods->xFileSize(file, &size);
    if (r == SQLITE_OK && size > used)
        r = file->pMethods->xTruncate(file, MAX(used, size - most));
    *is_cut = r == SQLITE_OK && size <= used + most;
    return r;
}
