/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A connection to SQLite: opening, prepared statements, transactions, errors as sentences. One thread at a
 * time.
 *
 * The order of daemon/store; each file knows only what is to its left:
 *
 *     scrub lock schema migration <- database <- users record history listing model ... (operations.h)
 *         <- request <- queue turn <- writer reader keeper <- store
 */

#include "lib/base/arena.h"
#include "lib/base/status.h"
#include "rpmd/plugin.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define DATABASE_FILE "rpmd.db"

typedef enum Statement {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "daemon/store/statements.inc"
#undef STATEMENT
    STATEMENT_COUNT
} Statement;

/* The highest numbers given so far: none is given twice. */
typedef struct DatabaseNumbers {
    uint64_t user;
    uint64_t change; /* of the pool */
    uint64_t erasure;
} DatabaseNumbers;

/* Where the removal of records that a build left behind goes on (record.c). */
typedef struct DatabaseCleaning {
    uint64_t user; /* 0: none is at work */
    uint64_t generation;
    uint64_t next; /* record */
} DatabaseCleaning;

typedef struct Database {
    sqlite3 *handle;
    const char *path;                          /* of the file; borrowed */
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared when they are first used */

    /* Of the connection that writes */
    DatabaseNumbers numbers;
    DatabaseNumbers kept_numbers; /* as they were when the transaction began */
    DatabaseCleaning cleaning;
    bool syncs_later; /* see database_begin_unsynced */
    int log_pages;    /* in the log after the last commit */
    uint64_t writes;  /* commits that wrote something */
} Database;

/* The files of a store, and the right to them. */
typedef struct DatabaseFiles {
    char *path; /* of the database; owned */
    int lock;   /* descriptor of the lock file, or -1 */
} DatabaseFiles;

#define DATABASE_FILES_INIT ((DatabaseFiles){.lock = -1})

/* Takes the lock and makes the database file where there is none. See store_open for what it refuses. */
int database_files_open(DatabaseFiles *files, const char *directory, Status *status);

/* Accepts half-opened ones. */
void database_files_close(DatabaseFiles *files);

/* The connection that writes; brings the schema up to date. The files outlive it. */
int database_open(Database *database, const DatabaseFiles *files, Status *status);

/* How long a connection waits for what another program holds. Ours do not wait for each other. */
#define DATABASE_BUSY_MILLISECONDS 2000

/* A further one, with a cache of its own, that waits as long as it is told for what another holds. */
int database_open_beside(Database *database, const DatabaseFiles *files, int cache_kib, int busy_milliseconds,
                         Status *status);

/* Accepts a half-opened database. */
void database_close(Database *database);

/*
 * A transaction: database_begin for what writes, database_begin_reading for a snapshot. Each returns SQLite's
 * result code. A roll-back also gives up queries that are still being read, and takes back the numbers.
 *
 * The commit of one that was begun unsynced is on disk with the next one that is not: a power cut before that
 * takes it back.
 */
int database_begin(Database *database);
int database_begin_unsynced(Database *database);
int database_begin_reading(Database *database);
int database_commit(Database *database);
void database_roll_back(Database *database);

/* Gives up every query that is still being read. */
void database_stop_all(Database *database);

/* Whether SQLite gave the transaction up by itself. */
bool database_lost_transaction(const Database *database);

/* Rows written since the connection was opened. */
uint64_t database_total_changes(const Database *database);

/* A value for a statement's parameter. Text is borrowed until the statement is used again. */
typedef struct Value {
    enum { VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_BLOB } type;
    int64_t integer;
    double real;
    rpmd_text text;
} Value;

/* 64-bit numbers go in with their bits, whatever their sign. */
#define INTEGER(value) ((Value){.type = VALUE_INTEGER, .integer = (int64_t)(value)})
#define REAL(value) ((Value){.type = VALUE_REAL, .real = (value)}) /* NaN becomes NULL */
#define TEXT(value) ((Value){.type = VALUE_TEXT, .text = (value)})
#define BLOB(value) ((Value){.type = VALUE_BLOB, .text = (value)})

