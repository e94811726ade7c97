/* SPDX-License-Identifier: MIT */
#include "lib/method/vector.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/item.h"

#include <math.h>

/* What a stem weighs by where it stands: the name says most, the context tells names apart, the category
 * little. */
#define NAME_WEIGHT 1.0F
/* The name and its polarity as one term: the same feature, not only the same words. */
#define WHOLE_NAME_WEIGHT 1.0F
#define CONTEXT_WEIGHT 0.35F
#define CATEGORY_WEIGHT 0.15F
/* All evidence together: features that are found in the same words belong together, whatever their names. */
#define EVIDENCE_WEIGHT 1.5F

typedef struct Term {
    uint32_t hash;
    float weight;
} Term;

typedef struct Terms {
    Term *list;
    size_t count;
    size_t capacity;
} Terms;

static void add_term(Terms *terms, uint64_t hash, float weight)
{
    GROW(terms->list, terms->count, terms->capacity);
    terms->list[terms->count++] = (Term){(uint32_t)(hash ^ (hash >> 32)), weight};
}

static void add_stems(Terms *terms, Tokenizer *tokenizer, rpmd_text text, float weight)
{
    const uint64_t *hashes = NULL;
    size_t count = 0;
    text_stem_hashes(tokenizer, text, &hashes, &count);
    for (size_t i = 0; i < count; i++)
        add_term(terms, hashes[i], weight);
}

static void add_feature(Terms *terms, Tokenizer *tokenizer, const AnalyzedFeature *feature)
{
    static const char signs[] = {'-', '0', '+'};
    char sign = signs[feature_sign(feature->polarity) + 1];
    uint64_t whole = hash_bytes_seeded(feature->name.data, feature->name.length, (uint64_t)sign);
    add_stems(terms, tokenizer, feature->name, NAME_WEIGHT);
    add_stems(terms, tokenizer, feature->context, CONTEXT_WEIGHT);
    add_term(terms, hash_bytes_seeded(feature->category.data, feature->category.length, 'c'),
             CATEGORY_WEIGHT);
    add_term(terms, whole, WHOLE_NAME_WEIGHT);
}

static int compare_terms(const void *a, const void *b)
{
    const Term *first = a, *second = b;
    if (first->hash != second->hash)
        return first->hash < second->hash ? -1 : 1;
    return (first->weight < second->weight) - (first->weight > second->weight);
}

/* Sums equal terms, dampens repetition (square root), normalises. */
static FeatureVector finish_vector(Arena *arena, Terms *terms)
{
    if (terms->count == 0)
        return (FeatureVector){0};
    qsort(terms->list, terms->count, sizeof(Term), compare_terms);
    uint32_t *hashes = ARENA_ARRAY(arena, uint32_t, terms->count);
    float *weights = ARENA_ARRAY(arena, float, terms->count);
    uint32_t count = 0;
    double squares = 0;
    for (size_t i = 0; i < terms->count;) {
        double sum = 0;
        uint32_t hash = terms->list[i].hash;
        for (; i < terms->count && terms->list[i].hash == hash; i++)
            sum += (double)terms->list[i].weight;
        hashes[count] = hash;
        weights[count++] = (float)sqrt(sum);
        squares += sum;
    }
    float norm = (float)sqrt(squares);
    for (uint32_t i = 0; i < count; i++)
        weights[i] /= norm;
    free(terms->list);
    return (FeatureVector){hashes, weights, count};
}

FeatureVector feature_vector(Arena *arena, Tokenizer *tokenizer, const AnalyzedFeature *features,
                             size_t count)
{
    Terms terms = {0};
    for (size_t i = 0; i < count; i++)
        add_feature(&terms, tokenizer, &features[i]);
    return finish_vector(arena, &terms);
}

FeatureVector feature_vector_of_key(Arena *arena, Tokenizer *tokenizer, const AnalyzedFeature *feature)
{
    Terms terms = {0};
    add_feature(&terms, tokenizer, feature);
    return finish_vector(arena, &terms);
}

