/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The native embedding f of the paper's section on retrieval: a text of features as a sparse vector of its
 * stems. The weight of a term depends on the features alone, never on other items, so that an item's vector
 * is the same whatever the history around it. Normalised to length 1; the cosine of two is their dot product.
 */

#include "lib/base/arena.h"
#include "lib/method/bytes.h"
#include "lib/plugin/analysis.h"
#include "lib/text/tokenizer.h"

typedef struct FeatureVector {
    const uint32_t *terms; /* hashes of stems, increasing */
    const float *weights;  /* above 0; their squares sum to 1 */
    uint32_t count;        /* 0: nothing to compare by */
} FeatureVector;

/* The vector of a query's features. In the arena. */
FeatureVector feature_vector(Arena *arena, Tokenizer *tokenizer, const AnalyzedFeature *features,
                             size_t count);

/* The vector of one feature: its name, context and category. */
FeatureVector feature_vector_of_key(Arena *arena, Tokenizer *tokenizer, const AnalyzedFeature *feature);

/*
 * The vector of a feature as a whole history shows it, for clustering: its name and category, and the words
 * that it was found in. evidence: texts, each of which counts alike.
 */
FeatureVector feature_vector_of_history(Arena *arena, Tokenizer *tokenizer, const AnalyzedFeature *feature,
                                        const rpmd_text *evidence, size_t evidence_count);

/* 0 .. 1; 0 where one of them is empty. */
double feature_vector_cosine(const FeatureVector *a, const FeatureVector *b);

/* As bytes, and back into arrays that the reader gives; few weights of a vector differ. */
void feature_vector_write(Buffer *bytes, const FeatureVector *vector);

/* How many terms follow; then the terms and weights are read into arrays of that size. */
uint32_t feature_vector_read_count(ByteReader *reader);
void feature_vector_read(ByteReader *reader, uint32_t count, uint32_t *terms, float *weights);
