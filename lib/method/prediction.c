/* SPDX-License-Identifier: MIT */
#include "lib/method/prediction.h"
#include "lib/method/prediction_constants.h"

#include "lib/base/memory.h"

#include <math.h>

/* What even shares count like, in items of the user, where nobody else is known. */
#define OWN_ALPHA_ALONE 3.0
/* Items of others at which they are half as convincing as a large population. */
#define OWN_ALPHA_ITEMS 200.0

typedef struct Work {
    const PredictionInput *input;
    const PredictionConstants *constants;
    size_t count;   /* candidates */
    double *others; /* per candidate: the population's shares */
    double *prior;  /* per candidate: the user's shares, shrunk */
    double *score;  /* per candidate: logarithm of the posterior, up to a constant */
    double *scratch;
    double *gains; /* [step * count + candidate] */
    PredictionContribution *steps;
    size_t step_count;
} Work;

static void normalize(double *shares, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += shares[i];
    for (size_t i = 0; i < count; i++)
        shares[i] = sum > 0 ? shares[i] / sum : 1.0 / (double)count;
}

static void to_probabilities(const double *score, double *probabilities, size_t count)
{
    double greatest = score[0];
    for (size_t i = 1; i < count; i++)
        greatest = MAX(greatest, score[i]);
    for (size_t i = 0; i < count; i++)
        probabilities[i] = exp(score[i] - greatest);
    normalize(probabilities, count);
}

/* Begins a step: what it adds to each candidate's score. */
static double *add_step(Work *work, PredictionSource source, size_t index)
{
    work->steps[work->step_count] = (PredictionContribution){.source = source, .index = index};
    return &work->gains[work->step_count++ * work->count];
}

static void apply(Work *work, const double *gains)
{
    for (size_t i = 0; i < work->count; i++)
        work->score[i] += gains[i];
}

static double offered_in(const uint32_t *offered, uint32_t items, size_t candidate)
{
    return offered ? offered[candidate] : items;
}

/* A population counts for as much as it has items to show for it. */
static double own_alpha(const Work *work)
{
    double most = work->constants->own_alpha;
    double least = MIN(most, OWN_ALPHA_ALONE);
    double items = 0;
    for (size_t i = 0; work->input->others && i < work->count; i++)
        items += work->input->others[i];
    return least + (most - least) * items / (items + OWN_ALPHA_ITEMS);
}

/* (chosen + alpha * toward) / (offered + alpha), to sum 1: the user's shares drawn toward others. */
static void shrink(const Work *work, const double *toward, double *shares)
{
    const PredictionInput *input = work->input;
    double alpha = own_alpha(work);
    for (size_t i = 0; i < work->count; i++)
        shares[i] = (input->own[i] + alpha * toward[i]) /
                    (offered_in(input->own_offered, input->own_items, i) + alpha);
    normalize(shares, work->count);
}

/*
 * The user's shares, drawn toward the population's: (chosen + k) / (all + K k) for each candidate. What the
 * user's answers alone say, drawn toward even shares, is one step; what the population changes is another.
 */
static void weigh_answers(Work *work)
{
    const PredictionInput *input = work->input;
    double *alone = work->scratch;
    for (size_t i = 0; i < work->count; i++)
        work->others[i] = 1.0 / (double)work->count;
    shrink(work, work->others, alone);
    for (size_t i = 0; i < work->count; i++)
        work->others[i] = (input->others ? input->others[i] : 0) + work->constants->others_pseudo;
    normalize(work->others, work->count);
    shrink(work, work->others, work->prior);
    double *gains = add_step(work, PREDICTION_PRIOR, 0);
    for (size_t i = 0; i < work->count; i++)
        gains[i] = log(alone[i] * (double)work->count);
    apply(work, gains);
    gains = add_step(work, PREDICTION_OTHERS, 0);
    for (size_t i = 0; i < work->count; i++)
        gains[i] = log(work->prior[i] / alone[i]);
    apply(work, gains);
}

/*
 * Ordinal answers: the prior tilted by the tone, as pseudo-observations beside the user's items of like
 * tone. The candidates are the whole numbers in ascending order.
 */
