/* SPDX-License-Identifier: MIT */
#include "lib/method/model.h"

#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <stdatomic.h>

/* ---- entries ---- */

static ModelEntry *entry_ref(ModelEntry *entry)
{
    atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
    return entry;
}

static void entry_unref(ModelEntry *entry)
{
    if (!entry || atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) != 1)
        return;
    model_item_unref(entry->item);
    free(entry->factors);
    free(entry->met);
    free(entry);
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return (first > second) - (first < second);
}

/* A new entry: the factors of the item's features under the set. */
static ModelEntry *entry_new(ModelItem *item, const FactorSet *factors, Tokenizer *tokenizer)
{
    ModelEntry *entry = NEW(ModelEntry);
    size_t count = item->analysis.feature_count;
    atomic_init(&entry->references, 1);
    entry->item = model_item_ref(item);
    entry->factors = NEW_ARRAY(uint32_t, count);
    entry->met = NEW_ARRAY(uint32_t, count);
    uint32_t met = 0;
    for (size_t f = 0; f < count; f++) {
        entry->factors[f] = factor_set_assign(factors, tokenizer, &item->analysis.features[f], item->keys[f]);
        if (entry->factors[f] != FACTOR_NONE)
            entry->met[met++] = entry->factors[f];
    }
    qsort(entry->met, met, sizeof(uint32_t), compare_numbers);
    for (uint32_t m = 0; m < met; m++)
        if (m == 0 || entry->met[m] != entry->met[m - 1])
            entry->met[entry->met_count++] = entry->met[m];
    return entry;
}

/* ---- assembling: everything that follows from entries and factors ---- */

static int compare_texts(const void *a, const void *b)
{
    return text_compare(*(const rpmd_text *)a, *(const rpmd_text *)b);
}

/* LABELS and ORDINAL: every class there is. OPTIONS: the classes that were seen, by bytes. */
static void set_classes(UserModel *model, const ModelTask *task)
{
    rpmd_text *classes = NULL;
    if (task->answer_kind == RPMD_ANSWER_LABELS) {
        classes = ARENA_ARRAY(&model->arena, rpmd_text, task->label_count);
        for (size_t c = 0; c < task->label_count; c++)
            classes[model->class_count++] = arena_text(&model->arena, task->labels[c]);
    } else if (task->answer_kind == RPMD_ANSWER_ORDINAL) {
        classes = ARENA_ARRAY(&model->arena, rpmd_text, (size_t)(task->ordinal_max - task->ordinal_min) + 1);
        for (int32_t value = task->ordinal_min; value <= task->ordinal_max; value++)
            classes[model->class_count++] = text_of(arena_format(&model->arena, "%d", value));
    } else if (task->answer_kind == RPMD_ANSWER_OPTIONS) {
        _cleanup_intern_ Intern seen = INTERN_INIT;
        for (uint32_t e = 0; e < model->entry_count; e++)
            if (model_item_counts(model->entries[e]->item))
                intern_add(&seen, model->entries[e]->item->analysis.answer_class);
        classes = ARENA_ARRAY(&model->arena, rpmd_text, seen.count);
        for (; model->class_count < seen.count; model->class_count++)
            classes[model->class_count] = arena_text(&model->arena, seen.texts[model->class_count]);
        if (seen.count > 0)
            qsort(classes, seen.count, sizeof(rpmd_text), compare_texts);
    }
    model->classes = classes;
}

uint32_t user_model_class(const UserModel *model, rpmd_text answer_class)
{
    if (model->answer_kind == RPMD_ANSWER_OPTIONS && model->class_count > 0) {
        const rpmd_text *found =
            bsearch(&answer_class, model->classes, model->class_count, sizeof(rpmd_text), compare_texts);
        return found ? (uint32_t)(found - model->classes) : CLASS_NONE;
    }
    for (uint32_t c = 0; c < model->class_count; c++)
        if (text_equal(model->classes[c], answer_class))
            return c;
    return CLASS_NONE;
}

static void count_judgement(FactorCounts *counts, FeatureJudgement judgement)
{
    counts->influence += judgement >= FEATURE_INFLUENTIAL_NEGATIVE;
    counts->negative += judgement == FEATURE_INFLUENTIAL_NEGATIVE;
    counts->neutral += judgement == FEATURE_INFLUENTIAL_NEUTRAL;
    counts->positive += judgement == FEATURE_INFLUENTIAL_POSITIVE;
}

