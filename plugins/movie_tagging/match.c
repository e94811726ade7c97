/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "movie_tagging.h"

enum { GAP_MAX = 2 /* words that a * may stand for */ };

static const Lexicon *const lexicons[] = {
    &lexicon_genre,     &lexicon_mood,   &lexicon_source, &lexicon_theme,   &lexicon_plot,   &lexicon_stakes,
    &lexicon_character, &lexicon_family, &lexicon_place,  &lexicon_setting, &lexicon_period, &lexicon_idiom,
};
enum { LEXICON_COUNT = sizeof(lexicons) / sizeof(lexicons[0]) };

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
        size_t capacity = matches->capacity > 0 ? matches->capacity * 2 : 256;
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

size_t lexicon_concept_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < LEXICON_COUNT; i++)
        count += lexicons[i]->count;
    return count;
}

static size_t form_length(const char *form)
{
    return strcspn(form, " ");
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Whether the word's case is what the form's marks ask for. */
static bool case_fits(const Word *word, const char *form, size_t length)
{
    if (*form == '^')
        return word->capital && !word->sentence_start;
    if (!is_upper(form[0]))
        return true;
    if (length >= 2 && is_upper(form[1]))
        return word->upper;
    return word->capital;
}

static bool word_fits(const Words *words, size_t index, const char *form, size_t length)
{
    const Word *word = &words->words[index];
    size_t mark = *form == '^';
    uint64_t hash = word_hash(form + mark, length - mark);

    for (size_t k = 0; k < word->key_count; k++)
        if (words->keys[word->first_key + k] == hash)
            return case_fits(word, form, length);
    return false;
}

/* Matches the rest of a phrase from the word at index on; returns the end, or 0. */
static size_t match_rest(const Words *words, size_t index, const char *rest)
{
    size_t length;

    if (*rest == '\0')
        return index;
    length = form_length(rest);
    if (*rest == '*') {
        const char *behind = rest[1] == ' ' ? rest + 2 : rest + 1;

        for (size_t skipped = 0; skipped <= GAP_MAX; skipped++) {
            size_t end = match_rest(words, index + skipped, behind);

            if (end > 0)
                return end;
            if (index + skipped >= words->count || words->words[index + skipped].break_before)
                return 0;
        }
        return 0;
    }
    if (index >= words->count || words->words[index].break_before || !word_fits(words, index, rest, length))
        return 0;
    return match_rest(words, index + 1, rest[length] == ' ' ? rest + length + 1 : rest + length);
}

static void match_phrase(const Words *words, const char *phrase, size_t concept, Matches *matches)
{
    size_t mark = *phrase == '^', length;
    unsigned letters = word_letters(phrase + mark);
    const char *rest;
    uint64_t hash;

    if ((words->seen[letters >> 5] & 1u << (letters & 31)) == 0)
        return;
    length = form_length(phrase);
    rest = phrase[length] == ' ' ? phrase + length + 1 : phrase + length;
    hash = word_hash(phrase + mark, length - mark);
    for (uint32_t key = words->buckets[hash & words->bucket_mask]; key != NO_KEY; key = words->next[key]) {
        size_t begin = words->key_words[key], end;

        if (words->keys[key] != hash || !case_fits(&words->words[begin], phrase, length))
            continue;
        end = match_rest(words, begin + 1, rest);
        if (end > 0)
            matches_add(matches, begin, end, concept);
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

int lexicon_match(rpmd_call *call, const Words *words, Finding **result, size_t *count)
{
    Matches matches = {.call = call};
    Finding *findings = call->host->allocate(call, lexicon_concept_count() * sizeof(*findings));
    uint32_t *longest, *before;
    size_t number = 0, kept = 0;

    if (findings == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < LEXICON_COUNT; i++) {
        for (size_t c = 0; c < lexicons[i]->count; c++, number++) {
            const Concept *entry = &lexicons[i]->concepts[c];

            findings[number] =
                (Finding){entry->name, entry->context, lexicons[i]->category, lexicons[i]->strength};
            for (const char *const *phrase = entry->phrases; *phrase != NULL; phrase++)
                match_phrase(words, *phrase, number, &matches);
        }
        if (matches.failed)
            return RPMD_FAILED;
        if (call->host->expired(call))
            return RPMD_STOPPED;
    }
    if (matches_cover(&matches, words->count, &longest, &before) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < matches.count; i++) {
        const Match *match = &matches.items[i];

        if (longest[match->begin] > match->end || before[match->begin] >= match->end)
            continue;
        if (!word_is_negated(words, match->begin))
            finding_mention(&findings[match->concept], words, match);
    }
    for (size_t i = 0; i < number; i++)
        if (findings[i].mentions > 0 && findings[i].name != NULL)
            findings[kept++] = findings[i];
    *result = findings;
    *count = kept;
    return RPMD_DONE;
}
