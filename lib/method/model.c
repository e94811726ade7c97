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

static size_t entry_bytes(const ModelEntry *entry)
{
    return sizeof(*entry) + sizeof(ModelEntry *) + entry->item->bytes +
           entry->item->analysis.feature_count * 2 * sizeof(uint32_t);
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
    entry->number = item->number;
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

static void count_judgement(FactorCounts *counts, FeatureJudgement judgement, int step)
{
    counts->influence += (uint32_t)((judgement >= FEATURE_INFLUENTIAL_NEGATIVE) * step);
    counts->negative += (uint32_t)((judgement == FEATURE_INFLUENTIAL_NEGATIVE) * step);
    counts->neutral += (uint32_t)((judgement == FEATURE_INFLUENTIAL_NEUTRAL) * step);
    counts->positive += (uint32_t)((judgement == FEATURE_INFLUENTIAL_POSITIVE) * step);
}

/* The arrays of counts while a model is made. */
typedef struct Tally {
    FactorCounts *counts;
    uint32_t *by_class;
    uint32_t *totals;
} Tally;

static Tally begin_tally(UserModel *model)
{
    Tally tally = {
        .counts = ARENA_ARRAY(&model->arena, FactorCounts, model->factor_count),
        .by_class = ARENA_ARRAY(&model->arena, uint32_t, (size_t)model->factor_count * model->class_count),
        .totals = ARENA_ARRAY(&model->arena, uint32_t, model->class_count),
    };
    model->counts = tally.counts;
    model->by_class = tally.by_class;
    model->class_totals = tally.totals;
    return tally;
}

/* Adds an entry's share of every count (step 1), or takes it out (step -1). */
static void count_entry(UserModel *model, const Tally *tally, const ModelEntry *entry, int step)
{
    const Analysis *analysis = &entry->item->analysis;
    uint32_t change = (uint32_t)step;
    model->features_dropped += (uint64_t)((int64_t)analysis->features_dropped * step);
    model->entry_bytes += (size_t)step * entry_bytes(entry);
    if (!model_item_counts(entry->item)) {
        model->failed_count += entry->item->extractor_version.length > 0 ? change : 0;
        return;
    }
    uint32_t answer = user_model_class(model, analysis->answer_class);
    model->item_count += change;
    if (answer != CLASS_NONE)
        tally->totals[answer] += change;
    for (uint32_t m = 0; m < entry->met_count; m++) {
        tally->counts[entry->met[m]].items += change;
        if (answer != CLASS_NONE)
            tally->by_class[(size_t)entry->met[m] * model->class_count + answer] += change;
    }
    for (size_t f = 0; f < analysis->feature_count; f++) {
        if (entry->factors[f] == FACTOR_NONE)
            model->unassigned += (uint64_t)(int64_t)step;
        else
            count_judgement(&tally->counts[entry->factors[f]], analysis->features[f].judgement, step);
    }
}

static void count_statistics(UserModel *model)
{
    Tally tally = begin_tally(model);
    for (uint32_t e = 0; e < model->entry_count; e++)
        count_entry(model, &tally, model->entries[e], 1);
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

/* What does not have to be counted. Takes the entries (an array of owned references, in order) and a
 * reference to the factors. */
static UserModel *begin_model(const ModelTask *task, ModelEntry **entries, uint32_t count, FactorSet *factors)
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
    return model;
}

static UserModel *finish_model(UserModel *model)
{
    model->bytes =
        sizeof(*model) + model->arena.total + factor_set_bytes(model->factors) + model->entry_bytes;
    return model;
}

static UserModel *assemble(const ModelTask *task, ModelEntry **entries, uint32_t count, FactorSet *factors)
{
    UserModel *model = begin_model(task, entries, count, factors);
    set_classes(model, task);
    count_statistics(model);
    count_traits(model);
    flatten_vectors(model);
    return finish_model(model);
}

/* ---- changing by one item: what the model before knows is carried over ---- */

static bool shows_traits(const ModelEntry *entry)
{
    return entry && entry->item->analysis.trait_count > 0;
}

/* Whether all counts but those of the two entries (NULL: none) stay what they were. */
static bool counts_carry_over(const UserModel *before, const ModelTask *task, const ModelEntry *removed,
                              const ModelEntry *added)
{
    /* The first item that shows a trait gives its meaning: that needs all items. */
    if (before->trait_count > 0 || shows_traits(added) || task->answer_kind != before->answer_kind)
        return false;
    if (task->answer_kind == RPMD_ANSWER_LABELS) {
        if (task->label_count != before->class_count)
            return false;
        for (uint32_t c = 0; c < before->class_count; c++)
            if (!text_equal(before->classes[c], task->labels[c]))
                return false;
    }
    if (task->answer_kind != RPMD_ANSWER_OPTIONS)
        return task->ordinal_min == before->ordinal_min && task->ordinal_max == before->ordinal_max;
    /* No class may come or go. */
    if (added && model_item_counts(added->item) &&
        user_model_class(before, added->item->analysis.answer_class) == CLASS_NONE)
        return false;
    if (!removed || !model_item_counts(removed->item))
        return true;
    return before->class_totals[user_model_class(before, removed->item->analysis.answer_class)] > 1;
}

static void carry_classes(UserModel *model, const UserModel *before)
{
    rpmd_text *classes = ARENA_ARRAY(&model->arena, rpmd_text, before->class_count);
    for (; model->class_count < before->class_count; model->class_count++)
        classes[model->class_count] = arena_text(&model->arena, before->classes[model->class_count]);
    model->classes = classes;
}

static void carry_statistics(UserModel *model, const UserModel *before, const ModelEntry *removed,
                             const ModelEntry *added)
{
    Tally tally = begin_tally(model);
    size_t cells = (size_t)model->factor_count * model->class_count;
    if (model->factor_count > 0)
        memcpy(tally.counts, before->counts, model->factor_count * sizeof(FactorCounts));
    if (cells > 0)
        memcpy(tally.by_class, before->by_class, cells * sizeof(uint32_t));
    if (model->class_count > 0)
        memcpy(tally.totals, before->class_totals, model->class_count * sizeof(uint32_t));
    model->item_count = before->item_count;
    model->failed_count = before->failed_count;
    model->features_dropped = before->features_dropped;
    model->unassigned = before->unassigned;
    model->entry_bytes = before->entry_bytes;
    if (removed)
        count_entry(model, &tally, removed, -1);
    if (added)
        count_entry(model, &tally, added, 1);
}

static void append_vector(UserModel *model, uint32_t *offset, const uint32_t *terms, const float *weights,
                          uint32_t count)
{
    if (count > 0) {
        memcpy((uint32_t *)model->terms + *offset, terms, count * sizeof(uint32_t));
        memcpy((float *)model->weights + *offset, weights, count * sizeof(float));
    }
    *offset += count;
}

/* The same as flatten_vectors, from the flat copy before: the items need not be read. */
static void carry_vectors(UserModel *model, const UserModel *before, const ModelEntry *added)
{
    const FeatureVector none = {0};
    const FeatureVector *own = added && model_item_counts(added->item) ? &added->item->vector : &none;
    size_t most = (size_t)before->offsets[before->entry_count] + own->count;
    uint32_t *offsets = ARENA_ARRAY(&model->arena, uint32_t, (size_t)model->entry_count + 1);
    uint32_t total = 0;
    model->terms = ARENA_ARRAY(&model->arena, uint32_t, most);
    model->weights = ARENA_ARRAY(&model->arena, float, most);
    for (uint32_t e = 0, b = 0; e < model->entry_count; e++) {
        offsets[e] = total;
        if (model->entries[e] == added) {
            append_vector(model, &total, own->terms, own->weights, own->count);
            continue;
        }
        while (before->entries[b] != model->entries[e])
            b++;
        append_vector(model, &total, before->terms + before->offsets[b], before->weights + before->offsets[b],
                      before->offsets[b + 1] - before->offsets[b]);
        b++;
    }
    offsets[model->entry_count] = total;
    model->offsets = offsets;
}

/* The model before without one entry and with another (NULL: none). Takes the entries. */
static UserModel *assemble_change(const UserModel *before, const ModelTask *task, ModelEntry **entries,
                                  uint32_t count, const ModelEntry *removed, const ModelEntry *added)
{
    FactorSet *factors = factor_set_ref(before->factors);
    if (!counts_carry_over(before, task, removed, added))
        return assemble(task, entries, count, factors);
    UserModel *model = begin_model(task, entries, count, factors);
    carry_classes(model, before);
    carry_statistics(model, before, removed, added);
    carry_vectors(model, before, added);
    return finish_model(model);
}

static int compare_entries(const void *a, const void *b)
{
    return model_item_compare((*(ModelEntry *const *)a)->item, (*(ModelEntry *const *)b)->item);
}

static int compare_items(const void *a, const void *b)
{
    return model_item_compare(*(ModelItem *const *)a, *(ModelItem *const *)b);
}

/* In the history's order, so that the factors do not depend on the order of the array. */
static FactorSet *cluster_history(ModelItem *const *items, size_t count, Tokenizer *tokenizer)
{
    ModelItem **ordered = NEW_ARRAY(ModelItem *, count);
    if (count > 0) {
        memcpy(ordered, items, count * sizeof(*ordered));
        qsort(ordered, count, sizeof(*ordered), compare_items);
    }
    FactorSet *set = factor_set_cluster(ordered, count, tokenizer);
    free(ordered);
    return set;
}

UserModel *user_model_build(const ModelTask *task, ModelItem *const *items, size_t count, FactorSet *factors)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    FactorSet *set = factors ? factor_set_ref(factors) : cluster_history(items, count, tokenizer);
    ModelEntry **entries = NEW_ARRAY(ModelEntry *, count);
    for (size_t i = 0; i < count; i++)
        entries[i] = entry_new(items[i], set, tokenizer);
    qsort(entries, count, sizeof(*entries), compare_entries);
    return assemble(task, entries, (uint32_t)count, set);
}

