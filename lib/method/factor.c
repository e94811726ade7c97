/* SPDX-License-Identifier: MIT */
#include "lib/method/factor.h"

#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <stdatomic.h>

/* How much nearer than the second the nearest factor must be. */
#define FACTOR_CLEAR_MARGIN 0.02
/* Members of a factor that a feature is compared with: enough for a mean, and bounds what a new one costs. */
#define FACTOR_COMPARED_MEMBERS 64

struct FactorSet {
    Factor *factors;
    size_t count;
    Intern members;          /* every key that a factor has; factor by factor, in the factor's order */
    uint32_t *first_member;  /* first_member[factor], number in members */
    uint32_t *member_factor; /* member_factor[number in members] */
    FeatureKeyParts *member_parts;
    FeatureVector *member_vectors;
    Arena arena;
    _Atomic unsigned references;
};

/* The feature that a key stands for, as far as vectors go. */
static AnalyzedFeature feature_of_key(rpmd_text key)
{
    FeatureKeyParts parts = feature_key_parts(key);
    return (AnalyzedFeature){.name = parts.name, .category = parts.category, .polarity = (float)parts.sign};
}

static int compare_texts(const void *a, const void *b)
{
    return text_compare(*(const rpmd_text *)a, *(const rpmd_text *)b);
}

static void add_factor(FactorSet *set, const FactorInput *input, Tokenizer *tokenizer)
{
    uint32_t f = (uint32_t)set->count++;
    rpmd_text *members = ARENA_ARRAY(&set->arena, rpmd_text, input->member_count);
    size_t count = 0;
    if (input->member_count > 0) {
        memcpy(members, input->members, input->member_count * sizeof(*members));
        qsort(members, input->member_count, sizeof(*members), compare_texts);
    }
    set->first_member[f] = set->members.count;
    for (size_t m = 0; m < input->member_count; m++) {
        uint32_t number = set->members.count;
        if (intern_add(&set->members, members[m]) < number)
            continue; /* the first factor that has a key keeps it */
        members[count] = arena_text(&set->arena, members[m]);
        AnalyzedFeature feature = feature_of_key(members[count]);
        set->member_factor[number] = f;
        set->member_parts[number] = feature_key_parts(members[count++]);
        set->member_vectors[number] = feature_vector_of_key(&set->arena, tokenizer, &feature);
    }
    set->factors[f] = (Factor){
        .name = arena_text(&set->arena, input->name),
        .description = arena_text(&set->arena, input->description),
        .members = members,
        .member_count = count,
    };
}

FactorSet *factor_set_new(const FactorInput *inputs, size_t count, Tokenizer *tokenizer)
{
    FactorSet *set = NEW(FactorSet);
    size_t member_total = 0;
    atomic_init(&set->references, 1);
    set->factors = ARENA_ARRAY(&set->arena, Factor, count);
    set->first_member = ARENA_ARRAY(&set->arena, uint32_t, count);
    for (size_t f = 0; f < count; f++)
        member_total += inputs[f].member_count;
    set->member_factor = ARENA_ARRAY(&set->arena, uint32_t, member_total);
    set->member_parts = ARENA_ARRAY(&set->arena, FeatureKeyParts, member_total);
    set->member_vectors = ARENA_ARRAY(&set->arena, FeatureVector, member_total);
    for (size_t f = 0; f < count; f++)
        add_factor(set, &inputs[f], tokenizer);
    return set;
}

FactorSet *factor_set_ref(FactorSet *set)
{
    if (set)
        atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void factor_set_unref(FactorSet *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    intern_finish(&set->members);
    arena_finish(&set->arena);
    free(set);
}

size_t factor_set_count(const FactorSet *set)
{
    return set->count;
}

const Factor *factor_set_get(const FactorSet *set, size_t factor)
{
    return &set->factors[factor];
}

size_t factor_set_bytes(const FactorSet *set)
{
    return sizeof(*set) + set->arena.total + set->members.arena.total +
           set->members.capacity * sizeof(rpmd_text) + set->members.slot_count * sizeof(uint32_t);
}

/* Mean cosine to the members of each factor of the same category and polarity; the best, if it is clear. */
static uint32_t nearest_factor(const FactorSet *set, const FeatureVector *vector, FeatureKeyParts parts)
{
    double best = 0, second = 0;
    uint32_t nearest = FACTOR_NONE;
    for (size_t f = 0; f < set->count; f++) {
        const Factor *factor = &set->factors[f];
        double sum = 0;
        size_t compared = 0;
        uint32_t first = set->first_member[f];
        for (uint32_t m = first; m < first + factor->member_count && compared < FACTOR_COMPARED_MEMBERS;
             m++) {
            const FeatureKeyParts *other = &set->member_parts[m];
            if (other->sign != parts.sign || !text_equal(other->category, parts.category))
                continue;
            sum += feature_vector_cosine(vector, &set->member_vectors[m]);
            compared++;
        }
        double mean = compared ? sum / (double)compared : 0;
        if (mean > best) {
            second = best;
            best = mean;
            nearest = (uint32_t)f;
        } else if (mean > second) {
            second = mean;
        }
    }
    return best >= FACTOR_JOIN_SIMILARITY && best - second >= FACTOR_CLEAR_MARGIN ? nearest : FACTOR_NONE;
}

uint32_t factor_set_assign(const FactorSet *set, Tokenizer *tokenizer, const AnalyzedFeature *feature,
                           rpmd_text key)
{
    (void)feature;
    uint32_t member = intern_find(&set->members, key);
    if (member != INTERN_NONE)
        return set->member_factor[member];
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    AnalyzedFeature bare = feature_of_key(key);
    FeatureVector vector = feature_vector_of_key(&scratch, tokenizer, &bare);
    return nearest_factor(set, &vector, feature_key_parts(key));
}
