/* SPDX-License-Identifier: MIT */
#include "lib/base/buffer.h"
#include "lib/base/text.h"
#include "lib/method/citation.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const CitationShare war_shares[] = {
    {.answer = {"classic", 7}, .part = 7, .whole = 12, .smoothed = 0.55},
    {.answer = {"action", 6}, .part = 5, .whole = 12, .smoothed = 0.40},
};
static const CitationShare all_shares[] = {
    {.answer = {"classic", 7}, .part = 10, .whole = 29, .smoothed = -1},
};
static const CitationFact facts[] = {
    {.name = {"war [films]", 11}, .items = 12, .influence = 20, .shares = war_shares, .share_count = 2},
    {.name = {CITATION_ALL_ITEMS, 14}, .items = 29, .shares = all_shares, .share_count = 1},
};

/* The first violation of a text, or NULL; valid until the next call. */
static const char *check_text(const char *text)
{
    static char first[512];
    _cleanup_arena_ Arena arena = ARENA_INIT;
    CitationReport report = {0};
    citation_check(text_of(text), facts, 2, &arena, &report);
    if (report.count == 0)
        return NULL;
    snprintf(first, sizeof(first), "%s", report.violations[0]);
    return first;
}

START_TEST(true_citations_pass)
{
    static const char *const texts[] = {
        "",
        "No citation at all, in 1941 or 2.5 times.",
        "Of [war (films)] n=12 items, \"classic\" 58% (7 of 12).",
        "[war (films)] n = 12: \"classic\": 58%, \"action\" 42%.",
        "[war (films)] was \"classic\" in 58.3 percent of its items, smoothed 55%.",
        "[war (films)]: 7 out of 12; over [all past items] 10 of 29 (34%).",
        "Over all, 10 of all 29 items are \"classic\".",
        "> [no factor] 99% of it, n=7, is data\n",
        "[war (films)] has \"99% [no factor] n=3\" in its text.",
        "[war (films)] 7 of them",
        "[war (films)] (n=12, influence = 20)",
        "an n-gram, n = many, and b2b 12",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *wrong = check_text(texts[i]);
        ck_assert_msg(wrong == NULL, "\"%s\": %s", texts[i], wrong);
    }
}
END_TEST

START_TEST(false_citations_are_told)
{
    static const struct {
        const char *text;
        const char *violation;
    } cases[] = {
        {"[love] n=3", "[love] is cited, but the user's model has no such factor."},
        {"[war (films)] n=13", "\"n=13\" is cited for [war (films)], whose statistics have another number."},
        {"[war (films)] 59%", "59% is cited for [war (films)], whose statistics have no such share."},
        {"[war (films)] 58.4%", "58.4% is cited for [war (films)], whose statistics have no such share."},
        {"[war (films)] \"action\" 58%",
         "58% is cited for [war (films)], whose statistics have no such share."},
        {"[war (films)] 6 of 12",
         "\"6 of 12\" is cited for [war (films)], whose statistics have no such count."},
        {"[war (films)] \"action\" in 7 of 12",
         "\"7 of 12\" is cited for [war (films)], whose statistics have no such count."},
        {"[all past items] 7 of 12",
         "\"7 of 12\" is cited for [all past items], whose statistics have no such count."},
        {"[war (films)] 58%\nand then 58% again",
         "58% is cited for no factor, whose statistics have no such share."},
        {"n=12", "\"n=12\" is cited for no factor, whose statistics have another number."},
        {"[war (films)] influence=21",
         "\"influence=21\" is cited for [war (films)], whose statistics have another number."},
        {" > [love] is not quoted", "[love] is cited, but the user's model has no such factor."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *wrong = check_text(cases[i].text);
        ck_assert_msg(wrong != NULL, "\"%s\" passed", cases[i].text);
        ck_assert_str_eq(wrong, cases[i].violation);
    }
}
END_TEST

START_TEST(hostile_texts_end)
{
    ck_assert_ptr_null(check_text("[war (films)"));
    ck_assert_ptr_nonnull(check_text("\"open [love] 99"));
    ck_assert_ptr_nonnull(check_text("[] 1%"));
    ck_assert_ptr_nonnull(check_text("99999999999999999999%"));

    _cleanup_arena_ Arena arena = ARENA_INIT;
    CitationReport report = {0};
    _cleanup_buffer_ Buffer many = BUFFER_INIT;
    for (int i = 0; i < 1000; i++)
        buffer_append_string(&many, "[love] ");
    citation_check(text_of(buffer_string(&many)), facts, 2, &arena, &report);
    ck_assert_uint_eq(report.count, CITATION_VIOLATION_LIMIT);
    ck_assert_uint_eq(report.factors, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("citation");
    TCase *test_case = tcase_create("citation");
    tcase_add_test(test_case, true_citations_pass);
    tcase_add_test(test_case, false_citations_are_told);
    tcase_add_test(test_case, hostile_texts_end);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
