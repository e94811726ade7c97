/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * History as JSON lines: one object a line with `user`, `query`, `response`, and optional `time` (RFC 3339 or
 * seconds since 1970), `id`, `options` (list), `meta` (object). Empty lines are skipped; a line that cannot
 * be read is rejected with its number and does not stop the others.
 */

#include "lib/history/record.h"

/* A line holds one query and one response; far above the daemon's limits for both. */
#define JSONL_LINE_LIMIT ((size_t)4 * 1024 * 1024)

/* Reads all lines. 0, or what the sink returned when it stopped the reader. */
int jsonl_read(rpmd_text bytes, const HistorySink *sink);
