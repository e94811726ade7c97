/* SPDX-License-Identifier: MIT */
#include "tests/unit/movie_tagging/plugin_under_test.h"
#include "tests/unit/unit.h"

typedef struct Expectation {
    const char *text, *category, *name, *evidence; /* evidence NULL: the feature must not be there */
} Expectation;

#define KITES                                                                                                \
    "Kite steering is hard in gusty wind. We address the problem of kite steering with short lines. We "     \
    "propose Wind Aware "                                                                                    \
    "Steering (WAS), a new algorithm based on tether tension. WAS outperforms manual kite steering on the "  \
    "GustyBay dataset."

static const Expectation expectations[] = {
    {KITES, "key phrase", "kite steering", "Kite steering"},
    {KITES, "problem", "kite steering", "kite steering"},
    {KITES, "contribution", "new method", "We propose"},
    {KITES, "method", "tether tension", "tether tension"},
    {KITES, "evaluation", "outperforms earlier work", "outperforms"},
    {KITES, "evaluation", "gustybay", "GustyBay"},
    {KITES, "named system", "was", "WAS"},
    {KITES, "contribution", "survey", NULL},
    {KITES, "contribution", "theory", NULL},
    /* contribution types */
    {"We survey forty years of bread.", "contribution", "survey", "We survey"},
    {"We prove a lower bound for bread.", "contribution", "theory", "We prove"},
    {"We release a new corpus of bread recipes.", "contribution", "dataset or benchmark", "We release"},
    {"We revisit the toaster experiments.", "contribution", "replication", "We revisit"},
    {"An open-source toolkit for bakers.", "contribution", "system or tool", "open-source"},
    {"A comparative study of ovens.", "contribution", "empirical study", "comparative study"},
    {"We argue that ovens matter.", "contribution", "position", "We argue"},
    /* prefixes, hyphens */
    {"Replicating the toaster experiments.", "contribution", "replication", "Replicating"},
    {"It beats state-of-the-art ovens.", "evaluation", "state of the art", "state-of-the-art"},
    {"It beats the state of the art.", "evaluation", "state of the art", "state of the art"},
    {"A replica of an oven.", "contribution", "replication", NULL},
    /* named systems */
    {"We introduce BreadFormer, which bakes.", "named system", "breadformer", "BreadFormer"},
    {"The oven uses fast convection heating (FCH) well.", "named system", "fch", "FCH"},
    {"The McCallum oven is old.", "named system", "mccallum", NULL},
    {"The NASA oven is old.", "named system", "nasa", NULL},
    {"We propose ovens (see above).", "named system", "see", NULL},
    /* a noun phrase ends at function words and punctuation */
    {"We tackle crumb detection, which is hard.", "problem", "crumb detection", "crumb detection"},
    {"We tackle it.", "problem", "it", NULL},
};

static const rpmd_feature *find(const PluginUnderTest *self, const char *category, const char *name)
{
    for (size_t i = 0; i < self->feature_count; i++)
        if (strcmp(self->features[i].category.data, category) == 0 &&
            strcmp(self->features[i].name.data, name) == 0)
            return &self->features[i];
    return NULL;
}

