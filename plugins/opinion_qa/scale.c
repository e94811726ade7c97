/* SPDX-License-Identifier: MIT */
#include "opinion_qa.h"

#include <math.h>
#include <string.h>

/*
 * An option is read word by word. Words of judgement (good, approve, trust) and words of amount (often,
 * problem, a lot) say which end of a scale it is; words of degree say how far; a negation turns it round.
 * What has neither is a choice between contents, which compares only by its place.
 */

typedef enum { DEGREE_NONE, DEGREE_WEAK, DEGREE_MILD, DEGREE_STRONG } degree;

typedef struct option_reading {
    int judgement; /* -1, 0, +1 */
    int amount;    /* 1: an amount is meant; -1: its absence */
    degree strength;
    int negations;
    int neutral;
    int change;  /* speaks of a change or an effect: none of it is the middle */
    int unknown; /* does not know */
    int no_answer;
    int yes;     /* +1 yes, -1 no, as the first word */
    int numbers; /* the option is a bare number */
} option_reading;

typedef struct word_meaning {
    const char *word;
    int judgement;
    int amount;
    degree strength;
    int negation;
    int neutral;
} word_meaning;

/* Forms, in byte order: found by bisection. */
static const word_meaning meanings[] = {
    {"above", 1, 0, 0, 0, 0},         {"absolutely", 0, 0, 3, 0, 0}, {"acceptable", 1, 0, 0, 0, 0},
    {"active", 1, 0, 0, 0, 0},        {"advantage", 1, 0, 0, 0, 0},  {"against", -1, 0, 0, 0, 0},
    {"agree", 1, 0, 0, 0, 0},         {"agreed", 1, 0, 0, 0, 0},     {"all", 0, 1, 3, 0, 0},
    {"always", 0, 1, 3, 0, 0},        {"approve", 1, 0, 0, 0, 0},    {"average", 0, 0, 0, 0, 1},
    {"bad", -1, 0, 0, 0, 0},          {"barely", 0, 1, 1, 1, 0},     {"beneficial", 1, 0, 0, 0, 0},
    {"best", 1, 0, 3, 0, 0},          {"better", 1, 0, 0, 0, 0},     {"big", 0, 1, 3, 0, 0},
    {"both", 0, 0, 0, 0, 1},          {"closely", 0, 1, 0, 0, 0},    {"comfortable", 1, 0, 0, 0, 0},
    {"completely", 0, 0, 3, 0, 0},    {"concerned", 0, 1, 0, 0, 0},  {"confidence", 0, 1, 0, 0, 0},
    {"confident", 0, 1, 0, 0, 0},     {"control", 0, 1, 0, 0, 0},    {"daily", 0, 1, 3, 0, 0},
    {"danger", 0, 1, 0, 0, 0},        {"deal", 0, 1, 3, 0, 0},       {"decrease", -1, 0, 0, 0, 0},
    {"decreased", -1, 0, 0, 0, 0},    {"definitely", 0, 0, 3, 0, 0}, {"depends", 0, 0, 0, 0, 1},
    {"differ", 0, 0, 0, 0, 0},        {"disagree", -1, 0, 0, 0, 0},  {"disapprove", -1, 0, 0, 0, 0},
    {"dissatisfied", -1, 0, 0, 0, 0}, {"easier", 1, 0, 0, 0, 0},     {"effective", 1, 0, 0, 0, 0},
    {"enough", 0, 1, 0, 0, 0},        {"entirely", 0, 0, 3, 0, 0},   {"equally", 0, 0, 0, 0, 1},
    {"essential", 0, 1, 3, 0, 0},     {"every", 0, 1, 3, 0, 0},      {"excellent", 1, 0, 3, 0, 0},
    {"extremely", 0, 0, 3, 0, 0},     {"factor", 0, 1, 0, 0, 0},     {"fair", 0, 1, 2, 0, 0},
    {"fairly", 0, 0, 2, 0, 0},        {"favor", 1, 0, 0, 0, 0},      {"favorable", 1, 0, 0, 0, 0},
    {"favour", 1, 0, 0, 0, 0},        {"few", 0, 1, 1, 0, 0},        {"frequently", 0, 1, 3, 0, 0},
    {"fully", 0, 0, 3, 0, 0},         {"gained", 1, 0, 0, 0, 0},     {"good", 1, 0, 0, 0, 0},
    {"great", 0, 1, 3, 0, 0},         {"happy", 1, 0, 0, 0, 0},      {"hardly", 0, 1, 1, 1, 0},
    {"harmful", -1, 0, 0, 0, 0},      {"help", 1, 0, 0, 0, 0},       {"helped", 1, 0, 0, 0, 0},
    {"helping", 1, 0, 0, 0, 0},       {"helps", 1, 0, 0, 0, 0},      {"higher", 1, 0, 0, 0, 0},
    {"hurt", -1, 0, 0, 0, 0},         {"hurting", -1, 0, 0, 0, 0},   {"hurts", -1, 0, 0, 0, 0},
    {"impact", 0, 1, 0, 0, 0},        {"important", 0, 1, 0, 0, 0},  {"improve", 1, 0, 0, 0, 0},
    {"improved", 1, 0, 0, 0, 0},      {"inactive", -1, 0, 0, 0, 0},  {"increase", 1, 0, 0, 0, 0},
    {"increased", 1, 0, 0, 0, 0},     {"influence", 0, 1, 0, 0, 0},  {"interaction", 0, 1, 0, 0, 0},
    {"interested", 0, 1, 0, 0, 0},    {"issue", 0, 1, 0, 0, 0},      {"justifiable", 1, 0, 0, 0, 0},
    {"justified", 1, 0, 0, 0, 0},     {"large", 0, 1, 3, 0, 0},      {"less", -1, 0, 0, 0, 0},
    {"likely", 0, 1, 0, 0, 0},        {"little", 0, 1, 1, 0, 0},     {"lost", -1, 0, 0, 0, 0},
    {"lot", 0, 1, 3, 0, 0},           {"lower", -1, 0, 0, 0, 0},     {"major", 0, 1, 3, 0, 0},
    {"majority", 0, 1, 3, 0, 0},      {"many", 0, 1, 3, 0, 0},       {"mentioned", 0, 1, 0, 0, 0},
    {"minor", 0, 1, 1, 0, 0},         {"moderately", 0, 0, 2, 0, 0}, {"more", 1, 0, 0, 0, 0},
    {"most", 0, 1, 3, 0, 0},          {"mostly", 0, 0, 2, 0, 0},     {"much", 0, 1, 3, 0, 0},
    {"necessary", 0, 1, 0, 0, 0},     {"negative", -1, 0, 0, 0, 0},  {"neither", 0, 0, 0, 0, 2},
    {"never", 0, 1, 0, 1, 0},         {"no", 0, 0, 0, 1, 0},         {"none", 0, 1, 0, 1, 0},
    {"not", 0, 0, 0, 1, 0},           {"nothing", 0, 1, 0, 1, 0},    {"occasionally", 0, 1, 1, 0, 0},
    {"often", 0, 1, 3, 0, 0},         {"oppose", -1, 0, 0, 0, 0},    {"optimistic", 1, 0, 0, 0, 0},
    {"pessimistic", -1, 0, 0, 0, 0},  {"poor", -1, 0, 0, 0, 0},      {"positive", 1, 0, 0, 0, 0},
    {"priority", 0, 1, 0, 0, 0},      {"probably", 0, 0, 2, 0, 0},   {"problem", 0, 1, 0, 0, 0},
    {"proud", 1, 0, 0, 0, 0},         {"quite", 0, 0, 2, 0, 0},      {"rarely", 0, 1, 1, 1, 0},
    {"rather", 0, 0, 2, 0, 0},        {"reason", 0, 1, 0, 0, 0},     {"right", 0, 0, 0, 0, 1},
    {"risk", 0, 1, 0, 0, 0},          {"safe", 1, 0, 0, 0, 0},       {"safer", 1, 0, 0, 0, 0},
    {"same", 0, 0, 0, 0, 2},          {"satisfied", 1, 0, 0, 0, 0},  {"seldom", 0, 1, 1, 1, 0},
    {"serious", 0, 1, 0, 0, 0},       {"similar", 0, 0, 0, 0, 2},    {"slightly", 0, 0, 1, 0, 0},
    {"small", 0, 1, 1, 0, 0},         {"some", 0, 1, 2, 0, 0},       {"sometimes", 0, 1, 2, 0, 0},
    {"somewhat", 0, 0, 2, 0, 0},      {"strong", 0, 1, 3, 0, 0},     {"stronger", 1, 0, 0, 0, 0},
    {"strongly", 0, 0, 3, 0, 0},      {"support", 1, 0, 0, 0, 0},    {"threat", 0, 1, 0, 0, 0},
    {"top", 0, 1, 3, 0, 0},           {"totally", 0, 0, 3, 0, 0},    {"trust", 1, 0, 0, 0, 0},
    {"unacceptable", -1, 0, 0, 0, 0}, {"unchanged", 0, 0, 0, 0, 2},  {"unfair", -1, 0, 0, 0, 0},
    {"unfavorable", -1, 0, 0, 0, 0},  {"unhappy", -1, 0, 0, 0, 0},   {"unlikely", 0, -1, 0, 0, 0},
    {"useful", 1, 0, 0, 0, 0},        {"very", 0, 0, 3, 0, 0},       {"weak", 0, 1, 1, 0, 0},
    {"weaker", -1, 0, 0, 0, 0},       {"well", 1, 0, 0, 0, 0},       {"worried", 0, 1, 0, 0, 0},
    {"worry", 0, 1, 0, 0, 0},         {"worse", -1, 0, 0, 0, 0},     {"worsen", -1, 0, 0, 0, 0},
    {"worst", -1, 0, 3, 0, 0},        {"wrong", -1, 0, 0, 0, 0},
};

