/* SPDX-License-Identifier: MIT */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Overwrites with zeros what a SQLite database file holds outside of its rows.
 *
 * PRAGMA secure_delete zeroes a row where it lies when it is deleted, and whole pages when they become free.
 * But a row that was once moved, because its page was split or merged, may have left a copy behind, in the
 * gap between a page's cell pointers and its cells. This goes over all pages and zeroes the gaps.
 *
 * The log must be empty and no transaction open. The gaps belong to no row: a crash in the middle leaves a
 * good database. Cached pages are dropped, so that none is written back with its gap.
 *
 * Returns SQLITE_OK or another result code of SQLite.
 */
int scrub_database(sqlite3 *handle);

/* One page of the file format; first: it is page 1. Returns whether something changed. For tests, too. */
bool scrub_page(unsigned char *page, size_t size, bool first);
