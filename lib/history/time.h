/* SPDX-License-Identifier: MIT */
#pragma once

#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads RFC 3339 ("2024-05-01T12:00:00Z", fractions and offsets allowed), a date alone ("2024-05-01": its
 * midnight UTC), or seconds since 1970 ("1714521600", "1714521600.25") as microseconds since 1970-01-01 UTC.
 * False where the text is none of these.
 */
bool history_time_parse(rpmd_text text, int64_t *time_us);

/* Seconds since 1970 as microseconds; false where they do not fit. */
bool history_time_from_seconds(double seconds, int64_t *time_us);
