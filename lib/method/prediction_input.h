/* SPDX-License-Identifier: MIT */
#pragma once

/* Gathers what a prediction counts, from a user's model and what the task's users have in common. */

#include "lib/method/population.h"
#include "lib/method/prediction.h"
#include "lib/method/retrieval.h"

/* The newest items that are looked at one by one (tone, options, agreement); counts over all items are read
 * from the model. Bounds the time of a prediction, and follows preferences that change. */
#define PREDICTION_RECENT_ITEMS 500

/* Items of a user whose votes are compared with the others'. */
#define PREDICTION_COMPARED_ITEMS 300

/* Voters of one question that are looked at: a sample of all users where more answered. With
 * PREDICTION_COMPARED_ITEMS it bounds what votes cost to some hundred microseconds, however many users there
 * are. */
#define PREDICTION_VOTERS 400

/* What a prediction is made for, and from. All borrowed. */
typedef struct PredictionRequest {
    const UserModel *model; /* of a closed task, with at least one item that takes part */
    const Target *target;   /* prepared; its analysis has the classes of the options */
    const Retrieved *retrieved;
    size_t retrieved_count;
    const PopulationView *view; /* NULL: no population */
    Tokenizer *tokenizer;
} PredictionRequest;

/* An answer that can be given. */
typedef struct PredictionCandidate {
    rpmd_text answer;       /* as it is given: a label, "4", the option's text */
    rpmd_text answer_class; /* what the statistics count */
    uint32_t class_number;  /* in the model; CLASS_NONE: never seen */
} PredictionCandidate;

/* A prediction with the names of what it counts. Lives in the arena of prediction_gather. */
typedef struct PredictionCase {
    PredictionInput input;
    const PredictionCandidate *candidates; /* input.candidate_count */
    const uint32_t *factors;               /* input.factor_count numbers of factors, increasing */
    uint32_t voters;                       /* other users who answered the very same query */
    Prediction result;
} PredictionCase;

/* Gathers and predicts. The request's pointers have to live as long as the case. */
void prediction_of_target(const PredictionRequest *request, Arena *arena, PredictionCase *prediction);

/* How favourable features are to what they are about: -1 .. +1; 0 where none is favourable or not. */
double prediction_tone(const AnalyzedFeature *features, size_t count);

double prediction_tone_of_item(const ModelItem *item);

/* The mean tone of the user's newest items, or of the others where one is left out; 0 without any. */
double prediction_usual_tone(const UserModel *model, const ModelEntry *without);
