/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables of the store, and how an older database becomes a current one. */

#include "lib/base/status.h"

#include <sqlite3.h>
#include <stddef.h>

/* Marks a SQLite file as ours: "RPMD". */
#define SCHEMA_APPLICATION_ID 0x52504d44

/* One version further. Each step is one transaction. */
typedef struct SchemaStep {
    int version; /* 1, 2, ... without a gap */
    const char *sql;
    int (*convert)(sqlite3 *handle); /* behind sql: what SQL cannot do. SQLite's result code. NULL: nothing */
    const char *sql_behind;          /* NULL: nothing */
} SchemaStep;

extern const SchemaStep schema_steps[];
extern const size_t schema_step_count;

/*
 * Reads the database's version (0: it is new) and looks whether it is ours and not newer than `newest`;
 * changes nothing. path is for the sentences.
 *
 * Returns 0, a positive SQLite result code, or -STATUS_REFUSED with *status filled.
 */
int schema_check(sqlite3 *handle, int newest, const char *path, int *version, Status *status);

/*
 * Takes the steps behind `version`. What failed leaves the database at the version before it. Returns
 * SQLite's result code.
 */
int schema_migrate(sqlite3 *handle, const SchemaStep *steps, size_t count, int version);
