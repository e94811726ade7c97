/* SPDX-License-Identifier: MIT */
#include "lib/method/reasoning.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_text.h"
#include "lib/method/statistics.h"

#include <math.h>

/* Factors cited for an answer, and against it. */
#define SUPPORTING_LIMIT 2
#define OPPOSING_LIMIT 1

/* A share has to be so many times the overall one (or its inverse) to say anything. */
#define TELLING_LIFT 1.1

/* So much more or less favourable than usual (of -1 .. +1) is a reason. */
#define TELLING_TONE 0.15

/* A past item with the statistics that do not know it. */
typedef struct Past {
    Buffer buffer;
    const ReasoningTask *task;
    const UserModel *model;
    const ModelEntry *entry;
    const Analysis *analysis;
    uint32_t answer; /* its class; CLASS_NONE for open answers */
} Past;

/*
 * How much a factor speaks for the answer: the logarithm of its lift over all items, damped where n is small.
 * An answer that no other item has is taken for rare, not for impossible.
 */
static double support(const Past *past, uint32_t factor)
{
    double all = statistics_items(past->model, FACTOR_ALL, past->entry);
    double overall = (statistics_count(past->model, FACTOR_ALL, past->answer, past->entry) + 0.5) /
                     (all + 0.5 * past->model->class_count);
    double items = statistics_items(past->model, factor, past->entry);
    double count = statistics_count(past->model, factor, past->answer, past->entry);
    return log((count + 1) / (items * overall + 1));
}

/* The most frequent class of a factor; the first of equals. */
static uint32_t top_class(const UserModel *model, uint32_t factor, const ModelEntry *without)
{
    uint32_t top = 0;
    for (uint32_t c = 1; c < model->class_count; c++)
        if (statistics_count(model, factor, c, without) > statistics_count(model, factor, top, without))
            top = c;
    return top;
}

/* How much a feature of an item matters for what is said: its factor's support, or its influence. */
static double weight_of(const Past *past, size_t feature)
{
    uint32_t factor = past->entry->factors[feature];
    double weight = (double)past->analysis->features[feature].strength * 0.01;
    if (past->answer == CLASS_NONE)
        return weight + (past->analysis->features[feature].judgement >= FEATURE_INFLUENTIAL_NEGATIVE);
    return factor == FACTOR_NONE ? weight : weight + fabs(support(past, factor));
}

/* The met factor with the greatest support in the given direction that was not taken yet. */
static uint32_t next_factor(const Past *past, double direction, uint64_t *taken)
{
    double best = log(TELLING_LIFT);
    uint32_t found = FACTOR_NONE;
    for (uint32_t m = 0; m < past->entry->met_count && m < 64; m++) {
        uint32_t factor = past->entry->met[m];
        double weight = direction * support(past, factor);
        if (weight > best && !(*taken & 1ull << m)) {
            best = weight;
            found = m;
        }
    }
    if (found == FACTOR_NONE)
        return FACTOR_NONE;
    *taken |= 1ull << found;
    return past->entry->met[found];
}

/* " [crime] points to it: "classic" in 7 of 11 (64%), and in [all past items] "classic" in 12 of 29 (41%)."
 */
static size_t cite_supporting(Past *past)
{
    Buffer *buffer = &past->buffer;
    uint64_t taken = 0;
    size_t cited = 0;
    for (; cited < SUPPORTING_LIMIT; cited++) {
        uint32_t factor = next_factor(past, 1, &taken);
        if (factor == FACTOR_NONE)
            break;
        buffer_append_string(buffer, cited ? "; so does " : " ");
        reasoning_factor(buffer, past->model, factor);
        buffer_append_string(buffer, cited ? ": " : " points to this answer: ");
        reasoning_share(buffer, past->task, past->model, factor, past->answer, past->entry);
        if (cited == 0) {
            buffer_append_string(buffer, " of the other ");
            reasoning_plural(buffer, past->task->query_noun);
            buffer_append_string(buffer, " that meet it");
        }
    }
    if (cited > 0) {
        buffer_append_string(buffer, ", against ");
        reasoning_factor(buffer, past->model, FACTOR_ALL);
        buffer_append_string(buffer, " with ");
        reasoning_share(buffer, past->task, past->model, FACTOR_ALL, past->answer, past->entry);
        buffer_append_string(buffer, ".");
    }
    return cited;
}

static size_t cite_opposing(Past *past)
{
    Buffer *buffer = &past->buffer;
    uint64_t taken = 0;
    size_t cited = 0;
    for (; cited < OPPOSING_LIMIT; cited++) {
        uint32_t factor = next_factor(past, -1, &taken);
        if (factor == FACTOR_NONE)
            break;
        uint32_t top = top_class(past->model, factor, past->entry);
        buffer_append_string(buffer, " ");
        reasoning_factor(buffer, past->model, factor);
        buffer_append_string(buffer, " speaks against it: ");
        if (top != past->answer) {
            reasoning_share(buffer, past->task, past->model, factor, top, past->entry);
            buffer_append_string(buffer, ", but ");
        }
        reasoning_share(buffer, past->task, past->model, factor, past->answer, past->entry);
        buffer_append_string(buffer, ".");
    }
    return cited;
}