static int is_word(const rpmd_token *token, const char *word)
{
    return token->lower.length == strlen(word) && memcmp(token->lower.data, word, token->lower.length) == 0;
}

static const word_meaning *find_meaning(const rpmd_token *token)
{
    size_t low = 0, high = sizeof(meanings) / sizeof(meanings[0]);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t length = strlen(meanings[middle].word);
        size_t shorter = length < token->lower.length ? length : token->lower.length;
        int order = memcmp(meanings[middle].word, token->lower.data, shorter);
        if (order == 0 && length == token->lower.length)
            return &meanings[middle];
        if (order < 0 || (order == 0 && length < token->lower.length))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* "don't", "doesn't", "cannot": a negation inside a word. */
static int is_contracted_negation(const rpmd_token *token)
{
    size_t length = token->lower.length;
    return (length > 3 && memcmp(token->lower.data + length - 3, "n't", 3) == 0) || is_word(token, "cannot");
}

/* Answers that are no answers; brackets hold remarks of the interviewers. */
static void read_refusals(const rpmd_token *tokens, size_t count, option_reading *result)
{
    for (size_t i = 0; i < count; i++) {
        int know = i + 1 < count && (is_word(&tokens[i + 1], "know") || is_word(&tokens[i + 1], "sure"));
        if (is_word(&tokens[i], "dk") || is_word(&tokens[i], "unsure") || is_word(&tokens[i], "undecided") ||
            (know && (is_contracted_negation(&tokens[i]) || is_word(&tokens[i], "not"))))
            result->unknown = 1;
        if (is_word(&tokens[i], "refused") || is_word(&tokens[i], "refuse") ||
            is_word(&tokens[i], "missing") ||
            (i + 1 < count && is_word(&tokens[i], "no") && is_word(&tokens[i + 1], "answer")) ||
            (i + 2 < count && is_word(&tokens[i], "hard") && is_word(&tokens[i + 1], "to") &&
             is_word(&tokens[i + 2], "say")))
            result->no_answer = 1;
    }
}

static void read_word(const rpmd_token *token, option_reading *result)
{
    const word_meaning *meaning = find_meaning(token);
    if (is_contracted_negation(token))
        result->negations++;
    if (is_word(token, "too") && result->negations && !result->strength)
        result->strength = DEGREE_WEAK;
    result->change += is_word(token, "change") || is_word(token, "changed") || is_word(token, "difference") ||
                      is_word(token, "impact") || is_word(token, "influence");
    if (!meaning)
        return;
    if (meaning->judgement && !result->judgement)
        result->judgement = meaning->judgement;
    if (meaning->amount && !result->amount)
        result->amount = meaning->amount;
    /* The first word of degree counts. Behind a negation it weakens: "not very" is little, "definitely not"
     * is not. */
    if (meaning->strength && !result->strength)
        result->strength = result->negations ? DEGREE_WEAK : meaning->strength;
    result->negations += meaning->negation;
    result->neutral += meaning->neutral;
}

static option_reading read_option(const rpmd_token *tokens, size_t count)
{
    option_reading result;
    size_t words = 0;
    int depth = 0;
    memset(&result, 0, sizeof(result));
    read_refusals(tokens, count, &result);
    for (size_t i = 0; i < count; i++) {
        if (is_word(&tokens[i], "("))
            depth++;
        else if (is_word(&tokens[i], ")"))
            depth--;
        /* "not at all": the "all" is no degree. */
        int at_all = i > 0 && is_word(&tokens[i - 1], "at") && is_word(&tokens[i], "all");
        result.amount |= at_all;
        if (depth > 0 || at_all || tokens[i].flags & RPMD_TOKEN_PUNCTUATION)
            continue;
        if (words == 0)
            result.yes = is_word(&tokens[i], "yes") -
                         (is_word(&tokens[i], "no") && (count == 1 || is_word(&tokens[i + 1], ",")));
        words++;
        if (tokens[i].flags & RPMD_TOKEN_NUMBER)
            result.numbers++;
        else
            read_word(&tokens[i], &result);
    }
    result.numbers = result.numbers == (int)words && words > 0;
    return result;
}

static rpmd_option_class make_class(const char *name, float position)
{
    rpmd_option_class result;
    memset(&result, 0, sizeof(result));
    result.struct_size = sizeof(result);
    result.answer_class.data = name;
    result.answer_class.length = strlen(name);
    result.position = position;
    return result;
}

static rpmd_option_class judgement_class(const option_reading *option)
{
    int sign = option->negations % 2 ? -option->judgement : option->judgement;
    /* "not too well", "not very safe" is weaker than "not well at all". */
    int strong = option->strength == DEGREE_STRONG || (option->negations && option->amount);
    int mild = option->strength == DEGREE_MILD || option->strength == DEGREE_WEAK;
    if (sign > 0)
        return strong ? make_class("strongly positive", 1.0F)
               : mild ? make_class("mildly positive", 0.5F)
                      : make_class("positive", 0.75F);
    return strong ? make_class("strongly negative", -1.0F)
           : mild ? make_class("mildly negative", -0.5F)
                  : make_class("negative", -0.75F);
}

static rpmd_option_class amount_class(const option_reading *option)
{
    if (option->amount < 0)
        return make_class("little", -0.5F);
    if (option->negations)
        return option->strength == DEGREE_WEAK || option->strength == DEGREE_MILD
                   ? make_class("little", -0.5F)
                   : make_class("not at all", -1.0F);
    switch (option->strength) {
    case DEGREE_STRONG:
        return make_class("very much", 1.0F);
    case DEGREE_WEAK:
        return make_class("little", -0.5F);
    case DEGREE_MILD:
        return make_class("somewhat", 0.25F);
    case DEGREE_NONE:
        break;
    }
    return make_class("yes, it is so", 0.5F);
}

/* The place of an option among those that are answers: for bare numbers and their named ends. */
static rpmd_option_class place_class(size_t place, size_t places)
{
    static const char *const names[] = {"low end of the scale", "lower part of the scale",
                                        "middle of the scale", "upper part of the scale",
                                        "high end of the scale"};
    float share = places > 1 ? (float)place / (float)(places - 1) : 0.5F;
    int band = place == 0 ? 0 : place + 1 == places ? 4 : share < 0.4F ? 1 : share > 0.6F ? 3 : 2;
    return make_class(names[band], share * 2 - 1);
}

static rpmd_option_class content_class(size_t place)
{
    static const char *const names[] = {"the first choice", "the second choice", "the third choice",
                                        "a later choice"};
    return make_class(names[place < 3 ? place : 3], nanf(""));
}

int opinion_option_class(rpmd_call *call, const rpmd_query *query, size_t index, rpmd_option_class *result)
{
    const rpmd_host *host = call->host;
    size_t place = 0, places = 0, numbers = 0;
    option_reading own;
    memset(&own, 0, sizeof(own));
    for (size_t i = 0; i < query->option_count; i++) {
        const rpmd_token *tokens = NULL;
        size_t count = 0;
        if (host->tokenize(call, query->options[i], &tokens, &count) != RPMD_DONE)
            return RPMD_FAILED;
        option_reading option = read_option(tokens, count);
        if (i == index)
            own = option;
        if (option.unknown || option.no_answer)
            continue;
        if (i < index)
            place++;
        places++;
        numbers += (size_t)option.numbers;
    }
    if (own.unknown)
        *result = make_class("does not know", nanf(""));
    else if (own.no_answer)
        *result = make_class("no answer", nanf(""));
    else if (numbers * 2 > places)
        *result = place_class(place, places);
    else if (own.yes)
        *result = own.yes > 0 ? make_class("yes", 1.0F) : make_class("no", -1.0F);
    else if (own.neutral > 1 || (own.change && own.negations && !own.judgement) ||
             (own.neutral && !own.judgement && !own.strength) ||
             (own.neutral && own.amount && !own.judgement))
        *result = make_class("neutral", 0.0F);
    else if (own.judgement)
        *result = judgement_class(&own);
    else if (own.amount || own.strength)
        *result = amount_class(&own);
    else
        *result = content_class(place);
    return RPMD_DONE;
}
