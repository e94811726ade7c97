/* SPDX-License-Identifier: MIT */

/*
 * The task my_task: a free text for each query. As it stands: how would this user reply to the message?
 * What says YOURS is for you to change; README.md beside this file has the commands. C11, and C++20 as long
 * as the fields stay in the order of the declaration.
 */

#include <rpmd/plugin.h>

#include <stddef.h>
#include <string.h>

#include "features.h"

static int is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static rpmd_text without_blanks_around(rpmd_text text)
{
    while (text.length > 0 && is_blank(text.data[0])) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && is_blank(text.data[text.length - 1]))
        text.length--;
    return text;
}

/* Called by rpmd: cuts off what is not the answer in a stored response or in a reply of an LLM. */
static int parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    static const char before[] = "Reply:"; /* YOURS: what LLMs write before the answer */
    rpmd_text answer = without_blanks_around(reply);
    (void)query;
    if (answer.length >= strlen(before) && memcmp(answer.data, before, strlen(before)) == 0) {
        answer.data += strlen(before);
        answer.length -= strlen(before);
        answer = without_blanks_around(answer);
    }
    return answer.length > 0 ? call->host->set_answer(call, answer) : RPMD_NO_MATCH;
}

static int emit_trait(rpmd_call *call, const char *name, const char *meaning)
{
    rpmd_trait trait = {
        .struct_size = sizeof(rpmd_trait),
        .name = text_of(name),
        .meaning = text_of(meaning),
    };
    return call->host->emit_trait(call, &trait);
}

/*
 * YOURS: what tells one user's answers from another's. Called by rpmd for each stored response; the prompt
 * tells the LLM how many of the user's answers have each trait.
 */
static int describe_answer(rpmd_call *call, const rpmd_query *query, rpmd_text response)
{
    const rpmd_token *tokens;
    size_t count, words = 0;
    int asks = 0, thanks = 0;
    (void)query;
    if (call->host->tokenize(call, response, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++) {
        words += (tokens[i].flags & RPMD_TOKEN_WORD) != 0;
        asks |= is(tokens[i].lower, "?");
        thanks |= is(tokens[i].stem, "thank");
    }
    int result = words <= 12 ? emit_trait(call, "short", "the reply has at most twelve words") : RPMD_DONE;
    if (result == RPMD_DONE && asks)
        result = emit_trait(call, "asks back", "the reply asks something");
    if (result == RPMD_DONE && thanks)
        result = emit_trait(call, "thanks", "the reply thanks the sender");
    return result;
}

/* YOURS: plain English, without line breaks. */
static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(rpmd_prompt_texts),
    .task = "Write the reply that this user would write to the message.",
    .query_noun = "message",
    .response_noun = "reply",
    .answer_format = "the reply alone, without a heading",
};

/* YOURS: a query, the features that it must have, a reply, and the answer in it; NULL: there is none. */
static const char *const expected_features[] = {"urgency", "money", "question", NULL};

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "URGENT: can you send the invoices?", NULL, expected_features,
     "Reply: They are on their way.\n", "They are on their way."},
    {sizeof(rpmd_self_test), "See you.", NULL, NULL, "Reply: ", NULL},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .reserved = 0,
    .name = "my_task",
    .version = "1", /* YOURS: another one whenever the features change, so that old models are rebuilt */
    .description = "Says how a user would reply to a message.", /* YOURS */
    .answer_kind = RPMD_ANSWER_TEXT,
    .labels = NULL,   /* for labels */
    .ordinal_min = 0, /* for ordinal answers */
    .ordinal_max = 0,
    .categories = categories,
    .extract = extract,
    .option_class = NULL, /* for options */
    .parse_answer = parse_answer,
    .judge = NULL, /* rpmd's own: a feature counts where the answer uses a word of its evidence */
    .describe_answer = describe_answer,
    .prompt_texts = &prompt_texts,
    .lamp = NULL, /* where files of the LaMP benchmark keep this task's fields */
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
