/* SPDX-License-Identifier: MIT */
#include "scholarly_title.h"

static const char *const categories[] = {"key phrase", "contribution", "problem", "method",
                                         "evaluation", "named system", NULL};

static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(prompt_texts),
    .task = "Write the title that this author would give to the paper with this abstract.",
    .query_noun = "abstract",
    .response_noun = "title",
    .answer_format = "only the title, on one line, without quotation marks",
};

static const rpmd_lamp lamp = {
    .struct_size = sizeof(lamp),
    .query_field = "abstract",
    .response_field = "title",
    .input_begin = "Generate a title for the following abstract of a paper",
    .input_end = ": ",
};

#define FEATURES(...)                                                                                        \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test),
     "Counting sheep at night is hard for tired robots. We propose Woolly Recurrent Networks (WRN), a novel "
     "method for sheep counting "
     "based on infrared video. WRN outperforms earlier work on the MeadowNight dataset.",
     NULL,
     FEATURES("tired robots", "sheep", "new method", "wrn", "outperforms earlier work", "infrared video",
              "meadownight"),
     "**Title:** \"Counting Sheep in the Dark: Woolly Recurrent Networks\".",
     "Counting Sheep in the Dark: Woolly Recurrent Networks"},
    {sizeof(rpmd_self_test), "We prove a lower bound for sorting pancakes and survey earlier proofs.", NULL,
     FEATURES("theory"), " \n\"\"\n", NULL},
};

int scholarly_extract(rpmd_call *call, const rpmd_query *query)
{
    FoundList *list = call->host->allocate(call, sizeof(*list));
    Tokens tokens;
    int result;

    if (list == NULL || tokens_read(call, query->text, &tokens) != RPMD_DONE)
        return RPMD_FAILED;
    result = key_phrases_find(call, &tokens, list);
    if (result != RPMD_DONE)
        return result;
    concepts_find(&tokens, list);
    if (noun_phrases_find(call, &tokens, list) != RPMD_DONE || names_find(call, &tokens, list) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t i = 0; i < list->count; i++) {
        const Found *found = &list->items[i];
        rpmd_feature feature = {.struct_size = sizeof(feature),
                                .name = found->name,
                                .context = found->context,
                                .category = text_of(found->category),
                                .strength = found->strength,
                                .evidence = found->evidence};

        if (call->host->emit_feature(call, &feature) != RPMD_DONE)
            break;
    }
    return RPMD_DONE;
}

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .name = "scholarly_title",
    .version = "1.0",
    .description = "Writes titles of papers from their abstracts (LaMP-5): key phrases, contribution, "
                   "problem, method and names.",
    .answer_kind = RPMD_ANSWER_TEXT,
    .categories = categories,
    .extract = scholarly_extract,
    .parse_answer = scholarly_parse_answer,
    .judge = scholarly_judge,
    .describe_answer = scholarly_describe_answer,
    .prompt_texts = &prompt_texts,
    .lamp = &lamp,
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
