/* SPDX-License-Identifier: MIT */

/*
 * The task my_task: each query brings its own answers to choose from. As it stands: what would this user
 * answer to the question?
 * What says YOURS is for you to change; README.md beside this file has the commands. C11, and C++20 as long
 * as the fields stay in the order of the declaration.
 */

#include <rpmd/plugin.h>

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "features.h"

/*
 * YOURS: the options that come back in many queries, so that answers to different queries can be compared,
 * and where each stands on its query's scale, from -1 to +1; NAN: it has no place there.
 */
typedef struct known_option {
    const char *text; /* in lower case */
    const char *answer_class;
    float position;
} known_option;

static const known_option known_options[] = {
    {"yes", "agrees", 1.0f},       {"agree", "agrees", 1.0f},        {"no", "disagrees", -1.0f},
    {"unsure", "undecided", 0.0f}, {"disagree", "disagrees", -1.0f}, {"no answer", "no answer", NAN},
};

static int is_in_any_case(rpmd_text text, const char *lower)
{
    if (text.length != strlen(lower))
        return 0;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        if ((byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte) != lower[i])
            return 0;
    }
    return 1;
}

/* Called by rpmd for each option of a query. An option that is not known stands for itself. */
static int option_class(rpmd_call *call, const rpmd_query *query, size_t index, rpmd_option_class *result)
{
    (void)call;
    for (size_t k = 0; k < sizeof(known_options) / sizeof(known_options[0]); k++) {
        if (!is_in_any_case(query->options[index], known_options[k].text))
            continue;
        result->answer_class = text_of(known_options[k].answer_class);
        result->position = known_options[k].position;
        return RPMD_DONE;
    }
    return RPMD_NO_MATCH;
}

/* The words and numbers of a text, without its marks. */
typedef struct word_list {
    const rpmd_token **words;
    size_t count;
} word_list;

static int read_words(rpmd_call *call, rpmd_text text, word_list *list)
{
    const rpmd_token *tokens;
    size_t count;
    list->count = 0;
    if (call->host->tokenize(call, text, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    list->words = (const rpmd_token **)call->host->allocate(call, (count + 1) * sizeof(rpmd_token *));
    if (!list->words)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++)
        if (!(tokens[i].flags & RPMD_TOKEN_PUNCTUATION))
            list->words[list->count++] = &tokens[i];
    return RPMD_DONE;
}

/* Whether the words of one text stand in a row in another. */
static int has_words(const word_list *text, const word_list *part)
{
    for (size_t at = 0; part->count > 0 && at + part->count <= text->count; at++) {
        size_t same = 0;
        while (same < part->count &&
               text->words[at + same]->lower.length == part->words[same]->lower.length &&
               memcmp(text->words[at + same]->lower.data, part->words[same]->lower.data,
                      part->words[same]->lower.length) == 0)
            same++;
        if (same == part->count)
            return 1;
    }
    return 0;
}

/*
 * Called by rpmd: finds the one option that a stored response or a reply of an LLM names. Where one option is
 * a part of another ("agree" of "agree strongly"), the longer one counts.
 */
static int parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    size_t count = query->option_count, answer = count;
    word_list words;
    word_list *options = (word_list *)call->host->allocate(call, (count + 1) * sizeof(word_list));
    if (!options || read_words(call, reply, &words) != RPMD_DONE)
        return RPMD_FAILED;
    for (size_t o = 0; o < count; o++) {
        if (read_words(call, query->options[o], &options[o]) != RPMD_DONE)
            return RPMD_FAILED;
        if (has_words(&words, &options[o]) && (answer == count || options[o].count > options[answer].count))
            answer = o;
    }
    if (answer == count)
        return RPMD_NO_MATCH;
    for (size_t o = 0; o < count; o++)
        if (has_words(&words, &options[o]) && !has_words(&options[answer], &options[o]))
            return RPMD_NO_MATCH; /* "yes or no": do not guess */
    return call->host->set_answer(call, query->options[answer]);
}

/* YOURS: plain English, without line breaks. */
static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(rpmd_prompt_texts),
    .task = "Choose the option that this user would choose.",
    .query_noun = "question",
    .response_noun = "option",
    .answer_format = "exactly one of the options, letter by letter, and nothing else",
};

/*
 * YOURS: a query, its options, the features that it must have, a reply, and the answer in it; NULL: there is
 * none.
 */
static const char *const yes_or_no[] = {"Yes", "No", "No answer", NULL};
static const char *const agreement[] = {"Agree", "Disagree", "Neither agree nor disagree", NULL};
static const char *const expected_features[] = {"money", "question", NULL};

static const rpmd_self_test self_tests[] = {
    {sizeof(rpmd_self_test), "Would you pay twice the price?", yes_or_no, expected_features, "Answer: no.",
     "No"},
    {sizeof(rpmd_self_test), "Would you come?", yes_or_no, NULL, "No answer", "No answer"},
    {sizeof(rpmd_self_test), "Would you come?", yes_or_no, NULL, "yes or no", NULL},
    {sizeof(rpmd_self_test), "Meetings are too long.", agreement, NULL, "neither agree nor disagree",
     "Neither agree nor disagree"},
    {sizeof(rpmd_self_test), "Meetings are too long.", agreement, NULL, "It depends.", NULL},
};

static const rpmd_plugin plugin = {
    RPMD_PLUGIN_GUARD,
    .reserved = 0,
    .name = "my_task",
    .version = "1", /* YOURS: another one whenever the features change, so that old models are rebuilt */
    .description = "Says which option of a question a user would choose.", /* YOURS */
    .answer_kind = RPMD_ANSWER_OPTIONS,
    .labels = NULL,   /* for labels */
    .ordinal_min = 0, /* for ordinal answers */
    .ordinal_max = 0,
    .categories = categories,
    .extract = extract,
    .option_class = option_class,
    .parse_answer = parse_answer,
    .judge = NULL, /* for free text */
    .describe_answer = NULL,
    .prompt_texts = &prompt_texts,
    .lamp = NULL, /* where files of the LaMP benchmark keep this task's fields */
    .self_tests = self_tests,
    .self_test_count = sizeof(self_tests) / sizeof(self_tests[0]),
};
RPMD_PLUGIN_EXPORT(plugin)
