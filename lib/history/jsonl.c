/* SPDX-License-Identifier: MIT */
#include "lib/history/jsonl.h"

#include "lib/base/text.h"
#include "lib/history/json_record.h"

#include <stdio.h>

/* NULL, or why the object is no record. */
static const char *read_record(Arena *arena, const json_t *object, HistoryRecord *record)
{
    if (!json_is_object(object))
        return "the line is not a JSON object; write {\"user\": …, \"query\": …, \"response\": …}";
    if (!json_record_text(arena, object, "user", &record->user))
        return "\"user\" is missing or not a text";
    if (json_object_get(object, "id") && !json_record_text(arena, object, "id", &record->id))
        return "\"id\" is not a text";
    if (!json_record_text(arena, object, "query", &record->query))
        return "\"query\" is missing or not a text";
    if (!json_record_text(arena, object, "response", &record->response))
        return "\"response\" is missing or not a text";
    if (!json_record_time(object, "time", &record->time_us))
        return "\"time\" is neither RFC 3339 (2024-05-01T12:00:00Z) nor seconds since 1970";
    if (!json_record_options(arena, object, "options", record))
        return "\"options\" is not a list of at most 256 texts";
    if (!json_record_meta(arena, object, "meta", record))
        return "\"meta\" is not an object of at most 32 texts";
    return NULL;
}

static int read_line(rpmd_text line, size_t number, const HistorySink *sink)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    HistoryRecord record = {0};
    json_error_t error;
    char origin[32];
    snprintf(origin, sizeof(origin), "line %zu", number);
    json_t *object = NULL;
    const char *reason = NULL;
    if (line.length > JSONL_LINE_LIMIT)
        reason = "the line is longer than 4 MiB; one line holds one item";
    else if (!(object = json_loadb(line.data, line.length, JSON_REJECT_DUPLICATES, &error)))
        reason = arena_format(&arena, "not JSON: %s (column %d)", error.text, error.column);
    else
        reason = read_record(&arena, object, &record);
    int r = reason ? sink->reject(sink->userdata, origin, record.user, record.id, reason)
                   : sink->record(sink->userdata, origin, &record);
    json_decref(object);
    return r;
}

static bool is_blank(rpmd_text line)
{
    for (size_t i = 0; i < line.length; i++)
        if (!strchr(" \t\r", line.data[i]) || line.data[i] == '\0')
            return false;
    return true;
}

int jsonl_read(rpmd_text bytes, const HistorySink *sink)
{
    size_t number = 0;
    for (size_t begin = 0; begin < bytes.length;) {
        const char *end = memchr(bytes.data + begin, '\n', bytes.length - begin);
        size_t length = end ? (size_t)(end - bytes.data) - begin : bytes.length - begin;
        rpmd_text line = {bytes.data + begin, length};
        number++;
        begin += length + 1;
        int r = is_blank(line) ? 0 : read_line(line, number, sink);
        if (r)
            return r;
    }
    return 0;
}
