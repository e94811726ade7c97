/* SPDX-License-Identifier: MIT */
#include "lib/json/message_json.h"

#include "lib/base/memory.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <nettle/base64.h>
#include <stdbool.h>
#include <stdio.h>

#define DOUBLE_DIGITS 15 /* significant digits that every double keeps through text */
#define FLOAT_DIGITS 7   /* a float has no more: 0.8f is 0.8, not 0.800000012 */
#define NAME_LIMIT 128   /* field names are our own, and short */

static const uint8_t *field_at(const ProtobufCMessage *message, unsigned offset)
{
    return (const uint8_t *)message + offset;
}

static json_t *real_to_json(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    return json_real(value);
}

static json_t *float_to_json(float value)
{
    char digits[32];
    if (!isfinite(value))
        return real_to_json((double)value);
    snprintf(digits, sizeof(digits), "%.*g", FLOAT_DIGITS, (double)value);
    return json_real(strtod(digits, NULL));
}

static json_t *bytes_to_json(const ProtobufCBinaryData *bytes)
{
    size_t length = BASE64_ENCODE_RAW_LENGTH(bytes->len);
    _cleanup_free_ char *encoded = memory_allocate(length + 1, 1);
    base64_encode_raw(encoded, bytes->len, bytes->data);
    return json_stringn(encoded, length);
}

static json_t *enum_to_json(const ProtobufCEnumDescriptor *descriptor, int value)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);
    return known ? json_string(known->name) : json_integer(value);
}

static json_t *signed_to_json(int64_t value)
{
    char digits[32];
    snprintf(digits, sizeof(digits), "%" PRId64, value);
    return json_string(digits);
}

static json_t *unsigned_to_json(uint64_t value)
{
    char digits[32];
    snprintf(digits, sizeof(digits), "%" PRIu64, value);
    return json_string(digits);
}

static json_t *value_to_json(const ProtobufCFieldDescriptor *field, const uint8_t *value)
{
    const void *at = value;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)at);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return signed_to_json(*(const int64_t *)at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return unsigned_to_json(*(const uint64_t *)at);
    case PROTOBUF_C_TYPE_FLOAT:
        return float_to_json(*(const float *)at);
    case PROTOBUF_C_TYPE_DOUBLE:
        return real_to_json(*(const double *)at);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_ENUM:
        return enum_to_json(field->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_STRING:
        return json_string(*(const char *const *)at ? *(const char *const *)at : "");
    case PROTOBUF_C_TYPE_BYTES:
        return bytes_to_json(at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return message_to_json(*(const ProtobufCMessage *const *)at);
    }
    return json_null();
}

static size_t element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    }
    return sizeof(void *);
}

/* protobuf-c does not mark map entries: they are nested messages `FooEntry` with a text key 1 and a value 2.
 */
static bool is_map(const ProtobufCFieldDescriptor *field)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t length = strlen(entry->short_name);
    return length > 5 && strcmp(entry->short_name + length - 5, "Entry") == 0 && entry->n_fields == 2 &&
           strcmp(entry->fields[0].name, "key") == 0 && entry->fields[0].type == PROTOBUF_C_TYPE_STRING &&
           strcmp(entry->fields[1].name, "value") == 0;
}

static json_t *map_to_json(const ProtobufCMessage *const *entries, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
        const void *key = field_at(entries[i], fields[0].offset);
        json_object_set_new(object, *(const char *const *)key,
                            value_to_json(&fields[1], field_at(entries[i], fields[1].offset)));
    }
    return object;
}

static json_t *repeated_to_json(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *counter = field_at(message, field->quantifier_offset);
    const void *holder = field_at(message, field->offset);
    size_t count = *(const size_t *)counter;
    const uint8_t *elements = *(const uint8_t *const *)holder;
    if (is_map(field))
        return map_to_json((const ProtobufCMessage *const *)(const void *)elements, count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, value_to_json(field, elements + i * element_size(field->type)));
    return list;
}

/* Whether a field with presence is there. */
static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *quantifier = field_at(message, field->quantifier_offset);
    const void *value = field_at(message, field->offset);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)quantifier == field->id;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(const void *const *)value != NULL;
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING)
        return *(const protobuf_c_boolean *)quantifier;
    return true;
}

static void json_name(const char *name, char result[NAME_LIMIT])
{
    size_t length = 0;
    bool upper = false;
    for (; *name && length + 1 < NAME_LIMIT; name++) {
        if (*name == '_') {
            upper = true;
            continue;
        }
        result[length++] = upper ? (char)toupper((unsigned char)*name) : *name;
        upper = false;
    }
    result[length] = '\0';
}

json_t *message_to_json(const ProtobufCMessage *message)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        char name[NAME_LIMIT];
        json_name(field->name, name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            json_object_set_new(object, name, repeated_to_json(message, field));
        else if (is_present(message, field))
            json_object_set_new(object, name, value_to_json(field, field_at(message, field->offset)));
    }
    return object;
}

void message_append_json(Buffer *text, const ProtobufCMessage *message)
{
    json_t *object = message_to_json(message);
    size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DOUBLE_DIGITS);
    _cleanup_free_ char *written = json_dumps(object, flags);
    if (written)
        buffer_append_string(text, written);
    json_decref(object);
}
