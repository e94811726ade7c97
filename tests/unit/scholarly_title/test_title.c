/* SPDX-License-Identifier: MIT */
#include "tests/unit/movie_tagging/plugin_under_test.h"
#include "tests/unit/unit.h"

static const char *const replies[][2] = {
    {"Bread Ovens", "Bread Ovens"},
    {"\"Bread Ovens\"", "Bread Ovens"},
    {"'Bread Ovens'.", "Bread Ovens"},
    {"Title: Bread Ovens", "Bread Ovens"},
    {"**Title:** Bread Ovens", "Bread Ovens"},
    {"**Title: Bread Ovens**", "Bread Ovens"},
    {"**\"Bread Ovens: A Survey\"**", "Bread Ovens: A Survey"},
    {"# Bread Ovens", "Bread Ovens"},
    {"- Bread Ovens.", "Bread Ovens"},
    {"\xe2\x80\x9c"
     "Bread Ovens.\xe2\x80\x9d",
     "Bread Ovens"},
    {"The title is: \"Bread Ovens\".", "Bread Ovens"},
    {"Here is a title:\n\n\"Bread Ovens\"\n\nIt is short.", "Bread Ovens"},
    {"Title:\nBread Ovens", "Bread Ovens"},
    {"\r\nBread Ovens\r\nMore text", "Bread Ovens"},
    {"What Do Ovens Want?", "What Do Ovens Want?"},
    {"Bread and so on ...", "Bread and so on ..."},
    {"C++ for *Bread*", "C++ for *Bread*"},
    {"", "(no match)"},
    {"  \n ", "(no match)"},
    {"\"\"", "(no match)"},
    {"***", "(no match)"},
    {"Title:", "(no match)"},
    {"1.", "(no match)"},
};

START_TEST(test_replies)
{
    PluginUnderTest self;

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        const char *answer = under_test_parse(&self, replies[i][0]);

        ck_assert_msg(strcmp(answer, replies[i][1]) == 0, "\"%s\" gave \"%s\", expected \"%s\"",
                      replies[i][0], answer, replies[i][1]);
    }
    under_test_finish(&self);
}
END_TEST

/* All traits of a title, in the order in which they are emitted, parted by "; ". */
static const char *const traits[][2] = {
    {"Bread Ovens", "up to 6 words; title case"},
    {"BREAD: Baking Robots Eat All Dough", "up to 6 words; colon; name before the colon; gerund after the "
                                           "colon; acronym or coined name; title case"},
    {"Learning to bake bread for hungry robots", "7-10 words; gerund start; sentence case; connector for"},
    {"Do Ovens Dream?", "up to 6 words; question; title case"},
    {"Towards 3 Low-Cost Ovens", "up to 6 words; number; hyphenated compound; title case; towards"},
    {"A Survey of Ovens via Smoke with Salt from Grain using Heat in Towns by Night",
     "15 or more words; article start; title case; connector via; connector with; connector from; connector "
     "using; connector by; connector in; "
     "a study or survey"},
    {"On the ovens that bake all the bread of one small town", "11-14 words; on start; sentence case"},
    {"String ovens", "up to 6 words; sentence case"},
    {"Ovens and Bread: a long story of a slow fire", "7-10 words; colon; sentence case"},
    {"?", ""},
};

START_TEST(test_traits)
{
    PluginUnderTest self;
    rpmd_query query = {.struct_size = sizeof(query), .text = {"x", 1}};

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++) {
        char names[1024] = "";

        under_test_reset(&self);
        ck_assert_int_eq(self.plugin->describe_answer(&self.call, &query, text_from(traits[i][0])),
                         RPMD_DONE);
        for (size_t t = 0; t < self.trait_count; t++) {
            size_t used = strlen(names);

            ck_assert_uint_gt(self.traits[t].meaning.length, 0);
            snprintf(names + used, sizeof(names) - used, "%s%s", t > 0 ? "; " : "", self.traits[t].name.data);
        }
        ck_assert_msg(strcmp(names, traits[i][1]) == 0, "\"%s\" has \"%s\", expected \"%s\"", traits[i][0],
                      names, traits[i][1]);
    }
    under_test_finish(&self);
}
END_TEST

