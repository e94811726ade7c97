/* SPDX-License-Identifier: MIT */

/*
 * A small complete plugin to start from: when would this user answer an e-mail: now, today or later?
 * It is C11, and C++20 as it stands (designated initialisers in the order of the declaration).
 *
 *     cc -std=c11 -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden plugin.c -o email_priority.so
 */

#include <rpmd/plugin.h>

#include <string.h>

static rpmd_text text_of(const char *string)
{
    rpmd_text text = {string, strlen(string)};
    return text;
}

static int is(rpmd_text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.data, string, text.length) == 0;
}

/* ---- What the query says: one feature for each cue. Stems match all forms: "invoice", "invoices". ---- */

typedef struct cue {
    const char *stem;
    const char *name;
    const char *context;
    const char *category;
    float polarity; /* +1: pleasant for most, -1: unpleasant */
} cue;

static const cue cues[] = {
    {"urgent", "urgency", "the sender says that it cannot wait", "time", -0.5f},
    {"asap", "urgency", "the sender says that it cannot wait", "time", -0.5f},
    {"deadlin", "deadline", "something is due at a given time", "time", -0.3f},
    {"tomorrow", "deadline", "something is due at a given time", "time", -0.3f},
    {"invoic", "money", "somebody is to pay or be paid", "matter", -0.2f},
    {"payment", "money", "somebody is to pay or be paid", "matter", -0.2f},
    {"meet", "meeting", "people are to come together", "matter", 0.0f},
    {"newslett", "newsletter", "it is sent to many people", "matter", 0.0f},
    {"unsubscrib", "newsletter", "it is sent to many people", "matter", 0.0f},
    {"complain", "complaint", "somebody is not content", "tone", -0.8f},
    {"thank", "gratitude", "the sender is grateful", "tone", 0.8f},
};

static int emit(rpmd_call *call, const cue *found, rpmd_span evidence)
{
    rpmd_feature feature = {
        .struct_size = sizeof(rpmd_feature),
        .name = text_of(found->name),
        .context = text_of(found->context),
        .category = text_of(found->category),
        .polarity = found->polarity,
        .strength = 0.8f,
        .evidence = evidence,
    };
    return call->host->emit_feature(call, &feature);
}

static int extract(rpmd_call *call, const rpmd_query *query)
{
    static const cue question = {"?", "question", "the sender asks for something", "tone", 0.0f};
    const rpmd_token *tokens;
    size_t count;
    if (call->host->tokenize(call, query->text, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++) {
        if (call->host->expired(call))
            return RPMD_STOPPED;
        if (is(tokens[i].lower, "?"))
            emit(call, &question, tokens[i].span);
        for (size_t c = 0; c < sizeof(cues) / sizeof(cues[0]); c++)
            if (is(tokens[i].stem, cues[c].stem))
                emit(call, &cues[c], tokens[i].span);
    }
    return RPMD_DONE;
}

/* ---- The answer in a reply: the one label that it names. ---- */

static const char *const labels[] = {"now", "today", "later", NULL};

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
            if (!is(tokens[i].lower, *label))
                continue;
            if (answer && answer != *label)
                return RPMD_NO_MATCH; /* "now or later" */
            answer = *label;
        }
    }
    return answer ? call->host->set_answer(call, text_of(answer)) : RPMD_NO_MATCH;
}

/* ---- What the prompt says, what is tested before the plugin serves, and the descriptor. ---- */

static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(rpmd_prompt_texts),
    .task = "Say when this user would answer the e-mail.",
    .query_noun = "e-mail",
    .response_noun = "time of the answer",
    .answer_format = "exactly one of: now, today, later",
};

static const char *const categories[] = {"time", "matter", "tone", NULL};
static const char *const urgent_features[] = {"urgency", "money", "question", NULL};

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "URGENT: can you send the invoices?", NULL, urgent_features, "Answer: Today.",
     "today"},
    {sizeof(rpmd_self_test), "See you.", NULL, NULL, "now or later", NULL},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .name = "email_priority",
    .version = "1",
    .description = "Says when a user would answer an e-mail: now, today or later.",
    .answer_kind = RPMD_ANSWER_LABELS,
    .labels = labels,
    .categories = categories,
    .extract = extract,
    .parse_answer = parse_answer,
    .prompt_texts = &prompt_texts,
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
