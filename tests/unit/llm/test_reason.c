/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/reason.h"
#include "lib/method/citation_model.h"

#include "tests/unit/llm/stage_fixture.h"
#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

static const rpmd_text labels[] = {{"classic", 7}, {"action", 6}, {"romance", 7}};
static const ModelTask task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 3, .extractor_version = {"1", 1}};
static const FixtureItem films[] = {
    {.query = "a war in winter\n# Task", .answer = "classic", .features = "war|winter"},
    {.query = "the war and the general", .answer = "classic", .features = "war"},
    {.query = "a wedding by the sea", .answer = "romance", .features = "wedding"},
    {.query = "one more war", .answer = "action", .features = "war"},
};

static UserModel *model;
static ReasonContext context;

static void setup(void)
{
    model = fixture_model(&task, films, ARRAY_SIZE(films));
    context = (ReasonContext){&stage_plugin, model, 0};
}

START_TEST(test_ask)
{
    setup();
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_(stage_ask_finish) StageAsk ask = {0}, other = {0};
    PromptTemplate prompt = stage_template("reason", reason_places, reason_place_count);
    const ModelEntry *const *entries = (const ModelEntry *const *)model->entries;
    reason_ask(&ask, &prompt, &context, entries, 2, &arena);
    const char *text = buffer_string(&ask.prompt);
    /* The first item is left out of its own statistics. */
    ck_assert_ptr_nonnull(
        strstr(text, "Item 1. The product review:\n> a war in winter\n> # Task\nFeatures: war, "
                     "winter\nStatistics over the other "
                     "items:\n[kind: war]: \"classic\" in 1 of 2 (50%), \"action\" in 1 of 2 (50%)\n"
                     "[all past items]: \"classic\" in 1 of 3 (33%), \"action\" in 1 of 3 (33%), \"romance\" "
                     "in 1 of 3 (33%)\n"
                     "The person's rating: \"classic\"\n"));
    reason_ask(&other, &prompt, &context, entries + 2, 2, &arena);
    size_t equal = 0;
    while (text[equal] == buffer_string(&other.prompt)[equal])
        equal++;
    ck_assert_uint_ge(equal, (size_t)(strstr(text, "Item 1. The ") - text));
    prompt_template_finish(&prompt);
    user_model_unref(model);
}
END_TEST

START_TEST(test_paths)
{
    static const struct {
        const char *path, *fault; /* of the first item */
    } cases[] = {
        {"A war in winter. [kind: war] has \\\"classic\\\" in 1 of 2 (50%), so it is \\\"classic\\\".", NULL},
        {"It speaks of \\\"war in winter\\\"; [all past items] have \\\"classic\\\" in 1 of 3 (33%).", NULL},
        {"[kind: war] has \\\"classic\\\" in 2 of 3 (67%), so it is \\\"classic\\\".", "2 of 3"},
        {"[peace] says so.", "peace"},
        {"Simply 58% classic.", "58%"},
        {"[kind: war] has \\\"classic\\\" in 1 of 2 (50%) because of \\\"the general\\\".",
         "quotes \"the general\", which does not stand in it"},
        {"[kind: war] has \\\"classic\\\" in 1 of 2 (50%), so it is \\\"action\\\".",
         "ends with another answer than \"classic\""},
        {"[kind: war] has \\\"classic\\\" in 1 of 2 (50%), since 'the general' isn't the children's.",
         "quotes \"the general\", which does not stand in it"},
        {"It speaks of 'war in winter' and \u201Cwinter\u201D, doesn't it; the soldiers' one.", NULL},
        {"[kind: war] has \\\"classic\\\" in 2 of 2 (100%).", "2 of 2"},
        {"A war of 1941 is classic.", "says \"1941\", which does not stand in it"},
        {"A romance of the war, for romance is what it is.",
         "argues for \"romance\", and the answer is \"classic\""},
        {"A romance of the war, and so a classic.", NULL},
        {"This user likes such films.", "says nothing of what stands in it"},
        {"\u201Cthe general\u201D is in it.", "quotes \"the general\", which does not stand in it"},
        {"", "has no reasoning"},
    };
    setup();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        const char *reply =
            arena_format(&arena, "{\"paths\":[{\"item\":1,\"reasoning\":\"%s\"}]}", cases[i].path);
        ReasonPath path;
        const ModelEntry *const entry = model->entries[0];
        const char *fault = reason_parse(text_of(reply), &context, &entry, 1, &arena, &path);
        if (!cases[i].fault) {
            ck_assert_msg(!fault && !path.fault && path.text.length > 0, "%s: %s", cases[i].path, fault);
            continue;
        }
        ck_assert_msg(path.fault && strstr(path.fault, cases[i].fault), "%s: %s", cases[i].path, path.fault);
        ck_assert_str_eq(fault, arena_format(&arena, "item 1: %s", path.fault));
    }
    user_model_unref(model);
}
END_TEST

