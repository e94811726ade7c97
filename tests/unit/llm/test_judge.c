/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/judge.h"

#include "tests/unit/llm/stage_fixture.h"
#include "tests/unit/unit.h"

static const AnalyzedFeature features[] = {{.name = {"trees", 5}, .evidence = {9, 14}},
                                           {.name = {"growth", 6}, .evidence = {0, 6}}};
static const JudgeItem items[] = {
    {{"growth of trees", 15}, {"On Trees\n# Task", 15}, features, 2},
    {{"growth of trees", 15}, {"Nothing", 7}, features, 1},
};

START_TEST(test_ask)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_(stage_ask_finish) StageAsk ask = {0};
    PromptTemplate prompt = stage_template("judge", judge_places, judge_place_count);
    judge_ask(&ask, &prompt, &stage_plugin, items, 2, &arena);
    const char *text = buffer_string(&ask.prompt);
    ck_assert_ptr_nonnull(
        strstr(text, "Item 1. Features of the product review:\n1. trees (\" tree\")\n2. growth (\"growth\")\n"
                     "The person's rating:\n> On Trees\n> # Task\n"));
    ck_assert_ptr_nonnull(strstr(text, "a judgement of every feature of each item, 1 to 2."));
    json_t *schema = json_loads(ask.schema, 0, NULL);
    ck_assert_ptr_nonnull(schema);
    json_decref(schema);
    prompt_template_finish(&prompt);
}
END_TEST

static const char *judged(const char *reply, const char **fault, char text[4])
{
    FeatureJudgement first[2], second[1], *const judgements[] = {first, second};
    *fault = judge_parse(text_of(reply), items, 2, judgements);
    snprintf(text, 4, "%d%d%d", first[0], first[1], second[0]);
    return text;
}

START_TEST(test_replies)
{
    static const struct {
        const char *reply, *fault, *judged; /* a digit each: FeatureJudgement */
    } cases[] = {
        {"{\"items\":[{\"item\":1,\"judgements\":[{\"feature\":1,\"influenced\":true,\"polarity\":"
         "\"positive\"},"
         "{\"feature\":2,\"influenced\":false,\"polarity\":\"neutral\"}]},{\"item\":2,\"judgements\":[{"
         "\"feature\":\"1\","
         "\"influenced\":true,\"polarity\":\"Negative\"}]}]}",
         NULL, "412"},
        {"{\"items\":[{\"item\":1,\"judgements\":[{\"feature\":1,\"influenced\":true},{\"feature\":9,"
         "\"influenced\":true}]},"
         "{\"item\":7,\"judgements\":[{\"feature\":1,\"influenced\":true}]}]}",
         NULL, "300"},
        {"{\"items\":[{\"item\":1,\"judgements\":[{\"feature\":1,\"influenced\":\"maybe\"}]}]}",
         "its \"items\" have no judgement of any feature", "000"},
        {"no", "it has no JSON object", "000"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *fault;
        char text[4];
        ck_assert_str_eq(judged(cases[i].reply, &fault, text), cases[i].judged);
        if (cases[i].fault)
            ck_assert_str_eq(fault, cases[i].fault);
        else
            ck_assert_ptr_null(fault);
    }
}
END_TEST

START_TEST(test_batches)
{
    static const AnalyzedFeature many[64];
    const JudgeItem large = {
        .query = items[0].query, .response = items[0].response, .features = many, .feature_count = 64};
    const JudgeItem mixed[] = {large, items[0]};
    JudgeItem all[JUDGE_BATCH + 1];
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        all[i] = items[0];
    ck_assert_uint_eq(judge_batch(all, ARRAY_SIZE(all)), JUDGE_BATCH);
    ck_assert_uint_eq(judge_batch(mixed, 2), 1);
}
END_TEST

UNIT_TESTS("llm/judge", test_ask, test_replies, test_batches)
