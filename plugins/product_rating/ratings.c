/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "product_rating.h"

/* Ratings that the review states itself ("4/5", "three stars", "grade B+") and faces. */

static const char *const no_phrases[] = {NULL};

enum { FULL_MARKS, GOOD_MARKS, MIDDLING_MARKS, LOW_MARKS, HAPPY_FACE, UNHAPPY_FACE };

static const Concept concepts[] = {
    [FULL_MARKS] = {"states a high rating", "the review itself gives nearly full marks", no_phrases, 9,
                    CATEGORY_VERDICT, PHRASE_FIXED},
    [GOOD_MARKS] = {"states a fair rating", "the review itself gives more than half the marks", no_phrases, 3,
                    CATEGORY_VERDICT, PHRASE_FIXED},
    [MIDDLING_MARKS] = {"states a middling rating", "the review itself gives about half the marks",
                        no_phrases, -3, CATEGORY_VERDICT, PHRASE_FIXED},
    [LOW_MARKS] = {"states a low rating", "the review itself gives few marks", no_phrases, -9,
                   CATEGORY_VERDICT, PHRASE_FIXED},
    [HAPPY_FACE] = {"happy face", "the review smiles, claps or sends hearts", no_phrases, 7,
                    CATEGORY_ENTHUSIASM, PHRASE_FIXED},
    [UNHAPPY_FACE] = {"unhappy face", "the review frowns or shows anger", no_phrases, -7, CATEGORY_ENTHUSIASM,
                      PHRASE_FIXED},
};

const Concepts mark_concepts = CONCEPTS(concepts);

static const struct {
    const char *symbol; /* the beginning of a token */
    int concept;
} symbols[] = {
    {"😀", HAPPY_FACE},   {"😁", HAPPY_FACE},      {"😃", HAPPY_FACE},      {"😄", HAPPY_FACE},
    {"😊", HAPPY_FACE},   {"😍", HAPPY_FACE},      {"🥰", HAPPY_FACE},   {"🤩", HAPPY_FACE},
    {"😻", HAPPY_FACE},   {"👍", HAPPY_FACE},      {"👏", HAPPY_FACE},      {"❤", HAPPY_FACE},
    {"♥", HAPPY_FACE},   {"💕", HAPPY_FACE},      {"💖", HAPPY_FACE},      {"💯", HAPPY_FACE},
    {"🙌", HAPPY_FACE},   {"☺", HAPPY_FACE},      {"🎉", HAPPY_FACE},      {"👎", UNHAPPY_FACE},
    {"😡", UNHAPPY_FACE}, {"😠", UNHAPPY_FACE},    {"😞", UNHAPPY_FACE},    {"😢", UNHAPPY_FACE},
    {"😭", UNHAPPY_FACE}, {"🤮", UNHAPPY_FACE}, {"🤢", UNHAPPY_FACE}, {"😤", UNHAPPY_FACE},
    {"💩", UNHAPPY_FACE}, {"☹", UNHAPPY_FACE},
};

static bool is_adjacent(const Word *first, const Word *second)
{
    return first->span.end == second->span.begin;
}

static bool is_number(const Word *word)
{
    return (word->flags & RPMD_TOKEN_NUMBER) != 0;
}

enum { DIGITS_MAX = 8 /* of a number that can be a rating */ };

