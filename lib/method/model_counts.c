/* SPDX-License-Identifier: MIT */
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/model_internal.h"

#include <stdio.h>

#define NUMBER_SIZE 12 /* of an int32_t in digits, with a NUL */

/* ---- classes ---- */

static int compare_texts(const void *a, const void *b)
{
    return text_compare(*(const rpmd_text *)a, *(const rpmd_text *)b);
}

static uint32_t find_class(rpmd_answer_kind kind, const rpmd_text *classes, uint32_t count, rpmd_text text)
{
    if (kind == RPMD_ANSWER_OPTIONS) {
        const rpmd_text *found =
            count ? bsearch(&text, classes, count, sizeof(rpmd_text), compare_texts) : NULL;
        return found ? (uint32_t)(found - classes) : CLASS_NONE;
    }
    for (uint32_t c = 0; c < count; c++)
        if (text_equal(classes[c], text))
            return c;
    return CLASS_NONE;
}

uint32_t user_model_class(const UserModel *model, rpmd_text answer_class)
{
    return find_class(model->answer_kind, model->classes, model->class_count, answer_class);
}

/* Copies the classes, and the version of the extractor, into one allocation. */
static void set_classes(UserModel *model, const ModelTask *task, const rpmd_text *classes, uint32_t count)
{
    size_t size = count * sizeof(rpmd_text) + task->extractor_version.length + 1;
    for (uint32_t c = 0; c < count; c++)
        size += classes[c].length + 1;
    rpmd_text *copies = memory_allocate(1, size);
    char *end = (char *)(copies + count);
    for (uint32_t c = 0; c < count; c++) {
        if (classes[c].length > 0)
            memcpy(end, classes[c].data, classes[c].length);
        copies[c] = (rpmd_text){end, classes[c].length};
        end += classes[c].length + 1;
    }
    if (task->extractor_version.length > 0)
        memcpy(end, task->extractor_version.data, task->extractor_version.length);
    model->extractor_version = (rpmd_text){end, task->extractor_version.length};
    model->classes = copies;
    model->class_count = count;
    model->class_memory = copies;
    model->bytes += memory_footprint(size);
}

static void set_numbers(UserModel *model, const ModelTask *task)
{
    uint32_t count = (uint32_t)(task->ordinal_max - task->ordinal_min) + 1;
    rpmd_text *classes = NEW_ARRAY(rpmd_text, count);
    char(*texts)[NUMBER_SIZE] = memory_allocate(count, NUMBER_SIZE);
    for (uint32_t c = 0; c < count; c++) {
        snprintf(texts[c], NUMBER_SIZE, "%d", task->ordinal_min + (int32_t)c);
        classes[c] = text_of(texts[c]);
    }
    set_classes(model, task, classes, count);
    free(texts);
    free(classes);
}

static void set_seen(UserModel *model, const ModelTask *task)
{
    _cleanup_intern_ Intern seen = INTERN_INIT;
    for (uint32_t e = 0; e < model->entry_count; e++)
        if (model_item_counts(model->entries[e]->item))
            intern_add(&seen, model->entries[e]->item->answer_class);
    if (seen.count > 0)
        qsort(seen.texts, seen.count, sizeof(rpmd_text), compare_texts);
    set_classes(model, task, seen.texts, seen.count);
}

static void make_classes(UserModel *model, const ModelTask *task)
{
    if (task->answer_kind == RPMD_ANSWER_LABELS)
        set_classes(model, task, task->labels, (uint32_t)task->label_count);
    else if (task->answer_kind == RPMD_ANSWER_ORDINAL)
        set_numbers(model, task);
    else if (task->answer_kind == RPMD_ANSWER_OPTIONS)
        set_seen(model, task);
    else
        set_classes(model, task, NULL, 0);
}

/* ---- statistics ---- */

/* The arrays of counts while a model is made. */
typedef struct Tally {
    rpmd_answer_kind kind;
    const rpmd_text *classes;
    uint32_t class_count;
    uint32_t factor_count;
    FactorCounts *counts;
    uint32_t *by_class;
    uint32_t *totals;
} Tally;

