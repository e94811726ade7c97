/* SPDX-License-Identifier: MIT */

/*
 * A good small plugin that each fixture changes in one place: labels "yes" and "no", and one feature, the
 * query's first word. A fixture defines what differs and includes this; OWN_EXTRACT: it defines extract.
 * Fixtures misbehave for queries that begin with "trigger", so that their self-test passes; ON_TRIGGER is the
 * statement that does it.
 */

#include <rpmd/plugin.h>

#include <string.h>

#ifndef FIXTURE_NAME
#define FIXTURE_NAME "fixture"
#endif
#ifndef FIXTURE_VERSION
#define FIXTURE_VERSION "1"
#endif
#ifndef FIXTURE_FEATURE
#define FIXTURE_FEATURE "first word"
#endif
#ifndef FIXTURE_EXPECTED
#define FIXTURE_EXPECTED FIXTURE_FEATURE
#endif
#ifndef FIXTURE_SIZE
#define FIXTURE_SIZE sizeof(rpmd_plugin)
#endif
#ifndef FIXTURE_KIND
#define FIXTURE_KIND RPMD_ANSWER_LABELS
#endif
#ifndef FIXTURE_PARSE
#define FIXTURE_PARSE parse_answer
#endif
#ifndef FIXTURE_EXTRACT
#define FIXTURE_EXTRACT extract
#endif
#ifndef FIXTURE_EXPORT
#define FIXTURE_EXPORT RPMD_PLUGIN_EXPORT(plugin)
#endif

#define UNUSED __attribute__((unused))

static UNUSED rpmd_text text(const char *string)
{
    rpmd_text result = {string, strlen(string)};
    return result;
}

static UNUSED int is_triggered(const rpmd_query *query)
{
    return query->text.length >= 7 && memcmp(query->text.data, "trigger", 7) == 0;
}

static UNUSED void crash(void)
{
    volatile int *volatile nowhere = (volatile int *)8;
    *nowhere = 1;
}

static UNUSED int emit(rpmd_call *call, const char *name, uint32_t begin, uint32_t end)
{
    rpmd_feature feature = {
        .struct_size = sizeof(feature),
        .name = text(name),
        .context = text("the word that the query begins with"),
        .category = text("word"),
        .polarity = 0.5f,
        .strength = 1.0f,
        .evidence = {begin, end},
    };
    return call->host->emit_feature(call, &feature);
}

static UNUSED int emit_first_word(rpmd_call *call, const rpmd_query *query)
{
    const rpmd_token *tokens;
    size_t count;
    if (call->host->tokenize(call, query->text, &tokens, &count) != RPMD_DONE || count == 0)
        return RPMD_FAILED;
    return emit(call, FIXTURE_FEATURE, tokens[0].span.begin, tokens[0].span.end);
}

static UNUSED int extract(rpmd_call *call, const rpmd_query *query);

#ifndef OWN_EXTRACT
static int extract(rpmd_call *call, const rpmd_query *query)
{
#ifdef ON_TRIGGER
    if (is_triggered(query)) {
        ON_TRIGGER;
    }
#endif
    return emit_first_word(call, query);
}
#endif

static UNUSED int parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    (void)query;
    if (reply.length >= 3 && memcmp(reply.data, "yes", 3) == 0)
        return call->host->set_answer(call, text("yes"));
    if (reply.length >= 2 && memcmp(reply.data, "no", 2) == 0)
        return call->host->set_answer(call, text("no"));
    return RPMD_NO_MATCH;
}

static const char *const labels[] = {"yes", "no", NULL};
static const char *const categories[] = {"word", NULL};
static const char *const expected[] = {FIXTURE_EXPECTED, NULL};

static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(prompt_texts),
    .task = "Answer as this user would.",
    .query_noun = "question",
    .response_noun = "answer",
    .answer_format = "yes or no",
};

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "Is it so?", NULL, expected, "yes.", "yes"},
    {sizeof(rpmd_self_test), "Is it not?", NULL, expected, "maybe", NULL},
};

static UNUSED const rpmd_plugin plugin = {
    .struct_size = FIXTURE_SIZE,
    .abi_major = RPMD_ABI_MAJOR,
    .abi_minor = RPMD_ABI_MINOR,
    .name = FIXTURE_NAME,
    .version = FIXTURE_VERSION,
    .description = "A fixture.",
    .answer_kind = FIXTURE_KIND,
    .labels = labels,
    .categories = categories,
    .extract = FIXTURE_EXTRACT,
    .parse_answer = FIXTURE_PARSE,
    .prompt_texts = &prompt_texts,
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
FIXTURE_EXPORT
