/* SPDX-License-Identifier: MIT */
/* The query's own options: "good" and "bad" have classes, "odd" breaks the rules, others do not match. */
#include <rpmd/plugin.h>

#include <math.h>
#include <string.h>

static int is(rpmd_text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.data, string, text.length) == 0;
}

static int extract(rpmd_call *call, const rpmd_query *query)
{
    (void)call;
    (void)query;
    return RPMD_DONE;
}

static int option_class(rpmd_call *call, const rpmd_query *query, size_t index, rpmd_option_class *result)
{
    (void)call;
    static const char positive[] = "positive";
    static const char negative[] = "negative";
    rpmd_text option = query->options[index];
    if (is(option, "good") || is(option, "odd")) {
        result->answer_class = (rpmd_text){positive, sizeof(positive) - 1};
        result->position = is(option, "odd") ? 7.0f : 1.0f;
        return RPMD_DONE;
    }
    if (is(option, "bad")) {
        result->answer_class = (rpmd_text){negative, sizeof(negative) - 1};
        result->position = -1.0f;
        return RPMD_DONE;
    }
    return RPMD_NO_MATCH;
}

static int parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    for (size_t i = 0; i < query->option_count; i++)
        if (reply.length == query->options[i].length &&
            memcmp(reply.data, query->options[i].data, reply.length) == 0)
            return call->host->set_answer(call, query->options[i]);
    return RPMD_NO_MATCH;
}

static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(prompt_texts),
    .task = "Choose.",
    .query_noun = "question",
    .response_noun = "option",
    .answer_format = "one of the options",
};
static const char *const test_options[] = {"good", "bad", NULL};
static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "How is it?", test_options, NULL, "bad", "bad"},
};
static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .name = "options_fixture",
    .version = "1",
    .description = "A fixture whose answers are the query's options.",
    .answer_kind = RPMD_ANSWER_OPTIONS,
    .extract = extract,
    .option_class = option_class,
    .parse_answer = parse_answer,
    .prompt_texts = &prompt_texts,
    .self_tests = self_tests,
    .self_test_count = 1,
};
RPMD_PLUGIN_EXPORT(plugin)