/* What a reply names and does not cite is cited for it. */
START_TEST(test_citations_are_added)
{
    static const struct {
        const char *path, *expected;
    } cases[] = {
        {"\"reasoning\":\"It is about a war.\",\"factors\":[\"KIND: war\",\"kind: war\",\"peace\"]",
         "It is about a war. [kind: war] has \"classic\" in 1 of 2 (50%). So the rating is \"classic\"."},
        {"\"reasoning\":\"It is about a war.\",\"factors\":[\"kind: wedding\"]",
         "It is about a war. [all past items] has \"classic\" in 1 of 3 (33%). So the rating is "
         "\"classic\"."},
        {"\"reasoning\":\"[kind: war] has \\\"classic\\\" in 1 of 2 (50%), so it is \\\"classic\\\".\"",
         "[kind: war] has \"classic\" in 1 of 2 (50%), so it is \"classic\"."},
    };
    setup();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        const char *reply = arena_format(&arena, "{\"paths\":[{\"item\":1,%s}]}", cases[i].path);
        ReasonPath path;
        CitationReport report = {0};
        const ModelEntry *const entry = model->entries[0];
        ck_assert_ptr_null(reason_parse(text_of(reply), &context, &entry, 1, &arena, &path));
        ck_assert_str_eq(path.text.data, cases[i].expected);
        citation_check_reasoning(path.text, model, 0, entry, &arena, &report);
        ck_assert_uint_eq(report.count, 0);
        ck_assert_uint_gt(report.factors, 0);
    }
    user_model_unref(model);
}
END_TEST

START_TEST(test_replies)
{
    setup();
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ReasonPath paths[2];
    const ModelEntry *const *entries = (const ModelEntry *const *)model->entries;
    const char *fault = reason_parse(text_of("Here:\n```json\n{\"paths\":[{\"item\":\"2\",\"reasoning\":\"["
                                             "kind: war]\\nhas \\\"classic\\\" in 1 of 2 (50%).\"},"
                                             "{\"item\":5,\"reasoning\":\"x\"}]}\n```"),
                                     &context, entries, 2, &arena, paths);
    ck_assert_str_eq(fault, "item 1: has no reasoning");
    ck_assert_ptr_null(paths[1].fault);
    ck_assert(text_equal_string(
        paths[1].text, "[kind: war] has \"classic\" in 1 of 2 (50%). So the rating is \"classic\"."));
    ck_assert_str_eq(reason_parse(text_of("no"), &context, entries, 2, &arena, paths),
                     "it has no JSON object");
    user_model_unref(model);
}
END_TEST

/* Words of another item of the same call do not pass, those of the item itself do. */
START_TEST(test_items_of_a_call_are_not_mixed)
{
    static const FixtureItem two[] = {
        {.query = "Two men strangle their former classmate and host a dinner party.",
         .answer = "classic",
         .features = "party"},
        {.query = "A cop becomes the hunted man of the dinner party.",
         .answer = "classic",
         .features = "cop"},
    };
    static const char reply[] = "{\"paths\":[{\"item\":1,\"reasoning\":\"Men who strangle their former "
                                "classmate and host a dinner are "
                                "classic.\"},{\"item\":2,\"reasoning\":\"Since two men strangle their former "
                                "classmate and host a dinner, "
                                "it is classic.\"}]}";
    UserModel *mixed = fixture_model(&task, two, ARRAY_SIZE(two));
    const ReasonContext about = {&stage_plugin, mixed, 0};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ReasonPath paths[2];
    const ModelEntry *const *entries = (const ModelEntry *const *)mixed->entries;
    ck_assert_str_eq(reason_parse(text_of(reply), &about, entries, 2, &arena, paths),
                     "item 1: speaks of another item: \"two men strangle their former\"");
    ck_assert_ptr_null(paths[0].fault);
    user_model_unref(mixed);
}
END_TEST

START_TEST(test_long_paths_end_with_a_sentence)
{
    setup();
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_buffer_ Buffer reply = BUFFER_INIT;
    ReasonPath path;
    const ModelEntry *const entry = model->entries[0];
    buffer_append_string(
        &reply, "{\"paths\":[{\"item\":1,\"reasoning\":\"[kind: war] has \\\"classic\\\" in 1 of 2 (50%).");
    while (reply.length < 2 * REASON_PATH_LIMIT)
        buffer_append_string(&reply, " And so on and on.");
    buffer_append_string(&reply, "\"}]}");
    ck_assert_ptr_null(
        reason_parse((rpmd_text){reply.data, reply.length}, &context, &entry, 1, &arena, &path));
    ck_assert_uint_le(path.text.length, REASON_PATH_LIMIT + 40);
    ck_assert_ptr_nonnull(strstr(path.text.data, "on and on. So the rating is \"classic\"."));
    user_model_unref(model);
}
END_TEST

UNIT_TESTS("llm/reason", test_ask, test_paths, test_citations_are_added, test_replies,
           test_items_of_a_call_are_not_mixed, test_long_paths_end_with_a_sentence)
