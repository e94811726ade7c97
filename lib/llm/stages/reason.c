/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/reason.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/reply_json.h"
#include "lib/llm/stages/reason_gate.h"
#include "lib/method/citation_model.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_text.h"
#include "lib/method/statistics.h"
#include "lib/text/utf8.h"

#define QUERY_SHOWN 1200 /* bytes of a query: what matters stands in the features */
#define RESPONSE_SHOWN 600
#define DESCRIPTION_SHOWN 90
#define OTHER_ANSWERS 2   /* shown beside the observed one: what else it could have been */
#define FACTORS_OF_ITEM 6 /* with statistics; a path cites one or two */
#define FEATURES_OF_ITEM 12
#define TOKENS_OF_PATH 260 /* of a reply: seen 80 to 140 */
#define CITED_FACTORS 2
#define VIOLATIONS_NAMED 3 /* in a repair: more would not be read */

enum {
    PLACE_TASK,
    PLACE_QUERY_NOUN,
    PLACE_RESPONSE_NOUN,
    PLACE_EXAMPLE,
    PLACE_FACTORS,
    PLACE_ITEMS,
    PLACE_COUNT,
    PLACES
};

const PromptPlace reason_places[] = {
    [PLACE_TASK] = {"task", false},
    [PLACE_QUERY_NOUN] = {"query_noun", false},
    [PLACE_RESPONSE_NOUN] = {"response_noun", false},
    [PLACE_EXAMPLE] = {"example", true},
    [PLACE_FACTORS] = {"factors", false},
    [PLACE_ITEMS] = {"items", true},
    [PLACE_COUNT] = {"count", false},
};
const size_t reason_place_count = PLACES;

static const char schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"paths\"],\"properties\":{\"paths\":{"
    "\"type\":\"array\",\"minItems\":1,\"maxItems\":5,\"items\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"required\":[\"item\",\"begins\",\"answer\",\"factors\",\"reasoning\"],"
    "\"properties\":{\"item\":{\"type\":\"integer\"},\"begins\":{\"type\":\"string\"},"
    "\"answer\":{\"type\":\"string\"},\"factors\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,"
    "\"items\":{\"type\":\"string\"}},\"reasoning\":{\"type\":\"string\"}}}}}}";

/* Copying how the item begins and what its answer is keeps a small model to this item. */
static const char example[] =
    "> Mr Bell's flat is bright, but his neighbours are loud, and the lease runs for a year only.\n"
    "{\"paths\":[{\"item\":1,\"begins\":\"Mr Bell's flat is\",\"answer\":\"leave\",\"factors\":[\"noise\"],"
    "\"reasoning\":\"The loud neighbours decided: they outweigh that the flat is bright, and a lease of a "
    "year "
    "only gives no reason to put up with them.\"}]}";

/* ---- the ask ------------------------------------------------------------------------------------------ */

static size_t shown_bytes(const ModelEntry *entry)
{
    return MIN(entry->item->query.length, (size_t)QUERY_SHOWN) +
           MIN(entry->item->response.length, (size_t)RESPONSE_SHOWN);
}

size_t reason_batch(const ModelEntry *const *entries, size_t count)
{
    size_t bytes = 0, batch = 0;
    while (batch < count && batch < REASON_BATCH) {
        bytes += shown_bytes(entries[batch]);
        if (batch > 0 && bytes > REASON_BATCH_BYTES)
            break;
        batch++;
    }
    return batch;
}

/* Names and descriptions; numbers are each item's own, since it is left out of them. */
static void append_factors(Buffer *text, const UserModel *model)
{
    for (uint32_t f = 0; f < model->factor_count; f++) {
        const Factor *factor = factor_set_get(model->factors, f);
        prompt_text_factor(text, factor->name);
        if (factor->description.length > 0) {
            buffer_append_string(text, " ");
            prompt_text_quote(text, factor->description, DESCRIPTION_SHOWN);
        }
        buffer_append_string(text, "\n");
    }
}

/* The class that the item got, then those that are frequent beside it. */
static size_t classes_to_show(const UserModel *model, const ModelEntry *entry, uint32_t factor,
                              uint32_t shown[1 + OTHER_ANSWERS])
{
    uint32_t answer = user_model_class(model, entry->item->answer_class);
    size_t count = 0;
    if (answer != CLASS_NONE)
        shown[count++] = answer;
    for (size_t other = 0; other < OTHER_ANSWERS; other++) {
        uint32_t best = CLASS_NONE, most = 0;
        for (uint32_t c = 0; c < model->class_count; c++) {
            bool is_shown = false;
            uint32_t items = statistics_count(model, factor, c, entry);
            for (size_t i = 0; i < count; i++)
                is_shown |= shown[i] == c;
            if (!is_shown && items > most) {
                best = c;
                most = items;
            }
        }
        if (best == CLASS_NONE)
            break;
        shown[count++] = best;
    }
    return count;
}