typedef struct Verdict {
    const char *category, *name, *context, *title;
    int influenced, polarity;
} Verdict;

static const Verdict verdicts[] = {
    {"key phrase", "bread ovens", "x", "Bread Oven Design", 1, 1},
    {"key phrase", "bread ovens", "x", "Ovens: Baking Bread", 1, 1},
    {"key phrase", "bread ovens", "x", "Heat Shields for Bread-Oven Doors", 1, 0},
    {"key phrase", "bread ovens", "x", "Heat: Shields for Bread Ovens", 1, 0},
    {"key phrase", "bread ovens", "x", "Heat Shields for Doors", 0, 0},
    {"key phrase", "bread ovens", "x", "A Bread Shield", 0, 0},
    {"key phrase", "hot bread ovens", "x", "Bread Ovens", 1, 1},
    {"key phrase", "hot bread ovens", "x", "Bread Knives", 0, 0},
    {"key phrase", "bread ovens", "x", "Life without Bread Ovens", 1, -1},
    {"key phrase", "bread ovens", "x", "Beyond Bread Ovens", 1, -1},
    {"key phrase", "bread ovens", "x", "The Limits of Bread Ovens", 1, -1},
    {"key phrase", "bread ovens", "x", "Rethinking the Bread Oven", 1, -1},
    {"key phrase", "bread", "x", "Bread-Free Kitchens", 1, -1},
    {"key phrase", "wide oven networks", "x", "WONs for Cakes", 1, 1},
    {"key phrase", "wide oven networks", "x", "Who won?", 0, 0},
    {"named system", "won", "wide oven networks", "WON: Baking at Scale", 1, 1},
    {"named system", "won", "wide oven networks", "Wide Oven Networks for Cakes", 1, 1},
    {"contribution", "survey", "x", "Ovens: A Survey", 1, 1},
    {"contribution", "survey", "x", "Ovens", 0, 0},
    {"contribution", "dataset or benchmark", "x", "An Oven Corpus", 1, 1},
    {"key phrase", "bread", "x", "", 0, 0},
};

START_TEST(test_judge)
{
    PluginUnderTest self;
    rpmd_query query = {.struct_size = sizeof(query), .text = {"x", 1}};

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        const Verdict *verdict = &verdicts[i];
        rpmd_judgement judgement = {.struct_size = sizeof(judgement)};
        rpmd_feature feature = {.struct_size = sizeof(feature),
                                .name = text_from(verdict->name),
                                .context = text_from(verdict->context),
                                .category = text_from(verdict->category)};

        under_test_reset(&self);
        ck_assert_int_eq(
            self.plugin->judge(&self.call, &query, text_from(verdict->title), &feature, 1, &judgement),
            RPMD_DONE);
        ck_assert_msg(judgement.influenced == verdict->influenced &&
                          (!judgement.influenced || judgement.polarity == verdict->polarity),
                      "\"%s\" in \"%s\": influenced %d, polarity %d", verdict->name, verdict->title,
                      judgement.influenced, judgement.polarity);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_long_titles)
{
    PluginUnderTest self;
    char title[16384];
    rpmd_query query = {.struct_size = sizeof(query), .text = {"x", 1}};
    rpmd_feature feature = {.struct_size = sizeof(feature),
                            .name = text_from("bread"),
                            .context = text_from("x"),
                            .category = text_from("key phrase")};
    rpmd_judgement judgement = {.struct_size = sizeof(judgement)};

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < sizeof(title); i++)
        title[i] = i % 2 == 0 ? 'a' : '-';
    ck_assert_int_eq(
        self.plugin->judge(&self.call, &query, (rpmd_text){title, sizeof(title)}, &feature, 1, &judgement),
        RPMD_DONE);
    ck_assert_int_eq(judgement.influenced, 0);
    ck_assert_int_eq(self.plugin->describe_answer(&self.call, &query, (rpmd_text){title, sizeof(title)}),
                     RPMD_DONE);
    under_test_finish(&self);
}
END_TEST

UNIT_TESTS("scholarly_title/title", test_replies, test_traits, test_judge, test_long_titles)
