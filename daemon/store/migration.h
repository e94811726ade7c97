/* SPDX-License-Identifier: MIT */
#pragma once

/* What SQL cannot do of the steps of schema.c. */

#include <sqlite3.h>

/*
 * Version 4: items get numbers that begin with their user's, and what was derived from them, or made of them,
 * becomes bytes of lib/method. In the middle of the step's transaction. Returns SQLite's result code.
 */
int migration_to_records(sqlite3 *handle);
