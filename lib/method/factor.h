/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Factors: the user-level groups that features belong to (the paper's step 2). One clustering a user; a
 * feature belongs to one factor or to none. A set is immutable and shared by all versions of a model that
 * have it.
 */

#include "lib/base/buffer.h"
#include "lib/method/item.h"

#define FACTOR_NONE UINT16_MAX /* the unassigned bucket; factors have lower numbers */

/* Distinct features that are clustered; the rest, met least often, is assigned afterwards. Bounds the
 * quadratic part. */
#define FACTOR_CLUSTERED_KEYS 512
/* Factors of one user, at most: a table that a person still reads. Clustering leaves room for promoted ones.
 */
#define FACTOR_LIMIT 32
#define FACTOR_GENERATED_LIMIT 24
/* A feature joins a factor, or two groups join, from this cosine on. */
#define FACTOR_JOIN_SIMILARITY 0.45
/* An unassigned feature met by so many distinct items becomes a factor. */
#define FACTOR_PROMOTION_ITEMS 3

typedef struct Factor {
    rpmd_text name;           /* unique within a set that was clustered; one line without '[' and ']' */
    rpmd_text description;    /* its main members */
    const rpmd_text *members; /* keys, sorted by bytes */
    size_t member_count;
} Factor;

typedef struct FactorSet FactorSet;

/* What a factor is made from when it comes out of the store. Borrowed. */
typedef struct FactorInput {
    rpmd_text name;
    rpmd_text description;
    const rpmd_text *members;
    size_t member_count;
} FactorInput;

/* A set with one reference. */
FactorSet *factor_set_new(const FactorInput *factors, size_t count, Tokenizer *tokenizer)
    __attribute__((returns_nonnull));
/* The same; the vectors of members that a set knows already are taken from there (NULL: none). */
FactorSet *factor_set_extend(const FactorInput *factors, size_t count, const FactorSet *known,
                             Tokenizer *tokenizer) __attribute__((returns_nonnull));
FactorSet *factor_set_ref(FactorSet *set);
void factor_set_unref(FactorSet *set);

/* Appends the set as bytes for the store: names, descriptions, members and their vectors, and what it learnt.
 */
void factor_set_write(Buffer *bytes, const FactorSet *set);

/* The set of these bytes, with one reference, made without tokenizing. NULL where they are broken. */
FactorSet *factor_set_read(rpmd_text bytes);

size_t factor_set_count(const FactorSet *set);
const Factor *factor_set_get(const FactorSet *set, size_t factor);
size_t factor_set_bytes(const FactorSet *set);

/*
 * The factor of a feature by its key: the one that has the key, else the nearest of the same category and
 * polarity where that is near enough and not as near as another, else FACTOR_NONE. A function of the set and
 * the key alone.
 */
uint32_t factor_set_assign(const FactorSet *set, Tokenizer *tokenizer, rpmd_text key);

/* The factor of a key that is no member's, as far as factor_set_learn said it; else false. */
bool factor_set_known(const FactorSet *set, uint64_t population_key, uint32_t *factor);

/*
 * Keeps what factor_set_assign said of keys that are no members', by their population keys, so that it need
 * not be found out again, also after writing and reading the set. Any thread; the first call counts.
 */
void factor_set_learn(FactorSet *set, const uint64_t *population_keys, const uint16_t *factors, size_t count);

bool factor_set_has_learnt(const FactorSet *set);

/* The factor that has the key, or FACTOR_NONE. */
uint32_t factor_set_find(const FactorSet *set, rpmd_text key);

/* Clusters the features of a history, in its order. Deterministic; items that take no part are passed over.
 */
FactorSet *factor_set_cluster(ModelItem *const *items, size_t count, Tokenizer *tokenizer)
    __attribute__((returns_nonnull));

/*
 * The set with a new factor for each of these keys, which are in no factor yet, as far as FACTOR_LIMIT lets;
 * NULL where there is none.
 */
FactorSet *factor_set_promote(const FactorSet *set, const rpmd_text *keys, size_t count,
                              Tokenizer *tokenizer);
