/* SPDX-License-Identifier: MIT */
#include "lib/plugin/analyze.h"

#include "lib/base/text.h"
#include "lib/plugin/load.h"
#include "tests/unit/plugin/fixture_files.h"
#include "tests/unit/unit.h"

#include <math.h>

static const PluginEnvironment nobody_waits_long = {0};

static Analysis analyze(const rpmd_plugin *plugin, const AnalysisRequest *request, Arena *arena)
{
    return *plugin_analyze_batch(plugin, &nobody_waits_long, request, 1, arena);
}

static Analysis analyze_fixture(const char *name, const char *query, Arena *arena)
{
    _cleanup_free_ char *path = fixture_path(name);
    PluginImage *image;
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_image_open(&image, path, path, &status), 0);
    AnalysisRequest request = {.query = text_of(query)};
    Analysis analysis = analyze(&image->descriptor.plugin, &request, arena);
    plugin_image_free(image);
    return analysis;
}

/* ---- what fixtures hand over ---- */

START_TEST(bad_evidence_is_dropped)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = analyze_fixture("bad_evidence", "trigger \xC3\xA9", &arena);
    ck_assert_int_eq(analysis.code, STATUS_OK);
    ck_assert_uint_eq(analysis.feature_count, 1);
    ck_assert_str_eq(analysis.features[0].name.data, "first word");
    ck_assert_uint_eq(analysis.features[0].evidence.begin, 0);
    ck_assert_uint_eq(analysis.features[0].evidence.end, 7);
    ck_assert_float_eq(analysis.features[0].polarity, 0.5f);
    ck_assert_uint_eq(analysis.features_dropped, 3);
    ck_assert_str_eq(analysis.drop_reason.data, "feature \"outside\": its evidence is outside the query");
}
END_TEST

START_TEST(bad_utf8_is_dropped)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = analyze_fixture("bad_utf8", "trigger", &arena);
    ck_assert_uint_eq(analysis.feature_count, 1);
    ck_assert_uint_eq(analysis.features_dropped, 1);
    ck_assert_str_eq(analysis.drop_reason.data,
                     "feature 1: its name is too long, not UTF-8, or has control characters");
}
END_TEST

START_TEST(a_million_features)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = analyze_fixture("million_features", "trigger", &arena);
    ck_assert_int_eq(analysis.code, STATUS_OK);
    ck_assert_uint_eq(analysis.feature_count, PLUGIN_FEATURE_LIMIT);
    ck_assert_uint_eq(analysis.features_dropped, 1000000 - PLUGIN_FEATURE_LIMIT + 1);
    ck_assert_str_eq(analysis.drop_reason.data, "feature 257: the query has too many features");
    ck_assert_uint_lt(arena.total, 1024 * 1024);
}
END_TEST

START_TEST(memory_is_limited)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = analyze_fixture("hungry", "trigger", &arena);
    ck_assert_int_eq(analysis.code, STATUS_INTERNAL);
    ck_assert_str_eq(analysis.error.data, "plugin fixture failed in extract: the host gave no more memory");
}
END_TEST

START_TEST(strange_returns)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = analyze_fixture("strange_return", "trigger", &arena);
    ck_assert_int_eq(analysis.code, STATUS_INTERNAL);
    ck_assert_str_eq(analysis.error.data, "plugin fixture returned 77 from extract, which means nothing");
}
END_TEST

START_TEST(wrong_answers)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_free_ char *path = fixture_path("wrong_answer");
    PluginImage *image;
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_image_open(&image, path, path, &status), 0);
    AnalysisRequest request = {.query = text_of("trigger"), .response = text_of("yes"), .has_response = true};
    Analysis analysis = analyze(&image->descriptor.plugin, &request, &arena);
    ck_assert_str_eq(
        analysis.error.data,
        "plugin fixture handed over the answer \"perhaps\", which is not one of \"yes\", \"no\"");
    ck_assert(!analysis.has_answer);
    ck_assert_uint_eq(analysis.feature_count, 1);
    plugin_image_free(image);
}
END_TEST

/* ---- options ---- */

