/* SPDX-License-Identifier: MIT */
#include "daemon/users/assembly.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/statistics.h"

/* ---- from the store to the method ---- */

/* A path that an LLM wrote for these features. */
static rpmd_text path_of(const Assembly *assembly, const StoreItem *item, bool is_fresh)
{
    if (assembly->paths && assembly->paths[item - assembly->stored->items].length > 0)
        return assembly->paths[item - assembly->stored->items];
    return !is_fresh && item->reasoning_source == STORE_SOURCE_LLM ? item->reasoning : (rpmd_text){0};
}

static ModelItem *make_item(const Assembly *assembly, const StoreItem *item, const FreshAnalysis *fresh,
                            Tokenizer *tokenizer)
{
    bool is_analysed = fresh || item->extractor_version.length > 0;
    return model_item_new(
        &(ModelItemInput){
            .id = item->id,
            .query = item->query,
            .response = item->response,
            .number = item->number,
            .revision = item->revision,
            .order_us = item->order_us,
            .time_us = item->time_us,
            .options = item->options,
            .option_count = item->option_count,
            .analysis = fresh         ? fresh->analysis
                        : is_analysed ? &item->analysis
                                      : NULL,
            .extractor_version = fresh ? fresh->version : item->extractor_version,
            .reasoning = path_of(assembly, item, fresh != NULL),
        },
        tokenizer);
}

static FactorSet *make_factors(const StoreFactorSet *stored, Tokenizer *tokenizer)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    FactorInput *inputs = ARENA_ARRAY(&arena, FactorInput, stored->count);
    for (size_t f = 0; f < stored->count; f++) {
        const StoreFactor *factor = &stored->factors[f];
        rpmd_text *members = ARENA_ARRAY(&arena, rpmd_text, factor->member_count);
        for (size_t m = 0; m < factor->member_count; m++)
            members[m] =
                feature_key(&arena, &(AnalyzedFeature){.category = factor->members[m].category,
                                                       .name = factor->members[m].name,
                                                       .polarity = (float)factor->members[m].polarity});
        inputs[f] = (FactorInput){factor->name, factor->description, members, factor->member_count};
    }
    return factor_set_new(inputs, stored->count, tokenizer);
}

static UserModel *model_of_stored(const Assembly *assembly)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    const StoreModel *stored = assembly->stored;
    ModelItem **items = NEW_ARRAY(ModelItem *, stored->item_count);
    size_t fresh = 0;
    for (size_t i = 0; i < stored->item_count; i++) {
        /* Fresh analyses come in the order of the items. */
        bool is_fresh = fresh < assembly->fresh_count && assembly->fresh[fresh].item == &stored->items[i];
        items[i] =
            make_item(assembly, &stored->items[i], is_fresh ? &assembly->fresh[fresh] : NULL, tokenizer);
        fresh += is_fresh;
    }
    FactorSet *factors = assembly->kind != ASSEMBLY_BUILD ? make_factors(&stored->factors, tokenizer)
                         : assembly->given ? factor_set_new(assembly->given, assembly->given_count, tokenizer)
                                           : NULL;
    UserModel *model = user_model_build(&assembly->task, items, stored->item_count, factors);
    factor_set_unref(factors);
    for (size_t i = 0; i < stored->item_count; i++)
        model_item_unref(items[i]);
    free(items);
    return model;
}

static UserModel *model_with_factors(const Assembly *assembly)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    const UserModel *before = assembly->before;
    ModelItem **items = NEW_ARRAY(ModelItem *, before->entry_count);
    for (uint32_t e = 0; e < before->entry_count; e++)
        items[e] = before->entries[e]->item;
    FactorSet *factors = make_factors(assembly->factors, tokenizer);
    UserModel *model = user_model_build(&assembly->task, items, before->entry_count, factors);
    factor_set_unref(factors);
    free(items);
    return model;
}

