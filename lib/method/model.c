/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/method/contribution.h"
#include "lib/method/model_internal.h"
#include "lib/method/prompt_stable.h"

#include <stdatomic.h>

/* Takes a reference to the factors. */
static UserModel *begin_model(const ModelTask *task, FactorSet *factors)
{
    UserModel *model = NEW(UserModel);
    atomic_init(&model->references, 1);
    model->answer_kind = task->answer_kind;
    model->ordinal_min = task->ordinal_min;
    model->ordinal_max = task->ordinal_max;
    model->factors = factors;
    model->factor_count = (uint32_t)factor_set_count(factors);
    return model;
}

static UserModel *finish_model(UserModel *model)
{
    model->bytes += memory_footprint(sizeof(*model)) + factor_set_bytes(model->factors) +
                    share_bytes(model->share) + memory_footprint(model->entry_count * sizeof(ModelEntry *)) +
                    memory_footprint(model->block_count * sizeof(ModelBlock *)) +
                    memory_footprint(model->entry_count * sizeof(ModelItem *)) +
                    memory_footprint(model->question_count * sizeof(ModelItem *)) +
                    memory_footprint(PROMPT_STABLE_BYTES(model->factor_count));
    for (uint32_t b = 0; b < model->block_count; b++)
        model->bytes += model->blocks[b]->bytes;
    return model;
}

/* ---- what is derived of items that are not in a model yet ---- */

static ItemDerived **take_derived(const ModelChange *change, Assigner *assigner)
{
    ItemDerived **derived = NEW_ARRAY(ItemDerived *, change->added_count);
    for (uint32_t a = 0; a < change->added_count; a++)
        if (model_item_counts(change->added[a]))
            derived[a] = model_item_take_derived(change->added[a], &assigner->tokenizer);
    return derived;
}

static void free_derived(ItemDerived **derived, const ModelChange *change)
{
    for (uint32_t a = 0; a < change->added_count; a++)
        free(derived[a]);
    free(derived);
}

/* ---- the share, and what it says of features that may become factors ---- */

static void add_to_share(ShareBuilder *builder, const UserModel *model, const ModelItem *item,
                         const ItemDerived *derived, int32_t step)
{
    uint32_t class = share_builder_class(builder, item->answer_class);
    /* Open answers are not pooled; their features are counted for user_model_promote. */
    if (model->answer_kind != RPMD_ANSWER_TEXT) {
        share_builder_add(builder, POPULATION_EVERY_ITEM, class, step);
        for (size_t w = 0; w < derived->word_count; w++)
            share_builder_add(builder, derived->words[w], class, step);
    }
    for (uint32_t f = 0; f < item->feature_count; f++) {
        bool is_repeated = false;
        for (uint32_t g = 0; g < f && !is_repeated; g++)
            is_repeated = item->features[g].text->population_key == item->features[f].text->population_key;
        if (!is_repeated)
            share_builder_add(builder, item->features[f].text->population_key, class, step);
    }
}

static void change_share(UserModel *model, const UserModel *before, const ModelChange *change,
                         ItemDerived *const *derived, Assigner *assigner)
{
    ShareBuilder builder;
    size_t expected = 0;
    for (uint32_t a = 0; a < change->added_count; a++)
        expected += derived[a] ? derived[a]->word_count + change->added[a]->feature_count + 1 : 0;
    share_builder_begin(&builder, before ? before->share : NULL, expected);
    for (uint32_t r = 0; r < change->removed_count; r++) {
        const ModelItem *item = change->removed[r]->item;
        if (!model_item_counts(item))
            continue;
        ItemDerived *old = model_item_take_derived(item, &assigner->tokenizer);
        add_to_share(&builder, model, item, old, -1);
        free(old);
    }
    for (uint32_t a = 0; a < change->added_count; a++)
        if (derived[a])
            add_to_share(&builder, model, change->added[a], derived[a], 1);
    model->share = share_builder_finish(&builder);
}

