/* SPDX-License-Identifier: MIT */
#include "lib/method/prediction_constants.h"

static const PredictionConstants label_constants = {
    .others_pseudo = 1,
    .own_alpha = 3,
    .factor_weight = 0.4,
    .factor_cap = 2,
    .factor_pseudo = 1,
    .pooled_weight = 0.2,
    .pooled_cap = 5,
    .pooled_pseudo = 0.4,
    .pooled_unknown = 1,
    .pooled_limit = 2,
    .pooled_feature = 2,
    .named_weight = 1,
    .example_weight = 0.3,
    .agreement_pseudo = 2,
    .agreement_power = 1,
    .vote_prior = 2,
    .vote_tilt = 1,
};

static const PredictionConstants ordinal_constants = {
    .others_pseudo = 1,
    .own_alpha = 4,
    .tone_slope = 1.5,
    .tone_width = 0.4,
    .tone_prior = 6,
    .factor_weight = 0.2,
    .factor_cap = 1.5,
    .factor_pseudo = 1,
    .pooled_weight = 0.12,
    .pooled_cap = 5,
    .pooled_pseudo = 1.5,
    .pooled_unknown = 2,
    .pooled_limit = 2,
    .pooled_feature = 2,
    .example_weight = 0.1,
    .agreement_pseudo = 2,
    .agreement_power = 2,
    .vote_prior = 4,
};

static const PredictionConstants option_constants = {
    .others_pseudo = 2,
    .own_alpha = 15,
    .factor_weight = 0.3,
    .factor_cap = 2,
    .factor_pseudo = 1,
    .pooled_weight = 0.2,
    .pooled_cap = 3,
    .pooled_pseudo = 2,
    .pooled_unknown = 1,
    .pooled_limit = 2,
    .pooled_feature = 1.5,
    .example_weight = 0.3,
    .agreement_pseudo = 2,
    .agreement_power = 2,
    .vote_prior = 4,
};

const PredictionConstants *prediction_constants(rpmd_answer_kind kind)
{
    switch (kind) {
    case RPMD_ANSWER_ORDINAL:
        return &ordinal_constants;
    case RPMD_ANSWER_OPTIONS:
        return &option_constants;
    case RPMD_ANSWER_LABELS:
    case RPMD_ANSWER_TEXT:
    default:
        return &label_constants;
    }
}