/* database_next: there is a row. */
#define DATABASE_ROW 2

/*
 * database_query(database, status, FIND_TASK, TEXT(name)) gives the parameters; database_next then gives the
 * rows: DATABASE_ROW, 0 behind the last, or STATUS_REFUSED. A query that is not read to its end is given up
 * with database_stop. database_execute does both for a statement without rows.
 */
#define database_query(database, status, name, ...)                                                          \
    database_bind((database), (status), STATEMENT_##name, (const Value[]){__VA_ARGS__},                      \
                  sizeof((const Value[]){__VA_ARGS__}) / sizeof(Value))
#define database_execute(database, status, name, ...)                                                        \
    database_run((database), (status), STATEMENT_##name, (const Value[]){__VA_ARGS__},                       \
                 sizeof((const Value[]){__VA_ARGS__}) / sizeof(Value))

int database_bind(Database *database, Status *status, Statement statement, const Value *values, size_t count);
int database_next(Database *database, Status *status, Statement statement);
void database_stop(Database *database, Statement statement);
int database_run(Database *database, Status *status, Statement statement, const Value *values, size_t count);

/*
 * The body once for each row, with r == 0; a body that sets r leaves the loop (after database_stop where rows
 * may be left). Behind the loop r is 0 or STATUS_REFUSED:
 *
 *     int r = database_query(database, status, LIST_TRAITS, ...);
 *     DATABASE_EACH (database, status, LIST_TRAITS, r)
 *         ...
 */
#define DATABASE_EACH(database, status, name, r)                                                             \
    while ((r) == 0 && ((r) = database_next((database), (status), STATEMENT_##name)) == DATABASE_ROW &&      \
           ((r) = 0, true))

/* Column `column` of the current row of a statement, as an unsigned number, a text in the arena, ... */
#define COLUMN_NUMBER(name, column) (uint64_t) database_integer(database, STATEMENT_##name, (column))
#define COLUMN_TEXT(name, column) database_text(database, STATEMENT_##name, (column), arena)

/* Rows that the last INSERT, UPDATE or DELETE changed. */
uint64_t database_changes(const Database *database);

/* Columns of the current row. Texts are copied into the arena; database_borrow's lives until the next step.
 */
int64_t database_integer(const Database *database, Statement statement, int column);
double database_real(const Database *database, Statement statement, int column); /* NULL: NaN */
rpmd_text database_text(const Database *database, Statement statement, int column, Arena *arena);
rpmd_text database_borrow(const Database *database, Statement statement, int column);

/* The number that a query gives, 0 where it gives none. */
#define database_number(database, status, number, name, ...)                                                 \
    database_find_number((database), (status), (number), STATEMENT_##name, (const Value[]){__VA_ARGS__},     \
                         sizeof((const Value[]){__VA_ARGS__}) / sizeof(Value))
int database_find_number(Database *database, Status *status, uint64_t *number, Statement statement,
                         const Value *values, size_t count);

/* Fills *status for a result code of SQLite; returns STATUS_REFUSED. */
int database_refuse(const Database *database, int code, Status *status);

/* Forgets all pages that the connection remembers. Outside of a transaction. */
void database_forget_pages(Database *database);

/*
 * Moves the log's pages into the database file, as far as no reader is in the way. *left: pages that remain,
 * 0: the next commit begins the log anew. Returns SQLite's result code.
 */
int database_checkpoint(Database *database, int *left);

/*
 * The same for all of them, and nobody reads the log any more: the next commit begins it anew. SQLITE_BUSY: a
 * reader is in the way. Nothing may be written meanwhile. *pages: that were in it.
 */
int database_empty_log(Database *database, int *pages);

/*
 * Cuts up to `most` bytes off the file of the log, and none of its first `pages` pages, which were written
 * since it began anew. *is_cut: there was no more. Nothing may be written meanwhile. Returns SQLite's result
 * code.
 */
int database_shorten_log(Database *database, int pages, int64_t most, bool *is_cut);
