/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Allocation that does not fail: when memory is out, the process says so in one sentence and ends.
 * Nothing acknowledged is lost by that (replies to writes follow their commit to disk), sizes that come
 * from outside are checked against limits before they get here, and no path has to be written, and
 * tested, for a failure that Linux hardly ever reports.
 */

#include "lib/base/macros.h"

#include <stdlib.h>
#include <string.h>

/* Zeroed memory for count objects of size bytes; never NULL. Freed with free. */
void *memory_allocate(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Resizes to count objects of size bytes; what is new is not initialised. Never NULL. */
void *memory_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

/* A NUL-terminated copy of length bytes; never NULL. */
char *memory_copy_text(const char *data, size_t length) __attribute__((malloc, returns_nonnull));

#define NEW(type) ((type *)memory_allocate(1, sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)memory_allocate((count), sizeof(type)))

/* Makes room for one more element in a growing array: `GROW(items, count, capacity)`. */
#define GROW(array, count, capacity)                                                                         \
    do {                                                                                                     \
        if ((count) == (capacity)) {                                                                         \
            (capacity) = (capacity) ? (capacity)*2 : 8;                                                      \
            (array) = memory_resize((array), (capacity), sizeof(*(array)));                                  \
        }                                                                                                    \
    } while (0)

/* What an allocation of `size` bytes takes of the heap: its header, and rounding. */
static inline size_t memory_footprint(size_t size)
{
    return (size + 8 + 15) / 16 * 16;
}

static inline void memory_free_pointer(void *pointer)
{
    free(*(void **)pointer);
}

#define _cleanup_free_ _cleanup_(memory_free_pointer)
