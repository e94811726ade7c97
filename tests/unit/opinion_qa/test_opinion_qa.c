/* SPDX-License-Identifier: MIT */
#include "lib/base/text.h"
#include "tests/unit/movie_tagging/plugin_under_test.h"
#include "tests/unit/unit.h"

#include <math.h>

#define OPTIONS_MAX 12

/* A query of the plugin with options; the array ends with NULL. */
static rpmd_query make_query(const char *text, const char *const *options, rpmd_text *storage)
{
    rpmd_query query = {.struct_size = sizeof(query), .text = text_of(text), .options = storage};
    for (; options && options[query.option_count]; query.option_count++)
        storage[query.option_count] = text_of(options[query.option_count]);
    return query;
}

static void check_class(PluginUnderTest *self, const char *const *options, size_t index, const char *expected,
                        float position)
{
    rpmd_text storage[OPTIONS_MAX];
    rpmd_query query = make_query("A question?", options, storage);
    rpmd_option_class result = {.struct_size = sizeof(result)};
    ck_assert_int_eq(self->plugin->option_class(&self->call, &query, index, &result), RPMD_DONE);
    ck_assert_msg(text_equal_string(result.answer_class, expected), "%s: %.*s, not %s", options[index],
                  TEXT_ARGS(result.answer_class), expected);
    if (isnan(position))
        ck_assert(isnan(result.position));
    else
        ck_assert_float_eq(result.position, position);
}

START_TEST(test_worded_classes)
{
    static const struct {
        const char *option, *expected;
        float position;
    } cases[] = {
        {"Very favorable", "strongly positive", 1},
        {"Somewhat favorable", "mildly positive", 0.5F},
        {"Somewhat unfavorable", "mildly negative", -0.5F},
        {"Very unfavorable", "strongly negative", -1},
        {"Approve", "positive", 0.75F},
        {"Disapprove", "negative", -0.75F},
        {"Strongly disagree", "strongly negative", -1},
        {"Disagree strongly", "strongly negative", -1},
        {"Mostly agree", "mildly positive", 0.5F},
        {"Not too well", "mildly negative", -0.5F},
        {"Not well at all", "strongly negative", -1},
        {"Not at all well", "strongly negative", -1},
        {"A great deal", "very much", 1},
        {"A fair amount", "somewhat", 0.25F},
        {"Some confidence", "somewhat", 0.25F},
        {"Not too much confidence", "little", -0.5F},
        {"No confidence at all", "not at all", -1},
        {"Not a problem at all", "not at all", -1},
        {"Major threat", "very much", 1},
        {"Minor threat", "little", -0.5F},
        {"Not a threat", "not at all", -1},
        {"Often", "very much", 1},
        {"Hardly ever", "little", -0.5F},
        {"Never", "not at all", -1},
        {"Will probably happen", "somewhat", 0.25F},
        {"Will definitely not happen", "not at all", -1},
        {"Neither good nor bad", "neutral", 0},
        {"No change (VOL)", "neutral", 0},
        {"About the same", "neutral", 0},
        {"Yes, likely", "yes", 1},
        {"No, not likely", "no", -1},
    };
    PluginUnderTest self;
    under_test_init(&self, "opinion_qa");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_class(&self, (const char *const[]){cases[i].option, "Another", NULL}, 0, cases[i].expected,
                    cases[i].position);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_answers_that_are_none)
{
    static const char *const unknown[] = {"Don't know", "DK/Refused", "Not sure", "I do not know"};
    static const char *const missing[] = {"No answer", "Other missing; Multiple answers Mail (EVS)",
                                          "Missing; Unknown", "Hard to say"};
    PluginUnderTest self;
    under_test_init(&self, "opinion_qa");
    for (size_t i = 0; i < 4; i++) {
        check_class(&self, (const char *const[]){"Yes", unknown[i], NULL}, 1, "does not know", NAN);
        check_class(&self, (const char *const[]){"Yes", missing[i], NULL}, 1, "no answer", NAN);
    }
    under_test_finish(&self);
}
END_TEST

