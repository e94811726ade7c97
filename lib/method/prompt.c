/* SPDX-License-Identifier: MIT */
#include "lib/method/prompt.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/citation_model.h"
#include "lib/method/prompt_stable.h"
#include "lib/method/prompt_table.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_text.h"

#include <stdarg.h>
#include <stdio.h>

/* Shares of the budget that do not depend on the query: the query's text, an example's. */
#define QUERY_PART 3
#define EXAMPLE_PART 12
#define SHARED_PART 2

/* Bytes of a text that are always shown: less is no query any more. */
#define TEXT_MINIMUM 200

/* Features of one text that are listed, and factors met that are not in the table. */
#define LISTED_FEATURES 16
#define LISTED_FACTORS 6

/* What an example, the query or the end mostly fits in. */
#define PIECE_BYTES 2048

/* Answers named in the conclusion. */
#define CONCLUSION_LIMIT 3

typedef struct Writer {
    const PromptRequest *request;
    ReasoningTask task;
    size_t budget;
    Arena *arena;
    Prompt *prompt;
    const PromptStable *stable;
    size_t table_bytes; /* of the stable part's table: 0 where it is left out */
    Buffer shared;      /* these examples are the same for the user, too */
    Buffer examples[RETRIEVAL_LIMIT];
    Buffer target;
    Buffer tail;
    size_t shared_count; /* of the request's: the last ones */
} Writer;

static void drop(Writer *writer, const char *format, ...) _printf_(2, 3);