static UserModel *model_with_item(const Assembly *assembly)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    ModelItem *item = make_item(assembly, assembly->fresh[0].item, &assembly->fresh[0], tokenizer);
    UserModel *model = user_model_put(assembly->before, &assembly->task, item);
    model_item_unref(item);
    return model;
}

static void make_model(Assembly *assembly)
{
    switch (assembly->kind) {
    case ASSEMBLY_LOAD:
    case ASSEMBLY_BUILD:
    case ASSEMBLY_CATCH_UP:
        assembly->after = model_of_stored(assembly);
        break;
    case ASSEMBLY_ROLLBACK:
        assembly->after = model_with_factors(assembly);
        break;
    case ASSEMBLY_REMOVE:
        assembly->after = user_model_remove(assembly->before, &assembly->task, assembly->removed);
        break;
    case ASSEMBLY_PUT:
        assembly->after = model_with_item(assembly);
        break;
    }
    assembly->factors_changed = assembly->kind == ASSEMBLY_BUILD;
    if (assembly->kind != ASSEMBLY_PUT && assembly->kind != ASSEMBLY_CATCH_UP)
        return;
    UserModel *promoted = user_model_promote(assembly->after, &assembly->task);
    if (promoted) {
        user_model_unref(assembly->after);
        assembly->after = promoted;
        assembly->factors_changed = true;
    }
}

/* ---- from the method to the store ---- */

static void describe_analyses(Assembly *assembly)
{
    assembly->analyses = ARENA_ARRAY(&assembly->arena, StoreItemAnalysis, assembly->fresh_count);
    for (size_t i = 0; i < assembly->fresh_count; i++)
        assembly->analyses[i] = (StoreItemAnalysis){.item = assembly->fresh[i].item->number,
                                                    .revision = assembly->fresh[i].item->revision,
                                                    .extractor_version = assembly->fresh[i].version,
                                                    .analysis = assembly->fresh[i].analysis};
    assembly->analysis_count = assembly->fresh_count;
}

static void describe_factors(Assembly *assembly)
{
    const FactorSet *set = assembly->after->factors;
    size_t count = factor_set_count(set);
    StoreFactor *factors = ARENA_ARRAY(&assembly->arena, StoreFactor, count);
    for (size_t f = 0; f < count; f++) {
        const Factor *factor = factor_set_get(set, f);
        StoreMember *members = ARENA_ARRAY(&assembly->arena, StoreMember, factor->member_count);
        for (size_t m = 0; m < factor->member_count; m++) {
            FeatureKeyParts parts = feature_key_parts(factor->members[m]);
            members[m] = (StoreMember){parts.category, parts.name, parts.sign};
        }
        factors[f] = (StoreFactor){factor->name, factor->description, members, factor->member_count};
    }
    assembly->new_factors = (StoreFactorSet){factors, count};
}

static uint32_t count_before(const Assembly *assembly, uint32_t factor, rpmd_text answer_class)
{
    const UserModel *before = assembly->before;
    if (assembly->is_whole || !before)
        return 0;
    return statistics_count(before, factor, user_model_class(before, answer_class), NULL);
}

static bool same_counts(const FactorCounts *a, const FactorCounts *b)
{
    return a->items == b->items && a->influence == b->influence && a->positive == b->positive &&
           a->neutral == b->neutral && a->negative == b->negative;
}

