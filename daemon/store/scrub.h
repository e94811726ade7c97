/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Keeps a SQLite database file free of what it holds outside of its rows.
 *
 * PRAGMA secure_delete zeroes a row where it lies when it is deleted, and whole pages when they become free.
 * But a row that was once moved, because its page was split or merged, may have left a copy behind, in the
 * gap between a page's cell pointers and its cells. These gaps belong to nobody: here they are zeroed in
 * every page on its way into the database file. So the file never has them; the log has, until it is cut to
 * nothing.
 */

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The name of a file system of SQLite, for sqlite3_open_v2, that is the default one but for the zeroed gaps
 * of what is written into a database. Called before threads that use it; NULL where SQLite has no default
 * one.
 */
const char *scrub_file_system(void);

/*
 * Zeroes the gaps of all pages of a database that was not written through scrub_file_system. The log must be
 * empty and no transaction open. A crash in the middle leaves a good database. Returns SQLite's result code.
 */
int scrub_database(sqlite3 *handle);

/* One page of the file format; first: it is page 1. Returns whether something changed. */
bool scrub_page(unsigned char *page, size_t size, bool first);