static void weigh_tone(Work *work)
{
    const PredictionInput *input = work->input;
    if (input->kind != RPMD_ANSWER_ORDINAL || !input->tone_near || work->count < 2)
        return;
    double half = (double)(work->count - 1) / 2;
    for (size_t i = 0; i < work->count; i++)
        work->scratch[i] =
            work->prior[i] * exp(work->constants->tone_slope * input->tone * ((double)i - half) / half);
    normalize(work->scratch, work->count);
    for (size_t i = 0; i < work->count; i++)
        work->scratch[i] = work->constants->tone_prior * work->scratch[i] + input->tone_near[i];
    normalize(work->scratch, work->count);
    double *gains = add_step(work, PREDICTION_TONE, 0);
    for (size_t i = 0; i < work->count; i++)
        gains[i] = log(work->scratch[i]) - log(work->prior[i]);
    apply(work, gains);
}

/* Evidence of `weights` in all counts like `cap` independent pieces at most: a text's features are not
 * independent. */
static double temper(double tau, double squares, double cap)
{
    double independent = sqrt(squares);
    return independent > cap ? tau * cap / independent : tau;
}

static void weigh_factors(Work *work)
{
    const PredictionInput *input = work->input;
    const PredictionConstants *constants = work->constants;
    double weight = temper(constants->factor_weight, (double)input->factor_count, constants->factor_cap);
    for (size_t f = 0; f < input->factor_count; f++) {
        const PredictionFactor *factor = &input->factors[f];
        double *gains = add_step(work, PREDICTION_FACTOR, f);
        for (size_t i = 0; i < work->count; i++) {
            double expected = work->prior[i] * offered_in(factor->offered, factor->items, i);
            gains[i] = weight * log((factor->chosen[i] + constants->factor_pseudo) /
                                    (expected + constants->factor_pseudo));
        }
        apply(work, gains);
    }
}

/*
 * log((chosen + k) / (expected + k)) for each candidate, where expected is what the population's shares would
 * give. A candidate whose cell may not be used is left alone, and taken to have its share of
 * pooled_unknown items: a cell is hidden because few users fed it.
 */
static void pooled_gains(const Work *work, const PredictionPooled *pooled, double weight, double *gains)
{
    const PredictionConstants *constants = work->constants;
    double items = 0;
    for (size_t i = 0; i < work->count; i++)
        items += pooled->chosen[i] ? pooled->chosen[i] : constants->pooled_unknown * work->others[i];
    for (size_t i = 0; i < work->count; i++) {
        if (pooled->chosen[i] == 0)
            continue;
        double gain = log((pooled->chosen[i] + constants->pooled_pseudo) /
                          (items * work->others[i] + constants->pooled_pseudo));
        gains[i] = weight * fmin(fmax(gain, -constants->pooled_limit), constants->pooled_limit);
    }
}

static void weigh_pooled(Work *work)
{
    const PredictionInput *input = work->input;
    const PredictionConstants *constants = work->constants;
    double squares = 0;
    for (size_t p = 0; p < input->pooled_count; p++)
        squares += input->pooled[p].weight * input->pooled[p].weight;
    double tau = temper(constants->pooled_weight, squares, constants->pooled_cap);
    for (size_t p = 0; p < input->pooled_count; p++) {
        double *gains = add_step(work, PREDICTION_POOLED, p);
        pooled_gains(work, &input->pooled[p], tau * input->pooled[p].weight, gains);
        apply(work, gains);
    }
}

static void weigh_named(Work *work)
{
    for (size_t n = 0; n < work->input->named_count; n++) {
        const PredictionNamed *named = &work->input->named[n];
        double *gains = add_step(work, PREDICTION_NAMED, n);
        gains[named->candidate] = work->constants->named_weight * named->strength;
        apply(work, gains);
    }
}

static void weigh_examples(Work *work)
{
    const PredictionInput *input = work->input;
    double weight = work->constants->example_weight;
    for (size_t e = 0; e < input->example_count; e++) {
        const PredictionExample *example = &input->examples[e];
        if (example->candidate == PREDICTION_NONE)
            continue;
        double *gains = add_step(work, PREDICTION_EXAMPLE, e);
        gains[example->candidate] = weight * example->similarity;
        apply(work, gains);
    }
}

