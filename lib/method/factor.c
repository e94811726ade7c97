/* SPDX-License-Identifier: MIT */
#include "lib/method/factor.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <stdatomic.h>

/* How much nearer than the second the nearest factor must be. */
#define FACTOR_CLEAR_MARGIN 0.02
/* Members of a factor that a feature is compared with: enough for a mean, and bounds what a new one costs. */
#define FACTOR_COMPARED_MEMBERS 64
#define FACTOR_SET_FORMAT 1
#define NO_MEMBER UINT32_MAX

/* The factors of keys that are no members'. */
typedef struct Learnt {
    size_t count;
    uint64_t *keys; /* increasing */
    uint16_t *factors;
} Learnt;

struct FactorSet {
    Factor *factors;
    size_t count;
    rpmd_text *members; /* every key that a factor has; factor by factor, in the factor's order */
    uint32_t member_count;
    uint16_t *member_factor;
    uint32_t *first_terms; /* member m's vector has the terms [first_terms[m], first_terms[m + 1]) */
    uint32_t *terms;
    float *weights;
    uint32_t *slots; /* of members by key, open addressing; number + 1, 0 when free */
    uint32_t slot_mask;
    size_t bytes;
    _Atomic(Learnt *) learnt; /* NULL: nothing; set once */
    _Atomic unsigned references;
};

/* ---- making ---- */

/* A set while it is made: all that will be in it, with texts and vectors that lie elsewhere. */
typedef struct Draft {
    Factor *factors;
    size_t factor_count;
    rpmd_text *members;
    FeatureVector *vectors;
    uint16_t *member_factor;
    uint32_t member_count;
    uint32_t *slots;
    uint32_t slot_mask;
    Arena arena;
} Draft;

static uint32_t find_member(const uint32_t *slots, uint32_t mask, const rpmd_text *members, rpmd_text key,
                            uint32_t *slot)
{
    *slot = (uint32_t)hash_bytes(key.data, key.length) & mask;
    while (slots[*slot] && !text_equal(members[slots[*slot] - 1], key))
        *slot = (*slot + 1) & mask;
    return slots[*slot] - 1;
}

static void begin_draft(Draft *draft, size_t factor_count, size_t member_count)
{
    uint32_t slots = 4;
    while (slots < member_count + member_count / 2)
        slots *= 2;
    draft->factors = ARENA_ARRAY(&draft->arena, Factor, factor_count);
    draft->members = ARENA_ARRAY(&draft->arena, rpmd_text, member_count);
    draft->vectors = ARENA_ARRAY(&draft->arena, FeatureVector, member_count);
    draft->member_factor = ARENA_ARRAY(&draft->arena, uint16_t, member_count);
    draft->slots = NEW_ARRAY(uint32_t, slots);
    draft->slot_mask = slots - 1;
}

/* False: an earlier factor has the key, and keeps it. */
static bool add_member(Draft *draft, rpmd_text key, uint32_t *number)
{
    uint32_t slot;
    if (find_member(draft->slots, draft->slot_mask, draft->members, key, &slot) != NO_MEMBER)
        return false;
    *number = draft->member_count++;
    draft->members[*number] = key;
    draft->member_factor[*number] = (uint16_t)(draft->factor_count - 1);
    draft->slots[slot] = draft->member_count;
    return true;
}

static char *copy_text(char *end, rpmd_text *text)
{
    if (text->length > 0)
        memcpy(end, text->data, text->length);
    text->data = end;
    end[text->length] = '\0';
    return end + text->length + 1;
}

/* Copies the members with their vectors, and the factors; texts go to `end`. */
static void fill_set(FactorSet *set, const Draft *draft, char *end)
{
    for (uint32_t m = 0, at = 0; m < set->member_count; m++) {
        const FeatureVector *vector = &draft->vectors[m];
        set->members[m] = draft->members[m];
        end = copy_text(end, &set->members[m]);
        set->member_factor[m] = draft->member_factor[m];
        for (uint32_t t = 0; t < vector->count; t++, at++) {
            set->terms[at] = vector->terms[t];
            set->weights[at] = vector->weights[t];
        }
        set->first_terms[m + 1] = at;
    }
    const rpmd_text *members = set->members;
    for (size_t f = 0; f < set->count; f++) {
        set->factors[f] = draft->factors[f];
        set->factors[f].members = members;
        members += set->factors[f].member_count;
        end = copy_text(end, &set->factors[f].name);
        end = copy_text(end, &set->factors[f].description);
    }
}

