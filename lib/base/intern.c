/* SPDX-License-Identifier: MIT */
#include "lib/base/intern.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"

#define INTERN_FIRST_SLOTS 64 /* a power of two */

void intern_finish(Intern *intern)
{
    free(intern->texts);
    free(intern->slots);
    arena_finish(&intern->arena);
    *intern = INTERN_INIT;
}

/* The slot that holds the text, or the free one where it would go. */
static uint32_t find_slot(const Intern *intern, rpmd_text text)
{
    uint32_t mask = intern->slot_count - 1;
    uint32_t slot = (uint32_t)hash_bytes(text.data, text.length) & mask;
    while (intern->slots[slot]) {
        rpmd_text held = intern->texts[intern->slots[slot] - 1];
        if (held.length == text.length && memcmp(held.data, text.data, text.length) == 0)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static void grow_slots(Intern *intern)
{
    intern->slot_count = intern->slot_count ? intern->slot_count * 2 : INTERN_FIRST_SLOTS;
    free(intern->slots);
    intern->slots = NEW_ARRAY(uint32_t, intern->slot_count);
    for (uint32_t number = 0; number < intern->count; number++)
        intern->slots[find_slot(intern, intern->texts[number])] = number + 1;
}

uint32_t intern_find(const Intern *intern, rpmd_text text)
{
    if (intern->slot_count == 0)
        return INTERN_NONE;
    uint32_t held = intern->slots[find_slot(intern, text)];
    return held ? held - 1 : INTERN_NONE;
}

uint32_t intern_add(Intern *intern, rpmd_text text)
{
    /* At most two thirds full: probes stay short. */
    if ((uint64_t)intern->count * 3 >= (uint64_t)intern->slot_count * 2)
        grow_slots(intern);
    uint32_t slot = find_slot(intern, text);
    if (intern->slots[slot])
        return intern->slots[slot] - 1;
    GROW(intern->texts, intern->count, intern->capacity);
    intern->texts[intern->count] = arena_text(&intern->arena, text);
    intern->slots[slot] = ++intern->count;
    return intern->count - 1;
}
