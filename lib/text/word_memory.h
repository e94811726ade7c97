/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a tokenizer found out about the words that it met: few words make most of a text, and a look-up costs
 * a tenth of stemming. Its size is fixed; a word takes the place of another one of the same hash. Words that
 * are longer than most are not remembered. Not thread-safe.
 */

#include "lib/base/arena.h"

#include <stdbool.h>

typedef struct WordMemory WordMemory;

/* Of a normalized word. */
typedef struct WordFacts {
    rpmd_text stem; /* in the arena, or a part of the word */
    bool is_stop_word;
} WordFacts;

WordMemory *word_memory_new(void) __attribute__((returns_nonnull));
void word_memory_free(WordMemory *memory);

/* False: the word is not remembered. */
bool word_memory_recall(const WordMemory *memory, Arena *arena, rpmd_text word, WordFacts *facts);

void word_memory_note(WordMemory *memory, rpmd_text word, const WordFacts *facts);
