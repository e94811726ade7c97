/* SPDX-License-Identifier: MIT */
#include "lib/method/bytes.h"

#include <endian.h>

#define NUMBER_BYTES 10 /* of 64 bits at most */

/* ---- writing ---- */

void bytes_write_number(Buffer *bytes, uint64_t number)
{
    uint8_t encoded[NUMBER_BYTES];
    size_t length = 0;
    do {
        encoded[length++] = (uint8_t)((number & 0x7F) | (number > 0x7F ? 0x80 : 0));
        number >>= 7;
    } while (number > 0);
    buffer_append(bytes, encoded, length);
}

void bytes_write_signed(Buffer *bytes, int64_t number)
{
    bytes_write_number(bytes, ((uint64_t)number << 1) ^ (uint64_t)(number >> 63));
}

void bytes_write_u32(Buffer *bytes, uint32_t number)
{
    uint32_t encoded = htole32(number);
    buffer_append(bytes, &encoded, sizeof(encoded));
}

void bytes_write_u64(Buffer *bytes, uint64_t number)
{
    uint64_t encoded = htole64(number);
    buffer_append(bytes, &encoded, sizeof(encoded));
}

void bytes_write_float(Buffer *bytes, float number)
{
    bytes_write_u32(bytes, float_bits(number));
}

void bytes_write_text(Buffer *bytes, rpmd_text text)
{
    bytes_write_number(bytes, text.length);
    buffer_append(bytes, text.data, text.length);
}

/* ---- reading ---- */

uint8_t bytes_read_byte(ByteReader *reader)
{
    if (reader->at < reader->end && !reader->is_broken)
        return *reader->at++;
    reader->is_broken = true;
    return 0;
}

uint64_t bytes_read_number(ByteReader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_read_byte(reader);
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return number;
    }
    reader->is_broken = true;
    return 0;
}

int64_t bytes_read_signed(ByteReader *reader)
{
    uint64_t number = bytes_read_number(reader);
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

const uint8_t *bytes_skip(ByteReader *reader, size_t length)
{
    if (reader->is_broken || length > bytes_left(reader)) {
        reader->is_broken = true;
        return NULL;
    }
    const uint8_t *at = reader->at;
    reader->at += length;
    return at;
}

uint32_t bytes_read_u32(ByteReader *reader)
{
    const uint8_t *at = bytes_skip(reader, sizeof(uint32_t));
    uint32_t number = 0;
    if (at)
        bytes_to_u32(&number, at, 1);
    return number;
}

uint64_t bytes_read_u64(ByteReader *reader)
{
    const uint8_t *at = bytes_skip(reader, sizeof(uint64_t));
    uint64_t number = 0;
    if (at)
        bytes_to_u64(&number, at, 1);
    return number;
}

float bytes_read_float(ByteReader *reader)
{
    uint32_t bits = bytes_read_u32(reader);
    float number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}

rpmd_text bytes_read_text(ByteReader *reader)
{
    uint64_t length = bytes_read_number(reader);
    if (length > bytes_left(reader))
        reader->is_broken = true;
    const uint8_t *at = reader->is_broken ? NULL : bytes_skip(reader, (size_t)length);
    return at ? (rpmd_text){(const char *)at, (size_t)length} : (rpmd_text){0};
}

size_t bytes_read_count(ByteReader *reader, size_t size)
{
    uint64_t count = bytes_read_number(reader);
    if (!reader->is_broken && count <= bytes_left(reader) / size)
        return (size_t)count;
    reader->is_broken = true;
    return 0;
}

void bytes_to_u32(uint32_t *numbers, const uint8_t *bytes, size_t count)
{
    if (count > 0)
        memcpy(numbers, bytes, count * sizeof(*numbers));
    for (size_t i = 0; i < count; i++)
        numbers[i] = le32toh(numbers[i]);
}

void bytes_to_u64(uint64_t *numbers, const uint8_t *bytes, size_t count)
{
    if (count > 0)
        memcpy(numbers, bytes, count * sizeof(*numbers));
    for (size_t i = 0; i < count; i++)
        numbers[i] = le64toh(numbers[i]);
}