START_TEST(options_and_their_classes)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_free_ char *path = fixture_path("options");
    PluginImage *image;
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_image_open(&image, path, path, &status), 0);
    const rpmd_plugin *plugin = &image->descriptor.plugin;
    rpmd_text options[PLUGIN_OPTION_LIMIT + 1] = {text_of("good"), text_of("bad"), text_of(" whatever ")};
    AnalysisRequest request = {.query = text_of("How?"),
                               .options = options,
                               .option_count = 3,
                               .response = text_of("bad"),
                               .has_response = true};
    Analysis analysis = analyze(plugin, &request, &arena);
    ck_assert_int_eq(analysis.code, STATUS_OK);
    ck_assert_uint_eq(analysis.option_class_count, 3);
    ck_assert_str_eq(analysis.option_classes[0].name.data, "positive");
    ck_assert_float_eq(analysis.option_classes[1].position, -1.0f);
    ck_assert_str_eq(analysis.option_classes[2].name.data, "whatever");
    ck_assert(isnan(analysis.option_classes[2].position));
    ck_assert_str_eq(analysis.answer.data, "bad");
    ck_assert_str_eq(analysis.answer_class.data, "negative");
    ck_assert_uint_eq(analysis.answer_option, 1);

    request.response = text_of("neither");
    analysis = analyze(plugin, &request, &arena);
    ck_assert_str_eq(
        analysis.error.data,
        "\"neither\" is not an answer of task options_fixture, which is one of the query's options");
    request.option_count = 0;
    analysis = analyze(plugin, &request, &arena);
    ck_assert_int_eq(analysis.code, STATUS_INVALID_ARGUMENT);
    ck_assert_str_eq(analysis.error.data,
                     "task options_fixture needs the query's answer options; send them with the query");
    for (size_t i = 0; i <= PLUGIN_OPTION_LIMIT; i++)
        options[i] = text_of("good");
    request.option_count = PLUGIN_OPTION_LIMIT + 1;
    analysis = analyze(plugin, &request, &arena);
    ck_assert_str_eq(analysis.error.data, "the query has 65 options; the limit is 64");
    request.option_count = 2;
    options[1] = text_of(" ");
    analysis = analyze(plugin, &request, &arena);
    ck_assert_str_eq(analysis.error.data, "option 2 is empty, not valid UTF-8, or has control characters");
    options[1] = text_of("odd");
    analysis = analyze(plugin, &request, &arena);
    ck_assert_int_eq(analysis.code, STATUS_INTERNAL);
    ck_assert_str_eq(
        analysis.error.data,
        "plugin options_fixture classified option 2 wrongly: its position is not between -1 and 1");
    plugin_image_free(image);
}
END_TEST

/* ---- open answers and numbers, with plugins of our own ---- */

static int emit(rpmd_call *call, rpmd_text name, rpmd_span evidence)
{
    rpmd_feature feature = {
        .struct_size = sizeof(feature), .name = name, .strength = 1.0f, .evidence = evidence};
    return call->host->emit_feature(call, &feature);
}

