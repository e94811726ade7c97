/* SPDX-License-Identifier: MIT */
#pragma once

/* The connection to SQLite: opening, prepared statements, errors as sentences, checkpoints. One thread at a
 * time. */

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

typedef struct Database {
    sqlite3 *handle;
    char *path; /* of the file */
    int lock;   /* descriptor of the lock file, or -1 */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint64_t last_item; /* highest numbers given so far: none is given twice while the store is open */
    uint64_t last_user;
    int wal_pages; /* in the write-ahead log after the last commit */
    bool traces;   /* the files may hold traces of erased rows */
} Database;

#define DATABASE_INIT ((Database){.lock = -1})

/* See store_open. On refusal the database is as after database_close. */
int database_open(Database *database, const char *directory, Status *status);

/* Accepts a half-opened database. */
void database_close(Database *database);

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

/* A statement without parameters or rows: BEGIN and its kind. Returns SQLite's result code. */
int database_control(Database *database, Statement statement);

/* Rows that the last INSERT, UPDATE or DELETE changed. */
uint64_t database_changes(const Database *database);

/* Columns of the current row. Texts are copied into the arena; database_borrow's lives until the next step.
 */
int64_t database_integer(const Database *database, Statement statement, int column);
double database_real(const Database *database, Statement statement, int column); /* NULL: NaN */
rpmd_text database_text(const Database *database, Statement statement, int column, Arena *arena);
rpmd_text database_borrow(const Database *database, Statement statement, int column);

/* Gives up every query that is still being read. */
void database_stop_all(Database *database);

/* Fills *status for a result code of SQLite; returns STATUS_REFUSED. */
int database_refuse(const Database *database, int code, Status *status);

/* Moves the log's pages into the database file when there are many. Failing does no harm: it is tried again.
 */
void database_checkpoint(Database *database);

/*
 * Removes every trace of rows that are gone from the files: the log is moved into the database file and cut
 * to nothing, and what SQLite leaves in the unused parts of pages is overwritten with zeros.
 */
int database_remove_traces(Database *database, Status *status);
