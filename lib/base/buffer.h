/* SPDX-License-Identifier: MIT */
#pragma once

/* A growing run of bytes, always followed by a NUL that is not counted, so that it can serve as a string. */

#include "lib/base/macros.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Buffer {
    char *data; /* owned; NULL while nothing was ever appended */
    size_t length;
    size_t capacity;
} Buffer;

#define BUFFER_INIT ((Buffer){0})

/* Frees the bytes and leaves an empty buffer. */
void buffer_finish(Buffer *buffer);

/* Empties it and keeps the memory. */
void buffer_clear(Buffer *buffer);

/* Makes room for `more` further bytes behind length and returns where they go. */
char *buffer_reserve(Buffer *buffer, size_t more) __attribute__((returns_nonnull));

void buffer_append(Buffer *buffer, const void *data, size_t length);
static inline void buffer_append_string(Buffer *buffer, const char *string)
{
    buffer_append(buffer, string, strlen(string)); /* of a literal, a constant */
}
/* In decimal digits. Several times faster than a format. */
void buffer_append_number(Buffer *buffer, uint64_t number);
void buffer_append_format(Buffer *buffer, const char *format, ...) _printf_(2, 3);

/* Drops the first `length` bytes. */
void buffer_drop(Buffer *buffer, size_t length);

/* The bytes as a NUL-terminated string that the caller frees; the buffer is empty afterwards. Never NULL. */
char *buffer_take(Buffer *buffer) __attribute__((returns_nonnull));

/* As a string; "" when empty. Borrowed until the next change. */
static inline const char *buffer_string(const Buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

#define _cleanup_buffer_ _cleanup_(buffer_finish)