static void drop(Writer *writer, const char *format, ...)
{
    char sentence[STATUS_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    Prompt *prompt = writer->prompt;
    prompt->dropped[prompt->dropped_count++] = arena_text(writer->arena, text_of(sentence));
}

/* ---- worked examples ---- */

static void list_features(Buffer *buffer, const UserModel *model, rpmd_text query, const Analysis *analysis,
                          const uint32_t *factors)
{
    buffer_append_string(buffer, "Features:");
    for (size_t f = 0; f < analysis->feature_count && f < LISTED_FEATURES; f++) {
        const AnalyzedFeature *feature = &analysis->features[f];
        int sign = feature_sign(feature->polarity);
        buffer_append_string(buffer, f ? "; " : " ");
        reasoning_feature(buffer, query, feature);
        buffer_append_string(buffer, sign > 0 ? " (+)" : sign < 0 ? " (-)" : "");
        if (factors[f] != FACTOR_NONE) {
            buffer_append_string(buffer, " ");
            reasoning_factor(buffer, model, factors[f]);
        }
    }
    if (analysis->feature_count > LISTED_FEATURES)
        buffer_append_format(buffer, "; and %zu more", analysis->feature_count - LISTED_FEATURES);
    buffer_append_string(buffer, analysis->feature_count ? ".\n" : " none.\n");
}

static void write_options(Buffer *buffer, const rpmd_text *options, size_t count, const Analysis *analysis)
{
    if (count > 0)
        buffer_append_string(buffer, "Options:\n");
    for (size_t o = 0; o < count; o++) {
        buffer_append_string(buffer, "- ");
        prompt_text_quote(buffer, options[o], 0);
        if (o < analysis->option_class_count && !text_equal(options[o], analysis->option_classes[o].name)) {
            buffer_append_string(buffer, " (counts as ");
            prompt_text_quote(buffer, analysis->option_classes[o].name, 0);
            buffer_append_string(buffer, ")");
        }
        buffer_append_string(buffer, "\n");
    }
}

/* The place of an entry in the history, from 1. */
static uint32_t place_of(const UserModel *model, const ModelEntry *entry)
{
    for (uint32_t e = 0; e < model->entry_count; e++)
        if (model->entries[e] == entry)
            return e + 1;
    return 0;
}

/* A reasoning path on one line, whoever wrote it. */
static void write_reasoning(Writer *writer, Buffer *buffer, const ModelEntry *entry, rpmd_text reasoning)
{
    if (reasoning.length == 0)
        reasoning = reasoning_of_item(writer->arena, &writer->task, writer->request->model, entry);
    buffer_append_string(buffer, "Reasoning: ");
    prompt_text_line(buffer, reasoning);
    buffer_append_string(buffer, "\n");
}

static void write_answer(Writer *writer, Buffer *buffer, const ModelItem *item)
{
    rpmd_answer_kind kind = writer->request->model->answer_kind;
    prompt_text_capital(buffer, writer->task.response_noun);
    buffer_append_string(buffer, ": ");
    /* Labels and numbers are the plugin's words; other answers are users'. */
    if (kind == RPMD_ANSWER_LABELS || kind == RPMD_ANSWER_ORDINAL)
        buffer_append(buffer, item->answer.data, item->answer.length);
    else
        prompt_text_quote(buffer, item->answer, writer->budget / EXAMPLE_PART);
    buffer_append_string(buffer, "\n");
}

static void write_item(Writer *writer, Buffer *buffer, const ModelEntry *entry, rpmd_text reasoning)
{
    const ModelItem *item = entry->item;
    const Analysis *analysis = model_item_analysis(item, writer->arena);
    uint32_t *factors = ARENA_ARRAY(writer->arena, uint32_t, item->feature_count);
    for (uint32_t f = 0; f < item->feature_count; f++)
        factors[f] = entry->factors[f];
    prompt_text_capital(buffer, writer->task.query_noun);
    buffer_append_string(buffer, ":\n");
    prompt_text_block(buffer, item->query, MAX(writer->budget / EXAMPLE_PART, (size_t)TEXT_MINIMUM));
    write_options(buffer, item->details->options, item->details->option_count, analysis);
    list_features(buffer, writer->request->model, item->query, analysis, factors);
    write_reasoning(writer, buffer, entry, reasoning);
    write_answer(writer, buffer, item);
}

static void write_heading(Writer *writer, Buffer *buffer, const ModelEntry *entry)
{
    const UserModel *model = writer->request->model;
    buffer_append_format(buffer, "\n" CITATION_EXAMPLE_HEADING "%u of %u", place_of(model, entry),
                         model->entry_count);
}

static bool is_shared(const Writer *writer, const ModelEntry *entry)
{
    const PromptRequest *request = writer->request;
    for (size_t i = request->shared_count - writer->shared_count; i < request->shared_count; i++)
        if (request->shared[i].entry == entry)
            return true;
    return false;
}

static void write_example(Writer *writer, size_t number)
{
    const PromptRequest *request = writer->request;
    const Retrieved *retrieved = &request->retrieved[number];
    Buffer *buffer = &writer->examples[number];
    rpmd_text shared[3];
    size_t shared_count =
        retrieval_shared(request->model, request->target, retrieved->entry, shared, ARRAY_SIZE(shared));
    write_heading(writer, buffer, retrieved->entry);
    buffer_append_format(buffer, " (similarity %.2f", retrieved->similarity);
    for (size_t s = 0; s < shared_count; s++) {
        buffer_append_string(buffer, s ? ", " : "; shares ");
        prompt_text_name(buffer, shared[s]);
    }
    if (is_shared(writer, retrieved->entry)) {
        buffer_append_string(buffer, "), which stands above\n");
        return;
    }
    buffer_append_string(buffer, ")\n");
    write_item(writer, buffer, retrieved->entry,
               request->reasoning ? request->reasoning[number] : (rpmd_text){0});
}

size_t prompt_choose_shared(const UserModel *model, const Target *target, size_t limit, PromptItem *items)
{
    size_t count = 0, visible = 0;
    for (uint32_t e = 0; e < model->entry_count; e++)
        visible += retrieval_is_visible(model->entries[e]->item, target);
    size_t skip = visible > limit ? visible - limit : 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        if (!retrieval_is_visible(model->entries[e]->item, target))
            continue;
        if (skip > 0)
            skip--;
        else
            items[count++] = (PromptItem){.entry = model->entries[e]};
    }
    return count;
}

/* How many of them have room depends on the user alone, so that it is the same for every query. */
static void write_shared(Writer *writer)
{
    const PromptRequest *request = writer->request;
    Buffer *texts = ARENA_ARRAY(writer->arena, Buffer, request->shared_count);
    size_t bytes = 0, first = request->shared_count;
    while (first > 0) {
        const PromptItem *item = &request->shared[first - 1];
        write_heading(writer, &texts[first - 1], item->entry);
        buffer_append_string(&texts[first - 1], "\n");
        write_item(writer, &texts[first - 1], item->entry, item->reasoning);
        bytes += texts[first - 1].length;
        if (bytes > writer->budget / SHARED_PART)
            break;
        first--;
    }
    writer->shared_count = request->shared_count - first;
    for (size_t i = first; i < request->shared_count; i++)
        buffer_append(&writer->shared, texts[i].data, texts[i].length);
    for (size_t i = 0; i < request->shared_count; i++)
        buffer_finish(&texts[i]);
}

