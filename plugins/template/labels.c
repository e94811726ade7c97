/* SPDX-License-Identifier: MIT */

/*
 * The task my_task: one label for each query. As it stands: when would this user answer the message?
 * What says YOURS is for you to change; README.md beside this file has the commands. C11, and C++20 as long
 * as the fields stay in the order of the declaration.
 */

#include <rpmd/plugin.h>

#include <stddef.h>
#include <string.h>

#include "features.h"

/* YOURS: the labels, in the order to show them. */
static const char *const labels[] = {"now", "today", "later", NULL};

/* Called by rpmd: finds the one label that a stored response or a reply of an LLM names. */
static int parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    const rpmd_token *tokens;
    size_t count;
    const char *answer = NULL;
    (void)query;
    if (call->host->tokenize(call, reply, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++) {
        for (const char *const *label = labels; *label; label++) {
            if (!is(tokens[i].lower, *label)) /* YOURS: labels of several words need more than this */
                continue;
            if (answer && answer != *label)
                return RPMD_NO_MATCH; /* "now or later": do not guess */
            answer = *label;
        }
    }
    return answer ? call->host->set_answer(call, text_of(answer)) : RPMD_NO_MATCH;
}

/* YOURS: plain English, without line breaks. */
static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(rpmd_prompt_texts),
    .task = "Say when this user would answer the message.",
    .query_noun = "message",
    .response_noun = "time of the answer",
    .answer_format = "exactly one of: now, today, later",
};

/* YOURS: a query, the features that it must have, a reply, and the answer in it; NULL: there is none. */
static const char *const expected_features[] = {"urgency", "money", "question", NULL};

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "URGENT: can you send the invoices?", NULL, expected_features, "Answer: Today.",
     "today"},
    {sizeof(rpmd_self_test), "See you.", NULL, NULL, "now or later", NULL},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .reserved = 0,
    .name = "my_task",
    .version = "1", /* YOURS: another one whenever the features change, so that old models are rebuilt */
    .description = "Says when a user would answer a message: now, today or later.", /* YOURS */
    .answer_kind = RPMD_ANSWER_LABELS,
    .labels = labels,
    .ordinal_min = 0, /* for ordinal answers */
    .ordinal_max = 0,
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
