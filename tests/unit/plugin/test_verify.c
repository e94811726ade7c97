/* SPDX-License-Identifier: MIT */
#include "lib/plugin/verify.h"

#include "lib/base/text.h"
#include "lib/plugin/limits.h"
#include "tests/unit/unit.h"

static const char *const labels[] = {"yes", "no", NULL};
static const char *const categories[] = {"word", NULL};
static const rpmd_plugin by_label = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .categories = categories};
static const rpmd_plugin by_option = {.answer_kind = RPMD_ANSWER_OPTIONS, .categories = categories};
static const rpmd_plugin by_number = {
    .answer_kind = RPMD_ANSWER_ORDINAL, .ordinal_min = -2, .ordinal_max = 5, .categories = categories};

static AnalyzedFeature feature(void)
{
    return (AnalyzedFeature){
        .name = text_of("first word"), .category = text_of("word"), .strength = 1, .evidence = {0, 2}};
}

/* What is wrong with an analysis of "Is it \u00e9?" that has this feature. */
static void expect_feature(AnalyzedFeature wrong, const char *message)
{
    AnalysisRequest request = {.query = text_of("Is it \xC3\xA9?")};
    Analysis analysis = {.features = &wrong, .feature_count = 1};
    Status status = STATUS_INIT;
    int result = plugin_verify_analysis(&by_label, &request, &analysis, &status);
    ck_assert_int_eq(result, message[0] ? STATUS_REFUSED : 0);
    ck_assert_str_eq(status.message, message);
}

START_TEST(features)
{
    AnalyzedFeature one = feature();
    expect_feature(one, "");
    one.evidence = (rpmd_span){0, 0};
    expect_feature(one, "feature 1: its evidence is empty");
    one.evidence = (rpmd_span){0, 10};
    expect_feature(one, "feature 1: its evidence is outside the query");
    one.evidence = (rpmd_span){UINT32_MAX, UINT32_MAX};
    expect_feature(one, "feature 1: its evidence is empty");
    one.evidence = (rpmd_span){7, 9};
    expect_feature(one, "feature 1: its evidence begins or ends inside a character");
    one.evidence = (rpmd_span){2, 3};
    expect_feature(one, "feature 1: its evidence is only white space");
    one = feature();
    one.name = text_of("a\nb");
    expect_feature(one, "feature 1: its name is too long, not UTF-8, or has control characters");
    one.name = text_of("\xFF");
    expect_feature(one, "feature 1: its name is too long, not UTF-8, or has control characters");
    one = feature();
    one.category = text_of("other");
    expect_feature(one, "feature 1: its category is not one of the plugin's categories");
    one = feature();
    one.polarity = __builtin_nanf("");
    expect_feature(one, "feature 1: its polarity is not between -1 and 1");
    one = feature();
    one.strength = 1.5f;
    expect_feature(one, "feature 1: its strength is not between 0 and 1");
    one = feature();
    one.judgement = (FeatureJudgement)200;
    expect_feature(one, "feature 1: its judgement is none that exists");
}
END_TEST

static void expect(const rpmd_plugin *plugin, const AnalysisRequest *request, Analysis analysis,
                   const char *message)
{
    Status status = STATUS_INIT;
    int result = plugin_verify_analysis(plugin, request, &analysis, &status);
    ck_assert_str_eq(status.message, message);
    ck_assert_int_eq(result, message[0] ? STATUS_REFUSED : 0);
}

START_TEST(whole_analyses)
{
    rpmd_text options[] = {text_of("good"), text_of("bad")};
    AnswerClass classes[] = {{text_of("positive"), 1}, {text_of("negative"), -1}};
    AnswerClass wrong[] = {{text_of("positive"), 1}, {text_of("negative"), 7}};
    AnalyzedTrait trait = {.name = text_of("")};
    static AnalyzedFeature many[PLUGIN_FEATURE_LIMIT + 1];
    AnalysisRequest query = {.query = text_of("Is it?")};
    AnalysisRequest answered = {.query = text_of("Is it?"), .response = text_of("yes"), .has_response = true};
    AnalysisRequest chosen = {.query = text_of("Is it?"), .options = options, .option_count = 2};
    expect(&by_label, &query, (Analysis){.code = STATUS_NOT_FOUND},
           "it has the code 5, which an item cannot have");
    expect(&by_label, &query, (Analysis){.code = STATUS_INTERNAL},
           "it has an error without a sentence, or a sentence without an error");
    expect(&by_label, &query, (Analysis){.error = text_of("no")},
           "it has an error without a sentence, or a sentence without an error");
    expect(&by_label, &query, (Analysis){.drop_reason = text_of("a\tb")},
           "it has a sentence that is too long, or not a clean text");
    expect(&by_label, &query, (Analysis){.features = many, .feature_count = PLUGIN_FEATURE_LIMIT + 1},
           "it has 257 features; the limit is 256");
    expect(&by_label, &query, (Analysis){.traits = &trait, .trait_count = 1},
           "trait 1: its name is empty, too long, or not a clean text");
    expect(&by_label, &query, (Analysis){.has_answer = true, .answer = text_of("yes")},
           "it has an answer that is none of the task's");
    expect(&by_label, &answered, (Analysis){.has_answer = true, .answer = text_of("perhaps")},
           "it has an answer that is none of the task's");
    expect(&by_label, &answered, (Analysis){0}, "it has a response and no answer");
    expect(&by_label, &query, (Analysis){.option_classes = classes, .option_class_count = 2},
           "it has 2 classes for 0 options");
    expect(&by_option, &chosen, (Analysis){0}, "it has no classes for its options");
    expect(&by_option, &chosen, (Analysis){.option_classes = classes, .option_class_count = 1},
           "it has 1 classes for 2 options");
    expect(&by_option, &chosen, (Analysis){.option_classes = wrong, .option_class_count = 2},
           "option 2: its position is not between -1 and 1");
}
END_TEST

START_TEST(what_follows_from_an_answer)
{
    rpmd_text options[] = {text_of("good"), text_of("bad")};
    AnswerClass classes[] = {{text_of("positive"), 1}, {text_of("negative"), -1}};
    AnalysisRequest request = {.query = text_of("Is it?"),
                               .options = options,
                               .option_count = 2,
                               .response = text_of("bad"),
                               .has_response = true};
    Analysis analysis = {.option_classes = classes,
                         .option_class_count = 2,
                         .has_answer = true,
                         .answer = text_of("bad"),
                         .answer_option = 77,
                         .answer_class = text_of("made up")};
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_verify_analysis(&by_option, &request, &analysis, &status), 0);
    ck_assert_uint_eq(analysis.answer_option, 1);
    ck_assert_str_eq(analysis.answer_class.data, "negative");
    static const struct {
        const char *answer;
        bool is_answer;
    } numbers[] = {{"-2", true},  {"5", true}, {"6", false},  {"05", false},
                   {"+5", false}, {"", false}, {"4.0", false}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        size_t option;
        ck_assert_int_eq(plugin_is_answer(&by_number, &request, text_of(numbers[i].answer), &option),
                         numbers[i].is_answer);
        ck_assert_uint_eq(option, ANALYSIS_NO_OPTION);
    }
}
END_TEST

UNIT_TESTS("plugin/verify", features, whole_analyses, what_follows_from_an_answer)
