/* SPDX-License-Identifier: MIT */
#include "tests/unit/movie_tagging/plugin_under_test.h"
#include "tests/unit/unit.h"

typedef struct Expectation {
    const char *text, *name, *evidence; /* evidence NULL: the feature must not be there */
} Expectation;

static const Expectation expectations[] = {
    /* one for each category */
    {"A warm comedy about a baker.", "comedy", "comedy"},
    {"A bleak winter.", "dark and grim", "bleak"},
    {"Based on the novel by nobody.", "based on a book", "Based on the novel"},
    {"He swears revenge on the mayor.", "revenge", "swears revenge"},
    {"They plan one last job: a bank robbery.", "heist", "one last job"},
    {"They must save the world before it's too late.", "fate of the world", "save the world"},
    {"They must save the world before it's too late.", "race against time", "before it's too late"},
    {"A retired detective returns.", "detective", "detective"},
    {"Somewhere in a small town by the river.", "small town", "small town"},
    {"In the Roaring Twenties.", "1920s", "Roaring Twenties"},
    {"The father never calls.", "father", "father"},
    {"A summer in Lisbon.", "Spain and Portugal", "Lisbon"},
    /* inflection, irregular forms, gaps, hyphens, possessives, typographic apostrophes */
    {"She marries young.", "marriage", "marries"},
    {"He fell madly in love with her.", "falling in love", "fell madly in love"},
    {"Thieves meet at night.", "criminal", "Thieves"},
    {"He loses all memory of it.", "amnesia", "loses all memory"},
    {"A time-traveling cook.", "time travel", "time-traveling"},
    {"The detective\xe2\x80\x99s hat.", "detective", "detective\xe2\x80\x99s"},
    {"An ex-con comes home.", "criminal", "ex-con"},
    {"Escaped convicts wait in the U.S. embassy.", "America", "U.S"},
    /* the longest match hides what lies in it */
    {"A serial killer waits.", "serial killer", "serial killer"},
    {"A serial killer waits.", "murder", NULL},
    {"A dark comedy.", "dark comedy", "dark comedy"},
    {"A dark comedy.", "comedy", NULL},
    {"A dark comedy.", "dark and grim", NULL},
    /* case */
    {"The bond of friends.", "secret agent", NULL},
    {"Agent Bond is back.", "secret agent", "Agent"},
    {"The father of two prays.", "priest or nun", NULL},
    {"They ask Father Brown.", "priest or nun", "Father"},
    {"The aids in the office.", "homosexuality", NULL},
    /* idioms and negation */
    {"A singer with a killer smile.", "murder", NULL},
    {"It was shot on location.", "murder", NULL},
    {"With an all-star cast of clowns.", "magic", NULL},
    {"Some kind of machine, two of a kind.", "compassion", NULL},
    {"The human race of tomorrow.", "competition and sport", NULL},
    {"He would love to dance.", "love", NULL},
    {"He is caring and staring at it.", "chase", NULL},
    {"Human beings are being watched.", "animals", NULL},
    {"This is not a comedy.", "comedy", NULL},
    {"It was never based on a true story.", "true story", NULL},
    {"Told without violence.", "bloody", NULL},
    /* a phrase does not reach across punctuation */
    {"In love. Story of a tree.", "romance", NULL},
    {"A small, town-born boy.", "small town", "town"},
};

START_TEST(test_features_and_evidence)
{
    PluginUnderTest self;

    under_test_init(&self, "movie_tagging");
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        const Expectation *expected = &expectations[i];
        const rpmd_feature *feature;
        char evidence[256] = "";

        ck_assert_int_eq(under_test_extract(&self, text_from(expected->text)), RPMD_DONE);
        feature = under_test_feature(&self, expected->name);
        if (feature != NULL)
            snprintf(evidence, sizeof(evidence), "%.*s",
                     (int)(feature->evidence.end - feature->evidence.begin),
                     expected->text + feature->evidence.begin);
        ck_assert_msg(strcmp(evidence, expected->evidence != NULL ? expected->evidence : "") == 0,
                      "\"%s\": feature \"%s\" has the evidence \"%s\", expected \"%s\"", expected->text,
                      expected->name, evidence, expected->evidence != NULL ? expected->evidence : "");
    }
    under_test_finish(&self);
}
END_TEST

