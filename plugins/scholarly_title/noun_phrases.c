/* SPDX-License-Identifier: MIT */
#include "scholarly_title.h"

enum { NOUN_PHRASE_WORDS_MAX = 6, PROBLEMS_MAX = 3, METHODS_MAX = 4 };

/* What stands behind these names the problem. */
static const char *const problem_leads[] = {"the task of",
                                            "the problem of",
                                            "the problems of",
                                            "the challenge of",
                                            "the challenges of",
                                            "we address the problem of",
                                            "we address",
                                            "we tackle the problem of",
                                            "we tackle",
                                            "we consider the problem of",
                                            "we consider the task of",
                                            "we consider",
                                            "we study the problem of",
                                            "we study the task of",
                                            "we study",
                                            "focus on",
                                            "focuses on",
                                            "this paper addresses",
                                            "we focus on",
                                            "this paper tackles",
                                            "this paper considers",
                                            "this paper studies",
                                            "this work addresses",
                                            "the issue of",
                                            "the goal of",
                                            "we investigate",
                                            "this paper investigates",
                                            "is a fundamental problem in",
                                            "the field of",
                                            "deals with",
                                            "applied to",
                                            "designed for",
                                            "a method for",
                                            "an approach for",
                                            "an algorithm for",
                                            "a framework for",
                                            "a system for",
                                            "a model for",
                                            "an approach to",
                                            "method to",
                                            "algorithms for",
                                            "methods for",
                                            "approaches to",
                                            "approach for",
                                            "techniques for"};

/* What stands behind these names the means. */
static const char *const method_leads[] = {"based on",
                                           "by using",
                                           "using",
                                           "by means of",
                                           "by leveraging",
                                           "leveraging",
                                           "leverages",
                                           "built on",
                                           "builds on",
                                           "builds upon",
                                           "by combining",
                                           "combines",
                                           "combining",
                                           "via",
                                           "with the help of",
                                           "relies on",
                                           "exploits",
                                           "exploiting",
                                           "employing",
                                           "employs",
                                           "utilizing",
                                           "utilizes",
                                           "by exploiting",
                                           "inspired by",
                                           "we use",
                                           "we employ",
                                           "we leverage",
                                           "through the use of",
                                           "makes use of"};

static bool is_break(const rpmd_token *token)
{
    static const char *const breaks[] = {"which",  "that",  "by",    "using",   "with", "where",   "when",
                                         "and",    "or",    "is",    "are",     "can",  "has",     "have",
                                         "while",  "to",    "such",  "as",      "from", "under",   "without",
                                         "whose",  "but",   "we",    "via",     "was",  "were",    "into",
                                         "within", "given", "based", "for",     "if",   "because", "so",
                                         "in",     "on",    "at",    "through", "over", "between", "then"};

    if ((token->flags & RPMD_TOKEN_PUNCTUATION) != 0)
        return true;
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
        if (token_is(token, breaks[i]))
            return true;
    return false;
}

static bool is_determiner(const rpmd_token *token)
{
    static const char *const determiners[] = {"a",   "an",  "the",  "this",  "these", "our",      "their",
                                              "its", "how", "both", "novel", "new",   "different"};

    for (size_t i = 0; i < sizeof(determiners) / sizeof(determiners[0]); i++)
        if (token_is(token, determiners[i]))
            return true;
    return false;
}

/* The noun phrase that begins at token begin: [*begin, *end) without determiners and trailing function words.
 */
static bool noun_phrase_at(const Tokens *tokens, size_t *begin, size_t *end)
{
    size_t words = 0;

    while (*begin < tokens->count && is_determiner(&tokens->items[*begin]))
        ++*begin;
    *end = *begin;
    while (*end < tokens->count && words < NOUN_PHRASE_WORDS_MAX && !is_break(&tokens->items[*end])) {
        ++*end;
        words++;
    }
    while (*end > *begin && (tokens->items[*end - 1].flags & RPMD_TOKEN_STOPWORD) != 0)
        --*end;
    if (*end <= *begin || (tokens->items[*begin].flags & RPMD_TOKEN_STOPWORD) != 0)
        return false;
    return *end - *begin > 1;
}

static int leads_find(rpmd_call *call, const Tokens *tokens, const char *const *leads, size_t count,
                      const Found *kind, size_t most, FoundList *list)
{
    size_t before = list->count;

    for (size_t i = 0; i < count && list->count - before < most; i++) {
        size_t length, begin, end, at = tokens_find(tokens, 0, leads[i], &length);
        Found found = *kind;

        if (at == NO_TOKEN)
            continue;
        begin = at + length;
        if (!noun_phrase_at(tokens, &begin, &end))
            continue;
        found.name = tokens_join(call, tokens, begin, end);
        if (found.name.data == NULL)
            return RPMD_FAILED;
        found.evidence = (rpmd_span){tokens->items[begin].span.begin, tokens->items[end - 1].span.end};
        found_add(list, found);
    }
    return RPMD_DONE;
}

int noun_phrases_find(rpmd_call *call, const Tokens *tokens, FoundList *list)
{
    const Found problem = {.context = text_of("what the paper is said to be about"),
                           .category = CATEGORY_PROBLEM,
                           .strength = 0.8f};
    const Found method = {.context = text_of("what the paper is said to build on"),
                          .category = CATEGORY_METHOD,
                          .strength = 0.6f};
    int result = leads_find(call, tokens, problem_leads, sizeof(problem_leads) / sizeof(problem_leads[0]),
                            &problem, PROBLEMS_MAX, list);

    if (result != RPMD_DONE)
        return result;
    return leads_find(call, tokens, method_leads, sizeof(method_leads) / sizeof(method_leads[0]), &method,
                      METHODS_MAX, list);
}
