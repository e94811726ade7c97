/* SPDX-License-Identifier: MIT */
#include "lib/history/json_record.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/history/time.h"

static bool value_as_text(Arena *arena, const json_t *value, rpmd_text *text)
{
    if (json_is_string(value)) {
        *text = (rpmd_text){json_string_value(value), json_string_length(value)};
        return true;
    }
    if (!json_is_number(value) && !json_is_boolean(value))
        return false;
    _cleanup_free_ char *written = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (!written)
        return false;
    *text = arena_text(arena, text_of(written));
    return true;
}

bool json_record_text(Arena *arena, const json_t *object, const char *field, rpmd_text *text)
{
    return value_as_text(arena, json_object_get(object, field), text);
}

bool json_record_options(Arena *arena, const json_t *object, const char *field, HistoryRecord *record)
{
    const json_t *list = json_object_get(object, field);
    if (!list || json_is_null(list))
        return true;
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > HISTORY_OPTIONS_LIMIT)
        return false;
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, count);
    for (size_t i = 0; i < count; i++)
        if (!value_as_text(arena, json_array_get(list, i), &options[i]))
            return false;
    record->options = options;
    record->option_count = count;
    return true;
}

bool json_record_meta(Arena *arena, const json_t *object, const char *field, HistoryRecord *record)
{
    json_t *fields = json_object_get(object, field);
    if (!fields || json_is_null(fields))
        return true;
    if (!json_is_object(fields) || json_object_size(fields) > HISTORY_META_LIMIT)
        return false;
    HistoryMeta *meta = ARENA_ARRAY(arena, HistoryMeta, json_object_size(fields));
    const char *key = NULL;
    json_t *value = NULL;
    size_t count = 0;
    json_object_foreach(fields, key, value)
    {
        meta[count].key = text_of(key);
        if (!value_as_text(arena, value, &meta[count++].value))
            return false;
    }
    record->meta = meta;
    record->meta_count = count;
    return true;
}

bool json_record_time(const json_t *object, const char *field, int64_t *time_us)
{
    const json_t *value = json_object_get(object, field);
    *time_us = 0;
    if (!value || json_is_null(value))
        return true;
    if (json_is_number(value))
        return history_time_from_seconds(json_number_value(value), time_us);
    return json_is_string(value) && history_time_parse(text_of(json_string_value(value)), time_us);
}
