/* SPDX-License-Identifier: MIT */
#include "tests/unit/movie_tagging/plugin_under_test.h"
#include "tests/unit/unit.h"

/* One feature that a text must give, with the sign of its polarity and the exact text of its evidence. */
typedef struct Expected {
    const char *text;
    const char *name;
    const char *category;
    int sign;
    const char *evidence;
} Expected;

static const Expected expected[] = {
    /* Aspects: open vocabulary and well-known ones, from adjectives, verbs, adverbs, nouns. */
    {"The battery life is great.", "battery life", "aspect", 1, "battery life is great"},
    {"I bought some self-threading needles and the self-threading needles are great.",
     "self-threading needle", "aspect", 1, "self-threading needles are great"},
    {"It has a flimsy zipper.", "zipper", "aspect", -1, "flimsy zipper"},
    {"It has a flimsy zipper.", "quality", "aspect", -1, "flimsy zipper"},
    {"Armand's performance is superb.", "acting", "aspect", 1, "Armand's performance is superb"},
    {"The script is witty.", "writing", "aspect", 1, "script is witty"},
    {"Beautifully shot, if a little long.", "visuals", "aspect", 1, "Beautifully shot"},
    {"Poorly made.", "quality", "aspect", -1, "Poorly made"},
    {"The quality of the seams is poor.", "quality", "aspect", -1, "quality of the seams is poor"},
    {"I love the colors.", "color", "aspect", 1, "love the colors"},
    {"We hate the strap.", "strap", "aspect", -1, "hate the strap"},
    {"I am happy with the handle.", "handle", "aspect", 1, "happy with the handle"},
    {"I was disappointed with the sound.", "sound", "aspect", -1, "disappointed with the sound"},
    {"No problems with the hinge.", "hinge", "aspect", 1, "No problems with the hinge"},
    {"It tastes great.", "taste", "aspect", 1, "great"},
    {"A hilarious comedy.", "humor", "aspect", 1, "hilarious comedy"},
    {"It was delivered fast.", "delivery", "aspect", 1, "delivered fast"},
    {"The sleeves are too thin.", "size and fit", "aspect", -1, "too thin"},
    {"The lid leaks.", "lid", "aspect", -1, "lid leaks"},
    {"My cookies were stale cookies.", "cookie", "aspect", -1, "stale cookies"},
    /* Negation and its scope. */
    {"The lamp is not sturdy.", "lamp", "aspect", -1, "lamp is not sturdy"},
    {"I don't think that the lamp is sturdy.", "lamp", "aspect", -1, "don't think that the lamp is sturdy"},
    {"The lamp isn't flimsy.", "lamp", "aspect", 0, NULL},
    {"The plot is anything but clever.", "story", "aspect", -1, "plot is anything but clever"},
    {"The plot is far from clever.", "story", "aspect", -1, "plot is far from clever"},
    {"The jokes are never funny.", "humor", "aspect", -1, "jokes are never funny"},
    {"The film is not only funny but wise.", "humor", "aspect", 1, "funny"},
    {"It could have been funnier.", "humor", "aspect", -1, "could have been funnier"},
    {"It is less funny than it thinks.", "humor", "aspect", -1, "less funny"},
    {"It is too witty.", "humor", "aspect", -1, "too witty"},
    /* Verdicts. */
    {"I would recommend it to anyone.", "recommended", "verdict", 1, "would recommend"},
    {"Highly recommended!", "recommended", "verdict", 1, "Highly recommended"},
    {"I would not recommend it.", "not recommended", "verdict", -1, "would not recommend"},
    {"Don't buy this.", "not recommended", "verdict", -1, "Don't buy"},
    {"Skip it.", "not recommended", "verdict", -1, "Skip"},
    {"Worth every penny.", "worth it", "verdict", 1, "Worth every penny"},
    {"Not worth it.", "not worth it", "verdict", -1, "Not worth"},
    {"What a waste of money.", "waste of time or money", "verdict", -1, "What a waste of money"},
    {"I will buy it again.", "will buy or see it again", "verdict", 1, "buy it again"},
    {"You can't go wrong.", "nothing to complain about", "verdict", 1, "can't go wrong"},
    {"Not bad at all.", "not bad", "verdict", 1, "Not bad"},
    {"Nothing special.", "nothing special", "verdict", -1, "Nothing special"},
    {"Five stars!", "top of its kind", "verdict", 1, "Five stars"},
    {"3 stars.", "states a fair rating", "verdict", 1, "3 stars"},
    {"I give it 4 out of 5.", "states a high rating", "verdict", 1, "4 out of 5"},
    {"My verdict: 2.5/4", "states a fair rating", "verdict", 1, "2.5/4"},
    {"Grade: B+", "states a high rating", "verdict", 1, "B+"},
    {"Grade: D", "states a low rating", "verdict", -1, "D"},
    /* Comparison, expectation, complaint, reservation, enthusiasm. */
    {"Better than the first one.", "better than others", "comparison", 1, "Better than"},
    {"Not as good as the book.", "worse than others", "comparison", -1, "Not as good as"},
    {"Worse than the first one.", "worse than others", "comparison", -1, "Worse than"},
    {"It exceeded my expectations.", "expectations exceeded", "expectation", 1, "exceeded my expectations"},
    {"I expected more.", "expectations disappointed", "expectation", -1, "expected more"},
    {"I wanted to like it.", "expectations disappointed", "expectation", -1, "wanted to like"},
    {"Just what I needed.", "expectations met", "expectation", 1, "Just what I"},
    {"I returned it.", "returned or refunded", "complaint", -1, "returned it"},
    {"It stopped working.", "broke or wore out", "complaint", -1, "stopped working"},
    {"It doesn't work.", "does not work", "complaint", -1, "doesn't work"},
    {"It doesn't fit.", "does not fit", "complaint", -1, "doesn't fit"},
    {"A screw was missing.", "arrived damaged or incomplete", "complaint", -1, "was missing"},
    {"The only complaint is the strap.", "a single complaint", "reservation", -1, "only complaint"},
    {"Took off one star.", "a star taken off", "reservation", -1, "Took off one star"},
    {"It could be better.", "could be better", "reservation", -1, "could be better"},
    {"If only it were longer.", "could be better", "reservation", -1, "If only"},
    {"It is good for what it is.", "good for what it is", "reservation", 0, "for what it is"},
    {"Great!!!", "exclamation marks", "enthusiasm", 1, "!"},
    {"It is an AWFUL lamp.", "words in capitals", "enthusiasm", -1, "AWFUL"},
    {"Nice :)", "happy face", "enthusiasm", 1, ":)"},
    {"\xf0\x9f\x91\x8e", "unhappy face", "enthusiasm", -1, "\xf0\x9f\x91\x8e"},
    /* The whole. */
    {"It came on Tuesday. Dreadful, boring, a waste of time.", "scathing criticism", "overall sentiment", -1,
     "a waste of time"},
    {"Superb acting, a clever script and gorgeous pictures.", "glowing praise", "overall sentiment", 1, NULL},
    {"It came on Tuesday.", "no clear opinion", "overall sentiment", 0, "It came on Tuesday"},
};

