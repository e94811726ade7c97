/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "phrase_index.h"

enum {
    BUCKETS = 16384 /* a power of two, about twice the phrases: most chains are empty or one phrase long */
};

static const Lexicon *const lexicons[] = {
    &lexicon_genre,     &lexicon_mood,   &lexicon_source, &lexicon_theme,   &lexicon_plot,   &lexicon_stakes,
    &lexicon_character, &lexicon_family, &lexicon_place,  &lexicon_setting, &lexicon_period, &lexicon_idiom,
};
enum { LEXICON_COUNT = sizeof(lexicons) / sizeof(lexicons[0]) };

/* Written once, before anybody reads it. */
static once_flag made = ONCE_FLAG_INIT;
static PhraseIndex phrase_index;

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* The word that a phrase begins with; *rest is what follows it. */
static PhraseWord read_word(const char *phrase, const char **rest)
{
    size_t length = strcspn(phrase, " "), mark = *phrase == '^';
    PhraseWord word = {word_hash(phrase + mark, length - mark), ANY_CASE};

    if (mark)
        word.fits = NAME_CASE;
    else if (*phrase == '*')
        word.fits = GAP;
    else if (is_upper(phrase[0]))
        word.fits = length >= 2 && is_upper(phrase[1]) ? UPPER_CASE : CAPITAL_CASE;
    *rest = phrase[length] == ' ' ? phrase + length + 1 : phrase + length;
    return word;
}

static void add_phrase(const char *text, size_t concept, Phrase *phrases, PhraseWord *words)
{
    PhraseIndex *index = &phrase_index;
    Phrase *phrase = &phrases[index->phrase_count];
    uint32_t *end;

    phrase->first = read_word(text, &text);
    phrase->rest = (uint32_t)index->word_count;
    phrase->concept = (uint16_t) concept;
    phrase->next = NO_PHRASE;
    while (*text != '\0')
        words[index->word_count++] = read_word(text, &text);
    phrase->rest_length = (uint16_t)(index->word_count - phrase->rest);
    end = &index->buckets[phrase->first.hash & (BUCKETS - 1)];
    while (*end != NO_PHRASE)
        end = &phrases[*end].next;
    *end = (uint32_t)index->phrase_count++;
}

static size_t count_spaces(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == ' ';
    return count;
}

/* How much there is of everything. */
static void count_all(size_t *concepts, size_t *phrases, size_t *words)
{
    *concepts = *phrases = *words = 0;
    for (size_t i = 0; i < LEXICON_COUNT; i++) {
        *concepts += lexicons[i]->count;
        for (size_t c = 0; c < lexicons[i]->count; c++)
            for (const char *const *phrase = lexicons[i]->concepts[c].phrases; *phrase != NULL; phrase++) {
                *phrases += 1;
                *words += count_spaces(*phrase);
            }
    }
}

static void make(void)
{
    size_t concept_count, phrase_count, word_count, number = 0;
    IndexedConcept *concepts;
    Phrase *phrases;
    PhraseWord *words;

    count_all(&concept_count, &phrase_count, &word_count);
    concepts = calloc(concept_count, sizeof(*concepts));
    phrases = calloc(phrase_count, sizeof(*phrases));
    words = calloc(word_count + 1, sizeof(*words));
    phrase_index.buckets = malloc(BUCKETS * sizeof(*phrase_index.buckets));
    if (concepts == NULL || phrases == NULL || words == NULL || phrase_index.buckets == NULL) {
        free(concepts);
        free(phrases);
        free(words);
        free(phrase_index.buckets);
        return;
    }
    memset(phrase_index.buckets, 0xff, BUCKETS * sizeof(*phrase_index.buckets));
    for (size_t i = 0; i < LEXICON_COUNT; i++)
        for (size_t c = 0; c < lexicons[i]->count; c++, number++) {
            concepts[number] = (IndexedConcept){&lexicons[i]->concepts[c], lexicons[i]};
            for (const char *const *phrase = lexicons[i]->concepts[c].phrases; *phrase != NULL; phrase++)
                add_phrase(*phrase, number, phrases, words);
        }
    phrase_index.concepts = concepts;
    phrase_index.concept_count = concept_count;
    phrase_index.words = words;
    phrase_index.phrases = phrases;
}

const PhraseIndex *phrase_index_get(void)
{
    call_once(&made, make);
    return phrase_index.phrases != NULL ? &phrase_index : NULL;
}

uint32_t phrase_index_first(const PhraseIndex *index, uint64_t hash)
{
    uint32_t phrase = index->buckets[hash & (BUCKETS - 1)];

    while (phrase != NO_PHRASE && index->phrases[phrase].first.hash != hash)
        phrase = index->phrases[phrase].next;
    return phrase;
}

uint32_t phrase_index_next(const PhraseIndex *index, uint32_t phrase)
{
    uint64_t hash = index->phrases[phrase].first.hash;

    do
        phrase = index->phrases[phrase].next;
    while (phrase != NO_PHRASE && index->phrases[phrase].first.hash != hash);
    return phrase;
}
