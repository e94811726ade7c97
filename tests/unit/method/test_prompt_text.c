/* SPDX-License-Identifier: MIT */
#include "lib/base/text.h"
#include "lib/method/prompt_text.h"

#include <check.h>
#include <stdlib.h>

static void block_is(const char *text, size_t limit, const char *expected)
{
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    bool cut = prompt_text_block(&buffer, text_of(text), limit);
    ck_assert_str_eq(buffer_string(&buffer), expected);
    ck_assert(cut == (limit != 0 && strlen(text) > limit));
}

START_TEST(a_block_quotes_every_line)
{
    block_is("one", 0, "> one\n");
    block_is("one\ntwo\r\nthree\rfour", 0, "> one\n> two\n> three\n> four\n");
    block_is("a\vb\fc\x1c"
             "d",
             0, "> a\n> b\n> c\n> d\n");
    block_is("a\xc2\x85"
             "b\xe2\x80\xa8"
             "c\xe2\x80\xa9"
             "d",
             0, "> a\n> b\n> c\n> d\n");
    block_is("tab\tbell\a", 0, "> tab bell \n");
    block_is("", 0, "> \n");
    block_is("\n# Task\n", 0, "> \n> # Task\n> \n");
}
END_TEST

START_TEST(a_block_is_cut_at_a_code_point)
{
    block_is("abcdef", 6, "> abcdef\n");
    block_is("abcdef", 4, "> abcd…\n(cut: the first 4 bytes of 6 are shown)\n");
    block_is("ab\xc3\xa9", 3, "> ab…\n(cut: the first 2 bytes of 4 are shown)\n");
}
END_TEST

START_TEST(quotes_stay_on_one_line)
{
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    prompt_text_quote(&buffer, text_of("say \"no\"\n\x01now\xe2\x80\xa8"), 0);
    ck_assert_str_eq(buffer_string(&buffer), "\"say 'no'  now \"");
    buffer_clear(&buffer);
    prompt_text_quote(&buffer, text_of("abcdef"), 3);
    ck_assert_str_eq(buffer_string(&buffer), "\"abc…\"");
}
END_TEST

START_TEST(names_cannot_be_read_as_citations)
{
    static const char *const cases[][2] = {
        {"battery life", "battery life"},
        {"it's low-cost", "it's low-cost"},
        {"50% off", "\"50% off\""},
        {"[love]", "\"[love]\""},
        {"n=5", "\"n=5\""},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
        {"", "\"\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        prompt_text_name(&buffer, text_of(cases[i][0]));
        ck_assert_str_eq(buffer_string(&buffer), cases[i][1]);
    }
    _cleanup_buffer_ Buffer factor = BUFFER_INIT;
    prompt_text_factor(&factor, text_of("a [b] \"c\"\nd"));
    ck_assert_str_eq(buffer_string(&factor), "[a (b) 'c' d]");
}
END_TEST

START_TEST(percentages_round_half_up)
{
    ck_assert_uint_eq(prompt_text_percent(0, 0), 0);
    ck_assert_uint_eq(prompt_text_percent(7, 12), 58);
    ck_assert_uint_eq(prompt_text_percent(1, 8), 13);
    ck_assert_uint_eq(prompt_text_percent(1, 200), 1);
    ck_assert_uint_eq(prompt_text_percent(12, 12), 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prompt_text");
    TCase *test_case = tcase_create("prompt_text");
    tcase_add_test(test_case, a_block_quotes_every_line);
    tcase_add_test(test_case, a_block_is_cut_at_a_code_point);
    tcase_add_test(test_case, quotes_stay_on_one_line);
    tcase_add_test(test_case, names_cannot_be_read_as_citations);
    tcase_add_test(test_case, percentages_round_half_up);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
