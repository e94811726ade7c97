/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/judge.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/reply_json.h"
#include "lib/method/prompt_text.h"

#define RESPONSE_SHOWN 2000 /* bytes; titles and paragraphs are shorter */
#define EVIDENCE_SHOWN 160
#define TOKENS_OF_JUDGEMENT 40 /* of a reply: seen 25 */

enum { PLACE_TASK, PLACE_QUERY_NOUN, PLACE_RESPONSE_NOUN, PLACE_EXAMPLE, PLACE_ITEMS, PLACE_COUNT, PLACES };

const PromptPlace judge_places[] = {
    [PLACE_TASK] = {"task", false},
    [PLACE_QUERY_NOUN] = {"query_noun", false},
    [PLACE_RESPONSE_NOUN] = {"response_noun", false},
    [PLACE_EXAMPLE] = {"example", true},
    [PLACE_ITEMS] = {"items", true},
    [PLACE_COUNT] = {"count", false},
};
const size_t judge_place_count = PLACES;

static const char schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"items\"],\"properties\":{\"items\":{"
    "\"type\":\"array\","
    "\"items\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"item\",\"judgements\"],"
    "\"properties\":{"
    "\"item\":{\"type\":\"integer\"},\"judgements\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"required\":[\"feature\",\"influenced\",\"polarity\"],\"properties\":{"
    "\"feature\":{\"type\":\"integer\"},\"influenced\":{\"type\":\"boolean\"},"
    "\"polarity\":{\"enum\":[\"positive\",\"neutral\",\"negative\"]}}}}}}}}}";

/* What an item takes of a prompt: its features and its response, not its query. */
static size_t shown_bytes(const JudgeItem *item)
{
    size_t bytes = MIN(item->response.length, (size_t)RESPONSE_SHOWN);
    for (size_t f = 0; f < item->feature_count; f++)
        bytes += item->features[f].name.length + EVIDENCE_SHOWN;
    return bytes;
}

size_t judge_batch(const JudgeItem *items, size_t count)
{
    size_t bytes = 0, batch = 0;
    while (batch < count && batch < JUDGE_BATCH) {
        bytes += shown_bytes(&items[batch]);
        if (batch > 0 && bytes > JUDGE_BATCH_BYTES)
            break;
        batch++;
    }
    return batch;
}

static void append_item(Buffer *text, const rpmd_plugin *plugin, const JudgeItem *item, size_t number)
{
    buffer_append_format(text, "Item %zu. Features of the %s:\n", number, plugin->prompt_texts->query_noun);
    for (size_t f = 0; f < item->feature_count; f++) {
        const AnalyzedFeature *feature = &item->features[f];
        buffer_append_format(text, "%zu. ", f + 1);
        prompt_text_name(text, feature->name);
        buffer_append_string(text, " (");
        prompt_text_quote(text, text_slice(item->query, feature->evidence), EVIDENCE_SHOWN);
        buffer_append_string(text, ")\n");
    }
    buffer_append_format(text, "The person's %s:\n", plugin->prompt_texts->response_noun);
    prompt_text_block(text, item->response, RESPONSE_SHOWN);
    buffer_append_string(text, "\n");
}

void judge_ask(StageAsk *ask, const PromptTemplate *prompt, const rpmd_plugin *plugin, const JudgeItem *items,
               size_t count, Arena *arena)
{
    _cleanup_buffer_ Buffer shown = BUFFER_INIT;
    size_t features = 0;
    for (size_t i = 0; i < count; i++) {
        append_item(&shown, plugin, &items[i], i + 1);
        features += items[i].feature_count;
    }
    const rpmd_text values[PLACES] = {
        [PLACE_TASK] = text_of(plugin->prompt_texts->task),
        [PLACE_QUERY_NOUN] = text_of(plugin->prompt_texts->query_noun),
        [PLACE_RESPONSE_NOUN] = text_of(plugin->prompt_texts->response_noun),
        [PLACE_EXAMPLE] =
            text_of("{\"items\":[{\"item\":1,\"judgements\":[{\"feature\":1,\"influenced\":true,"
                    "\"polarity\":\"positive\"}]}]}"),
        [PLACE_ITEMS] = {buffer_string(&shown), shown.length},
        [PLACE_COUNT] = text_of(arena_format(arena, "%zu", count)),
    };
    prompt_template_append(&ask->prompt, prompt, values);
    ask->schema = schema;
    ask->max_tokens = (uint32_t)(64 + features * TOKENS_OF_JUDGEMENT);
}

static FeatureJudgement judgement_of(const json_t *value)
{
    const json_t *influenced = json_object_get(value, "influenced");
    const json_t *polarity = json_object_get(value, "polarity");
    const char *word = json_is_string(polarity) ? json_string_value(polarity) : "";
    if (!json_is_boolean(influenced))
        return FEATURE_NOT_JUDGED;
    if (!json_is_true(influenced))
        return FEATURE_NOT_INFLUENTIAL;
    return strncasecmp(word, "pos", 3) == 0   ? FEATURE_INFLUENTIAL_POSITIVE
           : strncasecmp(word, "neg", 3) == 0 ? FEATURE_INFLUENTIAL_NEGATIVE
                                              : FEATURE_INFLUENTIAL_NEUTRAL;
}

const char *judge_parse(rpmd_text reply, const JudgeItem *items, size_t count,
                        FeatureJudgement *const *judgements)
{
    _cleanup_json_ json_t *value = reply_json(reply);
    const json_t *answers = json_object_get(value, "items");
    bool any = false;
    for (size_t i = 0; i < count; i++)
        memset(judgements[i], 0, items[i].feature_count * sizeof(FeatureJudgement));
    if (!value)
        return "it has no JSON object";
    for (size_t i = 0; i < json_array_size(answers); i++) {
        int64_t item = stage_number(json_object_get(json_array_get(answers, i), "item"));
        const json_t *list = json_object_get(json_array_get(answers, i), "judgements");
        for (size_t k = 0; item >= 1 && (size_t)item <= count && k < json_array_size(list); k++) {
            int64_t feature = stage_number(json_object_get(json_array_get(list, k), "feature"));
            if (feature < 1 || (size_t)feature > items[item - 1].feature_count)
                continue;
            judgements[item - 1][feature - 1] = judgement_of(json_array_get(list, k));
            any |= judgements[item - 1][feature - 1] != FEATURE_NOT_JUDGED;
        }
    }
    return any ? NULL : "its \"items\" have no judgement of any feature";
}
