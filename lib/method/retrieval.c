/* SPDX-License-Identifier: MIT */
#include "lib/method/retrieval.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"

/* A table of the query's terms, open addressing; larger than any query, and small enough for the first cache.
 */
#define TERM_SLOTS 1024
#define TERM_LIMIT (TERM_SLOTS / 2)

typedef struct TermTable {
    uint32_t terms[TERM_SLOTS];
    float weights[TERM_SLOTS]; /* 0: free */
} TermTable;

void target_prepare(Target *target, Arena *arena, Tokenizer *tokenizer, const UserModel *model)
{
    size_t count = target->analysis->feature_count;
    target->keys = ARENA_ARRAY(arena, rpmd_text, count);
    target->factors = ARENA_ARRAY(arena, uint32_t, count);
    for (size_t f = 0; f < count; f++) {
        const AnalyzedFeature *feature = &target->analysis->features[f];
        target->keys[f] = feature_key(arena, feature);
        target->factors[f] = factor_set_assign(model->factors, tokenizer, feature, target->keys[f]);
    }
    target->vector = feature_vector(arena, tokenizer, target->analysis->features, count);
}

static void fill_table(TermTable *table, const FeatureVector *vector)
{
    memset(table, 0, sizeof(*table));
    for (uint32_t i = 0; i < vector->count && i < TERM_LIMIT; i++) {
        uint32_t slot = vector->terms[i] % TERM_SLOTS;
        while (table->weights[slot] > 0)
            slot = (slot + 1) % TERM_SLOTS;
        table->terms[slot] = vector->terms[i];
        table->weights[slot] = vector->weights[i];
    }
}

static double similarity_of(const UserModel *model, uint32_t entry, const TermTable *table)
{
    double sum = 0;
    for (uint32_t i = model->offsets[entry]; i < model->offsets[entry + 1]; i++) {
        uint32_t term = model->terms[i];
        for (uint32_t slot = term % TERM_SLOTS; table->weights[slot] > 0; slot = (slot + 1) % TERM_SLOTS) {
            if (table->terms[slot] == term) {
                sum += (double)model->weights[i] * (double)table->weights[slot];
                break;
            }
        }
    }
    return MIN(sum, 1.0);
}

static bool is_visible(const ModelItem *item, const Target *target)
{
    if (!model_item_counts(item))
        return false;
    return target->time_us == 0 || item->time_us == 0 || item->time_us < target->time_us;
}

size_t retrieval_find(const UserModel *model, const Target *target, size_t k,
                      Retrieved found[RETRIEVAL_LIMIT])
{
    TermTable table;
    size_t count = 0;
    k = MIN(k, (size_t)RETRIEVAL_LIMIT);
    fill_table(&table, &target->vector);
    /* Newest first, so that of equal ones the newer is found first and stays before. */
    for (uint32_t e = model->entry_count; k > 0 && e-- > 0;) {
        const ModelEntry *entry = model->entries[e];
        double similarity = similarity_of(model, e, &table);
        if ((count == k && similarity <= found[k - 1].similarity) || !is_visible(entry->item, target))
            continue;
        size_t place = count < k ? count++ : k - 1;
        for (; place > 0 && found[place - 1].similarity < similarity; place--)
            found[place] = found[place - 1];
        found[place] = (Retrieved){.entry = entry, .similarity = similarity};
    }
    return count;
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
        if (has_text(item->keys, item->analysis.feature_count, target->keys[f]) &&
            !has_text(shared, count, feature_key_parts(target->keys[f]).name))
            shared[count++] = target->analysis->features[f].name;
    for (size_t f = 0; f < target->analysis->feature_count && count < limit; f++) {
        uint32_t factor = target->factors[f];
        if (factor == FACTOR_NONE || has_text(item->keys, item->analysis.feature_count, target->keys[f]))
            continue;
        rpmd_text name = factor_set_get(model->factors, factor)->name;
        for (uint32_t m = 0; m < entry->met_count; m++)
            if (entry->met[m] == factor && !has_text(shared, count, name) && count < limit)
                shared[count++] = name;
    }
    return count;
}
