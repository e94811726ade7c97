/* SPDX-License-Identifier: MIT */
#include "lib/method/reasoning.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/citation_model.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_past.h"
#include "lib/method/reasoning_text.h"

#include <math.h>

/* How much a feature of an item matters for what is said: its factor's support, or its influence. */
static double weight_of(const Past *past, size_t feature)
{
    double weight = (double)past->analysis->features[feature].strength * 0.01;
    if (past->answer == CLASS_NONE)
        return weight + (past->analysis->features[feature].judgement >= FEATURE_INFLUENTIAL_NEGATIVE);
    for (uint32_t m = 0; m < past->entry->met_count; m++)
        if (past->entry->met[m] == past->entry->factors[feature])
            return weight + fabs(past_support(past, m));
    return weight;
}

void past_append_answer(Past *past)
{
    const Analysis *analysis = past->analysis;
    buffer_append_format(&past->buffer, "the %.*s is ", TEXT_ARGS(past->task->response_noun));
    prompt_text_quote(&past->buffer, analysis->answer, 0);
    if (analysis->answer_class.length > 0 && !text_equal(analysis->answer, analysis->answer_class)) {
        buffer_append_string(&past->buffer, ", which counts as ");
        prompt_text_quote(&past->buffer, analysis->answer_class, 0);
    }
    buffer_append_string(&past->buffer, ".");
}

rpmd_text reasoning_of_item(Arena *arena, const ReasoningTask *task, const UserModel *model,
                            const ModelEntry *entry)
{
    Past past = {.arena = arena,
                 .task = task,
                 .model = model,
                 .entry = entry,
                 .analysis = model_item_analysis(entry->item, arena),
                 .answer = user_model_class(model, entry->item->answer_class)};
    if (past.answer != CLASS_NONE)
        past_count(&past);
    uint32_t order[REASONING_FEATURE_LIMIT];
    _cleanup_free_ double *weights = NEW_ARRAY(double, past.analysis->feature_count);
    for (size_t f = 0; f < past.analysis->feature_count; f++)
        weights[f] = weight_of(&past, f);
    size_t count = reasoning_order(past.analysis->features, weights, past.analysis->feature_count, order);
    reasoning_features(&past.buffer, task->query_noun, entry->item->query, past.analysis->features, order,
                       count);
    if (past.answer == CLASS_NONE)
        past_reason_open(&past, order, count);
    else
        past_reason_closed(&past);
    rpmd_text text = arena_text(arena, (rpmd_text){past.buffer.data, past.buffer.length});
    buffer_finish(&past.buffer);
    return text;
}

rpmd_text reasoning_path(Arena *arena, const ReasoningTask *task, const UserModel *model,
                         const ModelEntry *entry, bool *by_llm)
{
    CitationReport report = {0};
    *by_llm = entry->item->details->reasoning.length > 0;
    if (*by_llm) {
        citation_check_reasoning(entry->item->details->reasoning, model, task->smoothing, entry, arena,
                                 &report);
        *by_llm = report.count == 0;
    }
    return *by_llm ? entry->item->details->reasoning : reasoning_of_item(arena, task, model, entry);
}