/* The place of the first entry behind the item in the history's order. */
static uint32_t place_behind(const UserModel *model, const ModelItem *item)
{
    uint32_t low = 0, high = model->entry_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model_item_compare(item, model->entries[middle]->item) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

UserModel *user_model_put(const UserModel *model, const ModelTask *task, ModelItem *item)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    ModelEntry **entries = NEW_ARRAY(ModelEntry *, (size_t)model->entry_count + 1);
    ModelEntry *added = entry_new(item, model->factors, tokenizer);
    const ModelEntry *removed = NULL;
    uint32_t count = 0, place = place_behind(model, item);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        ModelEntry *entry = model->entries[e];
        if (e == place)
            entries[count++] = added;
        if (entry->number == item->number)
            removed = entry;
        else
            entries[count++] = entry_ref(entry);
    }
    if (place == model->entry_count)
        entries[count++] = added;
    return assemble_change(model, task, entries, count, removed, added);
}

UserModel *user_model_remove(const UserModel *model, const ModelTask *task, uint64_t number)
{
    ModelEntry **entries = NEW_ARRAY(ModelEntry *, model->entry_count);
    const ModelEntry *removed = NULL;
    uint32_t count = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        if (model->entries[e]->number == number)
            removed = model->entries[e];
        else
            entries[count++] = entry_ref(model->entries[e]);
    }
    return assemble_change(model, task, entries, count, removed, NULL);
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
