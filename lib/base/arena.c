/* SPDX-License-Identifier: MIT */
#include "lib/base/arena.h"

#include "lib/base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ARENA_FIRST_BLOCK 4096           /* a page */
#define ARENA_LARGEST_BLOCK (256 * 1024) /* blocks double up to here; larger requests get their own */

struct ArenaBlock {
    ArenaBlock *next;
    size_t size;
    _Alignas(max_align_t) char data[];
};

void arena_finish(Arena *arena)
{
    ArenaBlock *block = arena->blocks;
    while (block) {
        ArenaBlock *next = block->next;
        free(block);
        block = next;
    }
    *arena = ARENA_INIT;
}

static void add_block(Arena *arena, size_t size)
{
    size_t block_size = arena->blocks ? arena->blocks->size * 2 : ARENA_FIRST_BLOCK;
    block_size = MAX(MIN(block_size, (size_t)ARENA_LARGEST_BLOCK), size);
    /* A large one comes as pages of zeroes, which cost nothing until they are used. */
    ArenaBlock *block = size > ARENA_LARGEST_BLOCK ? memory_allocate(1, sizeof(*block) + block_size)
                                                   : memory_resize(NULL, sizeof(*block) + block_size, 1);
    block->next = arena->blocks;
    block->size = block_size;
    arena->blocks = block;
    arena->used = 0;
    arena->total += block_size;
}

void *arena_take(Arena *arena, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    size = (MAX(size, (size_t)1) + alignment - 1) & ~(alignment - 1);
    if (!arena->blocks || arena->blocks->size - arena->used < size)
        add_block(arena, size);
    void *memory = arena->blocks->data + arena->used;
    arena->used += size;
    return memory;
}

void *arena_allocate(Arena *arena, size_t size)
{
    void *memory = arena_take(arena, size);
    return size > ARENA_LARGEST_BLOCK ? memory : memset(memory, 0, size);
}

char *arena_copy(Arena *arena, const char *data, size_t length)
{
    char *copy = arena_take(arena, length + 1);
    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

rpmd_text arena_text(Arena *arena, rpmd_text text)
{
    return (rpmd_text){.data = arena_copy(arena, text.data, text.length), .length = text.length};
}

char *arena_format(Arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = MAX(vsnprintf(NULL, 0, format, arguments), 0);
    va_end(arguments);
    char *text = arena_allocate(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
