/* SPDX-License-Identifier: MIT */
#include "tests/unit/movie_tagging/plugin_under_test.h"
#include "tests/unit/unit.h"

static const char *const replies[][2] = {
    {"comedy", "comedy"},
    {"Tag: Sci-Fi.", "sci-fi"},
    {"**comedy**", "comedy"},
    {"sci fi", "sci-fi"},
    {"Science fiction", "sci-fi"},
    {"SciFi", "sci-fi"},
    {"`dark comedy`", "dark comedy"},
    {"Black Comedy!", "dark comedy"},
    {"\"Thought provoking\"", "thought-provoking"},
    {"based on a book\n", "based on a book"},
    {"It is based on a true story.", "true story"},
    {"the answer is twist ending because of the last scene", "twist ending"},
    {"It could be comedy, but the answer is twist ending.", "twist ending"},
    {"Tag: romance (not comedy)", "romance"},
    {"romance rather than comedy", "romance"},
    {"Not a comedy: violence", "violence"},
    {"comedy, comedy and again comedy", "comedy"},
    {"I weighed action and romance.\nAnswer: action", "action"},
    {"Tag: comedy? No. Final answer: drama-free romance", "romance"},
    {"comedy or romance", "(no match)"},
    {"I cannot say.", "(no match)"},
    {"", "(no match)"},
    {"   \n", "(no match)"},
    {"***", "(no match)"},
    {"\xf0\x9f\x8e\xac", "(no match)"},
    {"comedyish actions", "(no match)"},
    {"none of the tags: not comedy", "(no match)"},
};

START_TEST(test_replies)
{
    PluginUnderTest self;

    under_test_init(&self, "movie_tagging");
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        const char *answer = under_test_parse(&self, replies[i][0]);

        ck_assert_msg(strcmp(answer, replies[i][1]) == 0, "\"%s\" gave \"%s\", expected \"%s\"",
                      replies[i][0], answer, replies[i][1]);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_each_label_parses_to_itself)
{
    PluginUnderTest self;
    size_t count = 0;

    under_test_init(&self, "movie_tagging");
    for (const char *const *label = self.plugin->labels; *label != NULL; label++, count++)
        ck_assert_str_eq(under_test_parse(&self, *label), *label);
    ck_assert_uint_eq(count, 15);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_a_long_reply_and_no_memory)
{
    PluginUnderTest self;
    char *reply = malloc(65537);

    ck_assert_ptr_nonnull(reply);
    under_test_init(&self, "movie_tagging");
    for (size_t i = 0; i < 65536; i++)
        reply[i] = i % 2 == 0 ? 'a' : ' ';
    reply[65536] = '\0';
    ck_assert_str_eq(under_test_parse(&self, reply), "(no match)");
    self.memory_limit = 16;
    ck_assert_str_eq(under_test_parse(&self, "comedy"), "(failed)");
    free(reply);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_self_tests_hold)
{
    PluginUnderTest self;

    under_test_init(&self, "movie_tagging");
    for (size_t i = 0; i < self.plugin->self_test_count; i++) {
        const rpmd_self_test *test = &self.plugin->self_tests[i];

        ck_assert_int_eq(under_test_extract(&self, text_from(test->query)), RPMD_DONE);
        ck_assert(under_test_is_sound(&self, text_from(test->query)));
        for (const char *const *name = test->expected_features; name != NULL && *name != NULL; name++)
            ck_assert_msg(under_test_feature(&self, *name) != NULL, "\"%s\" lacks \"%s\"", test->query,
                          *name);
        if (test->reply != NULL)
            ck_assert_str_eq(under_test_parse(&self, test->reply),
                             test->expected_answer != NULL ? test->expected_answer : "(no match)");
    }
    under_test_finish(&self);
}
END_TEST

UNIT_TESTS("movie_tagging/answer", test_replies, test_each_label_parses_to_itself,
           test_a_long_reply_and_no_memory, test_self_tests_hold)