/* All raw counts, or those that are not what they were. */
static void describe_statistics(Assembly *assembly)
{
    const UserModel *after = assembly->after, *before = assembly->is_whole ? NULL : assembly->before;
    uint32_t before_classes = before ? before->class_count : 0;
    size_t most = (size_t)after->factor_count * (after->class_count + before_classes);
    StorePropensity *propensities = ARENA_ARRAY(&assembly->arena, StorePropensity, most);
    StoreCounts *counts = ARENA_ARRAY(&assembly->arena, StoreCounts, after->factor_count);
    size_t propensity_count = 0, count = 0;
    for (uint32_t f = 0; f < after->factor_count; f++) {
        const FactorCounts *now = &after->counts[f];
        if (!before || !same_counts(now, &before->counts[f]))
            counts[count++] =
                (StoreCounts){f, now->items, now->influence, now->positive, now->neutral, now->negative};
        for (uint32_t c = 0; c < after->class_count; c++) {
            uint32_t n = after->by_class[(size_t)f * after->class_count + c];
            if (n != count_before(assembly, f, after->classes[c]))
                propensities[propensity_count++] = (StorePropensity){f, after->classes[c], n};
        }
        /* A class that nobody has any more is no column of the new model. */
        for (uint32_t c = 0; c < before_classes; c++)
            if (user_model_class(after, before->classes[c]) == CLASS_NONE &&
                before->by_class[(size_t)f * before_classes + c] > 0)
                propensities[propensity_count++] = (StorePropensity){f, before->classes[c], 0};
    }
    assembly->statistics = (StoreStatistics){propensities, propensity_count, counts, count};
}

static void describe_share(Assembly *assembly)
{
    static const Contribution nothing;
    const Contribution *before = assembly->is_whole ? &nothing : assembly->before_share;
    ContributionChange change = contribution_difference(&assembly->arena, before, &assembly->share);
    assembly->cells = ARENA_ARRAY(&assembly->arena, StoreCellChange, change.cell_count);
    for (size_t i = 0; i < change.cell_count; i++)
        assembly->cells[i] =
            (StoreCellChange){change.cells[i].key, change.cells[i].answer_class, change.cells[i].change};
    assembly->cell_count = change.cell_count;
    assembly->votes = ARENA_ARRAY(&assembly->arena, StoreVoteChange, change.vote_count);
    for (size_t i = 0; i < change.vote_count; i++)
        assembly->votes[i] = (StoreVoteChange){change.votes[i].question, change.votes[i].answer};
    assembly->vote_count = change.vote_count;
}

/* The paths of all items, or of the one that is new; the others are written again from today's numbers when
 * needed. */
static void describe_reasoning(Assembly *assembly)
{
    const UserModel *after = assembly->after;
    bool all = assembly->kind == ASSEMBLY_BUILD;
    if (assembly->kind == ASSEMBLY_REMOVE || assembly->kind == ASSEMBLY_ROLLBACK)
        return;
    assembly->reasoning = ARENA_ARRAY(&assembly->arena, StoreReasoning, after->entry_count);
    for (uint32_t e = 0; e < after->entry_count; e++) {
        const ModelEntry *entry = after->entries[e];
        bool wanted = all;
        for (size_t i = 0; i < assembly->fresh_count && !wanted; i++)
            wanted = assembly->fresh[i].item->number == entry->item->number;
        if (!wanted || !model_item_counts(entry->item))
            continue;
        bool by_llm;
        rpmd_text path = reasoning_path(&assembly->arena, &assembly->reasoning_task, after, entry, &by_llm);
        assembly->reasoning[assembly->reasoning_count++] =
            (StoreReasoning){entry->item->number, by_llm ? STORE_SOURCE_LLM : STORE_SOURCE_NATIVE, path};
    }
}

void assembly_draft(Assembly *assembly)
{
    user_model_unref(TAKE_PTR(assembly->after));
    make_model(assembly);
}

void assembly_run(Assembly *assembly)
{
    make_model(assembly);
    assembly->share = contribution_of_model(&assembly->share_arena, assembly->after);
    if (assembly->kind == ASSEMBLY_LOAD)
        return;
    assembly->is_whole = assembly->kind == ASSEMBLY_BUILD || assembly->kind == ASSEMBLY_CATCH_UP ||
                         assembly->kind == ASSEMBLY_ROLLBACK || assembly->factors_changed;
    describe_analyses(assembly);
    if (assembly->factors_changed)
        describe_factors(assembly);
    describe_statistics(assembly);
    describe_share(assembly);
    describe_reasoning(assembly);
}

void assembly_finish(Assembly *assembly)
{
    user_model_unref(assembly->after);
    arena_finish(&assembly->share_arena);
    arena_finish(&assembly->arena);
}
