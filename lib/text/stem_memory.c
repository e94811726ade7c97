/* SPDX-License-Identifier: MIT */
#include "lib/text/stem_memory.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"

#include <string.h>

#define PLACES 512    /* 64 KiB: a task has some hundred features, and a core's cache holds them */
#define TEXT_LIMIT 54 /* bytes; what is longer is mostly not met again */
#define STEM_LIMIT 9

/* All zero: empty. */
typedef struct Place {
    uint64_t hashes[STEM_LIMIT];
    char text[TEXT_LIMIT];
    uint8_t length;
    uint8_t count;
} Place;

struct StemMemory {
    Place places[PLACES];
};

StemMemory *stem_memory_new(void)
{
    return NEW(StemMemory);
}

void stem_memory_free(StemMemory *memory)
{
    free(memory);
}

static size_t place_of(rpmd_text text)
{
    return hash_bytes(text.data, text.length) % PLACES;
}

const uint64_t *stem_memory_recall(const StemMemory *memory, rpmd_text text, size_t *count)
{
    if (text.length == 0 || text.length > TEXT_LIMIT)
        return NULL;
    const Place *place = &memory->places[place_of(text)];
    if (place->length != text.length || memcmp(place->text, text.data, text.length) != 0)
        return NULL;
    *count = place->count;
    return place->hashes;
}

void stem_memory_note(StemMemory *memory, rpmd_text text, const uint64_t *hashes, size_t count)
{
    if (text.length == 0 || text.length > TEXT_LIMIT || count > STEM_LIMIT)
        return;
    Place *place = &memory->places[place_of(text)];
    memcpy(place->text, text.data, text.length);
    if (count > 0)
        memcpy(place->hashes, hashes, count * sizeof(*hashes));
    place->length = (uint8_t)text.length;
    place->count = (uint8_t)count;
}
