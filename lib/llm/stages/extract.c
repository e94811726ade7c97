/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/extract.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/reply_json.h"
#include "lib/method/item.h"
#include "lib/method/prompt_text.h"
#include "lib/plugin/limits.h"
#include "lib/plugin/verify.h"
#include "lib/text/locate.h"

#include <math.h>
#include <stdio.h>

#define QUERY_SHOWN                                                                                          \
    12000 /* bytes of one query in a prompt: some 3,000 tokens, which small models still take */
#define TOKENS_OF_FEATURE 60 /* of a reply: seen 30 to 45 */
#define TOKENS_OF_QUERY 70
/* An LLM says which way a feature points and not how strongly: between "some" and "extremely". */
#define POLARITY 0.7F
#define STRENGTH 0.7F
#define QUOTATION_LIMIT 600 /* bytes: longer ones are whole paragraphs, and no evidence for one thing */

enum {
    PLACE_TASK,
    PLACE_QUERY_NOUN,
    PLACE_RESPONSE_NOUN,
    PLACE_LIMIT,
    PLACE_EXAMPLE,
    PLACE_QUERIES,
    PLACE_COUNT,
    PLACES
};

const PromptPlace extract_places[] = {
    [PLACE_TASK] = {"task", false},
    [PLACE_QUERY_NOUN] = {"query_noun", false},
    [PLACE_RESPONSE_NOUN] = {"response_noun", false},
    [PLACE_LIMIT] = {"limit", false},
    [PLACE_EXAMPLE] = {"example", true},
    [PLACE_QUERIES] = {"queries", true},
    [PLACE_COUNT] = {"count", false},
};
const size_t extract_place_count = PLACES;

/* ---- the ask ------------------------------------------------------------------------------------------ */

size_t extract_batch(const ExtractQuery *queries, size_t count)
{
    size_t bytes = 0, batch = 0;
    while (batch < count && batch < EXTRACT_BATCH &&
           (batch == 0 || bytes + queries[batch].text.length <= EXTRACT_BATCH_BYTES))
        bytes += queries[batch++].text.length;
    return batch;
}

static void append_queries(Buffer *text, const rpmd_plugin *plugin, const ExtractQuery *queries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        stage_append_capital(text, plugin->prompt_texts->query_noun);
        buffer_append_format(text, " %zu:\n", i + 1);
        prompt_text_block(text, queries[i].text, QUERY_SHOWN);
        for (size_t o = 0; o < queries[i].option_count; o++) {
            buffer_append_string(text, o == 0 ? "Answers to choose from: " : "; ");
            prompt_text_quote(text, queries[i].options[o], 0);
        }
        buffer_append_string(text, queries[i].option_count ? "\n\n" : "\n");
    }
}

/* Held to what llama.cpp's grammar takes: plain types, enumerations, lists with a limit. */
static const char *schema_of(size_t count, Arena *arena)
{
    return arena_format(
        arena,
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"queries\"],\"properties\":{"
        "\"queries\":{\"type\":\"array\",\"minItems\":%zu,\"maxItems\":%zu,\"items\":{\"type\":\"object\","
        "\"additionalProperties\":false,\"required\":[\"query\",\"begins\",\"features\"],\"properties\":{"
        "\"query\":{\"type\":\"integer\"},\"begins\":{\"type\":\"string\"},\"features\":{\"type\":\"array\","
        "\"minItems\":3,\"maxItems\":%d,\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
        "\"required\":[\"name\",\"quotation\",\"context\",\"polarity\"],\"properties\":{"
        "\"name\":{\"type\":\"string\"},\"quotation\":{\"type\":\"string\"},\"context\":{\"type\":\"string\"}"
        ","
        "\"polarity\":{\"enum\":[\"positive\",\"negative\",\"neutral\"]}}}}}}}}}",
        count, count, EXTRACT_FEATURE_LIMIT);
}

/* Of nobody's task, so that what a small model copies of it stands in no query and is dropped. */
static const char example[] =
    "> Mr Bell's flat is bright, but his neighbours are loud, and the lease runs for a year only.\n"
    "{\"queries\":[{\"query\":1,\"begins\":\"Mr Bell's flat is\",\"features\":["
    "{\"name\":\"daylight\",\"quotation\":\"flat is bright\",\"context\":\"the rooms get light\","
    "\"polarity\":\"positive\"},"
    "{\"name\":\"noise\",\"quotation\":\"neighbours are loud\",\"context\":\"people next door disturb\","
    "\"polarity\":\"negative\"},"
    "{\"name\":\"short contract\",\"quotation\":\"for a year only\",\"context\":\"rented for one year\","
    "\"polarity\":\"negative\"}]}]}";