static int sign_of(float polarity)
{
    return (polarity > 0.1f) - (polarity < -0.1f);
}

static const rpmd_feature *feature_of(const PluginUnderTest *self, const char *name, const char *category)
{
    for (size_t i = 0; i < self->feature_count; i++)
        if (strcmp(self->features[i].name.data, name) == 0 &&
            strcmp(self->features[i].category.data, category) == 0)
            return &self->features[i];
    return NULL;
}

START_TEST(test_expected_features)
{
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const Expected *one = &expected[i];
        const rpmd_feature *feature;

        ck_assert_int_eq(under_test_extract(&self, text_from(one->text)), RPMD_DONE);
        ck_assert_msg(under_test_is_sound(&self, text_from(one->text)), "\"%s\"", one->text);
        feature = feature_of(&self, one->name, one->category);
        if (one->sign == 0 && one->evidence == NULL) { /* nothing bad is said */
            ck_assert_msg(feature == NULL || feature->polarity > 0, "\"%s\" gave \"%s\"", one->text,
                          one->name);
            continue;
        }
        ck_assert_msg(feature != NULL, "\"%s\" lacks \"%s\"", one->text, one->name);
        ck_assert_msg(sign_of(feature->polarity) == one->sign, "\"%s\": \"%s\" has polarity %.2f", one->text,
                      one->name, (double)feature->polarity);
        if (one->evidence != NULL)
            ck_assert_msg(
                strlen(one->evidence) == feature->evidence.end - feature->evidence.begin &&
                    memcmp(one->text + feature->evidence.begin, one->evidence, strlen(one->evidence)) == 0,
                "\"%s\": the evidence of \"%s\" is \"%.*s\"", one->text, one->name,
                (int)(feature->evidence.end - feature->evidence.begin), one->text + feature->evidence.begin);
    }
    under_test_finish(&self);
}
END_TEST

/* The polarity of the overall sentiment; 0 where the text has none. */
static double tone_of(PluginUnderTest *self, const char *text)
{
    ck_assert_int_eq(under_test_extract(self, text_from(text)), RPMD_DONE);
    for (size_t i = 0; i < self->feature_count; i++)
        if (strcmp(self->features[i].category.data, "overall sentiment") == 0)
            return (double)self->features[i].polarity;
    return 0;
}

