/* SPDX-License-Identifier: MIT */
#include "lib/method/prompt_table.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_text.h"
#include "lib/method/statistics.h"

#include <math.h>

/* Answers shown for a factor, and over all items: what is behind them is rare. */
#define ROW_ANSWER_LIMIT 5
#define OVERALL_ANSWER_LIMIT 12
#define TRAIT_LIMIT 10
/* Bytes of a factor's description. */
#define DESCRIPTION_LIMIT 90

/* The G statistic against the overall answers: 2 sum c log(c / expected) without its factor 2. */
static double telling(const UserModel *model, uint32_t factor)
{
    const FactorCounts *counts = &model->counts[factor];
    if (model->answer_kind == RPMD_ANSWER_TEXT)
        return counts->influence + (double)counts->items / (model->item_count + 1.0);
    double sum = 0;
    for (uint32_t c = 0; c < model->class_count; c++) {
        double count = model->by_class[(size_t)factor * model->class_count + c];
        double expected = (double)counts->items * model->class_totals[c] / MAX(model->item_count, 1u);
        sum += count > 0 ? count * log(count / expected) : 0;
    }
    /* Equal ones: the factor of more items. */
    return sum + 1e-6 * counts->items;
}

void prompt_table_order(const UserModel *model, uint32_t *order)
{
    _cleanup_free_ double *values = NEW_ARRAY(double, model->factor_count);
    for (uint32_t f = 0; f < model->factor_count; f++) {
        double value = telling(model, f);
        uint32_t at = f;
        for (; at > 0 && values[at - 1] < value; at--) {
            values[at] = values[at - 1];
            order[at] = order[at - 1];
        }
        values[at] = value;
        order[at] = f;
    }
}

/* The classes of a factor by count; equal ones in the model's order. Returns how many have a count. */
static size_t rank_classes(const UserModel *model, uint32_t factor, uint32_t *ranked, size_t limit)
{
    size_t count = 0;
    for (uint32_t c = 0; c < model->class_count; c++) {
        uint32_t items = statistics_count(model, factor, c, NULL);
        if (items == 0)
            continue;
        size_t at = count < limit ? count++ : count;
        for (; at > 0 && statistics_count(model, factor, ranked[at - 1], NULL) < items; at--)
            if (at < limit)
                ranked[at] = ranked[at - 1];
        if (at < limit)
            ranked[at] = c;
    }
    return count;
}

/* `"classic" 58% (7 of 12), "action" 25% (3 of 12)` */
static void append_answers(Buffer *buffer, const UserModel *model, uint32_t factor, double smoothing,
                           size_t limit)
{
    uint32_t ranked[OVERALL_ANSWER_LIMIT];
    size_t count = rank_classes(model, factor, ranked, limit);
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(buffer, i ? ", " : " ");
        prompt_text_quote(buffer, model->classes[ranked[i]], 0);
        buffer_append_string(buffer, " ");
        prompt_text_share(buffer, statistics_propensity(model, factor, ranked[i], smoothing, NULL));
        buffer_append_string(buffer, " (");
        prompt_text_part(buffer, statistics_count(model, factor, ranked[i], NULL),
                         statistics_items(model, factor, NULL));
        buffer_append_string(buffer, ")");
    }
}

/* A description that only repeats the name says nothing. */
static bool ends_with(rpmd_text text, rpmd_text end)
{
    return text.length >= end.length &&
           (end.length == 0 || memcmp(text.data + text.length - end.length, end.data, end.length) == 0);
}

void prompt_table_row(Buffer *buffer, const UserModel *model, uint32_t factor, double smoothing)
{
    const Factor *described = factor_set_get(model->factors, factor);
    const FactorCounts *counts = &model->counts[factor];
    reasoning_factor(buffer, model, factor);
    buffer_append_string(buffer, " n=");
    buffer_append_number(buffer, counts->items);
    if (model->answer_kind != RPMD_ANSWER_TEXT) {
        buffer_append_string(buffer, ":");
        append_answers(buffer, model, factor, smoothing, ROW_ANSWER_LIMIT);
    } else {
        buffer_append_format(buffer, ", influence=%u", counts->influence);
        if (counts->influence > 0)
            buffer_append_format(buffer, ": %u%% positive, %u%% neutral, %u%% negative",
                                 prompt_text_percent(counts->positive, counts->influence),
                                 prompt_text_percent(counts->neutral, counts->influence),
                                 prompt_text_percent(counts->negative, counts->influence));
    }
    if (!ends_with(described->name, described->description)) {
        buffer_append_string(buffer, " - ");
        prompt_text_quote(buffer, described->description, DESCRIPTION_LIMIT);
    }
    buffer_append_string(buffer, "\n");
}

void prompt_table_overall(Buffer *buffer, const PromptRequest *request)
{
    const UserModel *model = request->model;
    buffer_append_string(buffer, "\n# This user\n");
    reasoning_factor(buffer, model, FACTOR_ALL);
    buffer_append_format(buffer, " n=%u", model->item_count);
    if (model->answer_kind != RPMD_ANSWER_TEXT) {
        buffer_append_string(buffer, ":");
        append_answers(buffer, model, FACTOR_ALL, request->settings.smoothing, OVERALL_ANSWER_LIMIT);
    }
    for (size_t t = 0; t < model->trait_count && t < TRAIT_LIMIT; t++) {
        buffer_append_string(buffer, t ? ", " : ": ");
        prompt_text_quote(buffer, model->traits[t].meaning, 0);
        buffer_append_format(buffer, " %u%% (%u of %u)",
                             prompt_text_percent(model->traits[t].items, model->item_count),
                             model->traits[t].items, model->item_count);
    }
    buffer_append_string(buffer, "\n");
}

size_t prompt_table(Buffer *buffer, const PromptRequest *request, size_t limit, bool *shown)
{
    const UserModel *model = request->model;
    size_t begin = buffer->length, rows = 0;
    _cleanup_free_ uint32_t *order = NEW_ARRAY(uint32_t, model->factor_count);
    prompt_table_order(model, order);
    for (uint32_t i = 0; i < model->factor_count; i++) {
        size_t before = buffer->length;
        prompt_table_row(buffer, model, order[i], request->settings.smoothing);
        if (buffer->length - begin > limit) {
            /* The rows are in the order of what they tell: what follows is dropped with this one. */
            buffer->length = before;
            buffer->data[before] = '\0';
            break;
        }
        shown[order[i]] = true;
        rows++;
    }
    return rows;
}
