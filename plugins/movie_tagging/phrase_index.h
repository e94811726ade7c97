/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All phrases of all lexicons by the hash of their first word, so that a text costs what its words cost and
 * not what the lexicons have. Made when it is first asked for and never changed behind that: any thread may
 * read it.
 */

#include "movie_tagging.h"

/* How a word must be written in the text. */
typedef enum WordCase {
    ANY_CASE,
    CAPITAL_CASE,
    UPPER_CASE,
    NAME_CASE, /* capitalized where that is not because of the sentence */
    GAP,       /* no word: a * of the phrase */
} WordCase;

typedef struct PhraseWord {
    uint64_t hash;
    WordCase fits;
} PhraseWord;

typedef struct Phrase {
    PhraseWord first;
    uint32_t next; /* the next phrase of the same bucket; NO_PHRASE ends */
    uint32_t rest; /* its further words: words[rest .. rest + rest_length) of the index */
    uint16_t rest_length;
    uint16_t concept; /* number over all lexicons */
} Phrase;

typedef struct IndexedConcept {
    const Concept *entry;
    const Lexicon *lexicon;
} IndexedConcept;

typedef struct PhraseIndex {
    const IndexedConcept *concepts;
    size_t concept_count;
    const PhraseWord *words;
    size_t word_count;
    const Phrase *phrases;
    size_t phrase_count;
    uint32_t *buckets;
} PhraseIndex;

#define NO_PHRASE UINT32_MAX

/* NULL without memory. */
const PhraseIndex *phrase_index_get(void);

/* The first phrase that begins with a word of this hash, and the one behind it; NO_PHRASE. */
uint32_t phrase_index_first(const PhraseIndex *index, uint64_t hash);
uint32_t phrase_index_next(const PhraseIndex *index, uint32_t phrase);