/* The value of a number or number word; negative for other words. */
static double number_of(const Word *word)
{
    static const char *const names[] = {"zero", "one", "two", "three", "four", "five"};

    if (is_number(word) && word->lower.length < DIGITS_MAX) {
        double value = 0, place = 1;

        for (size_t i = 0; i < word->lower.length; i++) {
            char c = word->lower.data[i];

            if (c == '.' && place == 1)
                place = 0.1;
            else if (c < '0' || c > '9')
                return -1;
            else if (place == 1)
                value = value * 10 + (c - '0');
            else
                value += place * (c - '0'), place /= 10;
        }
        return value;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (word_is(word, names[i]))
            return (double)i;
    return -1;
}

static int concept_of_share(double share)
{
    return share >= 0.79   ? FULL_MARKS
           : share >= 0.6  ? GOOD_MARKS
           : share >= 0.41 ? MIDDLING_MARKS
                           : LOW_MARKS;
}

/* "4/5", "7.5/10", "2.5/4", "4 out of 5"; not "3/4 inch" or "5/10/2019". Returns the words taken. */
static size_t fraction_at(const Review *review, size_t index, int *concept)
{
    const Word *words = review->words;
    double value = number_of(&words[index]), full = -1;
    size_t taken = 0;

    if (value < 0)
        return 0;
    if (index + 2 < review->count && words[index + 1].mark == '/' && is_number(&words[index + 2]) &&
        is_adjacent(&words[index], &words[index + 1]) && is_adjacent(&words[index + 1], &words[index + 2])) {
        taken = 3;
        full = number_of(&words[index + 2]);
        if ((index > 0 && words[index - 1].mark == '/') ||
            (index + 3 < review->count && words[index + 3].mark == '/'))
            return 0;
        if (full == 4 && memchr(words[index].lower.data, '.', words[index].lower.length) == NULL &&
            !(index + 3 < review->count && word_is(&words[index + 3], "stars")))
            return 0;
    } else if (index + 3 < review->count && word_is(&words[index + 1], "out") &&
               word_is(&words[index + 2], "of")) {
        taken = 4;
        full = number_of(&words[index + 3]);
    }
    if (taken == 0 || value > full || (full != 4 && full != 5 && full != 10 && full != 100))
        return 0;
    *concept = concept_of_share(value / full);
    return taken;
}

/* The number in "3-star" or "five-star"; negative for other words. */
static double compound_stars(const Word *word)
{
    static const char *const names[] = {"zero-star",  "one-star",  "two-star",
                                        "three-star", "four-star", "five-star"};
    static const char *const digits[] = {"0-star", "1-star", "2-star", "3-star", "4-star", "5-star"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (word_is(word, names[i]) || word_is(word, digits[i]))
            return (double)i;
    return -1;
}

/* "five stars", "4 stars", "3-star"; not "5 star reviews", which are those of others. */
static size_t stars_at(const Review *review, size_t index, int *concept)
{
    const Word *words = review->words;
    double value = number_of(&words[index]);

    size_t end = index + 2;

    if (value < 0) {
        value = compound_stars(&words[index]);
        end = index + 1;
    } else if (index + 1 >= review->count ||
               !(word_is(&words[index + 1], "stars") || word_is(&words[index + 1], "star"))) {
        return 0;
    }
    if (value < 0 || value > 5 ||
        (end < review->count && (word_is(&words[end], "review") || word_is(&words[end], "reviews"))))
        return 0;
    *concept = concept_of_share(value / 5);
    return end - index;
}

/* "Grade: B+", "A-", "(B)". */
static size_t grade_at(const Review *review, size_t index, int *concept)
{
    static const double shares[] = {1, 0.75, 0.5, 0.3, -1, 0};
    const Word *words = review->words;
    const Word *word = &words[index];
    bool graded = false, signs;
    char letter = review->text.data[word->span.begin];

    if (word->span.end - word->span.begin != 1 || letter < 'A' || letter > 'F' || letter == 'E')
        return 0;
    for (size_t back = 1; back <= 3 && back <= index; back++)
        graded |= word_is(&words[index - back], "grade") || word_is(&words[index - back], "rating");
    signs = index + 1 < review->count && (words[index + 1].mark == '+' || words[index + 1].mark == '-') &&
            is_adjacent(word, &words[index + 1]) &&
            (index + 2 >= review->count || !is_adjacent(&words[index + 1], &words[index + 2]) ||
             words[index + 2].mark != 0);
    if (!graded && !signs)
        return 0;
    *concept =
        concept_of_share(shares[letter - 'A'] + (signs ? words[index + 1].mark == '+' ? 0.08 : -0.08 : 0));
    return signs ? 2 : 1;
}

static size_t face_at(const Review *review, size_t index, int *concept)
{
    const Word *words = review->words;
    const Word *word = &words[index];

    if (word->mark == '~') {
        for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
            size_t length = strlen(symbols[i].symbol);

            if (word->lower.length >= length && memcmp(word->lower.data, symbols[i].symbol, length) == 0) {
                *concept = symbols[i].concept;
                return 1;
            }
        }
        return 0;
    }
    if ((word->mark == ':' || word->mark == ';') && index + 1 < review->count) {
        size_t mouth = index + 1;

        if (words[mouth].mark == '-' && mouth + 1 < review->count && is_adjacent(word, &words[mouth]))
            mouth++;
        if (!is_adjacent(&words[mouth - 1], &words[mouth]) ||
            (words[mouth].mark != ')' && words[mouth].mark != '('))
            return 0;
        *concept = words[mouth].mark == ')' ? HAPPY_FACE : UNHAPPY_FACE;
        return mouth + 1 - index;
    }
    return 0;
}

size_t ratings_find(const Review *review, Hit *hits)
{
    uint32_t first = (uint32_t)(concept_count() - mark_concepts.count);
    size_t count = 0;

    for (size_t i = 0; i < review->count && count < RATING_HITS_MAX; i++) {
        size_t taken;
        int concept = 0;

        if (review->words[i].concept != NO_CONCEPT)
            continue;
        taken = fraction_at(review, i, &concept);
        if (taken == 0)
            taken = stars_at(review, i, &concept);
        if (taken == 0)
            taken = grade_at(review, i, &concept);
        if (taken == 0)
            taken = face_at(review, i, &concept);
        if (taken == 0)
            continue;
        hits[count++] = (Hit){.begin = (uint32_t)i,
                              .end = (uint32_t)(i + taken),
                              .word = (uint32_t)i,
                              .concept = first + (uint32_t) concept,
                              .valence = (float)concepts[concept].valence / 10,
                              .weight = review->words[i].weight};
        i += taken - 1;
    }
    return count;
}
