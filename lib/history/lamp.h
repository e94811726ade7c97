/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The files of the LaMP benchmark (Salemi et al., "LaMP: When Large Language Models Meet Personalization",
 * ACL 2024): a list of questions {id, user_id, input, profile: [entry]}. The profile entries are the history;
 * which of their fields are the query and the response is the task plugin's to say.
 */

#include "lib/base/arena.h"
#include "lib/base/status.h"
#include "lib/history/record.h"

typedef struct LampFields {
    const char *query;
    const char *response;
    const char *options; /* NULL: entries have no options */
} LampFields;

/*
 * Hands the profiles of a questions file to the sink. A question without `user_id` is a user of its own,
 * named by the question's id, as in the benchmark's first release. An entry that repeats an earlier one of
 * the same user to the letter (every question of a user carries the whole profile) is handed over once.
 * Returns 0, what the sink returned, or STATUS_REFUSED when the bytes are not such a file.
 */
int lamp_read(rpmd_text bytes, const LampFields *fields, const HistorySink *sink, Status *status);

/* Whether the bytes look like a LaMP file (a JSON list) rather than JSON lines. */
bool lamp_is_likely(rpmd_text bytes);

/* How a question's input wraps its query (see rpmd_lamp of the plugin interface); any may be NULL or "". */
typedef struct LampWrapping {
    const char *input_begin;
    const char *input_end;
    const char *input_options;
} LampWrapping;

/*
 * Cuts the benchmark's instruction around a query off. *query is a part of input. *options are the texts of
 * the list that was cut off, in the arena, and *option_count is 0 where there was none. Text that is not
 * wrapped is left as it is.
 */
void lamp_unwrap(Arena *arena, const LampWrapping *wrapping, rpmd_text input, rpmd_text *query,
                 const rpmd_text **options, size_t *option_count);