START_TEST(test_features_and_evidence)
{
    PluginUnderTest self;

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        const Expectation *expected = &expectations[i];
        const rpmd_feature *feature;
        char evidence[256] = "";

        ck_assert_int_eq(under_test_extract(&self, text_from(expected->text)), RPMD_DONE);
        ck_assert(under_test_is_sound(&self, text_from(expected->text)));
        feature = find(&self, expected->category, expected->name);
        if (feature != NULL)
            snprintf(evidence, sizeof(evidence), "%.*s",
                     (int)(feature->evidence.end - feature->evidence.begin),
                     expected->text + feature->evidence.begin);
        ck_assert_msg(strcmp(evidence, expected->evidence != NULL ? expected->evidence : "") == 0,
                      "\"%s\": %s \"%s\" has the evidence \"%s\"", expected->text, expected->category,
                      expected->name, evidence);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_an_acronym_has_its_long_form_as_context)
{
    static const char *const cases[][3] = {
        {"We use wide oven networks (WON) here.", "won", "wide oven networks"},
        {"We use state of the oven (SOTO) here.", "soto", "state of the oven"},
        {"We use slow-baked bread (SBB) here.", "sbb", "slow-baked bread"},
        {"We use radio bread (RADE) here.", "rade", "a named system, method or quantity"},
    };
    PluginUnderTest self;

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const rpmd_feature *feature;

        ck_assert_int_eq(under_test_extract(&self, text_from(cases[i][0])), RPMD_DONE);
        feature = find(&self, "named system", cases[i][1]);
        ck_assert_str_eq(feature != NULL ? feature->context.data : "(none)", cases[i][2]);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_key_phrases_are_few_distinct_and_contain_no_function_words_at_their_ends)
{
    PluginUnderTest self;
    size_t phrases = 0;

    under_test_init(&self, "scholarly_title");
    ck_assert_int_eq(
        under_test_extract(
            &self, text_from(KITES " Short lines, long lines, wet ropes, dry knots, old sails, red flags, "
                                   "blue boats, tall masts and deep harbours all matter to the pilot.")),
        RPMD_DONE);
    for (size_t i = 0; i < self.feature_count; i++) {
        const char *name = self.features[i].name.data;

        if (strcmp(self.features[i].category.data, "key phrase") != 0)
            continue;
        phrases++;
        ck_assert_ptr_null(strstr(name, "the "));
        ck_assert_str_ne(name, "propose");
        ck_assert_ptr_null(strstr(name, ","));
    }
    ck_assert_uint_eq(phrases, 8);
    under_test_finish(&self);
}
END_TEST

static rpmd_text repeated(const char *unit, size_t bytes)
{
    size_t length = strlen(unit);
    char *text = calloc(1, bytes + length + 1);
    size_t at = 0;

    ck_assert_ptr_nonnull(text);
    for (; at < bytes; at += length)
        memcpy(text + at, unit, length);
    return (rpmd_text){text, at};
}

START_TEST(test_odd_input)
{
    static const char *const texts[] = {"a",
                                        " ",
                                        "\n",
                                        "-",
                                        "(",
                                        "()",
                                        "A)",
                                        "(AB)",
                                        "\xf0\x9f\xa4\x96",
                                        "1",
                                        "A.",
                                        "\r\n\r\n",
                                        "the of and",
                                        "We propose\r\nbread ovens.\r\n",
                                        "Wir schlagen ein Verfahren vor.",
                                        "\xe8\xab\x96\xe6\x96\x87\xe3\x80\x82"};
    static const char *const units[] = {"a ",       "we propose ",     "the ", "-a",
                                        "A(AB) ",   "ABC (",           "AaA ", "x",
                                        "\xc3\xa9", "based on bread ", "7 "};
    PluginUnderTest self;

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_int_eq(under_test_extract(&self, text_from(texts[i])), RPMD_DONE);
        ck_assert(under_test_is_sound(&self, text_from(texts[i])));
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        rpmd_text text = repeated(units[i], 64 * 1024);

        ck_assert_int_eq(under_test_extract(&self, text), RPMD_DONE);
        ck_assert(under_test_is_sound(&self, text));
        free((void *)(uintptr_t)text.data);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_memory_runs_out)
{
    PluginUnderTest self;
    int result = RPMD_FAILED;

    under_test_init(&self, "scholarly_title");
    for (self.memory_limit = 0; result == RPMD_FAILED && self.memory_limit < MEMORY_MAX;
         self.memory_limit += 256)
        result = under_test_extract(&self, text_from(KITES));
    ck_assert_int_eq(result, RPMD_DONE);
    ck_assert_uint_gt(self.memory_limit, 4096);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_self_tests_hold)
{
    PluginUnderTest self;

    under_test_init(&self, "scholarly_title");
    for (size_t i = 0; i < self.plugin->self_test_count; i++) {
        const rpmd_self_test *test = &self.plugin->self_tests[i];

        ck_assert_int_eq(under_test_extract(&self, text_from(test->query)), RPMD_DONE);
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

UNIT_TESTS("scholarly_title/extract", test_features_and_evidence,
           test_an_acronym_has_its_long_form_as_context,
           test_key_phrases_are_few_distinct_and_contain_no_function_words_at_their_ends, test_odd_input,
           test_memory_runs_out, test_self_tests_hold)