static bool is_promotable(const Share *share, uint64_t key)
{
    return share_total(share, key) >= FACTOR_PROMOTION_ITEMS;
}

/* Over all distinct features that the assigner met. */
static void count_promotable(UserModel *model, const Assigner *assigner)
{
    for (uint32_t k = 0; k < assigner->keys.count; k++)
        model->promotable += assigner->assigned[k] == FACTOR_NONE &&
                             is_promotable(model->share, assigner->texts[k]->population_key);
}

/* What took comparing with all factors is kept with them. */
static void keep_assigned(FactorSet *factors, const Assigner *assigner)
{
    uint64_t *keys = NEW_ARRAY(uint64_t, assigner->keys.count);
    uint16_t *assigned = NEW_ARRAY(uint16_t, assigner->keys.count);
    size_t count = 0;
    for (uint32_t k = 0; k < assigner->keys.count; k++) {
        if (factor_set_find(factors, assigner->texts[k]->key) != FACTOR_NONE)
            continue;
        keys[count] = assigner->texts[k]->population_key;
        assigned[count++] = assigner->assigned[k];
    }
    factor_set_learn(factors, keys, assigned, count);
    free(keys);
    free(assigned);
}

static void carry_promotable(UserModel *model, const UserModel *before, const ModelChange *change,
                             Assigner *assigner)
{
    _cleanup_key_map_ KeyMap seen = KEY_MAP_INIT;
    model->promotable = before->promotable;
    for (uint32_t i = 0; i < change->removed_count + change->added_count; i++) {
        const ModelItem *item =
            i < change->removed_count ? change->removed[i]->item : change->added[i - change->removed_count];
        for (uint32_t f = 0; f < item->feature_count; f++) {
            const FeatureText *text = item->features[f].text;
            uint32_t count = seen.count;
            if (key_map_add(&seen, text->population_key) < count ||
                assigner_factor(assigner, text) != FACTOR_NONE)
                continue;
            model->promotable += is_promotable(model->share, text->population_key);
            model->promotable -= is_promotable(before->share, text->population_key);
        }
    }
}

/* ---- building ---- */

static int compare_items(const void *a, const void *b)
{
    return model_item_compare(*(ModelItem *const *)a, *(ModelItem *const *)b);
}

/* The items in the history's order, in which the store mostly gives them. */
static ModelItem **sort_items(ModelItem *const *items, size_t count)
{
    ModelItem **sorted = NEW_ARRAY(ModelItem *, count);
    bool is_sorted = true;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = items[i];
        is_sorted &= i == 0 || model_item_compare(items[i - 1], items[i]) < 0;
    }
    if (!is_sorted)
        qsort(sorted, count, sizeof(*sorted), compare_items);
    return sorted;
}

/* What does not depend on the factors is known already where there is a model before. */
static UserModel *finish_build(UserModel *model, const ModelTask *task, const Assigner *assigner)
{
    model_list_entries(model);
    model_count(model, task);
    model_index(model);
    count_promotable(model, assigner);
    if (!factor_set_has_learnt(model->factors))
        keep_assigned(model->factors, assigner);
    return finish_model(model);
}

/* Features have few words, which come again and again. */
static Tokenizer *clustering_tokenizer(void)
{
    Tokenizer *tokenizer = tokenizer_new();
    tokenizer_remember_words(tokenizer);
    return tokenizer;
}

UserModel *user_model_build(const ModelTask *task, ModelItem *const *items, size_t count, FactorSet *factors)
{
    ModelChange change = {.added = sort_items(items, count), .added_count = (uint32_t)count};
    Assigner assigner = {0};
    if (!factors)
        assigner.tokenizer = clustering_tokenizer();
    FactorSet *set =
        factors ? factor_set_ref(factors) : factor_set_cluster(change.added, count, assigner.tokenizer);
    UserModel *model = begin_model(task, set);
    assigner.factors = set;
    ItemDerived **derived = take_derived(&change, &assigner);
    model_change_blocks(model, NULL, &change, derived, &assigner);
    change_share(model, NULL, &change, derived, &assigner);
    free_derived(derived, &change);
    finish_build(model, task, &assigner);
    assigner_finish(&assigner);
    free(change.added);
    return model;
}