/* Each word is a feature. */
static int extract_words(rpmd_call *call, const rpmd_query *query)
{
    const rpmd_token *tokens;
    size_t count;
    if (call->host->tokenize(call, query->text, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    /* Not the time for these. */
    ck_assert_int_eq(call->host->set_answer(call, text_of("x")), RPMD_FAILED);
    ck_assert_int_eq(
        call->host->emit_trait(call, &(rpmd_trait){sizeof(rpmd_trait), text_of("x"), text_of("x")}),
        RPMD_FAILED);
    ck_assert_int_eq(call->host->tokenize(call, text_of("\xFF"), &tokens, &count), RPMD_FAILED);
    ck_assert_int_eq(call->host->tokenize(call, query->text, &tokens, &count), RPMD_DONE);
    for (size_t i = 0; i < count; i++)
        if (tokens[i].flags & RPMD_TOKEN_WORD)
            emit(call, tokens[i].lower, tokens[i].span);
    return RPMD_DONE;
}

static int judge_by_length(rpmd_call *call, const rpmd_query *query, rpmd_text response,
                           const rpmd_feature *features, size_t feature_count, rpmd_judgement *judgements)
{
    (void)call;
    (void)query;
    for (size_t i = 0; i < feature_count; i++)
        judgements[i] = (rpmd_judgement){sizeof(judgements[i]), features[i].name.length > 3,
                                         response.length > 100         ? 5
                                         : features[i].name.length > 5 ? -1
                                                                       : 1};
    return RPMD_DONE;
}

static int describe_length(rpmd_call *call, const rpmd_query *query, rpmd_text response)
{
    (void)query;
    rpmd_trait trait = {sizeof(trait), text_of("short"), text_of("the text is short")};
    if (response.length < 20)
        call->host->emit_trait(call, &trait);
    trait.name = text_of("");
    ck_assert_int_eq(call->host->emit_trait(call, &trait), RPMD_FAILED);
    return RPMD_DONE;
}

static int parse_number(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    (void)query;
    return text_equal_string(reply, "none") ? RPMD_NO_MATCH : call->host->set_answer(call, reply);
}

static rpmd_plugin open_plugin = {RPMD_PLUGIN_GUARD, .name = "open", .version = "1",
                                  .answer_kind = RPMD_ANSWER_TEXT, .extract = extract_words};

START_TEST(open_answers_are_judged_by_their_words)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    AnalysisRequest request = {.query = text_of("The movies of the night train"),
                               .response = text_of(" A movie at night \n"),
                               .has_response = true};
    Analysis analysis = analyze(&open_plugin, &request, &arena);
    ck_assert_int_eq(analysis.code, STATUS_OK);
    ck_assert_str_eq(analysis.answer.data, "A movie at night");
    ck_assert_uint_eq(analysis.answer_class.length, 0);
    ck_assert_uint_eq(analysis.answer_option, ANALYSIS_NO_OPTION);
    ck_assert_uint_eq(analysis.feature_count, 6);
    const FeatureJudgement expected[] = {FEATURE_NOT_INFLUENTIAL,     FEATURE_INFLUENTIAL_NEUTRAL,
                                         FEATURE_NOT_INFLUENTIAL,     FEATURE_NOT_INFLUENTIAL,
                                         FEATURE_INFLUENTIAL_NEUTRAL, FEATURE_NOT_INFLUENTIAL};
    for (size_t i = 0; i < 6; i++)
        ck_assert_int_eq(analysis.features[i].judgement, expected[i]);
    ck_assert_uint_eq(analysis.trait_count, 0);
    /* Without a response nothing is judged. */
    request.has_response = false;
    analysis = analyze(&open_plugin, &request, &arena);
    ck_assert_int_eq(analysis.features[1].judgement, FEATURE_NOT_JUDGED);
    ck_assert(!analysis.has_answer);
}
END_TEST

START_TEST(open_answers_are_judged_and_described_by_the_plugin)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    rpmd_plugin plugin = open_plugin;
    plugin.judge = judge_by_length;
    plugin.describe_answer = describe_length;
    AnalysisRequest request = {
        .query = text_of("the night railway"), .response = text_of("short"), .has_response = true};
    Analysis analysis = analyze(&plugin, &request, &arena);
    ck_assert_int_eq(analysis.code, STATUS_OK);
    ck_assert_int_eq(analysis.features[0].judgement, FEATURE_NOT_INFLUENTIAL);
    ck_assert_int_eq(analysis.features[1].judgement, FEATURE_INFLUENTIAL_POSITIVE);
    ck_assert_int_eq(analysis.features[2].judgement, FEATURE_INFLUENTIAL_NEGATIVE);
    ck_assert_uint_eq(analysis.trait_count, 1);
    ck_assert_str_eq(analysis.traits[0].meaning.data, "the text is short");
    char longer[200];
    memset(longer, 'x', sizeof(longer));
    request.response = (rpmd_text){longer, sizeof(longer)};
    analysis = analyze(&plugin, &request, &arena);
    ck_assert_int_eq(analysis.code, STATUS_INTERNAL);
    ck_assert_str_eq(analysis.error.data,
                     "plugin open judged feature \"night\" with influenced 1 and polarity 5");
}
END_TEST

