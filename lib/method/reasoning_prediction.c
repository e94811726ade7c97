/* SPDX-License-Identifier: MIT */
#include "lib/method/reasoning.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/prompt_text.h"
#include "lib/method/reasoning_text.h"
#include "lib/method/statistics.h"

#include <math.h>

/* Sentences about what moved a prediction, at most. */
#define MOVER_LIMIT 4
/* What moves the odds less than this (logarithm; a twentieth) is not worth a sentence. */
#define MOVER_THRESHOLD 0.05
/* Bytes shown of a past query, and of an answer that is only referred to. */
#define EXCERPT_LIMIT 80
#define ANSWER_LIMIT 48

typedef struct Writing {
    Buffer buffer;
    const ReasoningTask *task;
    const PredictionRequest *request;
    const PredictionCase *prediction;
    const PredictionCandidate *answer;
    const PredictionCandidate *runner_up;
} Writing;

/* What one sentence speaks of: contributions of one source, those of factors and examples one by one. */
typedef struct Mover {
    PredictionSource source;
    size_t index;
    double shift;
} Mover;

static bool is_single(PredictionSource source)
{
    return source == PREDICTION_FACTOR || source == PREDICTION_EXAMPLE;
}

/* The population's two steps are one thing to a reader, and so is all that its words and features say. */
static size_t collect_movers(const Prediction *result, Mover *movers)
{
    size_t count = 0;
    for (size_t i = 0; i < result->contribution_count; i++) {
        const PredictionContribution *contribution = &result->contributions[i];
        size_t at = 0;
        while (at < count && (movers[at].source != contribution->source || is_single(contribution->source)))
            at++;
        if (at == count)
            movers[count++] = (Mover){.source = contribution->source, .index = contribution->index};
        movers[at].shift += contribution->shift;
    }
    return count;
}

