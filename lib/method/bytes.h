/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Numbers and texts as bytes, for what the store keeps. Numbers are of variable length, seven bits a byte, or
 * of fixed length, lowest byte first.
 */

#include "lib/base/buffer.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void bytes_write_number(Buffer *bytes, uint64_t number);
/* Small numbers of either sign are short. */
void bytes_write_signed(Buffer *bytes, int64_t number);
void bytes_write_u32(Buffer *bytes, uint32_t number);
void bytes_write_u64(Buffer *bytes, uint64_t number);
void bytes_write_float(Buffer *bytes, float number);
/* Its length and its bytes. */
void bytes_write_text(Buffer *bytes, rpmd_text text);

/* As bits: equal bits are equal floats, also where a float is no number. */
static inline uint32_t float_bits(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

/* Reads what was written. Once something is missing, is_broken is set and all that follows is 0 or empty. */
typedef struct ByteReader {
    const uint8_t *at;
    const uint8_t *end;
    bool is_broken;
} ByteReader;

static inline ByteReader byte_reader(rpmd_text bytes)
{
    const uint8_t *data = (const uint8_t *)bytes.data;
    return (ByteReader){.at = data, .end = bytes.length ? data + bytes.length : data};
}

static inline size_t bytes_left(const ByteReader *reader)
{
    return (size_t)(reader->end - reader->at);
}

uint8_t bytes_read_byte(ByteReader *reader);
uint64_t bytes_read_number(ByteReader *reader);
int64_t bytes_read_signed(ByteReader *reader);
uint32_t bytes_read_u32(ByteReader *reader);
uint64_t bytes_read_u64(ByteReader *reader);
float bytes_read_float(ByteReader *reader);
/* Points into the bytes. */
rpmd_text bytes_read_text(ByteReader *reader);

/* How many elements follow, each of which has at least `size` bytes: never more than the bytes that are left.
 */
size_t bytes_read_count(ByteReader *reader, size_t size);

/* Arrays of fixed length: the bytes of `count` numbers, or NULL where fewer are left. */
const uint8_t *bytes_skip(ByteReader *reader, size_t length);
void bytes_to_u32(uint32_t *numbers, const uint8_t *bytes, size_t count);
void bytes_to_u64(uint64_t *numbers, const uint8_t *bytes, size_t count);