/* ---- the query ---- */

/* Factors that the query meets and the table has not. */
static void write_met_factors(Writer *writer)
{
    const PromptRequest *request = writer->request;
    uint32_t listed[LISTED_FACTORS];
    size_t count = 0;
    for (size_t f = 0; f < request->target->analysis->feature_count && count < LISTED_FACTORS; f++) {
        uint32_t factor = request->target->factors[f];
        bool skip = factor == FACTOR_NONE || prompt_stable_shows(writer->stable, factor);
        for (size_t i = 0; i < count; i++)
            skip |= listed[i] == factor;
        if (skip)
            continue;
        if (count == 0)
            buffer_append_string(&writer->target, "Factors that it meets besides those above:\n");
        prompt_table_row(&writer->target, request->model, factor, writer->task.smoothing);
        listed[count++] = factor;
    }
}

static void write_target(Writer *writer, size_t text_limit, bool with_factors)
{
    const Target *target = writer->request->target;
    Buffer *buffer = &writer->target;
    buffer_clear(buffer);
    buffer_append_string(buffer, "\n# The new ");
    buffer_append(buffer, writer->task.query_noun.data, writer->task.query_noun.length);
    buffer_append_string(buffer, "\n");
    prompt_text_block(buffer, target->query, text_limit);
    write_options(buffer, target->options, target->option_count, target->analysis);
    list_features(buffer, writer->request->model, target->query, target->analysis, target->factors);
    if (with_factors)
        write_met_factors(writer);
}

/* The answer first, then what else is likely. */
static void write_conclusion(Writer *writer)
{
    const PredictionCase *prediction = writer->request->prediction;
    if (!prediction)
        return;
    const Prediction *result = &prediction->result;
    Buffer *tail = &writer->tail;
    size_t named[CONCLUSION_LIMIT] = {result->answer}, count = 1;
    for (size_t i = 0; i < prediction->input.candidate_count && count < CONCLUSION_LIMIT; i++)
        if (result->ranking[i] != result->answer)
            named[count++] = result->ranking[i];
    /* Whole numbers: the median, which need not be the likeliest. */
    bool middle = result->ranking[0] != result->answer;
    buffer_append_string(tail, "\n" CITATION_CONCLUSION);
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(tail, i == 0   ? ""
                                   : i > 1  ? ", "
                                   : middle ? ", the middle of what is likely: "
                                            : ", then ");
        prompt_text_quote(tail, prediction->candidates[named[i]].answer, 0);
        buffer_append_string(tail, " (");
        prompt_text_share(tail, result->probabilities[named[i]]);
        buffer_append_string(tail, ")");
    }
    buffer_append_string(tail, "; follow them unless the text clearly says otherwise.\n");
}

static void write_tail(Writer *writer)
{
    Buffer *tail = &writer->tail;
    write_conclusion(writer);
    buffer_append_format(
        tail,
        "\n# Question\nWhich %.*s does this user give? First write \"Reasoning:\" and two or three "
        "sentences that cite features of the text and the factors above, as the examples do. "
        "Then write one last line, \"",
        TEXT_ARGS(writer->task.response_noun));
    prompt_text_capital(tail, writer->task.response_noun);
    buffer_append_string(tail, ":\" and behind it ");
    prompt_text_words(tail, writer->request->texts->answer_format);
    buffer_append_string(tail, ".\n");
}

/* ---- fitting ---- */

static size_t total(const Writer *writer)
{
    size_t sum = writer->stable->task_bytes + writer->stable->user_bytes + writer->table_bytes +
                 writer->shared.length + writer->target.length + writer->tail.length;
    for (size_t e = 0; e < writer->prompt->examples; e++)
        sum += writer->examples[e].length;
    return sum;
}

static void take_stable(Writer *writer)
{
    const PromptStable *stable = prompt_stable_of(writer->request, writer->budget, writer->arena);
    if (stable->rows < stable->factor_count)
        drop(writer, "%u of %u factors are not in the table: they tell least, and the table has %zu bytes.",
             stable->factor_count - stable->rows, stable->factor_count, stable->table_limit);
    writer->stable = stable;
    writer->table_bytes = stable->table_bytes;
}

