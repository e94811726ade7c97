/* SPDX-License-Identifier: MIT */
#include "opinion_qa.h"

#include <string.h>

/*
 * Finds the option that a reply means: the reply is an option; or it has one option's words in a row; where
 * it has several, the longest ("not a threat" holds "threat"), and of several places the one behind "answer".
 */

typedef struct token_list {
    const rpmd_token *tokens;
    size_t count;
} token_list;

static int same_word(const rpmd_token *a, const rpmd_token *b)
{
    return a->lower.length == b->lower.length && memcmp(a->lower.data, b->lower.data, a->lower.length) == 0;
}

static int without_punctuation(rpmd_call *call, rpmd_text text, token_list *list)
{
    const rpmd_token *tokens = NULL;
    size_t count = 0;
    list->count = 0;
    if (call->host->tokenize(call, text, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    rpmd_token *words = call->host->allocate(call, (count ? count : 1) * sizeof(*words));
    if (!words)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++)
        if (!(tokens[i].flags & RPMD_TOKEN_PUNCTUATION))
            words[list->count++] = tokens[i];
    list->tokens = words;
    return RPMD_DONE;
}

static int stands_at(const token_list *reply, size_t at, const token_list *option)
{
    if (option->count == 0 || at + option->count > reply->count)
        return 0;
    for (size_t i = 0; i < option->count; i++)
        if (!same_word(&reply->tokens[at + i], &option->tokens[i]))
            return 0;
    return 1;
}

static int is_marker(const rpmd_token *token)
{
    return (token->lower.length == 6 && memcmp(token->lower.data, "answer", 6) == 0) ||
           (token->lower.length == 6 && memcmp(token->lower.data, "option", 6) == 0);
}

/* The option that the words from here on begin with, the longest; option_count where there is none. */
static size_t option_at(const token_list *reply, size_t at, const token_list *options, size_t option_count)
{
    size_t best = option_count;
    for (size_t o = 0; o < option_count; o++)
        if (stands_at(reply, at, &options[o]) &&
            (best == option_count || options[o].count > options[best].count))
            best = o;
    return best;
}

/* The only option in [begin, end); option_count where there is none or more than one. */
static size_t only_option(const token_list *reply, size_t begin, const token_list *options,
                          size_t option_count)
{
    size_t found = option_count;
    for (size_t at = begin; at < reply->count;) {
        size_t option = option_at(reply, at, options, option_count);
        if (option == option_count) {
            at++;
            continue;
        }
        if (found != option_count && found != option)
            return option_count;
        found = option;
        at += options[option].count;
    }
    return found;
}

/* "B", "(b)", "2.": a letter or number alone, where the options are not numbers themselves. */
static size_t option_by_mark(const token_list *reply, size_t option_count)
{
    if (reply->count != 1 || reply->tokens[0].lower.length != 1)
        return option_count;
    char mark = reply->tokens[0].lower.data[0];
    size_t index = mark >= 'a' && mark <= 'z'   ? (size_t)(mark - 'a')
                   : mark >= '1' && mark <= '9' ? (size_t)(mark - '1')
                                                : option_count;
    return index < option_count ? index : option_count;
}

int opinion_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    size_t count = query->option_count, found = count;
    token_list words;
    for (size_t o = 0; o < count; o++)
        if (query->options[o].length == reply.length &&
            memcmp(query->options[o].data, reply.data, reply.length) == 0)
            return call->host->set_answer(call, query->options[o]);
    token_list *options = call->host->allocate(call, (count ? count : 1) * sizeof(*options));
    if (!options || without_punctuation(call, reply, &words) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t o = 0; o < count; o++)
        if (without_punctuation(call, query->options[o], &options[o]) != RPMD_DONE)
            return RPMD_FAILED;
    for (size_t o = 0; o < count && found == count; o++)
        if (words.count == options[o].count && stands_at(&words, 0, &options[o]))
            found = o;
    /* Behind the last "answer", then anywhere. */
    for (size_t at = words.count; at-- > 0 && found == count;)
        if (is_marker(&words.tokens[at])) {
            found = only_option(&words, at + 1, options, count);
            break;
        }
    if (found == count)
        found = only_option(&words, 0, options, count);
    if (found == count)
        found = option_by_mark(&words, count);
    return found == count ? RPMD_NO_MATCH : call->host->set_answer(call, query->options[found]);
}
