/* SPDX-License-Identifier: MIT */
#pragma once

/* Memory that is freed all at once. Not thread-safe: one arena, one owner at a time. */

#include "lib/base/macros.h"
#include "rpmd/plugin.h"

#include <stddef.h>

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena {
    ArenaBlock *blocks; /* newest first */
    size_t used;        /* bytes of the newest block */
    size_t total;       /* bytes in all blocks */
} Arena;

#define ARENA_INIT ((Arena){0})

/* Frees everything that came from it. */
void arena_finish(Arena *arena);

/* Zeroed memory, aligned for any type, until arena_finish; never NULL. */
void *arena_allocate(Arena *arena, size_t size) __attribute__((returns_nonnull));

/* The same without the zeroes: for what is written at once. */
void *arena_take(Arena *arena, size_t size) __attribute__((returns_nonnull));

/* A NUL-terminated copy. */
char *arena_copy(Arena *arena, const char *data, size_t length) __attribute__((returns_nonnull));

/* A copy of a text (NUL-terminated behind its length). */
rpmd_text arena_text(Arena *arena, rpmd_text text);

char *arena_format(Arena *arena, const char *format, ...) _printf_(2, 3) __attribute__((returns_nonnull));

#define ARENA_NEW(arena, type) ((type *)arena_allocate((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_allocate((arena), (count) * sizeof(type)))

#define _cleanup_arena_ _cleanup_(arena_finish)