static const Expectation rules[] = {
    {"In 1941 a boy waits.", "1940s", "1941"},
    {"It is the 1920s.", "1920s", "1920s"},
    {"The 1970's were loud.", "1970s", "1970's"},
    {"Berlin, 1999.", "1990s", "1999"},
    {"In the year 2257 nobody sleeps.", "the future", "2257"},
    {"In 2257 nobody sleeps.", "the future", "2257"},
    {"In the year 10,191 nobody sleeps.", "the future", "10,191"},
    {"A fort in 1805.", "19th century", "1805"},
    {"A fort in 1605.", "early modern times", "1605"},
    {"Based on the 1955 novel.", "1950s", NULL},
    {"He owes them $1950 at least.", "1950s", NULL},
    {"They walk 1800 miles.", "19th century", NULL},
    {"Flight 2400 is late.", "the future", NULL},
    {"A 17-year-old cook.", "teenager", "17-year-old"},
    {"A 9 year old cook.", "child", "9 year old"},
    {"A 70-year-old cook.", "old person", "70-year-old"},
    {"A 40-year-old cook.", "old person", NULL},
    {"The career of painter Ada Morrow ends.", "life of a named person", "career of painter Ada Morrow"},
    {"The career of a painter ends.", "life of a named person", NULL},
};

START_TEST(test_rules)
{
    PluginUnderTest self;

    under_test_init(&self, "movie_tagging");
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const rpmd_feature *feature;
        char evidence[256] = "";

        ck_assert_int_eq(under_test_extract(&self, text_from(rules[i].text)), RPMD_DONE);
        feature = under_test_feature(&self, rules[i].name);
        if (feature != NULL)
            snprintf(evidence, sizeof(evidence), "%.*s",
                     (int)(feature->evidence.end - feature->evidence.begin),
                     rules[i].text + feature->evidence.begin);
        ck_assert_msg(strcmp(evidence, rules[i].evidence != NULL ? rules[i].evidence : "") == 0,
                      "\"%s\": feature \"%s\" has the evidence \"%s\"", rules[i].text, rules[i].name,
                      evidence);
    }
    under_test_finish(&self);
}
END_TEST

/* The features called name: how many there are, and the strength and the evidence's beginning of the last
 * one. */
static size_t count_named(const PluginUnderTest *self, const char *name, float *strength, uint32_t *begin)
{
    size_t count = 0;

    for (size_t i = 0; i < self->feature_count; i++) {
        if (strcmp(self->features[i].name.data, name) != 0)
            continue;
        *strength = self->features[i].strength;
        *begin = self->features[i].evidence.begin;
        count++;
    }
    return count;
}

START_TEST(test_mentions_make_a_feature_stronger_and_stay_one)
{
    PluginUnderTest self;
    float once = 0, thrice = 0;
    uint32_t begin = 0;

    under_test_init(&self, "movie_tagging");
    ck_assert_int_eq(under_test_extract(&self, text_from("The robot wakes.")), RPMD_DONE);
    ck_assert_uint_eq(count_named(&self, "robot", &once, &begin), 1);
    ck_assert_int_eq(under_test_extract(&self, text_from("The robot meets a robot who builds robots.")),
                     RPMD_DONE);
    ck_assert_uint_eq(count_named(&self, "robot", &thrice, &begin), 1);
    ck_assert_float_gt(thrice, once);
    ck_assert_uint_eq(begin, 4);
    for (size_t i = 1; i < self.feature_count; i++)
        ck_assert_uint_le(self.features[i - 1].evidence.begin, self.features[i].evidence.begin);
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
                                        "'",
                                        "*",
                                        "\xf0\x9f\x8e\xac",
                                        "1",
                                        "A.",
                                        "\r\n\r\n",
                                        "war\r\nlove\r\n",
                                        "Ein Film ohne ein englisches Wort.",
                                        "\xe6\x98\xa0\xe7\x94\xbb\xe3\x80\x82"};
    static const char *const units[] = {
        "a ", "war ", "the ", "-a", "in 1941 ", "fall in love ", "x", "\xc3\xa9", "the life of the ", "9"};
    PluginUnderTest self;

    under_test_init(&self, "movie_tagging");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_int_eq(under_test_extract(&self, text_from(texts[i])), RPMD_DONE);
        ck_assert(under_test_is_sound(&self, text_from(texts[i])));
    }
    ck_assert_int_eq(under_test_extract(&self, text_from("war\r\nlove\r\n")), RPMD_DONE);
    ck_assert_ptr_nonnull(under_test_feature(&self, "love"));
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
    rpmd_text text = text_from("In 1941 a detective falls in love with a widow who is a spy.");
    int result = RPMD_FAILED;

    under_test_init(&self, "movie_tagging");
    for (self.memory_limit = 0; result == RPMD_FAILED && self.memory_limit < MEMORY_MAX;
         self.memory_limit += 512)
        result = under_test_extract(&self, text);
    ck_assert_int_eq(result, RPMD_DONE);
    ck_assert_uint_gt(self.memory_limit, 4096);
    ck_assert_ptr_nonnull(under_test_feature(&self, "1940s"));
    under_test_finish(&self);
}
END_TEST

UNIT_TESTS("movie_tagging/extract", test_features_and_evidence, test_rules,
           test_mentions_make_a_feature_stronger_and_stay_one, test_odd_input, test_memory_runs_out)