static void append_statistics(Buffer *text, const ReasonContext *context, const ModelEntry *entry,
                              uint32_t factor)
{
    const UserModel *model = context->model;
    uint32_t items = statistics_items(model, factor, entry);
    if (items == 0)
        return;
    reasoning_factor(text, model, factor);
    if (model->answer_kind == RPMD_ANSWER_TEXT) {
        buffer_append_format(text, " n=%u", items);
        if (factor != FACTOR_ALL) {
            FactorCounts counts = statistics_factor(model, factor, entry);
            buffer_append_format(text, ", influence=%u", counts.influence);
            if (counts.influence > 0)
                buffer_append_format(text, ", %u%% positive",
                                     prompt_text_percent(counts.positive, counts.influence));
        }
    } else {
        const ReasoningTask task = {.smoothing = context->smoothing};
        uint32_t shown[1 + OTHER_ANSWERS];
        size_t count = classes_to_show(model, entry, factor, shown);
        buffer_append_string(text, ":");
        for (size_t i = 0; i < count; i++) {
            buffer_append_string(text, i ? ", " : " ");
            reasoning_share(text, &task, model, factor, shown[i], entry);
        }
    }
    buffer_append_string(text, "\n");
}

static void append_answer(Buffer *text, const ReasonContext *context, const ModelEntry *entry)
{
    const ModelItem *item = entry->item;
    buffer_append_format(text, "The person's %s: ", context->plugin->prompt_texts->response_noun);
    prompt_text_quote(text, item->answer, RESPONSE_SHOWN);
    if (item->answer_class.length > 0 && !text_equal(item->answer_class, item->answer)) {
        buffer_append_string(text, ", which counts as ");
        prompt_text_quote(text, item->answer_class, 0);
    }
    buffer_append_string(text, "\n\n");
}

static void append_item(Buffer *text, const ReasonContext *context, const ModelEntry *entry, size_t number)
{
    const ModelItem *item = entry->item;
    buffer_append_format(text, "Item %zu. The %s:\n", number, context->plugin->prompt_texts->query_noun);
    prompt_text_block(text, item->query, QUERY_SHOWN);
    buffer_append_string(text, "Features: ");
    for (uint32_t f = 0; f < item->feature_count && f < FEATURES_OF_ITEM; f++) {
        AnalyzedFeature feature = model_item_feature(item, f);
        buffer_append_string(text, f ? ", " : "");
        reasoning_feature(text, item->query, &feature);
    }
    buffer_append_string(text, item->feature_count ? "\nStatistics over the other items:\n"
                                                   : "none\nStatistics over the other items:\n");
    for (uint32_t m = 0; m < entry->met_count && m < FACTORS_OF_ITEM; m++)
        append_statistics(text, context, entry, entry->met[m]);
    append_statistics(text, context, entry, FACTOR_ALL);
    append_answer(text, context, entry);
}

void reason_ask(StageAsk *ask, const PromptTemplate *prompt, const ReasonContext *context,
                const ModelEntry *const *entries, size_t count, Arena *arena)
{
    _cleanup_buffer_ Buffer factors = BUFFER_INIT, items = BUFFER_INIT;
    const rpmd_prompt_texts *texts = context->plugin->prompt_texts;
    append_factors(&factors, context->model);
    for (size_t i = 0; i < count; i++)
        append_item(&items, context, entries[i], i + 1);
    const rpmd_text values[PLACES] = {
        [PLACE_TASK] = text_of(texts->task),
        [PLACE_QUERY_NOUN] = text_of(texts->query_noun),
        [PLACE_RESPONSE_NOUN] = text_of(texts->response_noun),
        [PLACE_EXAMPLE] = text_of(example),
        [PLACE_FACTORS] = {buffer_string(&factors), factors.length},
        [PLACE_ITEMS] = {buffer_string(&items), items.length},
        [PLACE_COUNT] = text_of(arena_format(arena, "%zu", count)),
    };
    prompt_template_append(&ask->prompt, prompt, values);
    ask->schema = schema;
    ask->max_tokens = (uint32_t)(64 + count * TOKENS_OF_PATH);
}

/* ---- the reply ---------------------------------------------------------------------------------------- */

/* A whole path at most: what is longer ends with its last whole sentence. */
static rpmd_text shorten(rpmd_text path)
{
    if (path.length <= REASON_PATH_LIMIT)
        return path;
    path = text_cut(path, REASON_PATH_LIMIT);
    size_t end = path.length;
    while (end > 0 && !strchr(".!?", path.data[end - 1]))
        end--;
    return (rpmd_text){path.data, end};
}

static bool is_named(const json_t *name, rpmd_text known)
{
    return json_string_length(name) == known.length &&
           strncasecmp(json_string_value(name), known.data, known.length) == 0;
}

/* A factor that the item meets, by its name or that of a feature of the item; FACTOR_NONE. */
static uint32_t met_factor(const UserModel *model, const ModelEntry *entry, const json_t *name)
{
    const ModelItem *item = entry->item;
    if (!json_is_string(name))
        return FACTOR_NONE;
    for (uint32_t m = 0; m < entry->met_count; m++)
        if (is_named(name, factor_set_get(model->factors, entry->met[m])->name))
            return entry->met[m];
    for (uint32_t f = 0; f < item->feature_count; f++)
        if (entry->factors[f] != FACTOR_NONE && is_named(name, item->features[f].text->name))
            return entry->factors[f];
    return FACTOR_NONE;
}

