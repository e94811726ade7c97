/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The constants of prediction.c, one set for each kind of answer. Chosen by predicting the last items of
 * histories from the earlier ones; docs/prediction.md says how and with what result.
 */

#include "rpmd/plugin.h"

/* How soon the tone of a text is taken to be clear: sum / sqrt(sum^2 + this) over its features. */
#define PREDICTION_TONE_SCALE 2.0

typedef struct PredictionConstants {
    double others_pseudo; /* items added to each answer of the population */
    double own_alpha;     /* the shares of a large population count like so many items of the user */

    double tone_slope; /* what a unit of tone does to the odds of the ends of the scale (logarithm) */
    double tone_width; /* items that differ by so much in tone are still rather alike */
    double tone_prior; /* the tilted prior counts like so many items of like tone */

    double factor_weight; /* of one factor's evidence */
    double factor_cap;    /* this many independent factors at most */
    double factor_pseudo; /* items added to observed and expected counts */

    double pooled_weight; /* of one token's evidence */
    double pooled_cap;
    double pooled_pseudo;
    double pooled_unknown; /* items that all hidden cells of a token are taken to hold */
    double pooled_limit;   /* one token moves the logarithm of an answer's odds by so much at most */

    double pooled_feature; /* weight of a feature; a word's is 1 */

    double named_weight; /* of a feature called like an answer */
    double example_weight;

    double agreement_pseudo; /* agreements added to those seen and those expected */
    double agreement_power;  /* a vote weighs (agreed / expected) to this power */
    double vote_prior;       /* the prediction without votes counts like so many votes */
    double vote_tilt;        /* exponent of the user's own taste in a vote */
} PredictionConstants;

const PredictionConstants *prediction_constants(rpmd_answer_kind kind);
