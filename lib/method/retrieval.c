/* SPDX-License-Identifier: MIT */
#include "lib/method/retrieval.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"

/* Most terms of a history are not the query's: a byte for each possible beginning of a hash tells so. They
 * stay in a core's first cache, and less than one in a hundred of the others has the same beginning. */
#define FILTER_BITS 13
#define FIRST_TERM_SLOTS 512 /* a power of two; so many that few terms share a slot */
#define HITS_LIMIT 128       /* terms of an item looked at in one go */

typedef struct TermSlot {
    uint32_t term;
    float weight; /* 0: free */
} TermSlot;

/* The query's terms, open addressing, at most half full. */
typedef struct TermTable {
    uint8_t filter[1u << FILTER_BITS]; /* 1: there may be one */
    TermSlot *slots;
    uint32_t mask;
    uint32_t hits[HITS_LIMIT]; /* of an item: places of terms that may be the query's */
} TermTable;

void target_prepare(Target *target, Arena *arena, Tokenizer *tokenizer, const UserModel *model)
{
    size_t count = target->analysis->feature_count;
    target->keys = ARENA_ARRAY(arena, rpmd_text, count);
    target->factors = ARENA_ARRAY(arena, uint32_t, count);
    for (size_t f = 0; f < count; f++) {
        target->keys[f] = feature_key(arena, &target->analysis->features[f]);
        target->factors[f] = factor_set_assign(model->factors, tokenizer, target->keys[f]);
    }
    target->vector = feature_vector(arena, tokenizer, target->analysis->features, count);
}

static void fill_table(TermTable *table, const FeatureVector *vector)
{
    uint32_t slots = FIRST_TERM_SLOTS;
    while (slots / 2 < vector->count)
        slots *= 2;
    memset(table, 0, sizeof(*table));
    table->slots = NEW_ARRAY(TermSlot, slots);
    table->mask = slots - 1;
    for (uint32_t i = 0; i < vector->count; i++) {
        uint32_t term = vector->terms[i], slot = term & table->mask;
        while (table->slots[slot].weight > 0)
            slot = (slot + 1) & table->mask;
        table->slots[slot] = (TermSlot){term, vector->weights[i]};
        table->filter[term >> (32 - FILTER_BITS)] = 1;
    }
}

static float weight_of(const TermTable *table, uint32_t term)
{
    uint32_t slot = term & table->mask;
    while (table->slots[slot].weight > 0 && table->slots[slot].term != term)
        slot = (slot + 1) & table->mask;
    return table->slots[slot].weight;
}

static double similarity_of(const ModelEntry *entry, TermTable *table)
{
    const uint32_t *terms = entry->terms;
    uint32_t *hits = table->hits;
    double sum = 0;
    for (uint32_t begin = 0; begin < entry->term_count;) {
        uint32_t hit_count = 0, stop = MIN(entry->term_count, begin + HITS_LIMIT);
        /* Without a branch, which could not be predicted: a place that is no hit is overwritten. */
        for (; begin < stop; begin++) {
            hits[hit_count] = begin;
            hit_count += table->filter[terms[begin] >> (32 - FILTER_BITS)];
        }
        for (uint32_t h = 0; h < hit_count; h++)
            sum += (double)entry->weights[hits[h]] * (double)weight_of(table, terms[hits[h]]);
    }
    return MIN(sum, 1.0);
}

/* Eight sums at a time, which a compiler makes one instruction of. */
#define DOT_LANES 8

static double similarity_of_embeddings(const Embedding *a, const Embedding *b)
{
    float sums[DOT_LANES] = {0}, sum = 0;
    uint32_t i = 0;
    if (a->count != b->count)
        return 0;
    for (; i + DOT_LANES <= a->count; i += DOT_LANES)
        for (uint32_t lane = 0; lane < DOT_LANES; lane++)
            sums[lane] += a->values[i + lane] * b->values[i + lane];
    for (; i < a->count; i++)
        sum += a->values[i] * b->values[i];
    for (uint32_t lane = 0; lane < DOT_LANES; lane++)
        sum += sums[lane];
    return (double)MAX(MIN(sum, 1.0F), 0.0F);
}

