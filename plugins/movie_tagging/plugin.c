/* SPDX-License-Identifier: MIT */
#include "movie_tagging.h"

const char *const movie_tags[] = {
    "sci-fi",
    "based on a book",
    "comedy",
    "action",
    "twist ending",
    "dystopia",
    "dark comedy",
    "classic",
    "psychology",
    "fantasy",
    "romance",
    "thought-provoking",
    "social commentary",
    "violence",
    "true story",
    NULL,
};

static const char *const categories[] = {"genre",  "mood",      "source",  "theme",  "plot",
                                         "stakes", "character", "setting", "period", NULL};

static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(prompt_texts),
    .task = "Choose the tag that this user would give to the movie described.",
    .query_noun = "movie description",
    .response_noun = "tag",
    .answer_format = "exactly one of the tags listed, and nothing else",
};

static const rpmd_lamp lamp = {
    .struct_size = sizeof(lamp),
    .query_field = "description",
    .response_field = "tag",
    .input_begin = "Which tag does this movie relate to",
    .input_end = "description: ",
};

#define FEATURES(...)                                                                                        \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "In 2087 a lonely robot travels back in time to save mankind from a plague.",
     NULL, FEATURES("the future", "artificial intelligence", "time travel", "fate of the world", "disaster"),
     "Tag: Sci-Fi.", "sci-fi"},
    {sizeof(rpmd_self_test),
     "Based on the novel, this true story follows a widow who falls in love with a detective.", NULL,
     FEATURES("based on a book", "true story", "widow or widower", "falling in love", "detective"),
     "**based on a book**", "based on a book"},
    {sizeof(rpmd_self_test), "A baker with a killer smile was cast in a drama shot on location.", NULL,
     FEATURES("drama", "food"), "I cannot say.", NULL},
    {sizeof(rpmd_self_test), "Ein Film ohne ein englisches Wort.", NULL, NULL,
     "It could be comedy, but the answer is twist ending because of the last scene.", "twist ending"},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .name = "movie_tagging",
    .version = "1.0",
    .description =
        "Tags movies from their descriptions (LaMP-2): genre, theme, setting, characters, plot and source.",
    .answer_kind = RPMD_ANSWER_LABELS,
    .labels = movie_tags,
    .categories = categories,
    .extract = movie_extract,
    .parse_answer = movie_parse_answer,
    .prompt_texts = &prompt_texts,
    .lamp = &lamp,
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
