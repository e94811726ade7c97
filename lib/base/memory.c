/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"

#include <stdint.h>
#include <stdio.h>

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "out of memory: %zu x %zu bytes could not be had; give the process more memory\n", count,
            size);
    abort();
}

void *memory_allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        out_of_memory(count, size);
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory(count, size);
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory)
        out_of_memory(count, size);
    return memory;
}

char *memory_copy_text(const char *data, size_t length)
{
    char *copy = memory_allocate(length + 1, 1);
    if (length > 0)
        memcpy(copy, data, length);
    return copy;
}