static ModelItem **items_of(const UserModel *model)
{
    ModelItem **items = NEW_ARRAY(ModelItem *, model->entry_count);
    for (uint32_t e = 0; e < model->entry_count; e++)
        items[e] = model->entries[e]->item;
    return items;
}

UserModel *user_model_with_factors(const UserModel *before, const ModelTask *task, FactorSet *factors)
{
    _cleanup_free_ ModelItem **items = items_of(before);
    if (task->answer_kind != before->answer_kind)
        return user_model_build(task, items, before->entry_count, factors);
    Assigner assigner = {0};
    if (!factors || !factor_set_has_learnt(factors))
        assigner.tokenizer = clustering_tokenizer();
    FactorSet *set = factors ? factor_set_ref(factors)
                             : factor_set_cluster(items, before->entry_count, assigner.tokenizer);
    UserModel *model = begin_model(task, set);
    assigner.factors = set;
    model_reassign_blocks(model, before, &assigner);
    model->share = share_ref(before->share);
    finish_build(model, task, &assigner);
    assigner_finish(&assigner);
    return model;
}

/* ---- changing ---- */

/* The entries with these numbers, in order. */
static void find_removed(const UserModel *model, const uint64_t *numbers, size_t count, ModelChange *change)
{
    _cleanup_key_map_ KeyMap wanted = KEY_MAP_INIT;
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (size_t i = 0; i < count; i++) {
        key_map_add(&wanted, numbers[i]);
        lowest = MIN(lowest, numbers[i]);
        highest = MAX(highest, numbers[i]);
    }
    change->removed = NEW_ARRAY(const ModelEntry *, count);
    for (uint32_t b = 0; b < model->block_count; b++) {
        const ModelBlock *block = model->blocks[b];
        if (block->highest_number < lowest || block->lowest_number > highest)
            continue;
        for (uint32_t e = 0; e < block->count && change->removed_count < count; e++)
            if (key_map_find(&wanted, block->entries[e].item->number) != KEY_MAP_NONE)
                change->removed[change->removed_count++] = &block->entries[e];
    }
}

static UserModel *change_model(const UserModel *before, const ModelTask *task, const ModelChange *change)
{
    UserModel *model = begin_model(task, factor_set_ref(before->factors));
    Assigner assigner = {.factors = model->factors};
    ItemDerived **derived = take_derived(change, &assigner);
    model_change_blocks(model, before, change, derived, &assigner);
    model_list_entries(model);
    change_share(model, before, change, derived, &assigner);
    free_derived(derived, change);
    if (!model_carry_counts(model, before, task, change))
        model_count(model, task);
    model_carry_index(model, before, change);
    carry_promotable(model, before, change, &assigner);
    assigner_finish(&assigner);
    return finish_model(model);
}

/* Of items with one number the last stays. The caller's to free. */
static ModelItem **last_of_each(ModelItem *const *items, size_t count, uint32_t *kept)
{
    _cleanup_key_map_ KeyMap numbers = KEY_MAP_INIT;
    ModelItem **last = NEW_ARRAY(ModelItem *, count);
    for (size_t i = 0; i < count; i++)
        last[key_map_add(&numbers, items[i]->number)] = items[i];
    *kept = numbers.count;
    return last;
}