static size_t tally_bytes(const Tally *tally)
{
    return tally->factor_count * sizeof(FactorCounts) +
           (size_t)tally->class_count * (tally->factor_count + 1) * sizeof(uint32_t);
}

static void lay_out_tally(Tally *tally, void *memory)
{
    tally->counts = memory;
    tally->by_class = (uint32_t *)(tally->counts + tally->factor_count);
    tally->totals = tally->by_class + (size_t)tally->factor_count * tally->class_count;
}

static Tally begin_tally(UserModel *model)
{
    Tally tally = {
        model->answer_kind, model->classes, model->class_count, model->factor_count, NULL, NULL, NULL};
    model->count_memory = memory_allocate(1, tally_bytes(&tally));
    model->bytes += memory_footprint(tally_bytes(&tally));
    lay_out_tally(&tally, model->count_memory);
    model->counts = tally.counts;
    model->by_class = tally.by_class;
    model->class_totals = tally.totals;
    return tally;
}

static void count_judgement(FactorCounts *counts, unsigned judgement, int step)
{
    counts->influence += (uint32_t)((judgement >= FEATURE_INFLUENTIAL_NEGATIVE) * step);
    counts->negative += (uint32_t)((judgement == FEATURE_INFLUENTIAL_NEGATIVE) * step);
    counts->neutral += (uint32_t)((judgement == FEATURE_INFLUENTIAL_NEUTRAL) * step);
    counts->positive += (uint32_t)((judgement == FEATURE_INFLUENTIAL_POSITIVE) * step);
}

/* Adds an entry's share of every count (step 1), or takes it out (step -1). */
static void count_entry(UserModel *model, const Tally *tally, const ModelEntry *entry, int step)
{
    const ModelItem *item = entry->item;
    uint32_t change = (uint32_t)step;
    model->features_dropped += (uint64_t)((int64_t)item->features_dropped * step);
    model->features += (uint64_t)((int64_t)item->feature_count * step);
    model->paths += (uint64_t)((item->details->reasoning.length > 0) * step);
    if (!model_item_counts(item)) {
        model->failed_count += item->extractor_version.length > 0 ? change : 0;
        return;
    }
    uint32_t answer = find_class(tally->kind, tally->classes, tally->class_count, item->answer_class);
    model->item_count += change;
    if (answer != CLASS_NONE)
        tally->totals[answer] += change;
    for (uint32_t m = 0; m < entry->met_count; m++) {
        tally->counts[entry->met[m]].items += change;
        if (answer != CLASS_NONE)
            tally->by_class[(size_t)entry->met[m] * tally->class_count + answer] += change;
    }
    for (uint32_t f = 0; f < item->feature_count; f++) {
        if (entry->factors[f] == FACTOR_NONE)
            model->unassigned += (uint64_t)(int64_t)step;
        else
            count_judgement(&tally->counts[entry->factors[f]], item->features[f].judgement, step);
    }
}

/* ---- traits ---- */

static int compare_traits(const void *a, const void *b)
{
    const TraitCount *first = a, *second = b;
    if (first->items != second->items)
        return first->items > second->items ? -1 : 1;
    return text_compare(first->name, second->name);
}

/* Takes the traits. */
static void set_traits(UserModel *model, TraitCount *traits, size_t count)
{
    if (count > 0)
        qsort(traits, count, sizeof(TraitCount), compare_traits);
    model->traits = traits;
    model->trait_count = count;
    model->bytes += traits ? memory_footprint(count * sizeof(TraitCount)) : 0;
}

/* Whether an earlier trait of the item has the same name: an item may show a trait twice. */
static bool is_repeated(const ItemDetails *details, size_t trait)
{
    for (size_t t = 0; t < trait; t++)
        if (text_equal(details->traits[t].name, details->traits[trait].name))
            return true;
    return false;
}