/* One allocation behind the other, as large as they are: a user may be one of many thousands. */
static FactorSet *finish_draft(Draft *draft)
{
    FactorSet *set = NEW(FactorSet);
    size_t text_bytes = 0, terms = 0;
    for (size_t f = 0; f < draft->factor_count; f++)
        text_bytes += draft->factors[f].name.length + draft->factors[f].description.length + 2;
    for (uint32_t m = 0; m < draft->member_count; m++) {
        text_bytes += draft->members[m].length + 1;
        terms += draft->vectors[m].count;
    }
    size_t rows = draft->member_count;
    size_t size = draft->factor_count * sizeof(Factor) + rows * sizeof(rpmd_text) +
                  (rows + 1 + 2 * terms) * sizeof(uint32_t) + rows * sizeof(uint16_t) + text_bytes;
    char *room = memory_allocate(1, size);
    atomic_init(&set->references, 1);
    set->factors = (Factor *)room;
    set->members = (rpmd_text *)(set->factors + draft->factor_count);
    set->first_terms = (uint32_t *)(set->members + rows);
    set->terms = set->first_terms + rows + 1;
    set->weights = (float *)(set->terms + terms);
    set->member_factor = (uint16_t *)(set->weights + terms);
    set->count = draft->factor_count;
    set->member_count = draft->member_count;
    set->slots = TAKE_PTR(draft->slots);
    set->slot_mask = draft->slot_mask;
    fill_set(set, draft, (char *)(set->member_factor + rows));
    set->bytes = memory_footprint(sizeof(*set)) + memory_footprint(size) +
                 memory_footprint(((size_t)set->slot_mask + 1) * sizeof(uint32_t));
    arena_finish(&draft->arena);
    return set;
}

static int compare_texts(const void *a, const void *b)
{
    return text_compare(*(const rpmd_text *)a, *(const rpmd_text *)b);
}

static FeatureVector vector_of_member(const FactorSet *set, uint32_t member)
{
    uint32_t first = set->first_terms[member];
    return (FeatureVector){set->terms + first, set->weights + first, set->first_terms[member + 1] - first};
}

static FeatureVector vector_of_key(Arena *arena, Tokenizer *tokenizer, rpmd_text key)
{
    FeatureKeyParts parts = feature_key_parts(key);
    AnalyzedFeature feature = {.name = parts.name, .category = parts.category, .polarity = (float)parts.sign};
    return feature_vector_of_key(arena, tokenizer, &feature);
}

static size_t learnt_bytes(size_t count)
{
    return sizeof(Learnt) + count * (sizeof(uint64_t) + sizeof(uint16_t));
}

static void add_factor(Draft *draft, const FactorInput *input, const FactorSet *known, Tokenizer *tokenizer)
{
    Factor *factor = &draft->factors[draft->factor_count++];
    rpmd_text *keys = ARENA_ARRAY(&draft->arena, rpmd_text, input->member_count);
    *factor = (Factor){.name = input->name, .description = input->description};
    if (input->member_count > 0) {
        memcpy(keys, input->members, input->member_count * sizeof(*keys));
        qsort(keys, input->member_count, sizeof(*keys), compare_texts);
    }
    for (size_t k = 0; k < input->member_count; k++) {
        uint32_t number, slot;
        if (!add_member(draft, keys[k], &number))
            continue;
        factor->member_count++;
        uint32_t member =
            known ? find_member(known->slots, known->slot_mask, known->members, keys[k], &slot) : NO_MEMBER;
        draft->vectors[number] = member != NO_MEMBER ? vector_of_member(known, member)
                                                     : vector_of_key(&draft->arena, tokenizer, keys[k]);
    }
}