/* Each text is more favorable than the one behind it. */
START_TEST(test_tone_is_graded)
{
    static const char *const ladders[][8] = {
        {"extremely good", "very good", "good", "somewhat good", "not good", NULL},
        {"It is excellent.", "It is good.", "It is okay.", "It is bad.", "It is terrible.", NULL},
        {"The plot is weak, but the acting is superb.", "The acting is superb, but the plot is weak.", NULL},
        {"Although the plot is weak, the acting is superb.",
         "Although the acting is superb, the plot is weak.", NULL},
        {"It is great! It fits well and looks lovely.", "It is great, but it broke after two days.",
         "It broke after two days.", NULL},
        {"It is funny.", "It is mildly funny.", "It is not funny.", NULL},
        {"It is good.", "Is it good?", "It would be good if it worked.", NULL},
        {"GREAT film!", "Great film.", NULL},
        {"It is dull.", "It is very dull.", NULL},
        {"Great, recommended.", "Great, not recommended.", "Awful, not recommended.", NULL},
        {"Entertaining.", "Weakly entertaining.", NULL},
        {"Not bad.", "Bad.", NULL},
        {"Not terrible.", "Terrible.", NULL},
    };
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < sizeof(ladders) / sizeof(ladders[0]); i++)
        for (size_t k = 0; ladders[i][k + 1] != NULL; k++) {
            double higher = tone_of(&self, ladders[i][k]), lower = tone_of(&self, ladders[i][k + 1]);

            ck_assert_msg(higher > lower, "\"%s\" has %.2f, \"%s\" %.2f", ladders[i][k], higher,
                          ladders[i][k + 1], lower);
        }
    under_test_finish(&self);
}
END_TEST

/* Texts that say nothing good or bad, whatever their words look like. */
START_TEST(test_no_opinion_no_sentiment)
{
    static const char *const texts[] = {
        "It came on Tuesday.",
        "The well stands behind the house.",
        "It is like a small box.",
        "I would like to know when it ships.",
        "A love story about a lost dog.",
        "He works as a sound engineer.",
        "Pretty Woman plays on Friday.",
        "It has a hard drive and a light switch.",
        "This issue has forty pages, as well as a map.",
        "The last one was blue.",
        "Das Paket kam am Dienstag an.",
        "包裹星期二到了。",
        "x",
    };
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_int_eq(under_test_extract(&self, text_from(texts[i])), RPMD_DONE);
        ck_assert_msg(self.feature_count == 1, "\"%s\" gave %zu features, the last \"%s\"", texts[i],
                      self.feature_count, self.features[self.feature_count - 1].name.data);
        ck_assert_str_eq(self.features[0].name.data, "no clear opinion");
        ck_assert_float_eq(self.features[0].polarity, 0);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_words_with_two_uses)
{
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    ck_assert(tone_of(&self, "a pretty dress") > 0.3);
    ck_assert(tone_of(&self, "It is pretty bad.") < -0.3);
    ck_assert(tone_of(&self, "It works well.") > 0.3);
    ck_assert(tone_of(&self, "Well, it came.") == 0);
    ck_assert(tone_of(&self, "I like it.") > 0.3);
    ck_assert(tone_of(&self, "I do not like it.") < -0.3);
    ck_assert(tone_of(&self, "Terribly funny.") > 0.3);
    ck_assert(tone_of(&self, "Terribly dull.") < -0.3);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_mentions_come_together_by_sign)
{
    PluginUnderTest self;
    const rpmd_feature *once, *twice;
    float strength;

    under_test_init(&self, "product_rating");
    ck_assert_int_eq(under_test_extract(&self, text_from("The hinge is superb.")), RPMD_DONE);
    once = under_test_feature(&self, "hinge");
    ck_assert_ptr_nonnull(once);
    strength = once->strength;
    ck_assert_int_eq(under_test_extract(&self, text_from("The hinge is superb. Such a superb hinge.")),
                     RPMD_DONE);
    twice = under_test_feature(&self, "hinge");
    ck_assert_ptr_nonnull(twice);
    ck_assert_float_gt(twice->strength, strength);
    ck_assert_uint_eq(self.feature_count, 2);
    ck_assert_int_eq(under_test_extract(&self, text_from("The hinge is superb. The hinge is awful.")),
                     RPMD_DONE);
    ck_assert_uint_eq(self.feature_count, 3);
    under_test_finish(&self);
}
END_TEST

/* What fits the domain: a dull knife has no pacing, a tasteless film no taste. */
START_TEST(test_domains)
{
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    ck_assert_int_eq(under_test_extract(&self, text_from("I bought this knife and it is dull.")), RPMD_DONE);
    ck_assert_ptr_null(under_test_feature(&self, "pacing"));
    ck_assert_int_eq(under_test_extract(&self, text_from("A dull film.")), RPMD_DONE);
    ck_assert_ptr_nonnull(under_test_feature(&self, "pacing"));
    ck_assert_int_eq(under_test_extract(&self, text_from("A tasteless comedy.")), RPMD_DONE);
    ck_assert_ptr_null(under_test_feature(&self, "taste"));
    under_test_finish(&self);
}
END_TEST