static void count_traits(UserModel *model)
{
    _cleanup_intern_ Intern names = INTERN_INIT;
    TraitCount *traits = NULL;
    uint32_t count = 0, capacity = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelItem *item = model->entries[e]->item;
        const ItemDetails *details = item->details;
        for (size_t t = 0; model_item_counts(item) && t < details->trait_count; t++) {
            if (is_repeated(details, t))
                continue;
            const AnalyzedTrait *trait = &details->traits[t];
            uint32_t number = intern_add(&names, trait->name);
            if (number == count) {
                GROW(traits, count, capacity);
                traits[count++] = (TraitCount){.name = trait->name, .meaning = trait->meaning, .first = item};
            }
            traits[number].items++; // NOLINT(clang-analyzer-core.NullDereference)
        }
    }
    set_traits(model, traits, count);
}

static TraitCount *find_trait(TraitCount *traits, size_t count, rpmd_text name)
{
    for (size_t t = 0; t < count; t++)
        if (text_equal(traits[t].name, name))
            return &traits[t];
    return NULL;
}

/* False where an item goes that says what a trait means while others show it too. */
static bool remove_traits(TraitCount *traits, size_t count, const ModelItem *item)
{
    for (size_t t = 0; model_item_counts(item) && t < item->details->trait_count; t++) {
        TraitCount *trait = find_trait(traits, count, item->details->traits[t].name);
        if (!trait || is_repeated(item->details, t))
            continue;
        trait->items--;
        if (trait->first == item && trait->items > 0)
            return false;
        trait->first = trait->items > 0 ? trait->first : NULL;
    }
    return true;
}

static void add_traits(TraitCount *traits, size_t *count, const ModelItem *item)
{
    for (size_t t = 0; model_item_counts(item) && t < item->details->trait_count; t++) {
        const AnalyzedTrait *shown = &item->details->traits[t];
        TraitCount *trait = find_trait(traits, *count, shown->name);
        if (is_repeated(item->details, t))
            continue;
        if (!trait)
            trait = &traits[(*count)++];
        trait->items++;
        if (!trait->first || model_item_compare(item, trait->first) < 0)
            *trait = (TraitCount){shown->name, shown->meaning, trait->items, item};
    }
}

static bool carry_traits(UserModel *model, const UserModel *before, const ModelChange *change)
{
    size_t count = before->trait_count, most = count, kept = 0;
    for (uint32_t a = 0; a < change->added_count; a++)
        most += change->added[a]->details->trait_count;
    if (most == 0)
        return true;
    TraitCount *traits = NEW_ARRAY(TraitCount, most);
    if (count > 0)
        memcpy(traits, before->traits, count * sizeof(*traits));
    for (uint32_t r = 0; r < change->removed_count; r++) {
        if (!remove_traits(traits, count, change->removed[r]->item)) {
            free(traits);
            return false;
        }
    }
    for (uint32_t a = 0; a < change->added_count; a++)
        add_traits(traits, &count, change->added[a]);
    for (size_t t = 0; t < count; t++)
        if (traits[t].items > 0)
            traits[kept++] = traits[t];
    set_traits(model, traits, kept);
    return true;
}

/* ---- all of it ---- */

void model_count(UserModel *model, const ModelTask *task)
{
    make_classes(model, task);
    Tally tally = begin_tally(model);
    for (uint32_t e = 0; e < model->entry_count; e++)
        count_entry(model, &tally, model->entries[e], 1);
    count_traits(model);
}

/* Whether the task still has the classes that the model counts by. */
static bool same_classes(const UserModel *before, const ModelTask *task)
{
    if (task->answer_kind != before->answer_kind)
        return false;
    if (task->answer_kind == RPMD_ANSWER_ORDINAL)
        return task->ordinal_min == before->ordinal_min && task->ordinal_max == before->ordinal_max;
    if (task->answer_kind != RPMD_ANSWER_LABELS)
        return true;
    if (task->label_count != before->class_count)
        return false;
    for (uint32_t c = 0; c < before->class_count; c++)
        if (!text_equal(before->classes[c], task->labels[c]))
            return false;
    return true;
}