FactorSet *factor_set_extend(const FactorInput *inputs, size_t count, const FactorSet *known,
                             Tokenizer *tokenizer)
{
    Draft draft = {0};
    size_t member_total = 0;
    for (size_t f = 0; f < count; f++)
        member_total += inputs[f].member_count;
    begin_draft(&draft, count, member_total);
    for (size_t f = 0; f < count; f++)
        add_factor(&draft, &inputs[f], known, tokenizer);
    return finish_draft(&draft);
}

FactorSet *factor_set_new(const FactorInput *inputs, size_t count, Tokenizer *tokenizer)
{
    return factor_set_extend(inputs, count, NULL, tokenizer);
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
    free(atomic_load(&set->learnt));
    free(set->factors);
    free(set->slots);
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
    const Learnt *learnt = atomic_load(&((FactorSet *)set)->learnt);
    return set->bytes + (learnt ? memory_footprint(learnt_bytes(learnt->count)) : 0);
}

/* ---- what was found out of other keys ---- */

typedef struct LearntKey {
    uint64_t key;
    uint16_t factor;
} LearntKey;

static int compare_learnt(const void *a, const void *b)
{
    const LearntKey *first = a, *second = b;
    return (first->key > second->key) - (first->key < second->key);
}

static Learnt *learnt_new(size_t count)
{
    Learnt *learnt = memory_allocate(1, learnt_bytes(count));
    learnt->count = count;
    learnt->keys = (uint64_t *)(learnt + 1);
    learnt->factors = (uint16_t *)(learnt->keys + count);
    return learnt;
}