/* Bare numbers between named ends are places on a scale; refusals behind them do not count. */
START_TEST(test_numbers)
{
    static const char *const scale[] = {"Never justifiable",  "2",          "3", "4", "5", "6", "7",
                                        "Always justifiable", "Don't know", NULL};
    PluginUnderTest self;
    under_test_init(&self, "opinion_qa");
    check_class(&self, scale, 0, "low end of the scale", -1);
    check_class(&self, scale, 1, "lower part of the scale", 2.0F / 7 - 1);
    check_class(&self, scale, 7, "high end of the scale", 1);
    check_class(&self, scale, 8, "does not know", NAN);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_contents_go_by_place)
{
    static const char *const countries[] = {"China", "Brazil", "Peru", "Chile", NULL};
    PluginUnderTest self;
    under_test_init(&self, "opinion_qa");
    check_class(&self, countries, 0, "the first choice", NAN);
    check_class(&self, countries, 2, "the third choice", NAN);
    check_class(&self, countries, 3, "a later choice", NAN);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_features_with_evidence)
{
    static const char question[] =
        "How worried are you that the police in our country misuse facial recognition? "
        "Think of Angela Merkel.";
    static const struct {
        const char *name, *category, *evidence;
    } expected[] = {
        {"worry", "dimension", "worried"},
        {"crime and justice", "topic", "police"},
        {"privacy and data", "topic", "facial recognition"},
        {"about the country", "scope", "our country"},
        {"angela merkel", "target", "Angela Merkel"},
    };
    PluginUnderTest self;
    rpmd_text storage[OPTIONS_MAX];
    rpmd_query query = make_query(question, NULL, storage);
    under_test_init(&self, "opinion_qa");
    ck_assert_int_eq(self.plugin->extract(&self.call, &query), RPMD_DONE);
    for (size_t e = 0; e < sizeof(expected) / sizeof(expected[0]); e++) {
        bool found = false;
        for (size_t f = 0; f < self.feature_count; f++)
            found |=
                text_equal_string(self.features[f].name, expected[e].name) &&
                text_equal_string(self.features[f].category, expected[e].category) &&
                text_equal_string(text_slice(query.text, self.features[f].evidence), expected[e].evidence);
        ck_assert_msg(found, "%s (%s) with \"%s\"", expected[e].name, expected[e].category,
                      expected[e].evidence);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_odd_questions)
{
    static const char *const questions[] = {"?", "\xf0\x9f\x98\x80", "A\r\nB", "Was halten Sie davon?"};
    rpmd_text storage[OPTIONS_MAX];
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        PluginUnderTest self;
        rpmd_query query = make_query(questions[i], NULL, storage);
        under_test_init(&self, "opinion_qa");
        ck_assert_int_eq(self.plugin->extract(&self.call, &query), RPMD_DONE);
        for (size_t f = 0; f < self.feature_count; f++)
            ck_assert_uint_le(self.features[f].evidence.end, query.text.length);
        under_test_finish(&self);
    }
}
END_TEST

START_TEST(test_replies)
{
    static const char *const options[] = {"Agree",        "Agree strongly", "Disagree", "Not a threat",
                                          "Minor threat", "Don't know",     NULL};
    static const char *const cases[][2] = {
        {"Agree", "Agree"},
        {"agree strongly.", "Agree strongly"},
        {"I would answer: Agree strongly, because I do.", "Agree strongly"},
        {"**Disagree**", "Disagree"},
        {"It is not a threat", "Not a threat"},
        {"(b)", "Agree strongly"},
        {"3", "Disagree"},
        {"don\xe2\x80\x99t know", "Don't know"},
        {"I agree with some, but the answer is: disagree", "Disagree"},
        {"agree or disagree", NULL},
        {"z", NULL},
        {"", NULL},
        {"maybe", NULL},
    };
    rpmd_text storage[OPTIONS_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        PluginUnderTest self;
        rpmd_query query = make_query("A question?", options, storage);
        under_test_init(&self, "opinion_qa");
        int r = self.plugin->parse_answer(&self.call, &query, text_of(cases[i][0]));
        ck_assert_msg(r == (cases[i][1] ? RPMD_DONE : RPMD_NO_MATCH), "%s", cases[i][0]);
        if (cases[i][1])
            ck_assert_msg(text_equal_string(self.answer, cases[i][1]), "%s: %.*s", cases[i][0],
                          TEXT_ARGS(self.answer));
        under_test_finish(&self);
    }
}
END_TEST

UNIT_TESTS("opinion_qa", test_worded_classes, test_answers_that_are_none, test_numbers,
           test_contents_go_by_place, test_features_with_evidence, test_odd_questions, test_replies)
