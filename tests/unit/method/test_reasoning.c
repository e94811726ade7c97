/* SPDX-License-Identifier: MIT */
#include "lib/method/citation_model.h"
#include "lib/method/reasoning.h"
#include "lib/method/reasoning_text.h"
#include "tests/unit/method/prediction_fixture.h"

#include <check.h>
#include <stdlib.h>

static const rpmd_text labels[] = {{"classic", 7}, {"action", 6}, {"romance", 7}};
static const ModelTask label_task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 3, .extractor_version = {"1", 1}};
static const ModelTask text_task = {.answer_kind = RPMD_ANSWER_TEXT, .extractor_version = {"1", 1}};
static const ModelTask option_task = {.answer_kind = RPMD_ANSWER_OPTIONS, .extractor_version = {"1", 1}};
static const ReasoningTask film_words = {{"movie description", 17}, {"tag", 3}, 0};
static const ReasoningTask paper_words = {{"abstract", 8}, {"title", 5}, 0};

static const FixtureItem films[] = {
    {.query = "a war in winter", .answer = "classic", .features = "war|winter"},
    {.query = "the war and the general", .answer = "classic", .features = "war"},
    {.query = "a wedding by the sea", .answer = "romance", .features = "wedding"},
    {.query = "one more war", .answer = "action", .features = "war"},
    {.query = "a second wedding", .answer = "romance", .features = "wedding"},
    {.query = "a lone dog", .answer = "action", .features = "dog"},
};

static void check_items(const ModelTask *task, const ReasoningTask *words, const FixtureItem *items,
                        size_t count, const char *const *expected)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *model = fixture_model(task, items, count);
    for (uint32_t i = 0; i < count; i++) {
        CitationReport report = {0};
        rpmd_text text = reasoning_of_item(&arena, words, model, model->entries[i]);
        ck_assert_str_eq(text.data, expected[i]);
        citation_check_reasoning(text, model, words->smoothing, model->entries[i], &arena, &report);
        ck_assert_msg(report.count == 0, "%s: %s", text.data, report.count ? report.violations[0] : "");
    }
    user_model_unref(model);
}

START_TEST(past_items_are_reasoned_without_themselves)
{
    static const char *const expected[] = {
        "This movie description speaks of war and winter. [kind: war] points to this answer: \"classic\" in "
        "1 of 2 (50%) of the other movie descriptions that meet it, against [all past items] with "
        "\"classic\" in 1 of 5 (20%). The counts lean to \"action\", yet here the tag is \"classic\".",
        "This movie description speaks of war. [kind: war] points to this answer: \"classic\" in 1 of 2 "
        "(50%) of the other movie descriptions that meet it, against [all past items] with \"classic\" in 1 "
        "of 5 (20%). The counts lean to \"action\", yet here the tag is \"classic\".",
        "This movie description speaks of wedding. [kind: wedding] points to this answer: \"romance\" in 1 "
        "of 1 (100%) of the other movie descriptions that meet it, against [all past items] with \"romance\" "
        "in 1 of 5 (20%). So the tag is \"romance\".",
        "This movie description speaks of war. [kind: war] speaks against it: \"classic\" in 2 of 2 (100%), "
        "but \"action\" in 0 of 2 (0%). The counts lean to \"classic\", yet here the tag is \"action\".",
        "This movie description speaks of wedding. [kind: wedding] points to this answer: \"romance\" in 1 "
        "of 1 (100%) of the other movie descriptions that meet it, against [all past items] with \"romance\" "
        "in 1 of 5 (20%). So the tag is \"romance\".",
        "This movie description speaks of dog. Its features belong to no factor of this user; [all past "
        "items] have \"action\" in 1 of 5 (20%). The counts lean to \"classic\", yet here the tag is "
        "\"action\".",
    };
    check_items(&label_task, &film_words, films, ARRAY_SIZE(films), expected);
}
END_TEST

START_TEST(an_only_item_is_compared_with_nothing)
{
    static const char *const expected[] = {
        "This movie description speaks of war and winter. It is the only item of this user, so nothing can "
        "be compared with it; the tag is \"classic\"."};
    check_items(&label_task, &film_words, films, 1, expected);
    static const FixtureItem bare[] = {{.query = "?", .answer = "classic", .features = ""}};
    static const char *const nothing[] = {
        "This movie description has no feature that the task knows. It is the only item of this user, so "
        "nothing can be compared with it; the tag is \"classic\"."};
    check_items(&label_task, &film_words, bare, 1, nothing);
}
END_TEST

START_TEST(open_answers_are_reasoned_from_influence)
{
    static const FixtureItem papers[] = {
        {.query = "We rank parcels by graphs.",
         .answer = "Ranking Parcels",
         .features = "!parcels|graphs",
         .trait = "the title has no colon"},
        {.query = "We sort parcels.", .answer = "Parcels: A Study", .features = "!parcels"},
        {.query = "We draw graphs.",
         .answer = "Drawing",
         .features = "graphs",
         .trait = "the title has no colon"},
    };
    static const char *const expected[] = {
        "This abstract speaks of parcels and graphs. The title takes up parcels and leaves out graphs. "
        "[kind: parcels] (n=1, influence=1, 100% positive) usually shows in this user's answers; [kind: "
        "graphs] (n=1, influence=0) does not show here. In [all past items], 1 of 2 have what this one has: "
        "the title has no colon. So the title is \"Ranking Parcels\".",
        "This abstract speaks of parcels. The title takes up parcels. [kind: parcels] (n=1, influence=1, "
        "100% positive) usually shows in this user's answers. So the title is \"Parcels: A Study\".",
        "This abstract speaks of graphs. The title takes up none of them. [kind: graphs] (n=1, influence=0) "
        "does not show here. In [all past items], 1 of 2 have what this one has: the title has no colon. So "
        "the title is \"Drawing\".",
    };
    check_items(&text_task, &paper_words, papers, ARRAY_SIZE(papers), expected);
}
END_TEST

