/* SPDX-License-Identifier: MIT */

/*
 * The task my_task: a whole number for each query. As it stands: how important is the message to this user?
 * What says YOURS is for you to change; README.md beside this file has the commands. C11, and C++20 as long
 * as the fields stay in the order of the declaration.
 */

#include <rpmd/plugin.h>

#include <stddef.h>
#include <string.h>

#include "features.h"

/* YOURS: the least and the greatest number, and how each is written. */
enum { LEAST = 1, GREATEST = 5, NONE = LEAST - 1 };
static const char *const numbers[] = {"1", "2", "3", "4", "5"};

/* The number that a token says, "4" or "4.0"; NONE where it is not one of ours. */
static int number_of(rpmd_text token)
{
    rpmd_text whole = token;
    if (whole.length > 2 && memcmp(whole.data + whole.length - 2, ".0", 2) == 0)
        whole.length -= 2;
    for (int number = LEAST; number <= GREATEST; number++)
        if (is(whole, numbers[number - LEAST]))
            return number;
    return NONE;
}

/* "4 out of 5", "4/5": what follows is the scale, not the answer. */
static int begins_scale(rpmd_text token)
{
    return is(token, "of") || is(token, "/");
}

/* Called by rpmd: finds the one number that a stored response or a reply of an LLM names. */
static int parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    const rpmd_token *tokens;
    size_t count;
    int answer = NONE;
    (void)query;
    if (call->host->tokenize(call, reply, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++) {
        if (!(tokens[i].flags & RPMD_TOKEN_NUMBER) || (i > 0 && begins_scale(tokens[i - 1].lower)))
            continue;
        int number = number_of(tokens[i].lower);
        if (number == NONE || (answer != NONE && answer != number))
            return RPMD_NO_MATCH; /* "7", "3.5", "2 or 3": do not guess */
        if (i > 0 && is(tokens[i - 1].lower, "-") && tokens[i - 1].span.end == tokens[i].span.begin)
            return RPMD_NO_MATCH; /* "-4", "2-4" */
        answer = number;
    }
    return answer == NONE ? RPMD_NO_MATCH : call->host->set_answer(call, text_of(numbers[answer - LEAST]));
}

/* YOURS: plain English, without line breaks. */
static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(rpmd_prompt_texts),
    .task = "Say how important the message is to this user, from 1 (not at all) to 5 (very).",
    .query_noun = "message",
    .response_noun = "importance",
    .answer_format = "one whole number from 1 to 5, and nothing else",
};

/* YOURS: a query, the features that it must have, a reply, and the answer in it; NULL: there is none. */
static const char *const expected_features[] = {"urgency", "money", "question", NULL};

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "URGENT: can you send the invoices?", NULL, expected_features,
     "Importance: 4 out of 5.", "4"},
    {sizeof(rpmd_self_test), "Thanks for coming.", NULL, NULL, "2.0", "2"},
    {sizeof(rpmd_self_test), "See you.", NULL, NULL, "2 or 3", NULL},
    {sizeof(rpmd_self_test), "See you.", NULL, NULL, "-4", NULL},
    {sizeof(rpmd_self_test), "See you.", NULL, NULL, "7", NULL},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .reserved = 0,
    .name = "my_task",
    .version = "1", /* YOURS: another one whenever the features change, so that old models are rebuilt */
    .description = "Says how important a message is to a user, from 1 to 5.", /* YOURS */
    .answer_kind = RPMD_ANSWER_ORDINAL,
    .labels = NULL, /* for labels */
    .ordinal_min = LEAST,
    .ordinal_max = GREATEST,
    .categories = categories,
    .extract = extract,
    .option_class = NULL, /* for options */
    .parse_answer = parse_answer,
    .judge = NULL, /* for free text */
    .describe_answer = NULL,
    .prompt_texts = &prompt_texts,
    .lamp = NULL, /* where files of the LaMP benchmark keep this task's fields */
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
