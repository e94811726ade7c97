/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "scholarly_title.h"

/*
 * Whether the title uses a feature.
 *   influenced  the title has the stems of the feature's content words (one may be missing of three or more),
 * or its abbreviation; for a concept of the table, one of the concept's title words negative    the title
 * turns against it: "without X", "beyond X", "limits of X", "rethinking X", "X-free" positive    it stands
 * before a colon, or before the first connector ("for", "via", "with" ...) of its part neutral     it stands
 * behind a connector
 */

enum { WORDS_MAX = 64 /* of a title, and of a feature's name */ };

/* The words of a text in which hyphens part words. */
typedef struct WordList {
    const rpmd_token *words[WORDS_MAX];
    const char *bytes; /* the text, its hyphens replaced by spaces */
    size_t count;
    size_t colon; /* how many words stand before the first colon; count where there is none */
} WordList;

static int words_read(rpmd_call *call, rpmd_text text, WordList *list)
{
    const rpmd_token *tokens;
    size_t count;
    char *parted = call->host->allocate(call, text.length + 1);

    *list = (WordList){.bytes = parted, .colon = WORDS_MAX};
    if (parted == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < text.length; i++)
        parted[i] = (char)(text.data[i] == '-' ? ' ' : text.data[i]);
    if (call->host->tokenize(call, (rpmd_text){parted, text.length}, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < count && list->count < WORDS_MAX; i++) {
        if (token_is_word(&tokens[i]))
            list->words[list->count++] = &tokens[i];
        else if (token_is(&tokens[i], ":") && list->colon == WORDS_MAX)
            list->colon = list->count;
    }
    if (list->colon > list->count)
        list->colon = list->count;
    return RPMD_DONE;
}

static bool is_one_of(const rpmd_token *token, const char *const *words)
{
    for (; *words != NULL; words++)
        if (token_is(token, *words))
            return true;
    return false;
}

static bool same_stem(const rpmd_token *a, const rpmd_token *b)
{
    return a->stem.length == b->stem.length && memcmp(a->stem.data, b->stem.data, a->stem.length) == 0;
}

/* Where in the title the feature's words begin, or WORDS_MAX. */
static size_t stems_in_title(const WordList *title, const WordList *feature)
{
    size_t content = 0, met = 0, first = WORDS_MAX;

    for (size_t f = 0; f < feature->count; f++) {
        size_t at = 0;

        if ((feature->words[f]->flags & RPMD_TOKEN_STOPWORD) != 0)
            continue;
        content++;
        while (at < title->count && !same_stem(title->words[at], feature->words[f]))
            at++;
        if (at == title->count)
            continue;
        met++;
        first = at < first ? at : first;
    }
    return content > 0 && met > 0 && met + (content >= 3) >= content ? first : WORDS_MAX;
}

/* Where the title has the initials of the feature's words as one word ("SLAM"), or WORDS_MAX. */
static size_t abbreviation_in_title(const WordList *title, const WordList *feature)
{
    char initials[WORDS_MAX];
    size_t count = 0;

    for (size_t f = 0; f < feature->count; f++)
        if ((feature->words[f]->flags & RPMD_TOKEN_STOPWORD) == 0)
            initials[count++] = feature->words[f]->lower.data[0];
    if (count < 2)
        return WORDS_MAX;
    for (size_t t = 0; t < title->count; t++) {
        rpmd_text lower = title->words[t]->lower;
        bool plural = lower.length == count + 1 && lower.data[count] == 's';

        if ((lower.length == count || plural) && memcmp(lower.data, initials, count) == 0 &&
            title->bytes[title->words[t]->span.begin] != lower.data[0])
            return t;
    }
    return WORDS_MAX;
}

static const Concept *concept_of(const rpmd_feature *feature)
{
    for (size_t c = 0; c < concept_count; c++)
        if (text_equals(feature->name, concepts[c].name) &&
            text_equals(feature->category, concepts[c].category))
            return &concepts[c];
    return NULL;
}

static size_t concept_in_title(const rpmd_token *const *words, size_t count, const Concept *concept)
{
    for (size_t t = 0; t < count; t++)
        if (is_one_of(words[t], concept->title_words))
            return t;
    return WORDS_MAX;
}

static bool is_turned_against(const WordList *title, size_t at)
{
    static const char *const against[] = {
        "without",  "beyond",  "no",       "not",      "against", "rethinking", "limits", "limitations",
        "pitfalls", "failure", "failures", "avoiding", "non",     "myth",       "perils", NULL};
    static const char *const between[] = {"of", "the", "a", "an", "in", NULL};
    static const char *const behind[] = {"free", "harmful", "fails", "fail", NULL};

    for (size_t i = at; i > 0; i--) {
        if (is_one_of(title->words[i - 1], against))
            return true;
        if (!is_one_of(title->words[i - 1], between))
            break;
    }
    for (size_t i = at + 1; i < title->count && i <= at + 2; i++)
        if (is_one_of(title->words[i], behind))
            return true;
    return false;
}

static bool is_main_part(const WordList *title, size_t at)
{
    static const char *const connectors[] = {"for",    "via",    "with",    "from", "using", "by",
                                             "in",     "under",  "through", "on",   "at",    "over",
                                             "across", "during", "within",  NULL};
    size_t begin = at < title->colon || title->colon == title->count ? 0 : title->colon;

    if (at < title->colon && title->colon < title->count)
        return true;
    for (size_t i = begin + 1; i < at; i++)
        if (is_one_of(title->words[i], connectors))
            return false;
    return true;
}

static int judge_one(rpmd_call *call, const WordList *title, const rpmd_feature *feature,
                     rpmd_judgement *judgement)
{
    const Concept *concept = concept_of(feature);
    size_t at;

    if (concept != NULL) {
        at = concept_in_title(title->words, title->count, concept);
    } else {
        WordList name;

        if (words_read(call, feature->name, &name) != RPMD_DONE)
            return RPMD_FAILED;
        at = stems_in_title(title, &name);
        if (at == WORDS_MAX)
            at = abbreviation_in_title(title, &name);
        if (at == WORDS_MAX && text_equals(feature->category, CATEGORY_SYSTEM)) {
            /* The words that the name stands for. */
            if (words_read(call, feature->context, &name) != RPMD_DONE)
                return RPMD_FAILED;
            at = stems_in_title(title, &name);
        }
    }
    if (at == WORDS_MAX)
        return RPMD_DONE;
    judgement->influenced = 1;
    if (is_turned_against(title, at))
        judgement->polarity = -1;
    else
        judgement->polarity = is_main_part(title, at);
    return RPMD_DONE;
}

int scholarly_judge(rpmd_call *call, const rpmd_query *query, rpmd_text response,
                    const rpmd_feature *features, size_t feature_count, rpmd_judgement *judgements)
{
    WordList title;

    if (words_read(call, response, &title) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < feature_count; i++) {
        judgements[i] = (rpmd_judgement){.struct_size = sizeof(judgements[i])};
        if (judge_one(call, &title, &features[i], &judgements[i]) != RPMD_DONE)
            return RPMD_FAILED;
    }
    return RPMD_DONE;
}