static void count_statistics(UserModel *model)
{
    size_t cells = (size_t)model->factor_count * model->class_count;
    FactorCounts *counts = ARENA_ARRAY(&model->arena, FactorCounts, model->factor_count);
    uint32_t *by_class = ARENA_ARRAY(&model->arena, uint32_t, cells);
    uint32_t *totals = ARENA_ARRAY(&model->arena, uint32_t, model->class_count);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelEntry *entry = model->entries[e];
        const Analysis *analysis = &entry->item->analysis;
        model->features_dropped += analysis->features_dropped;
        if (!model_item_counts(entry->item)) {
            model->failed_count += entry->item->extractor_version.length > 0;
            continue;
        }
        uint32_t answer = user_model_class(model, analysis->answer_class);
        model->item_count++;
        if (answer != CLASS_NONE)
            totals[answer]++;
        for (uint32_t m = 0; m < entry->met_count; m++) {
            counts[entry->met[m]].items++;
            if (answer != CLASS_NONE)
                by_class[(size_t)entry->met[m] * model->class_count + answer]++;
        }
        for (size_t f = 0; f < analysis->feature_count; f++) {
            if (entry->factors[f] == FACTOR_NONE)
                model->unassigned++;
            else
                count_judgement(&counts[entry->factors[f]], analysis->features[f].judgement);
        }
    }
    model->counts = counts;
    model->by_class = by_class;
    model->class_totals = totals;
}

static int compare_traits(const void *a, const void *b)
{
    const TraitCount *first = a, *second = b;
    if (first->items != second->items)
        return first->items > second->items ? -1 : 1;
    return text_compare(first->name, second->name);
}

static void count_traits(UserModel *model)
{
    _cleanup_intern_ Intern names = INTERN_INIT;
    TraitCount *traits = NULL;
    uint32_t *last_entries = NULL; /* that have the trait; an item may show it twice */
    uint32_t count = 0, capacity = 0, last_capacity = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelItem *item = model->entries[e]->item;
        for (size_t t = 0; model_item_counts(item) && t < item->analysis.trait_count; t++) {
            uint32_t number = intern_add(&names, item->analysis.traits[t].name);
            if (number == count) {
                GROW(traits, count, capacity);
                GROW(last_entries, count, last_capacity);
                last_entries[count] = UINT32_MAX;
                traits[count++] =
                    (TraitCount){.name = arena_text(&model->arena, item->analysis.traits[t].name),
                                 .meaning = arena_text(&model->arena, item->analysis.traits[t].meaning)};
            }
            traits[number].items += last_entries[number] != e; // NOLINT(clang-analyzer-core.NullDereference)
            last_entries[number] = e;
        }
    }
    if (count > 0)
        qsort(traits, count, sizeof(TraitCount), compare_traits);
    TraitCount *kept = ARENA_ARRAY(&model->arena, TraitCount, count);
    if (count > 0)
        memcpy(kept, traits, count * sizeof(TraitCount));
    model->traits = kept;
    model->trait_count = count;
    free(last_entries);
    free(traits);
}

static void flatten_vectors(UserModel *model)
{
    uint32_t *offsets = ARENA_ARRAY(&model->arena, uint32_t, (size_t)model->entry_count + 1);
    uint32_t total = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        offsets[e] = total;
        total += model_item_counts(model->entries[e]->item) ? model->entries[e]->item->vector.count : 0;
    }
    offsets[model->entry_count] = total;
    uint32_t *terms = ARENA_ARRAY(&model->arena, uint32_t, total);
    float *weights = ARENA_ARRAY(&model->arena, float, total);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const FeatureVector *vector = &model->entries[e]->item->vector;
        uint32_t count = offsets[e + 1] - offsets[e];
        if (count > 0) {
            memcpy(terms + offsets[e], vector->terms, count * sizeof(uint32_t));
            memcpy(weights + offsets[e], vector->weights, count * sizeof(float));
        }
    }
    model->offsets = offsets;
    model->terms = terms;
    model->weights = weights;
}

