/* SPDX-License-Identifier: MIT */
#include "lib/text/word_memory.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"

#include <string.h>

#define PLACES 4096   /* 128 KiB: stays in a core's cache, and holds the words of most texts */
#define WORD_LIMIT 23 /* bytes; one word in some thousands is longer */
#define TAIL_LIMIT 4  /* bytes that a stem ends with and its word has not: "happi" has one */

/* All zero: empty. */
typedef struct Place {
    char word[WORD_LIMIT];
    uint8_t length;
    uint8_t common; /* bytes that word and stem begin with alike */
    uint8_t tail_length;
    bool is_stop_word;
    char tail[TAIL_LIMIT];
} Place;

struct WordMemory {
    Place places[PLACES];
};

WordMemory *word_memory_new(void)
{
    return NEW(WordMemory);
}

void word_memory_free(WordMemory *memory)
{
    free(memory);
}

static size_t place_of(rpmd_text word)
{
    return hash_bytes(word.data, word.length) % PLACES;
}

bool word_memory_recall(const WordMemory *memory, Arena *arena, rpmd_text word, WordFacts *facts)
{
    if (word.length == 0 || word.length > WORD_LIMIT)
        return false;
    const Place *place = &memory->places[place_of(word)];
    if (place->length != word.length || memcmp(place->word, word.data, word.length) != 0)
        return false;
    *facts = (WordFacts){{word.data, place->common}, place->is_stop_word};
    if (place->tail_length > 0) {
        char *stem = arena_allocate(arena, (size_t)place->common + place->tail_length + 1);
        memcpy(stem, word.data, place->common);
        memcpy(stem + place->common, place->tail, place->tail_length);
        facts->stem = (rpmd_text){stem, (size_t)place->common + place->tail_length};
    }
    return true;
}

void word_memory_note(WordMemory *memory, rpmd_text word, const WordFacts *facts)
{
    size_t common = 0;
    while (common < word.length && common < facts->stem.length &&
           word.data[common] == facts->stem.data[common])
        common++;
    size_t tail_length = facts->stem.length - common;
    if (word.length == 0 || word.length > WORD_LIMIT || tail_length > TAIL_LIMIT)
        return;
    Place *place = &memory->places[place_of(word)];
    *place = (Place){.length = (uint8_t)word.length,
                     .common = (uint8_t)common,
                     .tail_length = (uint8_t)tail_length,
                     .is_stop_word = facts->is_stop_word};
    memcpy(place->word, word.data, word.length);
    memcpy(place->tail, facts->stem.data + common, tail_length);
}
