/* SPDX-License-Identifier: MIT */
#include "lib/method/reasoning_past.h"

#include "lib/base/text.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_text.h"
#include "lib/method/statistics.h"

static bool is_judged(const Past *past, size_t feature, bool influential)
{
    return (past->analysis->features[feature].judgement >= FEATURE_INFLUENTIAL_NEGATIVE) == influential;
}

/* Features that got into the answer, or did not: "A, B and C". */
static void list_judged(Past *past, const uint32_t *order, size_t count, bool influential)
{
    size_t total = 0, listed = 0;
    for (size_t i = 0; i < count; i++)
        total += is_judged(past, order[i], influential);
    for (size_t i = 0; i < count; i++) {
        if (!is_judged(past, order[i], influential))
            continue;
        buffer_append_string(&past->buffer, listed == 0 ? "" : listed + 1 == total ? " and " : ", ");
        prompt_text_name(&past->buffer, past->analysis->features[order[i]].name);
        listed++;
    }
}

/* "The title takes up A and leaves out B." */
static void say_what_got_in(Past *past, const uint32_t *order, size_t count)
{
    size_t in = 0;
    for (size_t i = 0; i < count; i++)
        in += is_judged(past, order[i], true);
    buffer_append_format(&past->buffer, " The %.*s", TEXT_ARGS(past->task->response_noun));
    if (in > 0) {
        buffer_append_string(&past->buffer, " takes up ");
        list_judged(past, order, count, true);
    }
    if (in == 0) {
        buffer_append_string(&past->buffer, " takes up none of them");
    } else if (in < count) {
        buffer_append_string(&past->buffer, " and leaves out ");
        list_judged(past, order, count, false);
    }
    buffer_append_string(&past->buffer, ".");
}

/* " [benchmarks] (n=14, influence=9: 78% positive) ...". The factors of the features named. */
static void cite_influence(Past *past, const uint32_t *order, size_t count)
{
    Buffer *buffer = &past->buffer;
    uint32_t cited[REASONING_SUPPORTING_LIMIT];
    size_t cited_count = 0;
    for (size_t i = 0; i < count && cited_count < REASONING_SUPPORTING_LIMIT; i++) {
        uint32_t factor = past->entry->factors[order[i]];
        bool again = factor == FACTOR_NONE;
        for (size_t c = 0; c < cited_count; c++)
            again |= cited[c] == factor;
        if (again)
            continue;
        FactorCounts counts = statistics_factor(past->model, factor, past->entry);
        if (counts.items == 0)
            continue;
        buffer_append_string(buffer, cited_count ? "; " : " ");
        reasoning_factor(buffer, past->model, factor);
        buffer_append_format(buffer, " (n=%u, influence=%u", counts.items, counts.influence);
        if (counts.influence > 0)
            buffer_append_format(buffer, ", %u%% positive",
                                 prompt_text_percent(counts.positive, counts.influence));
        buffer_append_string(buffer, is_judged(past, order[i], true)
                                         ? counts.influence > counts.items / 2
                                               ? ") usually shows in this user's answers"
                                               : ") seldom shows in this user's answers, but does here"
                                         : ") does not show here");
        cited[cited_count++] = factor;
    }
    if (cited_count > 0)
        buffer_append_string(buffer, ".");
}

static uint32_t trait_count(const Past *past, rpmd_text name)
{
    for (size_t t = 0; t < past->model->trait_count; t++)
        if (text_equal(past->model->traits[t].name, name))
            return past->model->traits[t].items - 1;
    return 0;
}

/* The trait of this answer that most of the user's other answers have too. */
static void cite_trait(Past *past)
{
    uint32_t items = statistics_items(past->model, FACTOR_ALL, past->entry), most = 0;
    const AnalyzedTrait *found = NULL;
    for (size_t t = 0; t < past->analysis->trait_count; t++) {
        const AnalyzedTrait *trait = &past->analysis->traits[t];
        uint32_t count = trait_count(past, trait->name);
        if (count > most) {
            most = count;
            found = trait;
        }
    }
    if (!found || items == 0)
        return;
    buffer_append_string(&past->buffer, " In ");
    reasoning_factor(&past->buffer, past->model, FACTOR_ALL);
    buffer_append_format(&past->buffer, ", %u of %u have what this one has: %.*s.", most, items,
                         TEXT_ARGS(found->meaning));
}

void past_reason_open(Past *past, const uint32_t *order, size_t count)
{
    if (count > 0) {
        say_what_got_in(past, order, count);
        cite_influence(past, order, count);
    }
    cite_trait(past);
    buffer_append_string(&past->buffer, " So ");
    past_append_answer(past);
}