FeatureVector feature_vector_of_history(Arena *arena, Tokenizer *tokenizer, const AnalyzedFeature *feature,
                                        const rpmd_text *evidence, size_t evidence_count)
{
    Terms terms = {0};
    add_stems(&terms, tokenizer, feature->name, NAME_WEIGHT);
    add_stems(&terms, tokenizer, feature->context, CONTEXT_WEIGHT);
    add_term(&terms, hash_bytes_seeded(feature->category.data, feature->category.length, 'c'),
             CATEGORY_WEIGHT);
    for (size_t i = 0; i < evidence_count; i++)
        add_stems(&terms, tokenizer, evidence[i], EVIDENCE_WEIGHT / (float)evidence_count);
    return finish_vector(arena, &terms);
}

double feature_vector_cosine(const FeatureVector *a, const FeatureVector *b)
{
    double sum = 0;
    for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
        if (a->terms[i] == b->terms[j])
            sum += (double)a->weights[i++] * (double)b->weights[j++];
        else if (a->terms[i] < b->terms[j])
            i++;
        else
            j++;
    }
    return MIN(sum, 1.0);
}

/* ---- as bytes: count | distinct weights | terms | a number of a weight for each term ---- */

#define WEIGHT_LIMIT 255 /* distinct weights that one byte numbers; with more, 0 stands for all in full */

/* The place of a weight among the distinct ones so far. */
static uint32_t place_weight(float *distinct, uint32_t *count, float weight)
{
    uint32_t place = 0;
    while (place < *count && float_bits(distinct[place]) != float_bits(weight))
        place++;
    if (place == *count && place < WEIGHT_LIMIT)
        distinct[(*count)++] = weight;
    return place;
}

void feature_vector_write(Buffer *bytes, const FeatureVector *vector)
{
    float distinct[WEIGHT_LIMIT];
    uint32_t count = 0;
    bool is_short = true;
    bytes_write_number(bytes, vector->count);
    if (vector->count == 0)
        return;
    for (uint32_t i = 0; i < vector->count; i++)
        is_short &= place_weight(distinct, &count, vector->weights[i]) < WEIGHT_LIMIT;
    bytes_write_number(bytes, is_short ? count : 0);
    for (uint32_t i = 0; is_short && i < count; i++)
        bytes_write_float(bytes, distinct[i]);
    for (uint32_t i = 0; i < vector->count; i++)
        bytes_write_u32(bytes, vector->terms[i]);
    for (uint32_t i = 0; i < vector->count; i++) {
        uint8_t place = (uint8_t)place_weight(distinct, &count, vector->weights[i]);
        if (is_short)
            buffer_append(bytes, &place, 1);
        else
            bytes_write_float(bytes, vector->weights[i]);
    }
}

uint32_t feature_vector_read_count(ByteReader *reader)
{
    return (uint32_t)MIN(bytes_read_count(reader, sizeof(uint32_t)), (size_t)UINT32_MAX);
}

void feature_vector_read(ByteReader *reader, uint32_t count, uint32_t *terms, float *weights)
{
    float distinct[WEIGHT_LIMIT] = {0};
    if (count == 0)
        return;
    size_t distinct_count = bytes_read_count(reader, sizeof(float));
    if (distinct_count > WEIGHT_LIMIT)
        reader->is_broken = true;
    for (size_t i = 0; i < distinct_count && !reader->is_broken; i++)
        distinct[i] = bytes_read_float(reader);
    const uint8_t *term_bytes = bytes_skip(reader, count * sizeof(uint32_t));
    const uint8_t *places = distinct_count > 0 ? bytes_skip(reader, count) : NULL;
    if (!term_bytes || reader->is_broken)
        return;
    bytes_to_u32(terms, term_bytes, count);
    for (uint32_t i = 0; i < count; i++) {
        if (places && places[i] >= distinct_count)
            reader->is_broken = true;
        weights[i] = places ? distinct[MIN(places[i], WEIGHT_LIMIT - 1)] : bytes_read_float(reader);
    }
}
