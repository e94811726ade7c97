/* SPDX-License-Identifier: MIT */
#include "lib/history/lamp.h"

#include "lib/base/hash.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/history/json_record.h"

#include <stdio.h>

/* The state of one reading: entries seen so far, by user and content. */
typedef struct LampReader {
    const LampFields *fields;
    const HistorySink *sink;
    Intern seen;
} LampReader;

/* NULL, or why the entry is no record. */
static const char *read_entry(Arena *arena, const LampFields *fields, const json_t *entry,
                              HistoryRecord *record)
{
    if (!json_is_object(entry))
        return "the entry is not a JSON object";
    if (json_object_get(entry, "id") && !json_record_text(arena, entry, "id", &record->id))
        return "\"id\" is not a text";
    if (!json_record_text(arena, entry, fields->query, &record->query))
        return arena_format(arena, "\"%s\" is missing or not a text", fields->query);
    if (!json_record_text(arena, entry, fields->response, &record->response))
        return arena_format(arena, "\"%s\" is missing or not a text", fields->response);
    if (fields->options && !json_record_options(arena, entry, fields->options, record))
        return arena_format(arena, "\"%s\" is not a list of at most %d texts", fields->options,
                            HISTORY_OPTIONS_LIMIT);
    const char *time_field = json_object_get(entry, "time") ? "time" : "date";
    if (!json_record_time(entry, time_field, &record->time_us))
        return arena_format(arena, "\"%s\" is neither RFC 3339, a date, nor seconds since 1970", time_field);
    return NULL;
}

/* Whether this user's entry stood in an earlier question, word for word. */
static bool is_repeated(LampReader *reader, const HistoryRecord *record)
{
    uint64_t key[2] = {hash_bytes(record->user.data, record->user.length),
                       hash_bytes(record->id.data, record->id.length)};
    const rpmd_text parts[] = {record->query, record->response};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        for (size_t k = 0; k < ARRAY_SIZE(key); k++)
            key[k] = hash_bytes_seeded(parts[i].data, parts[i].length, key[k] + k);
    for (size_t i = 0; i < record->option_count; i++)
        key[0] = hash_bytes_seeded(record->options[i].data, record->options[i].length, key[0]);
    uint32_t before = reader->seen.count;
    return intern_add(&reader->seen, (rpmd_text){(const char *)key, sizeof(key)}) < before;
}

static int read_question(LampReader *reader, const json_t *question, size_t index)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    const HistorySink *sink = reader->sink;
    rpmd_text user = {0};
    const json_t *profile = json_object_get(question, "profile");
    char origin[64];
    snprintf(origin, sizeof(origin), "question %zu", index);
    if (!json_record_text(&arena, question, "user_id", &user) &&
        !json_record_text(&arena, question, "id", &user))
        return sink->reject(sink->userdata, origin, user, (rpmd_text){0},
                            "it has neither \"user_id\" nor \"id\"");
    if (!json_is_array(profile))
        return sink->reject(sink->userdata, origin, user, (rpmd_text){0},
                            "\"profile\" is missing or not a list");
    for (size_t i = 0; i < json_array_size(profile); i++) {
        HistoryRecord record = {.user = user};
        snprintf(origin, sizeof(origin), "question %zu, entry %zu", index, i);
        const char *reason = read_entry(&arena, reader->fields, json_array_get(profile, i), &record);
        int r = 0;
        if (reason)
            r = sink->reject(sink->userdata, origin, user, record.id, reason);
        else if (!is_repeated(reader, &record))
            r = sink->record(sink->userdata, origin, &record);
        if (r)
            return r;
    }
    return 0;
}

int lamp_read(rpmd_text bytes, const LampFields *fields, const HistorySink *sink, Status *status)
{
    json_error_t error;
    json_t *questions = json_loadb(bytes.data, bytes.length, 0, &error);
    if (!questions)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the file is not JSON: %s (line %d, column %d); mend it or give --format jsonl",
                             error.text, error.line, error.column);
    LampReader reader = {.fields = fields, .sink = sink};
    int r = 0;
    if (!json_is_array(questions))
        r = status_refuse(status, STATUS_INVALID_ARGUMENT,
                          "a LaMP file is a list of questions, and this one is not a list; "
                          "for one JSON object a line give --format jsonl");
    for (size_t i = 0; r == 0 && i < json_array_size(questions); i++)
        r = read_question(&reader, json_array_get(questions, i), i);
    intern_finish(&reader.seen);
    json_decref(questions);
    return r;
}

bool lamp_is_likely(rpmd_text bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        if (!memchr(" \t\r\n", bytes.data[i], 4))
            return bytes.data[i] == '[';
    return false;
}

static rpmd_text trim(rpmd_text text)
{
    while (text.length > 0 && memchr(" \t\r\n", text.data[0], 4)) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && memchr(" \t\r\n", text.data[text.length - 1], 4))
        text.length--;
    return text;
}

/* The options of "a; b; c]", in the arena. */
static const rpmd_text *split_options(Arena *arena, rpmd_text list, size_t *count)
{
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, HISTORY_OPTIONS_LIMIT);
    *count = 0;
    while (list.length > 0 && *count < HISTORY_OPTIONS_LIMIT) {
        const char *end = memmem(list.data, list.length, "; ", 2);
        size_t length = end ? (size_t)(end - list.data) : list.length;
        rpmd_text option = trim((rpmd_text){list.data, length});
        if (option.length > 0)
            options[(*count)++] = option;
        size_t taken = MIN(length + 2, list.length);
        list = (rpmd_text){list.data + taken, list.length - taken};
    }
    return options;
}

/* Where needle stands last in text, or NULL. */
static const char *find_last(rpmd_text text, rpmd_text needle)
{
    const char *found = NULL;
    for (;;) {
        const char *next = memmem(text.data, text.length, needle.data, needle.length);
        if (!next)
            return found;
        found = next;
        text.length -= (size_t)(next + 1 - text.data);
        text.data = next + 1;
    }
}

void lamp_unwrap(Arena *arena, const LampWrapping *wrapping, rpmd_text input, rpmd_text *query,
                 const rpmd_text **options, size_t *option_count)
{
    *query = trim(input);
    *options = NULL;
    *option_count = 0;
    rpmd_text begin = text_of(wrapping->input_begin);
    rpmd_text end = text_of(wrapping->input_end);
    if (begin.length > 0 && end.length > 0 && query->length > begin.length &&
        memcmp(query->data, begin.data, begin.length) == 0) {
        const char *marker = memmem(query->data, query->length, end.data, end.length);
        if (marker) {
            const char *behind = marker + end.length;
            *query = trim((rpmd_text){behind, query->length - (size_t)(behind - query->data)});
        }
    }
    rpmd_text list = text_of(wrapping->input_options);
    if (list.length == 0 || query->length == 0 || query->data[query->length - 1] != ']')
        return;
    const char *marker = find_last(*query, list);
    if (!marker)
        return;
    const char *first = marker + list.length;
    rpmd_text inside = {first, (size_t)(query->data + query->length - 1 - first)};
    *options = split_options(arena, inside, option_count);
    *query = trim((rpmd_text){query->data, (size_t)(marker - query->data)});
}
