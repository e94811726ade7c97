/* SPDX-License-Identifier: MIT */
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/model_internal.h"

/* Items in some order: negative, 0, positive. */
typedef int (*CompareItems)(const ModelItem *a, const ModelItem *b);

static uint64_t hash_id(rpmd_text id)
{
    return hash_bytes(id.data, id.length);
}

static int compare_by_id(const ModelItem *a, const ModelItem *b)
{
    uint64_t first = hash_id(a->id), second = hash_id(b->id);
    if (first != second)
        return first < second ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static int compare_by_question(const ModelItem *a, const ModelItem *b)
{
    if (a->question != b->question)
        return a->question < b->question ? -1 : 1;
    return model_item_compare(b, a);
}

static bool has_questions(const UserModel *model)
{
    return model->answer_kind == RPMD_ANSWER_LABELS || model->answer_kind == RPMD_ANSWER_OPTIONS;
}

/* ---- from all entries ---- */

/* An item with what it is sorted by, so that sorting does not visit the items. */
typedef struct SortedItem {
    uint64_t key;
    uint32_t place; /* in the order that decides between equal keys */
    ModelItem *item;
} SortedItem;

static int compare_sorted(const void *a, const void *b)
{
    const SortedItem *first = a, *second = b;
    if (first->key != second->key)
        return first->key < second->key ? -1 : 1;
    return (first->place > second->place) - (first->place < second->place);
}

static ModelItem **sort_items(SortedItem *sorted, uint32_t count)
{
    ModelItem **items = NEW_ARRAY(ModelItem *, count);
    qsort(sorted, count, sizeof(*sorted), compare_sorted);
    for (uint32_t i = 0; i < count; i++)
        items[i] = sorted[i].item;
    return items;
}

static int compare_ids(const void *a, const void *b)
{
    const SortedItem *first = a, *second = b;
    if (first->key != second->key)
        return first->key < second->key ? -1 : 1;
    return (first->item->number > second->item->number) - (first->item->number < second->item->number);
}

void model_index(UserModel *model)
{
    SortedItem *sorted = NEW_ARRAY(SortedItem, model->entry_count);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        ModelItem *item = model->entries[e]->item;
        sorted[e] = (SortedItem){hash_id(item->id), e, item};
    }
    qsort(sorted, model->entry_count, sizeof(*sorted), compare_ids);
    model->by_id = NEW_ARRAY(ModelItem *, model->entry_count);
    for (uint32_t e = 0; e < model->entry_count; e++)
        model->by_id[e] = sorted[e].item;
    for (uint32_t e = model->entry_count; has_questions(model) && e-- > 0;) {
        ModelItem *item = model->entries[e]->item;
        uint32_t place = model->entry_count - e; /* newest first */
        if (model_item_counts(item))
            sorted[model->question_count++] = (SortedItem){item->question, place, item};
    }
    model->by_question = sort_items(sorted, model->question_count);
    free(sorted);
}

/* ---- from the model before ---- */

/* The place of the first item that is not before this one. */
static uint32_t place_of(ModelItem *const *items, uint32_t count, const ModelItem *item, CompareItems compare)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(items[middle], item) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where an array of items is changed: at a place before it, one goes or one comes. */
typedef struct Edit {
    uint32_t place;
    ModelItem *added; /* NULL: the one at the place goes */
} Edit;

typedef struct Edits {
    Edit *list;
    uint32_t count;
    uint32_t removed;
    CompareItems compare;
} Edits;

static int compare_edits(const void *a, const void *b, void *data)
{
    const Edit *first = a, *second = b;
    const Edits *edits = data;
    if (first->place != second->place)
        return first->place < second->place ? -1 : 1;
    if (!first->added || !second->added) /* what comes to a place comes before the one that is there */
        return (first->added == NULL) - (second->added == NULL);
    return edits->compare(first->added, second->added);
}

static ModelItem **change_items(ModelItem *const *before, uint32_t count, const ModelChange *change,
                                CompareItems compare, bool counting_only, uint32_t *new_count)
{
    Edits edits = {.list = NEW_ARRAY(Edit, change->removed_count + change->added_count), .compare = compare};
    for (uint32_t r = 0; r < change->removed_count; r++) {
        ModelItem *item = change->removed[r]->item;
        if (!counting_only || model_item_counts(item))
            edits.list[edits.count++] = (Edit){place_of(before, count, item, compare), NULL};
    }
    edits.removed = edits.count;
    for (uint32_t a = 0; a < change->added_count; a++)
        if (!counting_only || model_item_counts(change->added[a]))
            edits.list[edits.count++] =
                (Edit){place_of(before, count, change->added[a], compare), change->added[a]};
    *new_count = count - edits.removed + (edits.count - edits.removed);
    qsort_r(edits.list, edits.count, sizeof(Edit), compare_edits, &edits);
    ModelItem **items = NEW_ARRAY(ModelItem *, *new_count);
    uint32_t from = 0, to = 0;
    for (uint32_t i = 0; i <= edits.count; i++) {
        uint32_t end = i < edits.count ? edits.list[i].place : count;
        if (end > from)
            memcpy(items + to, before + from, (end - from) * sizeof(*items));
        to += end > from ? end - from : 0;
        from = MAX(from, end);
        if (i < edits.count && edits.list[i].added)
            items[to++] = edits.list[i].added;
        else if (i < edits.count)
            from++;
    }
    free(edits.list);
    return items;
}

void model_carry_index(UserModel *model, const UserModel *before, const ModelChange *change)
{
    uint32_t count = 0;
    model->by_id = change_items(before->by_id, before->entry_count, change, compare_by_id, false, &count);
    if (has_questions(model))
        model->by_question = change_items(before->by_question, before->question_count, change,
                                          compare_by_question, true, &model->question_count);
}

/* ---- looking up ---- */

/* The entry of an item of the model. */
static const ModelEntry *entry_of(const UserModel *model, const ModelItem *item)
{
    uint32_t low = 0, high = model->entry_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model_item_compare(model->entries[middle]->item, item) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < model->entry_count ? model->entries[low] : NULL;
}

const ModelEntry *user_model_find(const UserModel *model, rpmd_text id)
{
    const ModelItem wanted = {.id = id};
    for (uint32_t i = place_of(model->by_id, model->entry_count, &wanted, compare_by_id);
         i < model->entry_count && hash_id(model->by_id[i]->id) == hash_id(id); i++)
        if (text_equal(model->by_id[i]->id, id))
            return entry_of(model, model->by_id[i]);
    return NULL;
}
