/* SPDX-License-Identifier: MIT */
#pragma once

/* What the readers of both formats do with a JSON object. */

#include "lib/base/arena.h"
#include "lib/history/record.h"

#include <jansson.h>
#include <stdbool.h>

/* More options than any questionnaire has; keeps one hostile line small. */
#define HISTORY_OPTIONS_LIMIT 256
/* As History.Append takes. */
#define HISTORY_META_LIMIT 32

/* A string, or a number or boolean as it would be written. False where the field is missing or of another
 * type. */
bool json_record_text(Arena *arena, const json_t *object, const char *field, rpmd_text *text);

/* A list of texts; a missing field is an empty list. False where it is something else. */
bool json_record_options(Arena *arena, const json_t *object, const char *field, HistoryRecord *record);

/* An object of texts; a missing field is empty. */
bool json_record_meta(Arena *arena, const json_t *object, const char *field, HistoryRecord *record);

/* RFC 3339 text or seconds since 1970; a missing field or null is 0. */
bool json_record_time(const json_t *object, const char *field, int64_t *time_us);
