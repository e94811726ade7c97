/* SPDX-License-Identifier: MIT */
#pragma once

/* A past item on the way to its reasoning path, and the two kinds of paths. */

#include "lib/base/buffer.h"
#include "lib/method/reasoning.h"

/* Factors cited for an answer. */
#define REASONING_SUPPORTING_LIMIT 2

/* What the items other than this one say of each class: all of them, and those that meet a factor. */
typedef struct PastCounts {
    uint32_t *classes; /* the classes that this item could have got; the one that it got comes first */
    size_t class_count;
    uint32_t *chosen;  /* [row * class_count + class]; row 0: all items, row 1 + m: those that meet met[m] */
    uint32_t *offered; /* the items that could have got the class */
    double *usual;     /* per class: how often it is got where it could be */
} PastCounts;

typedef struct Past {
    Buffer buffer;
    Arena *arena;
    const ReasoningTask *task;
    const UserModel *model;
    const ModelEntry *entry;
    const Analysis *analysis;
    uint32_t answer;   /* its class; CLASS_NONE for open answers */
    PastCounts counts; /* closed answers */
} Past;

/* Closed answers: fills in the counts. */
void past_count(Past *past);

/* Closed answers: how much the factor met[m] speaks for the answer (logarithm of its lift); against: below 0.
 */
double past_support(const Past *past, uint32_t m);

/* What follows the sentence about the features. order: the features that it named. */
void past_reason_closed(Past *past);
void past_reason_open(Past *past, const uint32_t *order, size_t count);

/* `the tag is "classic".` */
void past_append_answer(Past *past);
