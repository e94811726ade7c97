/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The native response where answers are closed: a distribution over the candidate answers, from counts alone,
 * and how much each count moved it. docs/prediction.md derives the formula and says where its constants
 * come from. Everything here works on plain arrays; prediction_input.h fills them from a user's model.
 *
 * A candidate is one of the task's labels, one of its whole numbers, or one of the query's options. With K
 * candidates, every array below that is said to be "per candidate" has K entries in the same order.
 *
 *   1. prior     the user's own answers, shrunk toward those of the population (toward even shares without)
 *   2. tone      ordinal answers: the user's answers to items whose features were as favourable as these
 *   3. factors   each factor met: the user's propensity under it against the prior
 *   4. pooled    each token and feature of the query: other users' answers under it against their average
 *   5. named     features that are called like an answer
 *   6. examples  the answers of the retrieved items, by similarity
 *   7. votes     other users' answers to the very same query, by their earlier agreement with this user
 *
 * Steps 3 to 6 multiply (their logarithms add up, tempered: evidence from one text is correlated); 7 is
 * averaged in, because votes are observations of the same thing. The answer is the likeliest candidate, or
 * the median where answers are ordinal (it has the least expected absolute error).
 */

#include "lib/base/arena.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A factor of the user that the query meets; counts over the user's own items. */
typedef struct PredictionFactor {
    const uint32_t *chosen;  /* per candidate: items that meet the factor and have this answer */
    const uint32_t *offered; /* per candidate: items that meet the factor and offer it; NULL: `items` each */
    uint32_t items;          /* n */
} PredictionFactor;

/* A token or feature of the query, with the counts of the other users of the task. */
typedef struct PredictionPooled {
    const uint32_t *chosen; /* per candidate; 0: nothing may be known of it */
    double weight;          /* 1: a word */
} PredictionPooled;

/* A feature of the query that is called like an answer. */
typedef struct PredictionNamed {
    size_t candidate;
    double strength; /* of the feature: 0 .. 1 */
} PredictionNamed;

/* A retrieved item of the user. */
typedef struct PredictionExample {
    size_t candidate;  /* its answer; PREDICTION_NONE: not among the candidates */
    double similarity; /* 0 .. 1 */
} PredictionExample;

#define PREDICTION_NONE SIZE_MAX

typedef struct PredictionInput {
    rpmd_answer_kind kind;
    size_t candidate_count; /* K, at least 1 */

    const uint32_t *own;         /* per candidate: the user's items with this answer */
    const uint32_t *own_offered; /* per candidate: the user's items that offer it; NULL: own_items each */
    uint32_t own_items;

    const uint32_t
        *others; /* per candidate: items of the other users with this answer; NULL: no population */

    double tone; /* how favourable the query's features are, minus the user's average: -2 .. +2 */
    const double
        *tone_near; /* per candidate: the user's items of like tone, weighed by likeness; NULL: none */

    const PredictionFactor *factors;
    size_t factor_count;
    const PredictionPooled *pooled;
    size_t pooled_count;
    const PredictionNamed *named;
    size_t named_count;
    const PredictionExample *examples;
    size_t example_count;
    const double
        *votes; /* per candidate: other users' votes on this query, weighed by agreement; NULL: none */
} PredictionInput;

typedef enum PredictionSource {
    PREDICTION_PRIOR = 1,   /* the user's own answers */
    PREDICTION_OTHERS = 2,  /* the other users' answers, whatever the query */
    PREDICTION_TONE = 3,    /* the user's items of like tone */
    PREDICTION_FACTOR = 4,  /* factors[index] */
    PREDICTION_POOLED = 5,  /* pooled[index] */
    PREDICTION_NAMED = 6,   /* named[index] */
    PREDICTION_EXAMPLE = 7, /* examples[index] */
    PREDICTION_VOTES = 8,   /* votes on the same query */
} PredictionSource;

/* What moved the prediction. */
typedef struct PredictionContribution {
    PredictionSource source;
    size_t index;
    double
        shift; /* natural logarithm of the odds of the answer against the runner-up; negative: against it */
} PredictionContribution;

typedef struct Prediction {
    double *probabilities; /* per candidate; they sum to 1 */
    size_t *ranking;       /* candidates, likeliest first; equal ones in the order of the input */
    size_t answer;
    size_t runner_up;                      /* the likeliest other candidate; `answer` where K is 1 */
    PredictionContribution *contributions; /* largest absolute shift first; shifts of 0 are left out */
    size_t contribution_count;
} Prediction;

/* Deterministic: the same input gives the same bits. The result lives in the arena. */
void prediction_make(const PredictionInput *input, Arena *arena, Prediction *prediction);