START_TEST(polarity_is_said)
{
    static const FixtureItem reviews[] = {{.query = "great sound, awful hinge, blue lid, nice case",
                                           .answer = "4",
                                           .features = "+sound|-hinge|lid|+case"}};
    static const ModelTask task = {.answer_kind = RPMD_ANSWER_ORDINAL,
                                   .ordinal_min = 1,
                                   .ordinal_max = 5,
                                   .extractor_version = {"1", 1}};
    static const ReasoningTask words = {{"review", 6}, {"score", 5}, 0};
    static const char *const expected[] = {
        "On the good side: sound and case; on the bad side: hinge; besides: lid. It is the only item of this "
        "user, so nothing can be compared with it; the score is \"4\"."};
    check_items(&task, &words, reviews, 1, expected);
}
END_TEST

START_TEST(an_unusual_tone_is_a_reason)
{
    static const FixtureItem reviews[] = {
        {.query = "good sound", .answer = "5", .features = "+sound"},
        {.query = "good lid", .answer = "5", .features = "+lid"},
        {.query = "bad hinge bad case", .answer = "2", .features = "-hinge|-case"},
    };
    static const ModelTask task = {.answer_kind = RPMD_ANSWER_ORDINAL,
                                   .ordinal_min = 1,
                                   .ordinal_max = 5,
                                   .extractor_version = {"1", 1}};
    static const ReasoningTask words = {{"review", 6}, {"score", 5}, 0};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *model = fixture_model(&task, reviews, ARRAY_SIZE(reviews));
    ck_assert_str_eq(reasoning_of_item(&arena, &words, model, model->entries[2]).data,
                     "On the bad side: hinge and case. Its features belong to no factor of this user; [all "
                     "past items] have \"2\" in 0 of 2 (0%). The counts lean to \"5\", but it is less "
                     "favourable than this user usually is: the score is \"2\".");
    user_model_unref(model);
}
END_TEST

START_TEST(options_are_said_with_their_class)
{
    static const rpmd_text options[] = {{"Yes", 3}, {"No", 2}};
    static const AnswerClass classes[] = {{{"agrees", 6}, 1}, {{"disagrees", 9}, -1}};
    static const FixtureItem opinions[] = {{.query = "more parks?",
                                            .answer = "Yes",
                                            .answer_class = "agrees",
                                            .features = "parks",
                                            .options = options,
                                            .option_classes = classes,
                                            .option_count = 2}};
    static const ReasoningTask words = {{"question", 8}, {"answer", 6}, 0};
    static const char *const expected[] = {
        "This question speaks of parks. It is the only item of this user, so nothing can be compared with "
        "it; the answer is \"Yes\", which counts as \"agrees\"."};
    check_items(&option_task, &words, opinions, 1, expected);
}
END_TEST

START_TEST(predictions_cite_what_moved_them)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *model = fixture_model(&label_task, films, ARRAY_SIZE(films));
    FixtureCase fixture;
    fixture_case_init(&fixture, model,
                      &(FixtureItem){.query = "their wedding in the war", .features = "wedding|war|peace"}, 2,
                      NULL);
    rpmd_text text = reasoning_of_prediction(&arena, &film_words, &fixture.request, &fixture.prediction);
    ck_assert_str_eq(text.data,
                     "This movie description speaks of wedding, war and peace (\"their\"). [kind: wedding] "
                     "raises the odds of \"romance\": \"romance\" in 2 of 2 (100%), \"action\" in 0 of 2 "
                     "(0%). [kind: war] lowers the odds of \"romance\": \"romance\" in 0 of 3 (0%), "
                     "\"action\" in 1 of 3 (33%). The like movie description \"a second wedding\", which "
                     "shares wedding, got \"romance\". The like movie description \"one more war\", which "
                     "shares war, got \"action\". So the tag is \"romance\"; the next likely is \"action\".");
    fixture_case_finish(&fixture);
    user_model_unref(model);
}
END_TEST

START_TEST(nouns_have_plurals)
{
    static const char *const cases[][2] = {{"tag", "tags"},      {"story", "stories"},   {"essay", "essays"},
                                           {"class", "classes"}, {"sketch", "sketches"}, {"y", "ys"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        reasoning_plural(&buffer, text_of(cases[i][0]));
        ck_assert_str_eq(buffer_string(&buffer), cases[i][1]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reasoning");
    TCase *test_case = tcase_create("reasoning");
    tcase_add_test(test_case, past_items_are_reasoned_without_themselves);
    tcase_add_test(test_case, an_only_item_is_compared_with_nothing);
    tcase_add_test(test_case, open_answers_are_reasoned_from_influence);
    tcase_add_test(test_case, polarity_is_said);
    tcase_add_test(test_case, an_unusual_tone_is_a_reason);
    tcase_add_test(test_case, options_are_said_with_their_class);
    tcase_add_test(test_case, predictions_cite_what_moved_them);
    tcase_add_test(test_case, nouns_have_plurals);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
