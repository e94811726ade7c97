/* SPDX-License-Identifier: MIT */
#include "lib/plugin/self_test.h"

#include "lib/base/buffer.h"
#include "lib/base/text.h"
#include "lib/plugin/analyze.h"

typedef struct Case {
    const char *file;
    size_t number; /* from 1 */
    const rpmd_self_test *test;
    Analysis *analysis;
    Status *status;
} Case;

#define REFUSE(one, format, ...)                                                                             \
    status_refuse((one)->status, STATUS_FAILED_PRECONDITION, "%s: self-test %zu: " format, (one)->file,      \
                  (one)->number, __VA_ARGS__)

static bool has_feature(const Analysis *analysis, const char *name)
{
    for (size_t i = 0; i < analysis->feature_count; i++)
        if (text_equal_string(analysis->features[i].name, name))
            return true;
    return false;
}

static int check_features(const Case *one)
{
    const Analysis *analysis = one->analysis;
    if (analysis->features_dropped > 0)
        return REFUSE(one, "extract emitted what the query does not support: %.*s",
                      TEXT_ARGS(analysis->drop_reason));
    for (const char *const *name = one->test->expected_features; name && *name; name++) {
        if (has_feature(analysis, *name))
            continue;
        _cleanup_buffer_ Buffer emitted = BUFFER_INIT;
        for (size_t i = 0; i < analysis->feature_count; i++)
            buffer_append_format(&emitted, "%s\"%s\"", i ? ", " : "", analysis->features[i].name.data);
        return REFUSE(one, "extract did not emit the feature \"%s\"; it emitted %s", *name,
                      emitted.length ? buffer_string(&emitted) : "none");
    }
    return 0;
}

static int check_answer(const Case *one)
{
    const Analysis *analysis = one->analysis;
    const char *expected = one->test->expected_answer;
    /* The only fault of the request that is left: the reply has no answer. */
    bool no_match = analysis->code == STATUS_INVALID_ARGUMENT;
    if (one->test->reply && no_match && !expected)
        return 0;
    if (analysis->code != STATUS_OK)
        return REFUSE(one, "%.*s", TEXT_ARGS(analysis->error));
    if (!one->test->reply)
        return 0;
    if (!expected)
        return REFUSE(one, "parse_answer found \"%.*s\" in \"%s\", expected no match",
                      TEXT_ARGS(analysis->answer), one->test->reply);
    if (!text_equal_string(analysis->answer, expected))
        return REFUSE(one, "parse_answer found \"%.*s\" in \"%s\", expected \"%s\"",
                      TEXT_ARGS(analysis->answer), one->test->reply, expected);
    return 0;
}

static int run_case(const rpmd_plugin *plugin, Case *one, const PluginEnvironment *environment,
                    Tokenizer *tokenizer)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    const rpmd_self_test *test = one->test;
    size_t option_count = 0;
    while (test->options && test->options[option_count])
        option_count++;
    rpmd_text *options = ARENA_ARRAY(&arena, rpmd_text, option_count);
    for (size_t i = 0; i < option_count; i++)
        options[i] = text_of(test->options[i]);
    AnalysisRequest request = {
        .query = text_of(test->query),
        .options = options,
        .option_count = option_count,
    };
    /* The query alone first: what is wrong with it must not pass for a reply without an answer. */
    Analysis *analysis = one->analysis;
    plugin_analyze(plugin, environment, tokenizer, &request, &arena, analysis);
    if (analysis->code != STATUS_OK)
        return REFUSE(one, "%.*s", TEXT_ARGS(analysis->error));
    int result = check_features(one);
    if (result != 0 || !test->reply)
        return result;
    request.response = text_of(test->reply);
    request.has_response = true;
    plugin_analyze(plugin, environment, tokenizer, &request, &arena, analysis);
    return check_answer(one);
}

int plugin_self_test(const rpmd_plugin *plugin, const char *file, const PluginEnvironment *environment,
                     Status *status)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    for (size_t i = 0; i < plugin->self_test_count; i++) {
        Analysis analysis;
        Case one = {.file = file,
                    .number = i + 1,
                    .test = &plugin->self_tests[i],
                    .analysis = &analysis,
                    .status = status};
        int result = run_case(plugin, &one, environment, tokenizer);
        if (result != 0)
            return result;
    }
    return 0;
}