START_TEST(numbers_have_one_form)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    rpmd_plugin plugin = open_plugin;
    plugin.answer_kind = RPMD_ANSWER_ORDINAL;
    plugin.ordinal_min = -1;
    plugin.ordinal_max = 5;
    plugin.parse_answer = parse_number;
    static const char *const good[] = {"-1", "0", "5"};
    static const char *const bad[] = {"6", "-2", "05", "+1", "-0", "1.0", "99999999999", "9999999999999",
                                      "-"};
    AnalysisRequest request = {.query = text_of("q"), .answer_only = true, .has_response = true};
    Analysis analysis;
    Status status = STATUS_INIT;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        request.response = text_of(good[i]);
        ck_assert_int_eq(
            plugin_parse_reply(&plugin, &nobody_waits_long, &request, &arena, &analysis, &status), 0);
        ck_assert_str_eq(analysis.answer_class.data, good[i]);
        ck_assert_uint_eq(analysis.feature_count, 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        request.response = text_of(bad[i]);
        ck_assert_int_eq(
            plugin_parse_reply(&plugin, &nobody_waits_long, &request, &arena, &analysis, &status),
            STATUS_REFUSED);
        ck_assert_int_eq(status.code, STATUS_INTERNAL);
    }
    request.response = text_of("none");
    ck_assert_int_eq(plugin_parse_reply(&plugin, &nobody_waits_long, &request, &arena, &analysis, &status),
                     STATUS_REFUSED);
    ck_assert_str_eq(status.message,
                     "\"none\" is not an answer of task open, which is a whole number from -1 to 5");
}
END_TEST

/* ---- the request itself ---- */

START_TEST(requests_at_the_door)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    char *large = memory_allocate(PLUGIN_QUERY_LIMIT + 1, 1);
    memset(large, 'a', PLUGIN_QUERY_LIMIT + 1);
    const struct {
        rpmd_text query;
        rpmd_text response;
        const char *error;
    } cases[] = {
        {{NULL, 0}, {"r", 1}, "the query is empty"},
        {{" \n", 2}, {"r", 1}, "the query is empty"},
        {{"\xFF", 1}, {"r", 1}, "the query is not valid UTF-8"},
        {{large, PLUGIN_QUERY_LIMIT + 1}, {"r", 1}, "the query has 131073 bytes; the limit is 131072"},
        {{"q", 1}, {NULL, 0}, "the response is empty"},
        {{"q", 1}, {large, PLUGIN_RESPONSE_LIMIT + 1}, "the response has 131073 bytes; the limit is 131072"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AnalysisRequest request = {
            .query = cases[i].query, .response = cases[i].response, .has_response = true};
        Analysis analysis = analyze(&open_plugin, &request, &arena);
        ck_assert_int_eq(analysis.code, STATUS_INVALID_ARGUMENT);
        ck_assert_str_eq(analysis.error.data, cases[i].error);
    }
    free(large);
}
END_TEST

START_TEST(nobody_waits_any_more)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    atomic_bool cancelled = true;
    const AnalysisRequest requests[] = {{.query = text_of("q")}, {.query = text_of("q")}};
    PluginEnvironment environment = {.cancelled = &cancelled};
    Analysis *analyses = plugin_analyze_batch(&open_plugin, &environment, requests, 2, &arena);
    ck_assert_int_eq(analyses[1].code, STATUS_CANCELLED);
    ck_assert_str_eq(analyses[1].error.data, "the call was cancelled before this item");
    environment = (PluginEnvironment){.deadline_ns = 1};
    analyses = plugin_analyze_batch(&open_plugin, &environment, requests, 2, &arena);
    ck_assert_int_eq(analyses[0].code, STATUS_DEADLINE_EXCEEDED);
    ck_assert_uint_eq(analyses[0].answer_option, ANALYSIS_NO_OPTION);
}
END_TEST

UNIT_TESTS("plugin/analyze", bad_evidence_is_dropped, bad_utf8_is_dropped, a_million_features,
           memory_is_limited, strange_returns, wrong_answers, options_and_their_classes,
           open_answers_are_judged_by_their_words, open_answers_are_judged_and_described_by_the_plugin,
           numbers_have_one_form, requests_at_the_door, nobody_waits_any_more)