static int compare_movers(const void *left, const void *right)
{
    const Mover *a = left, *b = right;
    double difference = fabs(b->shift) - fabs(a->shift);
    if (difference != 0)
        return difference > 0 ? 1 : -1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Options may be whole sentences: before the conclusion, their beginning has to do. */
static void append_answer(Writing *writing, const PredictionCandidate *candidate)
{
    prompt_text_quote(&writing->buffer, candidate->answer, ANSWER_LIMIT);
}

/* `"classic" in 7 of 12 (58%)`, or `"classic" in 0 of 12 (0%)` for a class never seen. */
static void append_share(Writing *writing, uint32_t factor, const PredictionCandidate *candidate)
{
    const UserModel *model = writing->request->model;
    if (candidate->class_number != CLASS_NONE) {
        reasoning_share(&writing->buffer, writing->task, model, factor, candidate->class_number, NULL);
        return;
    }
    prompt_text_quote(&writing->buffer, candidate->answer_class, 0);
    buffer_append_string(&writing->buffer, " never");
}

/* The shares of the answer and the runner-up under a factor. */
static void append_shares(Writing *writing, uint32_t factor)
{
    append_share(writing, factor, writing->answer);
    if (!text_equal(writing->answer->answer_class, writing->runner_up->answer_class)) {
        buffer_append_string(&writing->buffer, ", ");
        append_share(writing, factor, writing->runner_up);
    }
    buffer_append_string(&writing->buffer, ".");
}

static void say_factor(Writing *writing, const Mover *mover)
{
    uint32_t factor = writing->prediction->factors[mover->index];
    buffer_append_string(&writing->buffer, " ");
    reasoning_factor(&writing->buffer, writing->request->model, factor);
    buffer_append_format(&writing->buffer, " %s the odds of ", mover->shift > 0 ? "raises" : "lowers");
    append_answer(writing, writing->answer);
    buffer_append_string(&writing->buffer, ": ");
    append_shares(writing, factor);
}

static void say_prior(Writing *writing, const Mover *mover)
{
    buffer_append_format(&writing->buffer, " The user's habit speaks %s ",
                         mover->shift > 0 ? "for" : "against");
    append_answer(writing, writing->answer);
    buffer_append_string(&writing->buffer, ": ");
    reasoning_factor(&writing->buffer, writing->request->model, FACTOR_ALL);
    buffer_append_string(&writing->buffer, " have ");
    append_shares(writing, FACTOR_ALL);
}

static void say_example(Writing *writing, const Mover *mover)
{
    const Retrieved *retrieved = &writing->request->retrieved[mover->index];
    const ModelItem *item = retrieved->entry->item;
    rpmd_text shared[2];
    size_t count = retrieval_shared(writing->request->model, writing->request->target, retrieved->entry,
                                    shared, ARRAY_SIZE(shared));
    buffer_append_format(&writing->buffer, " The like %.*s ", TEXT_ARGS(writing->task->query_noun));
    prompt_text_quote(&writing->buffer, item->query, EXCERPT_LIMIT);
    for (size_t s = 0; s < count; s++) {
        buffer_append_string(&writing->buffer, s == 0 ? ", which shares " : " and ");
        prompt_text_name(&writing->buffer, shared[s]);
    }
    buffer_append_string(&writing->buffer, count ? ", got " : " got ");
    prompt_text_quote(&writing->buffer, item->answer, 0);
    buffer_append_string(&writing->buffer, ".");
}

static void say_votes(Writing *writing, const Mover *mover)
{
    buffer_append_format(
        &writing->buffer,
        " Of other users, %u answered the very same %.*s, and those who mostly agree with this user %s ",
        writing->prediction->voters, TEXT_ARGS(writing->task->query_noun),
        mover->shift > 0 ? "prefer" : "do not prefer");
    append_answer(writing, writing->answer);
    buffer_append_string(&writing->buffer, ".");
}

/* What has no numbers of this user's model to cite. */
static void say_plainly(Writing *writing, const Mover *mover)
{
    Buffer *buffer = &writing->buffer;
    switch (mover->source) {
    case PREDICTION_OTHERS:
        buffer_append_string(buffer, " What other users mostly answer");
        break;
    case PREDICTION_POOLED:
        buffer_append_string(buffer, " What other users answered to the same words and features");
        break;
    case PREDICTION_TONE:
        buffer_append_string(buffer, " What the user answered to ");
        reasoning_plural(buffer, writing->task->query_noun);
        buffer_append_string(buffer, " of like tone");
        break;
    case PREDICTION_NAMED:
    default:
        buffer_append_string(buffer, " A feature that is called like an answer");
        break;
    }
    buffer_append_format(buffer, " speaks %s ", mover->shift > 0 ? "for" : "against");
    append_answer(writing, writing->answer);
    buffer_append_string(buffer, ".");
}

static void say_mover(Writing *writing, const Mover *mover)
{
    if (mover->source == PREDICTION_PRIOR)
        say_prior(writing, mover);
    else if (mover->source == PREDICTION_FACTOR)
        say_factor(writing, mover);
    else if (mover->source == PREDICTION_EXAMPLE)
        say_example(writing, mover);
    else if (mover->source == PREDICTION_VOTES)
        say_votes(writing, mover);
    else
        say_plainly(writing, mover);
}

/* How much the factor of a feature moved the prediction. */
static double feature_shift(const Writing *writing, size_t feature)
{
    const Target *target = writing->request->target;
    const Prediction *result = &writing->prediction->result;
    double strength = (double)target->analysis->features[feature].strength * 0.01;
    for (size_t i = 0; i < result->contribution_count; i++)
        if (result->contributions[i].source == PREDICTION_FACTOR &&
            writing->prediction->factors[result->contributions[i].index] == target->factors[feature])
            return strength + fabs(result->contributions[i].shift);
    return strength;
}

static void say_features(Writing *writing)
{
    const Target *target = writing->request->target;
    const Analysis *analysis = target->analysis;
    uint32_t order[REASONING_FEATURE_LIMIT];
    _cleanup_free_ double *shifts = NEW_ARRAY(double, analysis->feature_count);
    for (size_t f = 0; f < analysis->feature_count; f++)
        shifts[f] = feature_shift(writing, f);
    size_t count = reasoning_order(analysis->features, shifts, analysis->feature_count, order);
    reasoning_features(&writing->buffer, writing->task->query_noun, target->query, analysis->features, order,
                       count);
}

static void conclude(Writing *writing)
{
    const Prediction *result = &writing->prediction->result;
    buffer_append_format(&writing->buffer, " So the %.*s is ", TEXT_ARGS(writing->task->response_noun));
    prompt_text_quote(&writing->buffer, writing->answer->answer, 0);
    if (result->runner_up != result->answer) {
        /* Whole numbers: the median, which need not be the likeliest. */
        buffer_append_string(&writing->buffer, result->ranking[0] == result->answer
                                                   ? "; the next likely is "
                                                   : ", the middle of what is likely; likeliest alone is ");
        prompt_text_quote(&writing->buffer, writing->runner_up->answer, 0);
    }
    buffer_append_string(&writing->buffer, ".");
}

rpmd_text reasoning_of_prediction(Arena *arena, const ReasoningTask *task, const PredictionRequest *request,
                                  const PredictionCase *prediction)
{
    const Prediction *result = &prediction->result;
    Writing writing = {.task = task,
                       .request = request,
                       .prediction = prediction,
                       .answer = &prediction->candidates[result->answer],
                       .runner_up = &prediction->candidates[result->runner_up]};
    _cleanup_free_ Mover *movers = NEW_ARRAY(Mover, result->contribution_count);
    size_t count = collect_movers(result, movers);
    if (count > 0)
        qsort(movers, count, sizeof(*movers), compare_movers);
    say_features(&writing);
    for (size_t i = 0; i < count && i < MOVER_LIMIT && fabs(movers[i].shift) >= MOVER_THRESHOLD; i++)
        say_mover(&writing, &movers[i]);
    conclude(&writing);
    rpmd_text text = arena_text(arena, (rpmd_text){writing.buffer.data, writing.buffer.length});
    buffer_finish(&writing.buffer);
    return text;
}
