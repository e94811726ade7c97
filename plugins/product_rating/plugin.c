/* SPDX-License-Identifier: MIT */
#include "product_rating.h"

static const char *const categories[] = {"overall sentiment", "aspect",      "verdict",
                                         "comparison",        "expectation", "complaint",
                                         "reservation",       "enthusiasm",  NULL};

static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(prompt_texts),
    .task = "Predict the rating, from 1 (worst) to 5 (best), that this user gave with the review.",
    .query_noun = "review",
    .response_noun = "rating",
    .answer_format = "one whole number from 1 to 5, and nothing else",
};

static const rpmd_lamp lamp = {
    .struct_size = sizeof(lamp),
    .query_field = "text",
    .response_field = "score",
    .input_begin = "What is the score of the following review on a scale of 1 to 5?",
    .input_end = "review: ",
};

#define FEATURES(...)                                                                                        \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test),
     "The battery life is great, but the zipper broke after two days. Not worth the money.", NULL,
     FEATURES("battery life", "broke or wore out", "not worth it", "price"), "Rating: 2 stars", "2"},
    {sizeof(rpmd_self_test),
     "A funny, moving film with superb performances and a clever script. Highly recommended!", NULL,
     FEATURES("glowing praise", "humor", "emotion", "acting", "writing", "recommended"), "**5**", "5"},
    {sizeof(rpmd_self_test), "It came on Tuesday.", NULL, FEATURES("no clear opinion"), "between 3 and 4",
     NULL},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .name = "product_rating",
    .version = "1.0",
    .description = "Rates reviews of goods and films from 1 to 5 (LaMP-3): aspects with polarity, verdicts, "
                   "comparisons, "
                   "expectations, complaints and reservations.",
    .answer_kind = RPMD_ANSWER_ORDINAL,
    .ordinal_min = 1,
    .ordinal_max = 5,
    .categories = categories,
    .extract = rating_extract,
    .parse_answer = rating_parse_answer,
    .prompt_texts = &prompt_texts,
    .lamp = &lamp,
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
