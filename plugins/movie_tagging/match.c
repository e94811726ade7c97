/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "phrase_index.h"

enum {
    GAP_MAX = 2,               /* words that a * may stand for */
    WORDS_BETWEEN_LOOKS = 512, /* at the time that is left */
};

typedef struct Match {
    uint32_t begin; /* words [begin, end) */
    uint32_t end;
    uint32_t concept; /* number over all lexicons */
} Match;

typedef struct Matches {
    rpmd_call *call;
    Match *items;
    size_t count, capacity;
    bool failed;
} Matches;

static void matches_add(Matches *matches, size_t begin, size_t end, size_t concept)
{
    if (matches->count == matches->capacity) {
        size_t capacity = matches->capacity > 0 ? matches->capacity * 2 : 64;
        Match *items = matches->call->host->allocate(matches->call, capacity * sizeof(*items));

        if (items == NULL) {
            matches->failed = true;
            return;
        }
        if (matches->count > 0)
            memcpy(items, matches->items, matches->count * sizeof(*items));
        matches->items = items;
        matches->capacity = capacity;
    }
    matches->items[matches->count++] = (Match){(uint32_t)begin, (uint32_t)end, (uint32_t) concept};
}

static bool case_fits(const Word *word, WordCase fits)
{
    switch (fits) {
    case NAME_CASE:
        return word->capital && !word->sentence_start;
    case UPPER_CASE:
        return word->upper;
    case CAPITAL_CASE:
        return word->capital;
    default:
        return true;
    }
}

static bool word_fits(const Words *words, size_t index, const PhraseWord *wanted)
{
    const Word *word = &words->words[index];

    for (size_t k = 0; k < word->key_count; k++)
        if (words->keys[word->first_key + k] == wanted->hash)
            return case_fits(word, wanted->fits);
    return false;
}

/* Matches the rest of a phrase from the word at index on; returns the end, or 0. */
static size_t match_rest(const Words *words, size_t index, const PhraseWord *rest, size_t length)
{
    if (length == 0)
        return index;
    if (rest->fits == GAP) {
        for (size_t skipped = 0; skipped <= GAP_MAX; skipped++) {
            size_t end = match_rest(words, index + skipped, rest + 1, length - 1);

            if (end > 0)
                return end;
            if (index + skipped >= words->count || words->words[index + skipped].break_before)
                return 0;
        }
        return 0;
    }
    if (index >= words->count || words->words[index].break_before || !word_fits(words, index, rest))
        return 0;
    return match_rest(words, index + 1, rest + 1, length - 1);
}

/* All phrases that begin with the word. */
static void match_word(const PhraseIndex *index, const Words *words, size_t begin, Matches *matches)
{
    const Word *word = &words->words[begin];

    for (size_t k = 0; k < word->key_count; k++) {
        uint32_t number = phrase_index_first(index, words->keys[word->first_key + k]);

        for (; number != NO_PHRASE; number = phrase_index_next(index, number)) {
            const Phrase *phrase = &index->phrases[number];
            size_t end;

            if (!case_fits(word, phrase->first.fits))
                continue;
            end = match_rest(words, begin + 1, index->words + phrase->rest, phrase->rest_length);
            if (end > 0)
                matches_add(matches, begin, end, phrase->concept);
        }
    }
}

/* longest[i]: the furthest end of a match that begins at word i. before[i]: of one that begins before it. */
static int matches_cover(const Matches *matches, size_t words, uint32_t **longest, uint32_t **before)
{
    rpmd_call *call = matches->call;

    *longest = call->host->allocate(call, (words + 1) * sizeof(**longest));
    *before = call->host->allocate(call, (words + 1) * sizeof(**before));
    if (*longest == NULL || *before == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < matches->count; i++)
        if (matches->items[i].end > (*longest)[matches->items[i].begin])
            (*longest)[matches->items[i].begin] = matches->items[i].end;
    for (size_t i = 1; i < words; i++)
        (*before)[i] = (*longest)[i - 1] > (*before)[i - 1] ? (*longest)[i - 1] : (*before)[i - 1];
    return RPMD_DONE;
}

static void finding_mention(Finding *finding, const Words *words, const Match *match)
{
    rpmd_span span = {words->words[match->begin].span.begin, words->words[match->end - 1].span.end};

    if (finding->mentions++ == 0 || span.begin < finding->evidence.begin)
        finding->evidence = span;
}

/* The findings of the matches that no longer one hides and no word negates. */
static int collect(const PhraseIndex *index, const Words *words, const Matches *matches, Finding **findings,
                   size_t *count)
{
    rpmd_call *call = matches->call;
    uint32_t *longest, *before;
    /* places[concept]: where its finding stands, plus 1 */
    uint32_t *places = call->host->allocate(call, index->concept_count * sizeof(*places));

    *findings = call->host->allocate(call, (matches->count + 1) * sizeof(**findings));
    *count = 0;
    if (places == NULL || *findings == NULL ||
        matches_cover(matches, words->count, &longest, &before) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < matches->count; i++) {
        const Match *match = &matches->items[i];
        const IndexedConcept *found = &index->concepts[match->concept];

        if (longest[match->begin] > match->end || before[match->begin] >= match->end ||
            found->entry->name == NULL || word_is_negated(words, match->begin))
            continue;
        if (places[match->concept] == 0) {
            (*findings)[*count] = (Finding){found->entry->name, found->entry->context,
                                            found->lexicon->category, found->lexicon->strength};
            places[match->concept] = (uint32_t)++ * count;
        }
        finding_mention(&(*findings)[places[match->concept] - 1], words, match);
    }
    return RPMD_DONE;
}

int lexicon_match(rpmd_call *call, const Words *words, Finding **findings, size_t *count)
{
    Matches matches = {.call = call};
    const PhraseIndex *index = phrase_index_get();

    if (index == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < words->count; i++) {
        match_word(index, words, i, &matches);
        if (matches.failed)
            return RPMD_FAILED;
        if (i % WORDS_BETWEEN_LOOKS == 0 && call->host->expired(call))
            return RPMD_STOPPED;
    }
    return collect(index, words, &matches, findings, count);
}
