/* SPDX-License-Identifier: MIT */
#include "lib/method/reasoning_past.h"

#include "lib/base/text.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_text.h"
#include "lib/method/statistics.h"

#include <math.h>

/* Factors cited against an answer. */
#define OPPOSING_LIMIT 1

/* A share has to be so many times the overall one (or its inverse) to say anything. */
#define TELLING_LIFT 1.1

/* So much more or less favourable than usual (of -1 .. +1) is a reason. */
#define TELLING_TONE 0.15

/* ---- counts ---- */

static bool has_class(const PastCounts *counts, uint32_t class_number)
{
    for (size_t c = 0; c < counts->class_count; c++)
        if (counts->classes[c] == class_number)
            return true;
    return false;
}

/* Options: an item speaks of a class only if it offered it. */
static void count_row(Past *past, const ModelItem *other, size_t row)
{
    PastCounts *counts = &past->counts;
    for (size_t c = 0; c < counts->class_count; c++) {
        rpmd_text name = past->model->classes[counts->classes[c]];
        size_t cell = row * counts->class_count + c;
        bool offers = false;
        for (size_t o = 0; o < other->details->option_class_count && !offers; o++)
            offers = text_equal(other->details->option_classes[o].name, name);
        counts->offered[cell] += offers;
        counts->chosen[cell] += text_equal(other->answer_class, name);
    }
}

static void count_offers(Past *past)
{
    const UserModel *model = past->model;
    uint32_t seen = 0;
    for (uint32_t e = model->entry_count; e-- > 0 && seen < PREDICTION_RECENT_ITEMS;) {
        const ModelEntry *other = model->entries[e];
        if (other == past->entry || !model_item_counts(other->item))
            continue;
        seen++;
        count_row(past, other->item, 0);
        for (uint32_t m = 0; m < past->entry->met_count; m++)
            for (uint32_t o = 0; o < other->met_count; o++)
                if (other->met[o] == past->entry->met[m])
                    count_row(past, other->item, 1 + m);
    }
}

static void copy_statistics(Past *past)
{
    PastCounts *counts = &past->counts;
    for (uint32_t row = 0; row <= past->entry->met_count; row++) {
        uint32_t factor = row ? past->entry->met[row - 1] : FACTOR_ALL;
        for (size_t c = 0; c < counts->class_count; c++) {
            size_t cell = row * counts->class_count + c;
            counts->chosen[cell] = statistics_count(past->model, factor, counts->classes[c], past->entry);
            counts->offered[cell] = statistics_items(past->model, factor, past->entry);
        }
    }
}

/* A class that no other item got is taken for rare, not impossible. */
static void find_usual(Past *past)
{
    PastCounts *counts = &past->counts;
    counts->usual = ARENA_ARRAY(past->arena, double, counts->class_count);
    for (size_t c = 0; c < counts->class_count; c++)
        counts->usual[c] =
            (counts->chosen[c] + 0.5) / (counts->offered[c] + 0.5 * (double)counts->class_count);
}

void past_count(Past *past)
{
    PastCounts *counts = &past->counts;
    bool options = past->model->answer_kind == RPMD_ANSWER_OPTIONS;
    size_t most = options ? past->analysis->option_class_count + 1 : past->model->class_count;
    counts->classes = ARENA_ARRAY(past->arena, uint32_t, most);
    /* The observed class comes first: of equals, it is the one that the counts lean to. */
    counts->classes[counts->class_count++] = past->answer;
    for (size_t c = 0; c + options < most; c++) {
        uint32_t number =
            options ? user_model_class(past->model, past->analysis->option_classes[c].name) : (uint32_t)c;
        if (number != CLASS_NONE && number != past->answer && !(options && has_class(counts, number)))
            counts->classes[counts->class_count++] = number;
    }
    size_t cells = (1 + (size_t)past->entry->met_count) * counts->class_count;
    counts->chosen = ARENA_ARRAY(past->arena, uint32_t, cells);
    counts->offered = ARENA_ARRAY(past->arena, uint32_t, cells);
    if (options)
        count_offers(past);
    else
        copy_statistics(past);
    find_usual(past);
}

static double support(const Past *past, uint32_t m, size_t c)
{
    const PastCounts *counts = &past->counts;
    size_t cell = (1 + (size_t)m) * counts->class_count + c;
    return log((counts->chosen[cell] + 1) / (counts->offered[cell] * counts->usual[c] + 1));
}

double past_support(const Past *past, uint32_t m)
{
    return support(past, m, 0);
}

/* The class that most items got that meet a factor and could; the answer before others. */
static uint32_t top_class(const Past *past, uint32_t m)
{
    const PastCounts *counts = &past->counts;
    const uint32_t *chosen = &counts->chosen[(1 + (size_t)m) * counts->class_count];
    size_t top = 0;
    for (size_t c = 1; c < counts->class_count; c++)
        if (chosen[c] > chosen[top])
            top = c;
    return counts->classes[top];
}

/* The class that the factors met and the user's habit speak for. */
static uint32_t expected_class(const Past *past)
{
    const PastCounts *counts = &past->counts;
    size_t best = 0;
    double best_score = -INFINITY;
    for (size_t c = 0; c < counts->class_count; c++) {
        double score = log(counts->usual[c]);
        for (uint32_t m = 0; m < past->entry->met_count; m++)
            score += support(past, m, c) / sqrt(past->entry->met_count);
        if (score > best_score) {
            best_score = score;
            best = c;
        }
    }
    return counts->classes[best];
}

/* ---- sentences ---- */

/* Whether the shares that are cited go the same way: those of options do not know what was offered. */
static bool shows(const Past *past, uint32_t m, double direction)
{
    double share = statistics_propensity(past->model, past->entry->met[m], past->answer, 0, past->entry);
    double usual = statistics_propensity(past->model, FACTOR_ALL, past->answer, 0, past->entry);
    return direction * (share - usual) >= 0;
}

/* The place in met of the factor with the greatest support in the given direction that was not taken yet. */
static uint32_t next_factor(const Past *past, double direction, uint64_t *taken)
{
    double best = log(TELLING_LIFT);
    uint32_t found = FACTOR_NONE;
    for (uint32_t m = 0; m < past->entry->met_count && m < 64; m++) {
        double weight = direction * past_support(past, m);
        if (weight > best && !(*taken & 1ull << m) && shows(past, m, direction)) {
            best = weight;
            found = m;
        }
    }
    *taken |= found == FACTOR_NONE ? 0 : 1ull << found;
    return found;
}

/* " [crime] points to this answer: "classic" in 7 of 11 (64%) …, against [all past items] with …" */
static size_t cite_supporting(Past *past)
{
    Buffer *buffer = &past->buffer;
    uint64_t taken = 0;
    size_t cited = 0;
    for (; cited < REASONING_SUPPORTING_LIMIT; cited++) {
        uint32_t m = next_factor(past, 1, &taken);
        if (m == FACTOR_NONE)
            break;
        uint32_t factor = past->entry->met[m];
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
        uint32_t m = next_factor(past, -1, &taken);
        if (m == FACTOR_NONE)
            break;
        uint32_t factor = past->entry->met[m], top = top_class(past, m);
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
    past_append_answer(past);
}

void past_reason_closed(Past *past)
{
    if (statistics_items(past->model, FACTOR_ALL, past->entry) == 0) {
        buffer_append_string(&past->buffer,
                             " It is the only item of this user, so nothing can be compared with it; ");
        past_append_answer(past);
        return;
    }
    size_t cited = cite_supporting(past);
    cited += cite_opposing(past);
    if (cited == 0)
        cite_habit(past);
    conclude(past);
}
