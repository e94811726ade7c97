/* SPDX-License-Identifier: MIT */
#pragma once

/* What a reader of history files hands over: one past (query, response) pair as it stands in the file. */

#include "rpmd/plugin.h"

#include <stdint.h>

typedef struct HistoryMeta {
    rpmd_text key;
    rpmd_text value;
} HistoryMeta;

/* Everything is borrowed until the sink returns. */
typedef struct HistoryRecord {
    rpmd_text user;
    rpmd_text id; /* empty: the file names none */
    rpmd_text query;
    rpmd_text response;
    int64_t time_us; /* microseconds since 1970-01-01 UTC; 0: unknown */
    const rpmd_text *options;
    size_t option_count;
    const HistoryMeta *meta;
    size_t meta_count;
} HistoryRecord;

/* Where the records go. A callback returns 0 to go on; anything else stops the reader, which returns it. */
typedef struct HistorySink {
    /* origin: where the record stands ("line 12", "question 3, entry 7"). */
    int (*record)(void *userdata, const char *origin, const HistoryRecord *record);
    /* A record that could not be read, with a sentence; user and id are "" where they are not known. */
    int (*reject)(void *userdata, const char *origin, rpmd_text user, rpmd_text id, const char *reason);
    void *userdata;
} HistorySink;
