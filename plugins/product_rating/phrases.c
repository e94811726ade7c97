/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "product_rating.h"

/*
 * All phrases against an index from the first letters of words to the words. A phrase counts only where no
 * longer one covers its first word.
 */

enum {
    GAP_MAX = 3,     /* words that "*" stands for at most */
    BUCKETS = 1024,  /* of the index */
    LETTERS = 32768, /* of word_letters() */
};

static const Concepts *const lists[] = {&general_concepts, &goods_concepts, &film_concepts, &idiom_concepts,
                                        &mark_concepts};

#define NO_ENTRY UINT32_MAX

typedef struct Index {
    uint32_t *entries; /* which word; the next of the same bucket is at next[] */
    uint32_t *next;
    uint32_t first[BUCKETS];
    uint32_t last[BUCKETS];
    uint32_t seen[LETTERS / 32]; /* bit set of the letters of all words */
} Index;

size_t concept_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        count += lists[i]->count;
    return count;
}

const Concept *concept_at(uint32_t number)
{
    size_t rest = number;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (rest < lists[i]->count)
            return &lists[i]->concepts[rest];
        rest -= lists[i]->count;
    }
    return NULL;
}

/* The low five bits of the first three letters; 0 from where the word ends on. */
static unsigned word_letters(const char *form, size_t length)
{
    unsigned letters = 0;

    for (size_t i = 0; i < 3; i++)
        letters = letters << 5 | (i < length ? (unsigned char)form[i] & 31 : 0);
    return letters;
}

static void index_add(Index *index, uint32_t entry, uint32_t word, const char *form, size_t length)
{
    unsigned letters = word_letters(form, length);
    unsigned bucket = letters % BUCKETS;

    index->seen[letters / 32] |= 1u << letters % 32;
    index->entries[entry] = word;
    index->next[entry] = NO_ENTRY;
    if (index->first[bucket] == NO_ENTRY)
        index->first[bucket] = entry;
    else
        index->next[index->last[bucket]] = entry;
    index->last[bucket] = entry;
}

static Index *index_new(const Review *review)
{
    const rpmd_host *host = review->call->host;
    Index *index = host->allocate(review->call, sizeof(*index));
    uint32_t entries = 0;

    if (index == NULL)
        return NULL;
    index->entries = host->allocate(review->call, (2 * review->count + 1) * sizeof(*index->entries));
    index->next = host->allocate(review->call, (2 * review->count + 1) * sizeof(*index->next));
    if (index->entries == NULL || index->next == NULL)
        return NULL;
    memset(index->first, 0xff, sizeof(index->first));
    for (size_t i = 0; i < review->count; i++) {
        const Word *word = &review->words[i];

        if (word->mark != 0)
            continue;
        index_add(index, entries++, (uint32_t)i, word->lower.data, word->lower.length);
        if (word->base != NULL)
            index_add(index, entries++, (uint32_t)i, word->base, strlen(word->base));
    }
    return index;
}

/* Bytes of the phrase's word that begins here. */
static size_t part_length(const char *part)
{
    size_t length = 0;

    while (part[length] != ' ' && part[length] != '\0')
        length++;
    return length;
}

/* Whether the word is what the part of a phrase asks for. */
static bool part_fits(const Word *word, const char *part, size_t length)
{
    if (word->mark != 0)
        return false;
    if (part[length - 1] == '~')
        return word_is_form_of(word, part, length - 1);
    if (length == 1 && *part == '_')
        return true;
    return word->lower.length == length && memcmp(word->lower.data, part, length) == 0;
}

/* Matches the rest of a phrase from the word at index on; returns where the match ends, or 0. */
static size_t match_rest(const Review *review, size_t index, const char *rest)
{
    while (*rest != '\0') {
        size_t length = part_length(rest);
        const char *behind = rest[length] == ' ' ? rest + length + 1 : rest + length;

        if (*rest == '*') {
            for (size_t skipped = 0; skipped <= GAP_MAX; skipped++) {
                size_t end = match_rest(review, index + skipped, behind);

                if (end > 0)
                    return end;
                if (index + skipped >= review->count || review->words[index + skipped].mark != 0)
                    return 0;
            }
            return 0;
        }
        if (index >= review->count || !part_fits(&review->words[index], rest, length))
            return 0;
        index++;
        rest = behind;
    }
    return index;
}

/* Whether only marks stand between the word and the beginning of its clause. */
static bool opens_clause(const Review *review, size_t index)
{
    const Word *words = review->words;

    while (index > 0 && words[index - 1].mark != 0 && words[index - 1].clause == words[index].clause)
        index--;
    return index == 0 || words[index - 1].clause != words[index].clause;
}

/* A quick look at the first letter of what follows; only at the head of a phrase do inflections change it. */
static bool may_follow(const Word *word, char letter)
{
    return letter == '*' || letter == '_' || (word->lower.length > 0 && word->lower.data[0] == letter);
}

static void match_phrase(Review *review, const Index *index, const char *phrase, uint32_t concept)
{
    bool opens = *phrase == '^';
    size_t length = part_length(phrase += opens);
    unsigned letters = word_letters(phrase, length - (phrase[length - 1] == '~'));
    const char *rest = phrase[length] == ' ' ? phrase + length + 1 : phrase + length;

    if ((index->seen[letters / 32] & 1u << letters % 32) == 0)
        return;
    for (uint32_t e = index->first[letters % BUCKETS]; e != NO_ENTRY; e = index->next[e]) {
        Word *word = &review->words[index->entries[e]];
        size_t end;

        if (*rest != '\0' && !may_follow(&word[1], *rest))
            continue;
        if (!part_fits(word, phrase, length) || (opens && !opens_clause(review, index->entries[e])))
            continue;
        end = match_rest(review, index->entries[e] + 1, rest);
        if (end > word->phrase_end) {
            word->phrase_end = (uint32_t)end;
            word->concept = concept;
        }
    }
}

/* From left to right, the longest phrase at a word covers the words up to its end. */
static void mark_cover(Review *review)
{
    for (size_t i = 0; i < review->count;) {
        size_t end = review->words[i].phrase_end;

        if (end == 0) {
            i++;
            continue;
        }
        for (size_t k = i + 1; k < end; k++) {
            review->words[k].concept = review->words[i].concept;
            review->words[k].phrase_end = 0;
        }
        i = end;
    }
}

int phrases_match(Review *review)
{
    Index *index = index_new(review);
    uint32_t number = 0;

    if (index == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t c = 0; c < lists[i]->count; c++, number++)
            for (const char *const *phrase = lists[i]->concepts[c].phrases; *phrase != NULL; phrase++)
                match_phrase(review, index, *phrase, number);
        if (review->call->host->expired(review->call))
            return RPMD_STOPPED;
    }
    mark_cover(review);
    return RPMD_DONE;
}
