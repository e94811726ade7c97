/* SPDX-License-Identifier: MIT */
#include "tests/unit/movie_tagging/plugin_under_test.h"
#include "tests/unit/unit.h"

#define NONE "(no match)"

static const char *const replies[][2] = {
    {"4", "4"},
    {"1", "1"},
    {" 5\n", "5"},
    {"4.0", "4"},
    {"4,0", "4"},
    {"4/5", "4"},
    {"4.0/5", "4"},
    {"4 out of 5", "4"},
    {"four out of five", "4"},
    {"Rating: 4 stars", "4"},
    {"**5**", "5"},
    {"5!", "5"},
    {"I'd give it a 3", "3"},
    {"four", "4"},
    {"Two stars.", "2"},
    {"one star", "1"},
    {"★★★★☆", "4"},
    {"Score: 3.", "3"},
    {"On a scale of 1 to 5, I rate this 2.", "2"},
    {"From 1 to 5: 4", "4"},
    {"Out of 5: 4", "4"},
    {"The answer is 5 because 3 features are liked.", "5"},
    {"Similar items got 5, 5 and 4.\nSo the rating is 5.", "5"},
    {"n is 12 and the share 80%. Final answer: **2**", "2"},
    {"4 - good, but one of the seams is loose", "4"},
    {"Stars: 4/5. The user gave 5 before.", "4"},
    /* Between two ratings, or outside the scale. */
    {"3-4", NONE},
    {"4\xe2\x80\x93"
     "5",
     NONE},
    {"3 or 4", NONE},
    {"3 to 4", NONE},
    {"between 3 and 4", NONE},
    {"4.5", NONE},
    {"It's a 2.5", NONE},
    {"0", NONE},
    {"6", NONE},
    {"10", NONE},
    {"45", NONE},
    {"-3", NONE},
    {"4/10", NONE},
    {"8 out of 10", NONE},
    {"★★★★★★", NONE},
    /* Several, and no word that says which. */
    {"1, no, 2", NONE},
    {"5, 4", NONE},
    {"one of the best", NONE},
    {"I cannot say.", NONE},
    {"no rating", NONE},
    {"out of 5", NONE},
    {"", NONE},
    {"  \n", NONE},
    {"...", NONE},
    {"\xf0\x9f\x91\x8d", NONE},
};

START_TEST(test_replies)
{
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        const char *answer = under_test_parse(&self, replies[i][0]);

        ck_assert_msg(strcmp(answer, replies[i][1]) == 0, "\"%s\" gave \"%s\", expected \"%s\"",
                      replies[i][0], answer, replies[i][1]);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_a_long_reply_and_no_memory)
{
    PluginUnderTest self;
    char *reply = malloc(65537);

    ck_assert_ptr_nonnull(reply);
    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < 65536; i++)
        reply[i] = i % 2 == 0 ? '3' : '-';
    reply[65536] = '\0';
    ck_assert_str_eq(under_test_parse(&self, reply), NONE);
    self.memory_limit = 16;
    ck_assert_str_eq(under_test_parse(&self, "4"), "(failed)");
    free(reply);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_self_tests_hold)
{
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < self.plugin->self_test_count; i++) {
        const rpmd_self_test *test = &self.plugin->self_tests[i];

        ck_assert_int_eq(under_test_extract(&self, text_from(test->query)), RPMD_DONE);
        ck_assert(under_test_is_sound(&self, text_from(test->query)));
        for (const char *const *name = test->expected_features; name != NULL && *name != NULL; name++)
            ck_assert_msg(under_test_feature(&self, *name) != NULL, "\"%s\" lacks \"%s\"", test->query,
                          *name);
        if (test->reply != NULL)
            ck_assert_str_eq(under_test_parse(&self, test->reply),
                             test->expected_answer != NULL ? test->expected_answer : NONE);
    }
    under_test_finish(&self);
}
END_TEST

UNIT_TESTS("product_rating/answer", test_replies, test_a_long_reply_and_no_memory, test_self_tests_hold)