/* Where the task answers in another way than it did, hardly anything is as it was. */
static UserModel *build_changed(const UserModel *before, const ModelTask *task, const ModelChange *change)
{
    ModelItem **items = NEW_ARRAY(ModelItem *, (size_t)before->entry_count + change->added_count);
    uint32_t count = 0, removed = 0;
    for (uint32_t e = 0; e < before->entry_count; e++) {
        if (removed < change->removed_count && change->removed[removed] == before->entries[e])
            removed++;
        else
            items[count++] = before->entries[e]->item;
    }
    for (uint32_t a = 0; a < change->added_count; a++)
        items[count++] = change->added[a];
    UserModel *model = user_model_build(task, items, count, before->factors);
    free(items);
    return model;
}

static UserModel *apply_change(const UserModel *before, const ModelTask *task, ModelChange *change)
{
    UserModel *model = task->answer_kind == before->answer_kind ? change_model(before, task, change)
                                                                : build_changed(before, task, change);
    free(change->removed);
    free(change->added);
    return model;
}

UserModel *user_model_put_many(const UserModel *model, const ModelTask *task, ModelItem *const *items,
                               size_t count)
{
    ModelChange change = {0};
    change.added = last_of_each(items, count, &change.added_count);
    if (change.added_count > 0)
        qsort(change.added, change.added_count, sizeof(ModelItem *), compare_items);
    _cleanup_free_ uint64_t *numbers = NEW_ARRAY(uint64_t, change.added_count);
    for (uint32_t a = 0; a < change.added_count; a++)
        numbers[a] = change.added[a]->number;
    find_removed(model, numbers, change.added_count, &change);
    return apply_change(model, task, &change);
}

UserModel *user_model_put(const UserModel *model, const ModelTask *task, ModelItem *item)
{
    return user_model_put_many(model, task, &item, 1);
}

UserModel *user_model_remove_many(const UserModel *model, const ModelTask *task, const uint64_t *numbers,
                                  size_t count)
{
    ModelChange change = {0};
    find_removed(model, numbers, count, &change);
    return apply_change(model, task, &change);
}

UserModel *user_model_remove(const UserModel *model, const ModelTask *task, uint64_t number)
{
    return user_model_remove_many(model, task, &number, 1);
}

/* ---- promoting ---- */

/* Unassigned features that enough items meet, in the order in which the history shows them. */
static rpmd_text *find_promotable(const UserModel *model, size_t *count)
{
    _cleanup_key_map_ KeyMap seen = KEY_MAP_INIT;
    rpmd_text *keys = NEW_ARRAY(rpmd_text, model->promotable);
    for (uint32_t e = 0; e < model->entry_count && *count < model->promotable; e++) {
        const ModelEntry *entry = model->entries[e];
        for (uint32_t f = 0; model_item_counts(entry->item) && f < entry->item->feature_count; f++) {
            const FeatureText *text = entry->item->features[f].text;
            uint32_t seen_before = seen.count;
            if (entry->factors[f] == FACTOR_NONE && *count < model->promotable &&
                key_map_add(&seen, text->population_key) == seen_before &&
                is_promotable(model->share, text->population_key))
                keys[(*count)++] = text->key;
        }
    }
    return keys;
}

UserModel *user_model_promote(const UserModel *model, const ModelTask *task)
{
    if (model->promotable == 0 || model->factor_count >= FACTOR_LIMIT)
        return NULL;
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    size_t count = 0;
    _cleanup_free_ rpmd_text *keys = find_promotable(model, &count);
    FactorSet *set = factor_set_promote(model->factors, keys, count, tokenizer);
    UserModel *promoted = set ? user_model_with_factors(model, task, set) : NULL;
    factor_set_unref(set);
    return promoted;
}

/* ---- references ---- */

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
    for (uint32_t b = 0; b < model->block_count; b++)
        model_block_unref(model->blocks[b]);
    free(model->blocks);
    free(model->entries);
    free(model->by_id);
    free(model->by_question);
    free((TraitCount *)model->traits);
    free(model->class_memory);
    free(model->count_memory);
    share_unref(model->share);
    factor_set_unref(model->factors);
    prompt_stable_free(atomic_load_explicit(&model->prompt_stable, memory_order_relaxed));
    free(model);
}