/* The classes before, and those of options that come with the change. In the arena. */
static uint32_t join_classes(Arena *arena, const UserModel *before, const ModelChange *change,
                             rpmd_text **joined)
{
    uint32_t count = before->class_count;
    rpmd_text *classes = ARENA_ARRAY(arena, rpmd_text, (size_t)count + change->added_count);
    if (count > 0)
        memcpy(classes, before->classes, count * sizeof(*classes));
    *joined = classes;
    for (uint32_t a = 0; before->answer_kind == RPMD_ANSWER_OPTIONS && a < change->added_count; a++) {
        const ModelItem *item = change->added[a];
        uint32_t at = count;
        if (!model_item_counts(item) ||
            find_class(RPMD_ANSWER_OPTIONS, classes, count, item->answer_class) != CLASS_NONE)
            continue;
        for (; at > 0 && text_compare(classes[at - 1], item->answer_class) > 0; at--)
            classes[at] = classes[at - 1];
        classes[at] = item->answer_class;
        count++;
    }
    return count;
}

/* Puts the counts of each class that both have into place. */
static void copy_tally(const Tally *to, const Tally *from)
{
    if (from->factor_count > 0)
        memcpy(to->counts, from->counts, from->factor_count * sizeof(FactorCounts));
    for (uint32_t c = 0; c < from->class_count; c++) {
        uint32_t column = find_class(to->kind, to->classes, to->class_count, from->classes[c]);
        if (column == CLASS_NONE)
            continue;
        to->totals[column] = from->totals[c];
        for (size_t f = 0; f < from->factor_count; f++)
            to->by_class[f * to->class_count + column] = from->by_class[f * from->class_count + c];
    }
}

static const ModelEntry *new_entry(const UserModel *model, const ModelItem *item)
{
    uint32_t low = 0, high = model->entry_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (model_item_compare(model->entries[middle]->item, item) <= 0)
            low = middle;
        else
            high = middle;
    }
    return model->entries[low];
}

static void carry_statistics(UserModel *model, const UserModel *before, const ModelTask *task,
                             const ModelChange *change)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    rpmd_text *classes;
    uint32_t class_count = join_classes(&arena, before, change, &classes), kept = 0;
    const Tally old = {before->answer_kind,
                       before->classes,
                       before->class_count,
                       before->factor_count,
                       (FactorCounts *)before->counts,
                       (uint32_t *)before->by_class,
                       (uint32_t *)before->class_totals};
    Tally joined = {before->answer_kind, classes, class_count, before->factor_count, NULL, NULL, NULL};
    lay_out_tally(&joined, arena_allocate(&arena, tally_bytes(&joined)));
    copy_tally(&joined, &old);
    model->item_count = before->item_count;
    model->failed_count = before->failed_count;
    model->features_dropped = before->features_dropped;
    model->features = before->features;
    model->paths = before->paths;
    model->unassigned = before->unassigned;
    for (uint32_t r = 0; r < change->removed_count; r++)
        count_entry(model, &joined, change->removed[r], -1);
    for (uint32_t a = 0; a < change->added_count; a++)
        count_entry(model, &joined, new_entry(model, change->added[a]), 1);
    rpmd_text *seen = ARENA_ARRAY(&arena, rpmd_text, class_count);
    for (uint32_t c = 0; c < class_count; c++)
        if (before->answer_kind != RPMD_ANSWER_OPTIONS || joined.totals[c] > 0)
            seen[kept++] = classes[c];
    set_classes(model, task, seen, kept);
    Tally tally = begin_tally(model);
    copy_tally(&tally, &joined);
}

bool model_carry_counts(UserModel *model, const UserModel *before, const ModelTask *task,
                        const ModelChange *change)
{
    if (!same_classes(before, task) || model->factors != before->factors ||
        !carry_traits(model, before, change))
        return false;
    carry_statistics(model, before, task, change);
    return true;
}