void factor_set_learn(FactorSet *set, const uint64_t *population_keys, const uint16_t *factors, size_t count)
{
    if (count == 0 || atomic_load(&set->learnt))
        return;
    LearntKey *sorted = NEW_ARRAY(LearntKey, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (LearntKey){population_keys[i], factors[i]};
    qsort(sorted, count, sizeof(*sorted), compare_learnt);
    Learnt *learnt = learnt_new(count), *nothing = NULL;
    for (size_t i = 0; i < count; i++) {
        learnt->keys[i] = sorted[i].key;
        learnt->factors[i] = sorted[i].factor;
    }
    free(sorted);
    if (!atomic_compare_exchange_strong(&set->learnt, &nothing, learnt))
        free(learnt);
}

bool factor_set_has_learnt(const FactorSet *set)
{
    return atomic_load(&((FactorSet *)set)->learnt) != NULL;
}

bool factor_set_known(const FactorSet *set, uint64_t population_key, uint32_t *factor)
{
    const Learnt *learnt = atomic_load(&((FactorSet *)set)->learnt);
    size_t low = 0, high = learnt ? learnt->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (learnt->keys[middle] == population_key) {
            *factor = learnt->factors[middle];
            return true;
        }
        if (learnt->keys[middle] < population_key)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void write_learnt(Buffer *body, const Learnt *learnt)
{
    bytes_write_number(body, learnt ? learnt->count : 0);
    for (size_t i = 0; learnt && i < learnt->count; i++)
        bytes_write_u64(body, learnt->keys[i]);
    /* Most are in none: FACTOR_NONE plus 1 is 0. */
    for (size_t i = 0; learnt && i < learnt->count; i++)
        bytes_write_number(body, (uint16_t)(learnt->factors[i] + 1));
}

static Learnt *read_learnt(ByteReader *reader, size_t factor_count)
{
    size_t count = bytes_read_count(reader, sizeof(uint64_t) + 1);
    if (reader->is_broken || count == 0)
        return NULL;
    Learnt *learnt = learnt_new(count);
    for (size_t i = 0; i < count; i++) {
        learnt->keys[i] = bytes_read_u64(reader);
        reader->is_broken |= i > 0 && learnt->keys[i] <= learnt->keys[i - 1];
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t factor = bytes_read_number(reader);
        reader->is_broken |= factor > factor_count;
        learnt->factors[i] = (uint16_t)(factor - 1);
    }
    return learnt;
}

/*
 * ---- as bytes ----
 *
 *     format | hash | counts of factors and members | factors: name, description, members: count, (key,
 * vector) | learnt: count, keys, factors
 */

void factor_set_write(Buffer *bytes, const FactorSet *set)
{
    Buffer body = BUFFER_INIT;
    uint32_t member = 0;
    bytes_write_number(&body, set->count);
    bytes_write_number(&body, set->member_count);
    for (size_t f = 0; f < set->count; f++) {
        const Factor *factor = &set->factors[f];
        bytes_write_text(&body, factor->name);
        bytes_write_text(&body, factor->description);
        bytes_write_number(&body, factor->member_count);
        for (size_t m = 0; m < factor->member_count; m++, member++) {
            FeatureVector vector = vector_of_member(set, member);
            bytes_write_text(&body, factor->members[m]);
            feature_vector_write(&body, &vector);
        }
    }
    write_learnt(&body, atomic_load(&((FactorSet *)set)->learnt));
    bytes_write_number(bytes, FACTOR_SET_FORMAT);
    bytes_write_u32(bytes, (uint32_t)hash_bytes(body.data, body.length));
    buffer_append(bytes, body.data, body.length);
    buffer_finish(&body);
}

static void read_factor(ByteReader *reader, Draft *draft, size_t member_total)
{
    Factor *factor = &draft->factors[draft->factor_count++];
    factor->name = bytes_read_text(reader);
    factor->description = bytes_read_text(reader);
    factor->member_count = bytes_read_count(reader, 2);
    reader->is_broken |= factor->member_count > member_total - draft->member_count;
    for (size_t m = 0; m < factor->member_count && !reader->is_broken; m++) {
        uint32_t number = 0;
        reader->is_broken |= !add_member(draft, bytes_read_text(reader), &number);
        uint32_t count = feature_vector_read_count(reader);
        uint32_t *terms = ARENA_ARRAY(&draft->arena, uint32_t, count);
        float *weights = ARENA_ARRAY(&draft->arena, float, count);
        feature_vector_read(reader, count, terms, weights);
        draft->vectors[number] = (FeatureVector){terms, weights, count};
    }
}

FactorSet *factor_set_read(rpmd_text bytes)
{
    ByteReader reader = byte_reader(bytes);
    uint64_t format = bytes_read_number(&reader);
    uint32_t hash = bytes_read_u32(&reader);
    if (reader.is_broken || format != FACTOR_SET_FORMAT ||
        hash != (uint32_t)hash_bytes(reader.at, bytes_left(&reader)))
        return NULL;
    size_t count = bytes_read_count(&reader, 3), member_total = bytes_read_count(&reader, 2);
    Draft draft = {0};
    begin_draft(&draft, count, MAX(member_total, (size_t)1));
    while (draft.factor_count < count && !reader.is_broken)
        read_factor(&reader, &draft, member_total);
    Learnt *learnt = read_learnt(&reader, count);
    if (!reader.is_broken && bytes_left(&reader) == 0 && count < FACTOR_NONE) {
        FactorSet *set = finish_draft(&draft);
        atomic_init(&set->learnt, learnt);
        return set;
    }
    free(learnt);
    free(draft.slots);
    arena_finish(&draft.arena);
    return NULL;
}

/* ---- the factor of a feature ---- */

static bool is_comparable(rpmd_text key, FeatureKeyParts parts)
{
    FeatureKeyParts own = feature_key_parts(key);
    return own.sign == parts.sign && text_equal(own.category, parts.category);
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
        uint32_t first = (uint32_t)(factor->members - set->members);
        for (uint32_t m = first; m < first + factor->member_count && compared < FACTOR_COMPARED_MEMBERS;
             m++) {
            if (!is_comparable(set->members[m], parts))
                continue;
            FeatureVector other = vector_of_member(set, m);
            sum += feature_vector_cosine(vector, &other);
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

uint32_t factor_set_find(const FactorSet *set, rpmd_text key)
{
    uint32_t slot, member = find_member(set->slots, set->slot_mask, set->members, key, &slot);
    return member != NO_MEMBER ? set->member_factor[member] : FACTOR_NONE;
}

uint32_t factor_set_assign(const FactorSet *set, Tokenizer *tokenizer, rpmd_text key)
{
    uint32_t factor = factor_set_find(set, key);
    if (factor != FACTOR_NONE || set->count == 0)
        return factor;
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    FeatureVector vector = vector_of_key(&scratch, tokenizer, key);
    return nearest_factor(set, &vector, feature_key_parts(key));
}
