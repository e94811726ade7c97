/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The constants of prediction.c, one set for each kind of answer. Chosen by predicting the last items of
 * histories from the earlier ones; docs/prediction.md says how and with what result.
 */

#include "rpmd/plugin.h"

typedef struct PredictionConstants {
    double own_alpha;             /* even a user's own shares rest on so many items of the population */
    double own_alpha_offered;     /* the same where each query brings its own options */
    double others_pseudo_offered; /* the population's shares of options: observations of even shares */

    double tone_slope; /* what a unit of tone does to the odds of the ends of the scale (logarithm) */
    double tone_prior; /* the tilted prior counts like so many items of like tone */

    double factor_weight; /* of one factor's evidence */
    double factor_cap;    /* this many independent factors at most */
    double factor_pseudo; /* items added to observed and expected counts */

    double pooled_weight; /* of one token's evidence */
    double pooled_cap;
    double pooled_pseudo;
    double pooled_limit; /* one token moves the logarithm of an answer's odds by so much at most */

    double example_weight;

    double vote_prior; /* the prediction without votes counts like so many votes */
    double vote_tilt;  /* exponent of the user's own taste in a vote */
} PredictionConstants;

const PredictionConstants *prediction_constants(rpmd_answer_kind kind);