static bool cite(Buffer *path, const ReasonContext *context, const ModelEntry *entry, uint32_t factor)
{
    const UserModel *model = context->model;
    const ReasoningTask task = {.smoothing = context->smoothing};
    uint32_t answer = user_model_class(model, entry->item->answer_class);
    uint32_t items = statistics_items(model, factor, entry);
    if (items == 0)
        return false;
    buffer_append_string(path, " ");
    reasoning_factor(path, model, factor);
    if (model->answer_kind == RPMD_ANSWER_TEXT) {
        buffer_append_format(path, " has n=%u", items);
        if (factor != FACTOR_ALL)
            buffer_append_format(path, ", influence=%u", statistics_factor(model, factor, entry).influence);
    } else if (answer != CLASS_NONE) {
        buffer_append_string(path, " has ");
        reasoning_share(path, &task, model, factor, answer, entry);
    }
    buffer_append_string(path, ".");
    return true;
}

/* The numbers of the factors that the LLM named, where it cited none itself: small models choose well and
 * copy badly. */
static void append_citations(Buffer *path, const json_t *names, const ReasonContext *context,
                             const ModelEntry *entry)
{
    size_t cited = 0;
    uint32_t first = FACTOR_NONE;
    for (size_t i = 0; i < json_array_size(names) && cited < CITED_FACTORS; i++) {
        uint32_t factor = met_factor(context->model, entry, json_array_get(names, i));
        if (factor == FACTOR_NONE || factor == first)
            continue;
        cited += cite(path, context, entry, factor);
        first = factor;
    }
    if (cited == 0)
        cite(path, context, entry, FACTOR_ALL);
}

/* `So the tag is "classic".`, where the path does not end so. */
static void append_conclusion(Buffer *path, const ReasonContext *context, const ModelEntry *entry)
{
    _cleanup_buffer_ Buffer answer = BUFFER_INIT;
    prompt_text_quote(&answer, entry->item->answer, RESPONSE_SHOWN);
    buffer_append_string(&answer, ".");
    size_t length = MIN(answer.length, path->length);
    if (length == answer.length && memcmp(path->data + path->length - length, answer.data, length) == 0)
        return;
    buffer_append_format(path, " So the %s is %s", context->plugin->prompt_texts->response_noun,
                         buffer_string(&answer));
}

static void take_path(ReasonPath *path, const json_t *value, const ReasonContext *context,
                      const ReasonItem *item, Arena *arena)
{
    const ModelEntry *entry = item->entries[item->entry];
    const json_t *reasoning = json_object_get(value, "reasoning");
    rpmd_text text = {"", 0};
    CitationReport report = {0};
    if (json_is_string(reasoning))
        text = shorten(text_trim((rpmd_text){json_string_value(reasoning), json_string_length(reasoning)}));
    if (text.length == 0)
        return;
    _cleanup_buffer_ Buffer line = BUFFER_INIT;
    prompt_text_line(&line, text);
    path->fault = reason_fault((rpmd_text){line.data, line.length}, item, arena, &report);
    if (!path->fault && report.factors == 0)
        append_citations(&line, json_object_get(value, "factors"), context, entry);
    if (!path->fault)
        append_conclusion(&line, context, entry);
    path->text = arena_text(arena, (rpmd_text){line.data, line.length});
}

/* The first things that are wrong, for a repair, which begins with the first item that has one; NULL: nothing
 * is.
 */
static const char *fault_of_reply(const ReasonPath *paths, size_t count, Arena *arena)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    size_t named = 0, first = 0;
    for (size_t i = 0; i < count && named < VIOLATIONS_NAMED; i++) {
        if (!paths[i].fault)
            continue;
        first = named ? first : i;
        buffer_append_format(&text, "%sitem %zu: %s", named++ ? "; " : "", i - first + 1, paths[i].fault);
    }
    return named ? arena_copy(arena, text.data, text.length) : NULL;
}

const char *reason_parse(rpmd_text reply, const ReasonContext *context, const ModelEntry *const *entries,
                         size_t count, Arena *arena, ReasonPath *paths)
{
    _cleanup_json_ json_t *value = reply_json(reply);
    const json_t *answers = json_object_get(value, "paths");
    for (size_t i = 0; i < count; i++)
        paths[i] = (ReasonPath){{"", 0}, "has no reasoning"};
    if (!value)
        return "it has no JSON object";
    for (size_t i = 0; i < json_array_size(answers); i++) {
        const json_t *answer = json_array_get(answers, i);
        int64_t number = stage_number(json_object_get(answer, "item"));
        if (number < 1 || (size_t)number > count || paths[number - 1].text.length > 0)
            continue;
        const ReasonItem item = {context->model, context->smoothing, entries, count, (size_t)number - 1};
        take_path(&paths[number - 1], answer, context, &item, arena);
    }
    return fault_of_reply(paths, count, arena);
}