static void drop_examples(Writer *writer)
{
    while (total(writer) > writer->budget && writer->prompt->examples > 0) {
        size_t last = --writer->prompt->examples;
        drop(writer, "The example of past item %u is left out: the prompt has %zu bytes.",
             place_of(writer->request->model, writer->request->retrieved[last].entry), writer->budget);
    }
}

/* Shortens the query, then leaves out what stands with it, then the table. */
static int shorten(Writer *writer, Status *status)
{
    size_t length = writer->request->target->query.length;
    size_t shown = MIN(MAX(writer->budget / QUERY_PART, (size_t)TEXT_MINIMUM), length);
    size_t excess = total(writer) > writer->budget ? total(writer) - writer->budget : 0;
    if (excess > 0 && shown > TEXT_MINIMUM) {
        /* A line about the cut comes with it. */
        size_t note = 64;
        shown = shown > excess + note + TEXT_MINIMUM ? shown - excess - note : TEXT_MINIMUM;
        write_target(writer, shown, true);
    }
    if (shown < length)
        drop(writer, "The query is cut: %zu of %zu bytes are shown.", shown, length);
    if (total(writer) > writer->budget) {
        write_target(writer, shown, false);
        drop(writer, "Factors that only the query meets are left out: the prompt has %zu bytes.",
             writer->budget);
    }
    if (total(writer) > writer->budget && writer->table_bytes > 0) {
        writer->table_bytes = 0;
        drop(writer, "The factor table is left out: the prompt has %zu bytes.", writer->budget);
    }
    if (total(writer) <= writer->budget)
        return 0;
    return status_refuse(status, STATUS_INVALID_ARGUMENT,
                         "A prompt of %zu bytes is too small: this query needs at least %zu.", writer->budget,
                         total(writer));
}

static char *put(char *at, const char *data, size_t length)
{
    if (length > 0)
        memcpy(at, data, length);
    return at + length;
}

static void join(Writer *writer)
{
    Prompt *prompt = writer->prompt;
    const PromptStable *stable = writer->stable;
    size_t length = total(writer);
    char *text = arena_take(writer->arena, length + 1), *at = text;
    prompt->task_bytes = stable->task_bytes;
    at = put(at, prompt_stable_text(stable), stable->task_bytes + stable->user_bytes + writer->table_bytes);
    at = put(at, writer->shared.data, writer->shared.length);
    prompt->stable_bytes = (size_t)(at - text);
    for (size_t e = 0; e < prompt->examples; e++)
        at = put(at, writer->examples[e].data, writer->examples[e].length);
    at = put(at, writer->target.data, writer->target.length);
    at = put(at, writer->tail.data, writer->tail.length);
    *at = '\0';
    prompt->text = (rpmd_text){text, length};
}

static void finish(Writer *writer)
{
    buffer_finish(&writer->shared);
    for (size_t e = 0; e < RETRIEVAL_LIMIT; e++)
        buffer_finish(&writer->examples[e]);
    buffer_finish(&writer->target);
    buffer_finish(&writer->tail);
}

int prompt_construct(const PromptRequest *request, Arena *arena, Prompt *prompt, Status *status)
{
    size_t examples = MIN(request->retrieved_count, (size_t)RETRIEVAL_LIMIT);
    size_t budget = request->settings.budget_bytes ? request->settings.budget_bytes : PROMPT_DEFAULT_BUDGET;
    Writer writer = {.request = request,
                     .task = {.query_noun = text_of(request->texts->query_noun),
                              .response_noun = text_of(request->texts->response_noun),
                              .smoothing = request->settings.smoothing},
                     .budget = budget,
                     .arena = arena,
                     .prompt = prompt};
    /* One for the table, one for each example, and the four of shorten. */
    *prompt = (Prompt){.examples = examples, .dropped = ARENA_ARRAY(arena, rpmd_text, examples + 5)};
    take_stable(&writer);
    for (size_t e = 0; e < examples; e++)
        buffer_reserve(&writer.examples[e], PIECE_BYTES);
    buffer_reserve(&writer.target, PIECE_BYTES);
    buffer_reserve(&writer.tail, PIECE_BYTES);
    write_shared(&writer);
    for (size_t e = 0; e < examples; e++)
        write_example(&writer, e);
    write_target(&writer, MAX(budget / QUERY_PART, (size_t)TEXT_MINIMUM), true);
    write_tail(&writer);
    drop_examples(&writer);
    int r = shorten(&writer, status);
    if (r == 0)
        join(&writer);
    finish(&writer);
    return r;
}
