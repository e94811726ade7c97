/* SPDX-License-Identifier: MIT */
#include "opinion_qa.h"

static const char *const categories[] = {"dimension", "topic", "scope", "target", NULL};

static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(prompt_texts),
    .task = "Choose the option that this respondent would give to the survey question.",
    .query_noun = "survey question",
    .response_noun = "answer",
    .answer_format = "exactly one of the options listed, word for word, and nothing else",
};

static const rpmd_lamp lamp = {
    .struct_size = sizeof(lamp),
    .query_field = "question",
    .response_field = "answer",
    .options_field = "options",
    .input_options = " options: [",
};

#define TEXTS(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "How much confidence do you have in the police in our country?",
     TEXTS("A lot of confidence", "Some confidence", "No confidence at all", "DK/Refused"),
     TEXTS("confidence", "crime and justice", "about the country"), "The answer is: some confidence.",
     "Some confidence"},
    {sizeof(rpmd_self_test), "Is this a threat?", TEXTS("Major threat", "Minor threat", "Not a threat"),
     TEXTS("threat"), "(c)", "Not a threat"},
    {sizeof(rpmd_self_test), "Do you agree or disagree?", TEXTS("Agree", "Agree strongly", "Disagree"),
     TEXTS("agreement"), "I would say: agree strongly", "Agree strongly"},
    {sizeof(rpmd_self_test), "Do you agree or disagree?", TEXTS("Agree", "Disagree"), NULL,
     "Agree or disagree, who knows.", NULL},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .name = "opinion_qa",
    .version = "1.0",
    .description =
        "Answers survey questions with options (GlobalOpinionQA): topic, dimension, scope and target.",
    .answer_kind = RPMD_ANSWER_OPTIONS,
    .categories = categories,
    .extract = opinion_extract,
    .option_class = opinion_option_class,
    .parse_answer = opinion_parse_answer,
    .prompt_texts = &prompt_texts,
    .lamp = &lamp,
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