/* Takes the entries (an array of owned references, in order) and a reference to the factors. */
static UserModel *assemble(const ModelTask *task, ModelEntry **entries, uint32_t count, FactorSet *factors)
{
    UserModel *model = NEW(UserModel);
    atomic_init(&model->references, 1);
    model->answer_kind = task->answer_kind;
    model->ordinal_min = task->ordinal_min;
    model->ordinal_max = task->ordinal_max;
    model->extractor_version = arena_text(&model->arena, task->extractor_version);
    model->entries = entries;
    model->entry_count = count;
    model->factors = factors;
    model->factor_count = (uint32_t)factor_set_count(factors);
    set_classes(model, task);
    count_statistics(model);
    count_traits(model);
    flatten_vectors(model);
    model->bytes = sizeof(*model) + model->arena.total + factor_set_bytes(factors);
    for (uint32_t e = 0; e < count; e++)
        model->bytes += entries[e]->item->bytes + sizeof(ModelEntry) + sizeof(void *) +
                        entries[e]->item->analysis.feature_count * 2 * sizeof(uint32_t);
    return model;
}

static int compare_entries(const void *a, const void *b)
{
    return model_item_compare((*(ModelEntry *const *)a)->item, (*(ModelEntry *const *)b)->item);
}

UserModel *user_model_build(const ModelTask *task, ModelItem *const *items, size_t count, FactorSet *factors)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    FactorSet *set = factors ? factor_set_ref(factors) : factor_set_cluster(items, count, tokenizer);
    ModelEntry **entries = NEW_ARRAY(ModelEntry *, count);
    for (size_t i = 0; i < count; i++)
        entries[i] = entry_new(items[i], set, tokenizer);
    qsort(entries, count, sizeof(*entries), compare_entries);
    return assemble(task, entries, (uint32_t)count, set);
}

UserModel *user_model_put(const UserModel *model, const ModelTask *task, ModelItem *item)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    ModelEntry **entries = NEW_ARRAY(ModelEntry *, (size_t)model->entry_count + 1);
    ModelEntry *added = entry_new(item, model->factors, tokenizer);
    uint32_t count = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        ModelEntry *entry = model->entries[e];
        if (entry->item->number == item->number)
            continue;
        if (added && model_item_compare(item, entry->item) < 0)
            entries[count++] = TAKE_PTR(added);
        entries[count++] = entry_ref(entry);
    }
    if (added)
        entries[count++] = added;
    return assemble(task, entries, count, factor_set_ref(model->factors));
}

UserModel *user_model_remove(const UserModel *model, const ModelTask *task, uint64_t number)
{
    ModelEntry **entries = NEW_ARRAY(ModelEntry *, model->entry_count);
    uint32_t count = 0;
    for (uint32_t e = 0; e < model->entry_count; e++)
        if (model->entries[e]->item->number != number)
            entries[count++] = entry_ref(model->entries[e]);
    return assemble(task, entries, count, factor_set_ref(model->factors));
}

UserModel *user_model_promote(const UserModel *model, const ModelTask *task)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    ModelItem **items = NEW_ARRAY(ModelItem *, model->entry_count);
    uint32_t **factors = NEW_ARRAY(uint32_t *, model->entry_count);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        items[e] = model->entries[e]->item;
        factors[e] = model_item_counts(items[e]) ? model->entries[e]->factors : NULL;
    }
    FactorSet *set = factor_set_promote(model->factors, items, factors, model->entry_count, tokenizer);
    UserModel *promoted = NULL;
    if (set)
        promoted = user_model_build(task, items, model->entry_count, set);
    factor_set_unref(set);
    free(factors);
    free(items);
    return promoted;
}

UserModel *user_model_ref(UserModel *model)
{
    if (model)
        atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

void user_model_unref(UserModel *model)
{
    if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t e = 0; e < model->entry_count; e++)
        entry_unref(model->entries[e]);
    free(model->entries);
    factor_set_unref(model->factors);
    arena_finish(&model->arena);
    free(model);
}

const ModelEntry *user_model_find(const UserModel *model, rpmd_text id)
{
    for (uint32_t e = 0; e < model->entry_count; e++)
        if (text_equal(model->entries[e]->item->id, id))
            return model->entries[e];
    return NULL;
}
