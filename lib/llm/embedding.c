/* SPDX-License-Identifier: MIT */
#include "lib/llm/embedding.h"

#include "lib/llm/reply_json.h"

#include <endian.h>
#include <math.h>
#include <nettle/base64.h>

void llm_embedding_append(Buffer *body, const char *model, rpmd_text inputs)
{
    _cleanup_json_ json_t *name = json_string(model);
    char *text = json_dumps(name, JSON_COMPACT | JSON_ENCODE_ANY);
    buffer_append_format(body, "{\"model\":%s,\"input\":%.*s}", text ? text : "\"\"", TEXT_ARGS(inputs));
    free(text);
}

/* A float's bits in the order of the line. */
static uint32_t bits_of(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return htole32(bits);
}

static float number_of(uint32_t bits)
{
    float number;
    bits = le32toh(bits);
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static bool append_vector(Buffer *lines, const json_t *vector)
{
    size_t count = json_array_size(vector);
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(vector, i);
        if (!json_is_number(number))
            return false;
        squares += json_number_value(number) * json_number_value(number);
    }
    if (!isfinite(squares) || squares <= 0)
        return false;
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    double length = sqrt(squares);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = bits_of((float)(json_number_value(json_array_get(vector, i)) / length));
        buffer_append(&bytes, &bits, sizeof(bits));
    }
    size_t size = BASE64_ENCODE_RAW_LENGTH(bytes.length);
    base64_encode_raw(buffer_reserve(lines, size), bytes.length, (const uint8_t *)bytes.data);
    lines->length += size;
    buffer_append_string(lines, "\n");
    return true;
}

bool llm_embedding_take(LlmReply *reply, rpmd_text body)
{
    _cleanup_json_ json_t *whole = body.length ? json_loadb(body.data, body.length, 0, NULL) : NULL;
    const json_t *list = json_object_get(whole, "data");
    size_t count = json_array_size(list), numbers = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(list, i), *index = json_object_get(entry, "index");
        const json_t *vector = json_object_get(entry, "embedding");
        size_t size = json_array_size(vector);
        if (i == 0)
            numbers = size;
        if (size == 0 || size > EMBEDDING_LIMIT || size != numbers ||
            (index && json_integer_value(index) != (json_int_t)i) || !append_vector(&reply->text, vector))
            return false;
    }
    llm_chat_take_usage(reply, json_object_get(whole, "usage"));
    reply->finish = LLM_FINISH_STOP;
    reply->is_whole = count > 0;
    return reply->is_whole;
}

const float *llm_embedding_next(Arena *arena, rpmd_text *lines, uint32_t *count)
{
    const char *end = lines->length ? memchr(lines->data, '\n', lines->length) : NULL;
    size_t length = end ? (size_t)(end - lines->data) : 0, size = 0;
    if (length == 0 || length > BASE64_ENCODE_RAW_LENGTH(EMBEDDING_LIMIT * sizeof(float)))
        return NULL;
    struct base64_decode_ctx context;
    uint32_t *bits = ARENA_ARRAY(arena, uint32_t, BASE64_DECODE_LENGTH(length) / sizeof(uint32_t) + 1);
    base64_decode_init(&context);
    if (!base64_decode_update(&context, &size, (uint8_t *)bits, length, lines->data) ||
        !base64_decode_final(&context) || size % sizeof(float) != 0)
        return NULL;
    *count = (uint32_t)(size / sizeof(float));
    float *numbers = ARENA_ARRAY(arena, float, *count);
    for (uint32_t i = 0; i < *count; i++)
        numbers[i] = number_of(bits[i]);
    *lines = (rpmd_text){end + 1, lines->length - length - 1};
    return numbers;
}
