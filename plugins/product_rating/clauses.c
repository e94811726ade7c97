/* SPDX-License-Identifier: MIT */
#include "product_rating.h"

/* What is said on either side of a contrast, under a condition or in a question. Chosen on reviews, by how
 * well the tone then agrees with the score. */
static const float BEFORE_BUT = 0.5f;
static const float BEHIND_BUT = 1.4f;
static const float BEFORE_SENTENCE_OF_BUT = 0.8f;
static const float CONCEDED = 0.5f;
static const float BESIDE_CONCEDED = 1.2f;
static const float CONDITION = 0.3f;
static const float QUESTION = 0.5f;
static const float COMPARED_WITH = 0.2f; /* behind "than" */

static bool is_one_of(const Word *word, const char *const *forms)
{
    for (; *forms != NULL; forms++)
        if (word_is(word, *forms))
            return true;
    return false;
}

static bool is_but(const Word *word)
{
    static const char *const forms[] = {
        "but", "however", "yet", "nevertheless", "nonetheless", "except", "unfortunately", "sadly", NULL};

    return word->mark == 0 && is_one_of(word, forms);
}

static bool is_concession(const Word *word)
{
    static const char *const forms[] = {"although", "though", "despite", "while", "notwithstanding",
                                        "whereas",  "albeit", "tho",     NULL};

    return word->mark == 0 && is_one_of(word, forms);
}

static bool is_condition(const Word *words, size_t index, size_t begin)
{
    if ((!word_is(&words[index], "if") && !word_is(&words[index], "unless")) ||
        word_is(&words[index + 1], "only"))
        return false;
    return index == begin || !(word_is(&words[index - 1], "even") || word_is(&words[index - 1], "as") ||
                               word_is(&words[index - 1], "what"));
}

static bool parts_clause(const Word *words, size_t index)
{
    static const char *const subjects[] = {"i",  "it", "it's", "they", "the",  "this", "these",
                                           "we", "he", "she",  "my",   "that", NULL};
    const Word *word = &words[index];

    if (word->mark != 0)
        return word->mark != '\'' && word->mark != '"' && word->mark != '-' && word->mark != '$' &&
               word->mark != '%' && word->mark != '&' && word->mark != '/';
    if (word_is(word, "and") || word_is(word, "so") || word_is(word, "because"))
        return is_one_of(&words[index + 1], subjects);
    return is_but(word) || is_concession(word);
}

void clauses_number(Review *review)
{
    uint32_t clause = 0;

    for (size_t i = 0; i < review->count; i++) {
        Word *word = &review->words[i];

        if (i > 0 && (word->sentence != review->words[i - 1].sentence || parts_clause(review->words, i)))
            clause++;
        word->clause = clause;
        if (word->mark != 0 && parts_clause(review->words, i))
            clause++;
    }
}

static void weigh(Word *words, size_t begin, size_t end, float factor)
{
    for (size_t i = begin; i < end; i++)
        words[i].weight *= factor;
}

static size_t find_comma(const Word *words, size_t begin, size_t end)
{
    while (begin < end && words[begin].mark != ',')
        begin++;
    return begin;
}

/* "but" that opposes nothing: "nothing but", "but also". */
static bool is_idle_but(const Word *words, size_t index, size_t begin, size_t end)
{
    if (words[index].concept != NO_CONCEPT && concept_at(words[index].concept)->kind == PHRASE_IDIOM)
        return true;
    if (!word_is(&words[index], "but") && !word_is(&words[index], "yet"))
        return false;
    if (index > begin && (word_is(&words[index - 1], "all") || word_is(&words[index - 1], "nothing") ||
                          word_is(&words[index - 1], "anything") || word_is(&words[index - 1], "not") ||
                          word_is(&words[index - 1], "best")))
        return true;
    return index + 1 < end && (word_is(&words[index + 1], "also") || word_is(&words[index + 1], "another"));
}

static void weigh_sentence(Review *review, size_t begin, size_t end, size_t previous)
{
    Word *words = review->words;
    size_t but = end;
    bool conceded = false, preferred = false;

    for (size_t i = begin; i < end; i++) {
        size_t comma;

        if (is_but(&words[i]) && !is_idle_but(words, i, begin, end)) {
            but = i;
        } else if (is_concession(&words[i]) && !conceded) {
            if (word_is(&words[i], "while") && i > begin)
                continue;
            comma = find_comma(words, i, end);
            if (word_is(&words[i], "while") && comma == end) /* about time */
                continue;
            weigh(words, i, comma, CONCEDED);
            weigh(words, comma, end, BESIDE_CONCEDED);
            conceded = true;
        } else if (is_condition(words, i, begin)) {
            comma = find_comma(words, i, end);
            weigh(words, i, comma, CONDITION);
            i = comma - 1;
        } else if (word_is(&words[i], "rather")) {
            preferred = true; /* "rather ... than sit through it" */
        } else if (word_is(&words[i], "than") && !preferred) {
            size_t stop = i;

            while (stop < end && words[stop].clause == words[i].clause)
                stop++;
            weigh(words, i, stop, COMPARED_WITH);
            i = stop - 1;
        }
    }
    if (but < end) {
        weigh(words, begin, but, BEFORE_BUT);
        weigh(words, but, end, BEHIND_BUT);
        if (but == begin)
            weigh(words, previous, begin, BEFORE_SENTENCE_OF_BUT);
    }
    if (end > begin && words[end - 1].mark == '?')
        weigh(words, begin, end, QUESTION);
}

void clauses_weigh(Review *review)
{
    size_t begin = 0, previous = 0;

    for (size_t i = 1; i <= review->count; i++) {
        if (i < review->count && review->words[i].sentence == review->words[begin].sentence)
            continue;
        weigh_sentence(review, begin, i, previous);
        previous = begin;
        begin = i;
    }
}