bool retrieval_is_visible(const ModelItem *item, const Target *target)
{
    if (!model_item_counts(item))
        return false;
    return target->time_us == 0 || item->time_us == 0 || item->time_us < target->time_us;
}

/* Whether the query's embedding compares with those of all items that it may be compared with. */
static bool has_embeddings(const UserModel *model, const Target *target)
{
    const Embedding *own = &target->analysis->embedding;
    for (uint32_t e = 0; own->count > 0 && e < model->entry_count; e++) {
        const ModelItem *item = model->entries[e]->item;
        const Embedding *other = &item->details->embedding;
        bool compares = other->space == own->space && other->count == own->count;
        if (!compares && item->feature_count > 0 && retrieval_is_visible(item, target))
            return false;
    }
    return own->count > 0;
}

size_t retrieval_find(const UserModel *model, const Target *target, size_t k,
                      Retrieved found[RETRIEVAL_LIMIT])
{
    TermTable table;
    size_t count = 0;
    bool by_embeddings = has_embeddings(model, target);
    k = MIN(k, (size_t)RETRIEVAL_LIMIT);
    fill_table(&table, &target->vector);
    /* Newest first, so that of equal ones the newer is found first and stays before. */
    for (uint32_t e = model->entry_count; k > 0 && e-- > 0;) {
        const ModelEntry *entry = model->entries[e];
        double overlap = by_embeddings ? 0 : similarity_of(entry, &table);
        double similarity = by_embeddings ? similarity_of_embeddings(&target->analysis->embedding,
                                                                     &entry->item->details->embedding)
                                          : overlap;
        if ((count == k && similarity <= found[k - 1].similarity) ||
            !retrieval_is_visible(entry->item, target))
            continue;
        size_t place = count < k ? count++ : k - 1;
        for (; place > 0 && found[place - 1].similarity < similarity; place--)
            found[place] = found[place - 1];
        found[place] = (Retrieved){.entry = entry, .similarity = similarity, .overlap = overlap};
    }
    for (size_t i = 0; by_embeddings && i < count; i++) {
        const ModelEntry *entry = found[i].entry;
        FeatureVector vector = {entry->terms, entry->weights, entry->term_count};
        found[i].overlap = feature_vector_cosine(&target->vector, &vector);
    }
    free(table.slots);
    return count;
}

static bool has_key(const ModelItem *item, rpmd_text key)
{
    for (uint32_t f = 0; f < item->feature_count; f++)
        if (text_equal(item->features[f].text->key, key))
            return true;
    return false;
}

static bool has_text(const rpmd_text *texts, size_t count, rpmd_text text)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(texts[i], text))
            return true;
    return false;
}

size_t retrieval_shared(const UserModel *model, const Target *target, const ModelEntry *entry,
                        rpmd_text *shared, size_t limit)
{
    const ModelItem *item = entry->item;
    size_t count = 0;
    for (size_t f = 0; f < target->analysis->feature_count && count < limit; f++)
        if (has_key(item, target->keys[f]) &&
            !has_text(shared, count, feature_key_parts(target->keys[f]).name))
            shared[count++] = target->analysis->features[f].name;
    for (size_t f = 0; f < target->analysis->feature_count && count < limit; f++) {
        uint32_t factor = target->factors[f];
        if (factor == FACTOR_NONE || has_key(item, target->keys[f]))
            continue;
        rpmd_text name = factor_set_get(model->factors, factor)->name;
        for (uint32_t m = 0; m < entry->met_count; m++)
            if (entry->met[m] == factor && !has_text(shared, count, name) && count < limit)
                shared[count++] = name;
    }
    return count;
}