START_TEST(test_odd_input)
{
    static const char *const texts[] = {
        ".",
        "!",
        "\xf0\x9f\x98\x8d",
        "\xf0\x9f\x98\x8d\xf0\x9f\x98\x8d great",
        "good.<br /><br />Bad battery.<br>",
        "Great sound.\r\n\r\nBad battery.\r\n",
        "if",
        "than",
        "but",
        "not",
        "too",
        "very",
        "A+",
        "4/",
        "/5",
        ":",
        ":-",
        "=)",
        "\"great\"",
        "(not) good",
        "great-great-great",
        "- - -",
        "ﬁne",
        "GREAT",
        "great\xc2\xa0sound",
        "could have been",
        "love",
        "love the",
        "a",
        "to",
        "disappointed with",
        "beautifully",
        "it is as funny as",
    };
    PluginUnderTest self;

    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_int_eq(under_test_extract(&self, text_from(texts[i])), RPMD_DONE);
        ck_assert_msg(under_test_is_sound(&self, text_from(texts[i])), "\"%s\"", texts[i]);
    }
    ck_assert_int_eq(under_test_extract(&self, text_from("good.<br /><br />Bad battery.<br>")), RPMD_DONE);
    ck_assert_ptr_nonnull(under_test_feature(&self, "battery"));
    under_test_finish(&self);
}
END_TEST

/* Texts that repeat what costs most, up to the size that rpmd takes. */
START_TEST(test_long_texts)
{
    static const char *const units[] = {
        "not ",
        "if while than but ",
        "great battery and ",
        "i don't think ",
        "a",
        "!",
        "could have been ",
        "the best a b c in years ",
        "4/5 ",
        "\xf0\x9f\x91\x8d",
        "great, good, nice and ",
        "keep a b from stop ",
        "The hinge number is superb and awful. ",
    };
    enum { SIZE = 65536 };
    PluginUnderTest self;
    char *text = malloc(SIZE + 1);

    ck_assert_ptr_nonnull(text);
    under_test_init(&self, "product_rating");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t length = 0, size = strlen(units[i]);

        for (; length + size <= SIZE; length += size)
            memcpy(text + length, units[i], size);
        text[length] = '\0';
        ck_assert_int_eq(under_test_extract(&self, text_from(text)), RPMD_DONE);
        ck_assert_msg(under_test_is_sound(&self, text_from(text)), "%s", units[i]);
        ck_assert_uint_le(self.feature_count, 70);
    }
    free(text);
    under_test_finish(&self);
}
END_TEST

START_TEST(test_no_memory)
{
    PluginUnderTest self;
    rpmd_query query = {.struct_size = sizeof(query), .text = text_from("The battery life is great.")};

    under_test_init(&self, "product_rating");
    for (size_t limit = 0; limit < 60000; limit += 500) {
        int result;

        under_test_reset(&self);
        self.memory_limit = limit;
        result = self.plugin->extract(&self.call, &query);
        ck_assert(result == RPMD_DONE || result == RPMD_FAILED);
        ck_assert(limit > 0 || result == RPMD_FAILED);
    }
    under_test_finish(&self);
}
END_TEST

START_TEST(test_the_same_every_time)
{
    static const char text[] =
        "Great sound, good bass and a lovely case, but the cable broke and the seller was rude.";
    PluginUnderTest first, second;

    under_test_init(&first, "product_rating");
    under_test_init(&second, "product_rating");
    ck_assert_int_eq(under_test_extract(&first, text_from(text)), RPMD_DONE);
    ck_assert_int_eq(under_test_extract(&second, text_from(text)), RPMD_DONE);
    ck_assert_uint_eq(first.feature_count, second.feature_count);
    for (size_t i = 0; i < first.feature_count; i++) {
        ck_assert_str_eq(first.features[i].name.data, second.features[i].name.data);
        ck_assert_float_eq(first.features[i].polarity, second.features[i].polarity);
        ck_assert_uint_eq(first.features[i].evidence.begin, second.features[i].evidence.begin);
    }
    under_test_finish(&first);
    under_test_finish(&second);
}
END_TEST

UNIT_TESTS("product_rating/extract", test_expected_features, test_tone_is_graded,
           test_no_opinion_no_sentiment, test_words_with_two_uses, test_mentions_come_together_by_sign,
           test_domains, test_odd_input, test_long_texts, test_no_memory, test_the_same_every_time)
