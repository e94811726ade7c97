/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "movie_tagging.h"

enum {
    YEAR_PLAIN_MIN = 1500, /* a bare number between these is read as a year */
    YEAR_PLAIN_MAX = 2100,
    FUTURE_FROM = 2030, /* a story set from this year on plays in the future */
    NUMBER_DIGITS_MAX = 6
};

/* The value of a word of digits, with an optional plural ("1920s", "1920's"); -1 where it is something else.
 */
static long word_number(const Word *word, bool *plural)
{
    long value = 0;
    size_t i = 0, digits = 0;

    *plural = false;
    if (word->lower.length == 0 || !word->number)
        return -1;
    for (; i < word->lower.length; i++) {
        char c = word->lower.data[i];

        if (c == ',' && digits > 0)
            continue;
        if (c < '0' || c > '9')
            break;
        if (++digits > NUMBER_DIGITS_MAX)
            return -1;
        value = value * 10 + (c - '0');
    }
    if (i == word->lower.length)
        return value;
    *plural = (word->lower.length - i == 1 && word->lower.data[i] == 's') ||
              (word->lower.length - i == 2 && memcmp(word->lower.data + i, "'s", 2) == 0);
    return *plural ? value : -1;
}

static bool word_in(const Words *words, size_t index, const char *const *forms)
{
    for (; *forms != NULL; forms++)
        if (word_is(words, index, *forms))
            return true;
    return false;
}

/* Whether one of the three words behind index, in the same clause, is one of forms. */
static bool followed_by(const Words *words, size_t index, size_t reach, const char *const *forms)
{
    for (size_t i = index + 1; i <= index + reach && i < words->count && !words->words[i].break_before; i++)
        if (word_in(words, i, forms))
            return true;
    return false;
}

static bool is_year(const Words *words, size_t index, long value)
{
    static const char *const before[] = {"year", "in",   "since", "until",  "by", "circa",
                                         "of",   "from", "to",    "around", NULL};
    static const char *const units[] = {
        "mile", "people", "dollar", "man",   "soldier", "foot", "feet", "kilometer", "kilometre", "pound",
        "year", "hour",   "day",    "meter", "metre",   "ton",  "book", "copies",    NULL};
    uint32_t begin = words->words[index].span.begin;

    if (followed_by(words, index, 1, units))
        return false;
    if (begin > 0 && strchr("$#.,", words->text.data[begin - 1]) != NULL)
        return false;
    if (value >= YEAR_PLAIN_MIN && value <= YEAR_PLAIN_MAX)
        return true;
    return value > YEAR_PLAIN_MAX && value < 100000 && index > 0 && !words->words[index].break_before &&
           (word_is(words, index - 1, "year") || (value < 10000 && word_in(words, index - 1, before)));
}

static Finding period_of(long year)
{
    static const struct {
        long from;
        const char *name, *context;
    } periods[] = {
        {FUTURE_FROM, "the future", "the story plays in a time to come"},
        {2010, "2010s", "the story plays in the 2010s"},
        {2000, "2000s", "the story plays in the 2000s"},
        {1990, "1990s", "the story plays in the 1990s"},
        {1980, "1980s", "the story plays in the 1980s"},
        {1970, "1970s", "the story plays in the 1970s"},
        {1960, "1960s", "the story plays in the 1960s"},
        {1950, "1950s", "the story plays in the 1950s"},
        {1940, "1940s", "the story plays in the 1940s"},
        {1930, "1930s", "the story plays in the 1930s"},
        {1920, "1920s", "the story plays in the 1920s"},
        {1900, "early 20th century", "the story plays about 1900"},
        {1800, "19th century", "the story plays in the 19th century"},
        {0, "early modern times", "the story plays between 1500 and 1800"},
    };
    size_t i = 0;

    while (year < periods[i].from)
        i++;
    return (Finding){periods[i].name, periods[i].context, lexicon_period.category, lexicon_period.strength};
}

/* "in 1941", "the 1920s", "the year 2257"; not "the 1955 novel" or "1,500 miles". */
static bool year_match(const Words *words, size_t index, Finding *finding)
{
    static const char *const works[] = {
        "novel",   "book",   "play",     "film",  "movie",       "memoir",  "bestseller", "remake", "classic",
        "musical", "comedy", "thriller", "drama", "documentary", "version", "adaptation", NULL};
    bool plural;
    long value = word_number(&words->words[index], &plural);

    if (value < 0 || !is_year(words, index, value) || (!plural && followed_by(words, index, 3, works)))
        return false;
    *finding = period_of(value);
    finding->evidence = words->words[index].span;
    return true;
}

/* "a 17-year-old girl", "101 year old Rose". */
static bool age_match(const Words *words, size_t index, Finding *finding)
{
    const Word *word = words->words;
    bool plural;
    long age = word_number(&word[index], &plural);

    if (age < 1 || plural || index + 2 >= words->count || !word_is(words, index + 1, "year") ||
        !word_is(words, index + 2, "old"))
        return false;
    if (word[index + 1].break_before || word[index + 2].break_before || (age > 19 && age < 65))
        return false;
    *finding = (Finding){.category = lexicon_character.category, .strength = lexicon_character.strength};
    finding->name = age < 13 ? "child" : age < 20 ? "teenager" : "old person";
    finding->context = age < 13   ? "a child stands in the middle"
                       : age < 20 ? "a young person stands in the middle"
                                  : "somebody is old";
    finding->evidence = (rpmd_span){word[index].span.begin, word[index + 2].span.end};
    return true;
}

static bool is_name(const Word *word)
{
    return word->capital && !word->sentence_start && word->span.end - word->span.begin > 1;
}

/* "the life of Howard Hughes", "the true tale of Frank Abagnale": at least two names in a row. */
static bool life_match(const Words *words, size_t index, Finding *finding)
{
    static const char *const accounts[] = {"life",  "career",   "biography", "chronicle",
                                           "reign", "exploits", NULL};
    static const char *const titles[] = {"king",   "queen",   "emperor", "president", "singer",   "musician",
                                         "artist", "painter", "boxer",   "legendary", "composer", "writer",
                                         "poet",   "author",  "the",     "legend",    NULL};
    const Word *word = words->words;
    size_t name = index + 2;

    if (!word_in(words, index, accounts) || name >= words->count || !word_is(words, index + 1, "of"))
        return false;
    while (name + 1 < words->count && name < index + 5 && !is_name(&word[name]) &&
           word_in(words, name, titles))
        name++;
    if (name + 1 >= words->count || !is_name(&word[name]) || !is_name(&word[name + 1]))
        return false;
    for (size_t i = index + 1; i <= name + 1; i++)
        if (word[i].break_before)
            return false;
    *finding = (Finding){"life of a named person", "the film tells the life of somebody with a full name",
                         lexicon_source.category, 0.6f};
    finding->evidence = (rpmd_span){word[index].span.begin, word[name + 1].span.end};
    return true;
}

size_t rules_match(const Words *words, Finding *findings)
{
    size_t count = 0;

    for (size_t i = 0; i < words->count && count < RULE_FINDINGS_MAX; i++) {
        Finding *finding = &findings[count];

        if (!year_match(words, i, finding) && !age_match(words, i, finding) && !life_match(words, i, finding))
            continue;
        finding->mentions = 1;
        count++;
    }
    return count;
}
