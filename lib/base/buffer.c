/* SPDX-License-Identifier: MIT */
#include "lib/base/buffer.h"

#include "lib/base/memory.h"

#include <stdarg.h>
#include <stdio.h>

#define BUFFER_MINIMUM 64 /* the first allocation: most small messages fit */

void buffer_finish(Buffer *buffer)
{
    free(buffer->data);
    *buffer = BUFFER_INIT;
}

void buffer_clear(Buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

char *buffer_reserve(Buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (needed > buffer->capacity) {
        size_t capacity = MAX(buffer->capacity * 2, MAX(needed, (size_t)BUFFER_MINIMUM));
        buffer->data = memory_resize(buffer->data, capacity, 1);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void buffer_append(Buffer *buffer, const void *data, size_t length)
{
    char *end = buffer_reserve(buffer, length);
    if (length > 0)
        memcpy(end, data, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void buffer_append_number(Buffer *buffer, uint64_t number)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t begin = sizeof(digits);
    do
        digits[--begin] = (char)('0' + number % 10);
    while (number /= 10);
    buffer_append(buffer, digits + begin, sizeof(digits) - begin);
}

void buffer_append_format(Buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    /* Most texts fit at once; formatting is what takes the time. */
    char *end = buffer_reserve(buffer, BUFFER_MINIMUM);
    size_t room = buffer->capacity - buffer->length;
    int length = vsnprintf(end, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length >= room)
        vsnprintf(buffer_reserve(buffer, (size_t)length), (size_t)length + 1, format, again);
    va_end(again);
    buffer->length += length > 0 ? (size_t)length : 0;
    buffer->data[buffer->length] = '\0';
}

void buffer_drop(Buffer *buffer, size_t length)
{
    length = MIN(length, buffer->length);
    if (length == 0)
        return;
    buffer->length -= length;
    memmove(buffer->data, buffer->data + length, buffer->length + 1);
}

char *buffer_take(Buffer *buffer)
{
    char *data = buffer->data ? buffer->data : memory_copy_text("", 0);
    *buffer = BUFFER_INIT;
    return data;
}