void extract_ask(StageAsk *ask, const PromptTemplate *prompt, const rpmd_plugin *plugin,
                 const ExtractQuery *queries, size_t count, Arena *arena)
{
    _cleanup_buffer_ Buffer shown = BUFFER_INIT;
    const rpmd_prompt_texts *texts = plugin->prompt_texts;
    append_queries(&shown, plugin, queries, count);
    const rpmd_text values[PLACES] = {
        [PLACE_TASK] = text_of(texts->task),
        [PLACE_QUERY_NOUN] = text_of(texts->query_noun),
        [PLACE_RESPONSE_NOUN] = text_of(texts->response_noun),
        [PLACE_LIMIT] = text_of(arena_format(arena, "%d", EXTRACT_FEATURE_LIMIT)),
        [PLACE_EXAMPLE] = text_of(example),
        [PLACE_QUERIES] = {buffer_string(&shown), shown.length},
        [PLACE_COUNT] = text_of(arena_format(arena, "%zu", count)),
    };
    prompt_template_append(&ask->prompt, prompt, values);
    ask->schema = schema_of(count, arena);
    ask->max_tokens = (uint32_t)(count * (TOKENS_OF_QUERY + EXTRACT_FEATURE_LIMIT * TOKENS_OF_FEATURE));
}

/* ---- the reply ---------------------------------------------------------------------------------------- */

static float polarity_of(const json_t *value)
{
    if (json_is_number(value))
        return json_number_value(value) > 0 ? POLARITY : json_number_value(value) < 0 ? -POLARITY : 0;
    const char *word = json_is_string(value) ? json_string_value(value) : "";
    return strncasecmp(word, "pos", 3) == 0 ? POLARITY : strncasecmp(word, "neg", 3) == 0 ? -POLARITY : 0;
}

static bool is_repeated(const ExtractResult *result, const AnalyzedFeature *feature)
{
    for (size_t i = 0; i < result->feature_count; i++)
        if (text_equal(result->features[i].name, feature->name) &&
            feature_sign(result->features[i].polarity) == feature_sign(feature->polarity))
            return true;
    return false;
}

static void drop(ExtractResult *result, Arena *arena, const AnalyzedFeature *feature, const char *why)
{
    if (result->dropped++ == 0)
        result->drop_reason =
            text_of(arena_format(arena, "the feature \"%.*s\": %s", TEXT_ARGS(feature->name), why));
}

/* The grounding gate. */
static void take_feature(ExtractResult *result, const json_t *value, rpmd_text query, Arena *arena)
{
    const json_t *quotation = json_object_get(value, "quotation");
    rpmd_text quoted = json_is_string(quotation)
                           ? (rpmd_text){json_string_value(quotation), json_string_length(quotation)}
                           : (rpmd_text){"", 0};
    AnalyzedFeature feature = {
        .name = stage_label(arena, json_object_get(value, "name"), PLUGIN_NAME_LIMIT, true),
        .context = stage_label(arena, json_object_get(value, "context"), PLUGIN_CONTEXT_LIMIT, false),
        .category = {"", 0},
        .polarity = polarity_of(json_object_get(value, "polarity")),
        .strength = STRENGTH,
    };
    if (is_repeated(result, &feature))
        return;
    bool is_quoted = quoted.length <= QUOTATION_LIMIT && text_locate(query, quoted, &feature.evidence);
    /* Small models quote wrong what they name right: a name that stands in the text is its own evidence. */
    if (!is_quoted && !text_locate(query, feature.name, &feature.evidence)) {
        drop(result, arena, &feature,
             arena_format(arena, "its quotation \"%.*s\" is not in the query",
                          (int)MIN(quoted.length, (size_t)80), quoted.data));
        return;
    }
    /* Categories are the plugin's own, and an LLM's features have none. */
    const rpmd_plugin without_categories = {.categories = NULL};
    const char *fault = plugin_feature_fault(&without_categories, query, &feature);
    if (fault)
        drop(result, arena, &feature, fault);
    else
        result->features[result->feature_count++] = feature;
}

static void take_query(ExtractResult *result, const json_t *features, rpmd_text query, Arena *arena)
{
    size_t count = MIN(json_array_size(features), (size_t)EXTRACT_FEATURE_LIMIT);
    result->is_answered = true;
    result->features = ARENA_ARRAY(arena, AnalyzedFeature, count);
    for (size_t i = 0; i < count; i++)
        take_feature(result, json_array_get(features, i), query, arena);
}

const char *extract_parse(rpmd_text reply, const ExtractQuery *queries, size_t count, Arena *arena,
                          ExtractResult *results)
{
    _cleanup_json_ json_t *value = reply_json(reply);
    const json_t *answers = json_object_get(value, "queries");
    const json_t *alone = json_object_get(value, "features");
    bool any = false;
    for (size_t i = 0; i < count; i++)
        results[i] = (ExtractResult){0};
    if (!value)
        return "it has no JSON object";
    /* Of one query, models like to leave the list of queries out. */
    if (!answers && json_is_array(alone) && count == 1) {
        take_query(&results[0], alone, queries[0].text, arena);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(answers); i++) {
        const json_t *answer = json_array_get(answers, i);
        const json_t *features = json_object_get(answer, "features");
        int64_t number = stage_number(json_object_get(answer, "query"));
        if (number < 1 || (size_t)number > count || !json_is_array(features) ||
            results[number - 1].is_answered)
            continue;
        take_query(&results[number - 1], features, queries[number - 1].text, arena);
        any = true;
    }
    return any ? NULL : "its \"queries\" have no list of \"features\" for any of the numbers";
}