/* Where no factor says anything for or against: the user's habit. */
static void cite_habit(Past *past)
{
    Buffer *buffer = &past->buffer;
    bool known = false;
    for (uint32_t m = 0; m < past->entry->met_count && !known; m++)
        known = statistics_items(past->model, past->entry->met[m], past->entry) > 0;
    buffer_append_string(buffer, past->entry->met_count == 0
                                     ? " Its features belong to no factor of this user"
                                 : known ? " The factors that it meets have answers as usual"
                                         : " No other item of this user meets its factors");
    buffer_append_string(buffer, "; ");
    reasoning_factor(buffer, past->model, FACTOR_ALL);
    buffer_append_string(buffer, " have ");
    reasoning_share(buffer, past->task, past->model, FACTOR_ALL, past->answer, past->entry);
    buffer_append_string(buffer, ".");
}

/* The class that the factors met and the habit speak for, leave-one-out. */
static uint32_t expected_class(const Past *past)
{
    uint32_t best = 0;
    double best_score = -INFINITY;
    for (uint32_t c = 0; c < past->model->class_count; c++) {
        Past other = *past;
        other.answer = c;
        double score = log(statistics_count(past->model, FACTOR_ALL, c, past->entry) + 0.5);
        for (uint32_t m = 0; m < past->entry->met_count; m++)
            score += support(&other, past->entry->met[m]) / sqrt(past->entry->met_count);
        if (score > best_score) {
            best_score = score;
            best = c;
        }
    }
    return best;
}

static void append_answer(Past *past)
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

/*
 * Whole numbers: whether the item is more favourable (1) or less (-1) than the user's others in the direction
 * in which its answer departs from what the counts lean to; else 0.
 */
static int departing_tone(const Past *past, uint32_t expected)
{
    if (past->model->answer_kind != RPMD_ANSWER_ORDINAL)
        return 0;
    double tone = prediction_tone(past->analysis->features, past->analysis->feature_count) -
                  prediction_usual_tone(past->model, past->entry);
    if (tone >= TELLING_TONE && past->answer > expected)
        return 1;
    return tone <= -TELLING_TONE && past->answer < expected ? -1 : 0;
}

static void conclude(Past *past)
{
    uint32_t expected = expected_class(past);
    if (expected == past->answer) {
        buffer_append_string(&past->buffer, " So ");
    } else {
        int tone = departing_tone(past, expected);
        buffer_append_string(&past->buffer, " The counts lean to ");
        prompt_text_quote(&past->buffer, past->model->classes[expected], 0);
        buffer_append_string(&past->buffer,
                             tone > 0   ? ", but it is more favourable than this user usually is: "
                             : tone < 0 ? ", but it is less favourable than this user usually is: "
                                        : ", yet here ");
    }
    append_answer(past);
}

static void reason_closed(Past *past)
{
    if (statistics_items(past->model, FACTOR_ALL, past->entry) == 0) {
        buffer_append_string(&past->buffer,
                             " It is the only item of this user, so nothing can be compared with it; ");
        append_answer(past);
        return;
    }
    size_t cited = cite_supporting(past);
    cited += cite_opposing(past);
    if (cited == 0)
        cite_habit(past);
    conclude(past);
}

/* ---- open answers ---- */

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
static size_t cite_influence(Past *past, const uint32_t *order, size_t count)
{
    Buffer *buffer = &past->buffer;
    uint32_t cited[SUPPORTING_LIMIT];
    size_t cited_count = 0;
    for (size_t i = 0; i < count && cited_count < SUPPORTING_LIMIT; i++) {
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
    return cited_count;
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

static void reason_open(Past *past, const uint32_t *order, size_t count)
{
    if (count > 0) {
        say_what_got_in(past, order, count);
        cite_influence(past, order, count);
    }
    cite_trait(past);
    buffer_append_string(&past->buffer, " So ");
    append_answer(past);
}

static rpmd_text take(Arena *arena, Buffer *buffer)
{
    rpmd_text text = arena_text(arena, (rpmd_text){buffer->data, buffer->length});
    buffer_finish(buffer);
    return text;
}

rpmd_text reasoning_of_item(Arena *arena, const ReasoningTask *task, const UserModel *model,
                            const ModelEntry *entry)
{
    Past past = {.task = task,
                 .model = model,
                 .entry = entry,
                 .analysis = &entry->item->analysis,
                 .answer = user_model_class(model, entry->item->analysis.answer_class)};
    uint32_t order[REASONING_FEATURE_LIMIT];
    _cleanup_free_ double *weights = NEW_ARRAY(double, past.analysis->feature_count);
    for (size_t f = 0; f < past.analysis->feature_count; f++)
        weights[f] = weight_of(&past, f);
    size_t count = reasoning_order(past.analysis->features, weights, past.analysis->feature_count, order);
    reasoning_features(&past.buffer, task->query_noun, entry->item->query, past.analysis->features, order,
                       count);
    if (past.answer == CLASS_NONE)
        reason_open(&past, order, count);
    else
        reason_closed(&past);
    return take(arena, &past.buffer);
}