/* Votes, each weighed by how much more the user likes its answer than others do; as many as there were. */
static void weigh_votes(Work *work)
{
    const PredictionInput *input = work->input;
    if (!input->votes)
        return;
    double *gains = add_step(work, PREDICTION_VOTES, 0);
    double *before = work->scratch;
    double votes = 0, tilted = 0;
    to_probabilities(work->score, before, work->count);
    for (size_t i = 0; i < work->count; i++) {
        gains[i] = input->votes[i] * pow(work->prior[i] / work->others[i], work->constants->vote_tilt);
        votes += input->votes[i];
        tilted += gains[i];
    }
    double scale = tilted > 0 ? votes / tilted : 0;
    for (size_t i = 0; i < work->count; i++)
        gains[i] = log((gains[i] * scale / before[i] + work->constants->vote_prior) /
                       (votes + work->constants->vote_prior));
    apply(work, gains);
}

static void rank(Work *work, Prediction *prediction)
{
    for (size_t i = 0; i < work->count; i++) {
        size_t at = i;
        for (;
             at > 0 && prediction->probabilities[prediction->ranking[at - 1]] < prediction->probabilities[i];
             at--)
            prediction->ranking[at] = prediction->ranking[at - 1];
        prediction->ranking[at] = i;
    }
}

static size_t median(const double *probabilities, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += probabilities[i];
        if (sum >= 0.5)
            return i;
    }
    return count - 1;
}

static int compare_contributions(const void *left, const void *right)
{
    const PredictionContribution *a = left, *b = right;
    double difference = fabs(b->shift) - fabs(a->shift);
    if (difference != 0)
        return difference > 0 ? 1 : -1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void explain(Work *work, Prediction *prediction)
{
    for (size_t s = 0; s < work->step_count; s++) {
        const double *gains = &work->gains[s * work->count];
        PredictionContribution *step = &work->steps[s];
        step->shift = gains[prediction->answer] - gains[prediction->runner_up];
        if (step->shift != 0)
            prediction->contributions[prediction->contribution_count++] = *step;
    }
    qsort(prediction->contributions, prediction->contribution_count, sizeof(PredictionContribution),
          compare_contributions);
}

void prediction_make(const PredictionInput *input, Arena *arena, Prediction *prediction)
{
    size_t count = input->candidate_count;
    size_t steps = 4 + input->factor_count + input->pooled_count + input->named_count + input->example_count;
    _cleanup_free_ double *doubles = NEW_ARRAY(double, (4 + steps) * count);
    Work work = {.input = input,
                 .constants = prediction_constants(input->kind),
                 .count = count,
                 .others = doubles,
                 .prior = doubles + count,
                 .score = doubles + 2 * count,
                 .scratch = doubles + 3 * count,
                 .gains = doubles + 4 * count};
    _cleanup_free_ PredictionContribution *contributions = NEW_ARRAY(PredictionContribution, steps);
    work.steps = contributions;
    weigh_answers(&work);
    weigh_tone(&work);
    weigh_factors(&work);
    weigh_pooled(&work);
    weigh_named(&work);
    weigh_examples(&work);
    weigh_votes(&work);

    *prediction = (Prediction){.probabilities = ARENA_ARRAY(arena, double, count),
                               .ranking = ARENA_ARRAY(arena, size_t, count),
                               .contributions = ARENA_ARRAY(arena, PredictionContribution, steps)};
    to_probabilities(work.score, prediction->probabilities, count);
    rank(&work, prediction);
    prediction->answer = input->kind == RPMD_ANSWER_ORDINAL ? median(prediction->probabilities, count)
                                                            : prediction->ranking[0];
    size_t second = count > 1 ? 1 : 0;
    prediction->runner_up =
        prediction->ranking[0] == prediction->answer ? prediction->ranking[second] : prediction->ranking[0];
    explain(&work, prediction);
}
