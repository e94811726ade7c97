/* SPDX-License-Identifier: MIT */
#include "daemon/users/assembly.h"

#include "daemon/users/thread_tokenizer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/contribution.h"
#include "lib/method/item_record.h"

/* ---- items -------------------------------------------------------------------------------------------- */

void fresh_item_make(FreshItem *fresh, Arena *arena, FeatureTexts *texts, Tokenizer *tokenizer)
{
    const StoreItem *item = fresh->item;
    _cleanup_buffer_ Buffer content = BUFFER_INIT;
    fresh->made = model_item_new(
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
            .analysis = fresh->analysis,
            .extractor_version = fresh->version,
            .reasoning = fresh->path,
            .texts = texts,
        },
        tokenizer);
    item_record_write(&content, fresh->made);
    fresh->content = arena_text(arena, (rpmd_text){buffer_string(&content), content.length});
}

FreshItem fresh_item_copy(Arena *arena, const FreshItem *fresh)
{
    StoreItem *item = ARENA_NEW(arena, StoreItem);
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, fresh->item->option_count);
    *item = *fresh->item;
    item->id = arena_text(arena, item->id);
    item->query = arena_text(arena, item->query);
    item->response = arena_text(arena, item->response);
    for (size_t i = 0; i < item->option_count; i++)
        options[i] = arena_text(arena, item->options[i]);
    item->options = options;
    item->meta = arena_text(arena, item->meta);
    item->record = (StoreRecord){0};
    FreshItem copy = {
        .item = item, .version = arena_text(arena, fresh->version), .path = arena_text(arena, fresh->path)};
    if (fresh->analysis) {
        Analysis *analysis = ARENA_NEW(arena, Analysis);
        analysis_copy(arena, analysis, fresh->analysis);
        copy.analysis = analysis;
    }
    return copy;
}

StoreRecord fresh_item_record(Arena *arena, const FreshItem *fresh)
{
    return (StoreRecord){
        .item = fresh->item->number,
        .revision = fresh->item->revision,
        .extractor_version = arena_text(arena, fresh->version),
        .code = fresh->analysis->code,
        .error = arena_text(arena, fresh->analysis->error),
        .content = fresh->content,
    };
}

/* The item as its record has it; NULL: it has none that can be read. */
static ModelItem *read_item(const StoreItem *item, FeatureTexts *texts)
{
    if (item->record.extractor_version.length == 0)
        return NULL;
    return model_item_read(&(ModelItemSource){
        .id = item->id,
        .query = item->query,
        .response = item->response,
        .number = item->number,
        .revision = item->record.revision,
        .order_us = item->order_us,
        .time_us = item->time_us,
        .options = item->options,
        .option_count = item->option_count,
        .extractor_version = item->record.extractor_version,
        .content = item->record.content,
        .is_outdated = item->record.revision != item->revision,
        .texts = texts,
    });
}

/* ---- models ------------------------------------------------------------------------------------------- */

static void load(Assembly *assembly)
{
    const StoreModel *stored = &assembly->stored;
    FactorSet *factors = factor_set_read(stored->factors);
    ModelItem **items = NEW_ARRAY(ModelItem *, stored->item_count);
    size_t count = 0;
    for (size_t i = 0; i < stored->item_count; i++) {
        if ((items[count] = read_item(&stored->items[i], assembly->texts)))
            count++;
        else
            stored->items[i].record.extractor_version = (rpmd_text){0}; /* to be analysed again */
    }
    if (factors)
        assembly->after = user_model_build(&assembly->task, items, count, factors);
    for (size_t i = 0; i < count; i++)
        model_item_unref(items[i]);
    free(items);
    factor_set_unref(factors);
}

static void read_items(Assembly *assembly)
{
    const StoreModel *stored = &assembly->stored;
    assembly->items = ARENA_ARRAY(&assembly->arena, ModelItem *, stored->item_count);
    assembly->item_count = stored->item_count;
    for (size_t i = 0; i < stored->item_count; i++) {
        const StoreRecord *record = &stored->items[i].record;
        if (record->revision == stored->items[i].revision &&
            text_equal(record->extractor_version, assembly->task.extractor_version))
            assembly->items[i] = read_item(&stored->items[i], assembly->texts);
    }
}

/* Makes the fresh items; they follow those that are there. */
static void make_fresh(Assembly *assembly, Tokenizer *tokenizer)
{
    size_t count = assembly->item_count + assembly->fresh_count;
    ModelItem **items = ARENA_ARRAY(&assembly->arena, ModelItem *, count);
    for (size_t i = 0; i < assembly->item_count; i++)
        items[i] = assembly->items[i];
    for (size_t i = 0; i < assembly->fresh_count; i++) {
        fresh_item_make(&assembly->fresh[i], &assembly->arena, assembly->texts, tokenizer);
        items[assembly->item_count++] = TAKE_PTR(assembly->fresh[i].made);
    }
    assembly->items = items;
}

static void make_new(Assembly *assembly)
{
    Tokenizer *tokenizer = thread_tokenizer();
    FactorSet *factors = NULL;
    make_fresh(assembly, tokenizer);
    if (assembly->given)
        factors = factor_set_new(assembly->given, assembly->given_count, tokenizer);
    assembly->after = user_model_build(&assembly->task, assembly->items, assembly->item_count, factors);
    factor_set_unref(factors);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

/* The items that the model has and `other` has not. */
static size_t find_gone(const UserModel *model, const UserModel *other, uint64_t *gone)
{
    size_t count = 0;
    uint64_t *numbers = NEW_ARRAY(uint64_t, other->entry_count);
    for (uint32_t e = 0; e < other->entry_count; e++)
        numbers[e] = other->entries[e]->item->number;
    qsort(numbers, other->entry_count, sizeof(*numbers), compare_numbers);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        uint64_t number = model->entries[e]->item->number;
        if (!bsearch(&number, numbers, other->entry_count, sizeof(*numbers), compare_numbers))
            gone[count++] = number;
    }
    free(numbers);
    return count;
}

/*
 * The history may have gone on since the build's was loaded, and the model before is of the newest: what it
 * has of a later revision takes the place of the build's, and what it has no more is gone.
 */
static void catch_up(Assembly *assembly)
{
    const UserModel *before = assembly->before, *built = assembly->built;
    ModelItem **newer = NEW_ARRAY(ModelItem *, before->entry_count);
    uint64_t *gone = NEW_ARRAY(uint64_t, built->entry_count);
    size_t newer_count = 0, gone_count = find_gone(built, before, gone);
    for (uint32_t e = 0; e < before->entry_count; e++)
        if (before->entries[e]->item->revision > assembly->since_revision)
            newer[newer_count++] = before->entries[e]->item;
    assembly->after = user_model_ref(assembly->built);
    if (newer_count > 0) {
        user_model_unref(assembly->after);
        assembly->after = user_model_put_many(built, &assembly->task, newer, newer_count);
    }
    if (gone_count > 0) {
        _cleanup_(user_model_unref_cleanup) UserModel *whole = assembly->after;
        assembly->after = user_model_remove_many(whole, &assembly->task, gone, gone_count);
    }
    free(gone);
    free(newer);
}

static void build(Assembly *assembly)
{
    assembly->factors_changed = true;
    if (assembly->before)
        catch_up(assembly);
    else
        assembly->after = user_model_ref(assembly->built);
}

static void promote(Assembly *assembly)
{
    UserModel *promoted = user_model_promote(assembly->after, &assembly->task);
    if (!promoted)
        return;
    user_model_unref(assembly->after);
    assembly->after = promoted;
    assembly->factors_changed = true;
}

static void change(Assembly *assembly)
{
    Tokenizer *tokenizer = thread_tokenizer();
    make_fresh(assembly, tokenizer);
    assembly->after =
        user_model_put_many(assembly->before, &assembly->task, assembly->items, assembly->item_count);
    promote(assembly);
}

static void roll_back(Assembly *assembly)
{
    FactorSet *factors = factor_set_read(assembly->factor_bytes);
    if (factors)
        assembly->after = user_model_with_factors(assembly->before, &assembly->task, factors);
    factor_set_unref(factors);
}

/* ---- what the store is told --------------------------------------------------------------------------- */

static rpmd_text kept(Assembly *assembly, const Buffer *bytes)
{
    return arena_text(&assembly->arena, (rpmd_text){buffer_string(bytes), bytes->length});
}

static void describe(Assembly *assembly)
{
    _cleanup_buffer_ Buffer factors = BUFFER_INIT;
    _cleanup_buffer_ Buffer change = BUFFER_INIT;
    if (assembly->after && assembly->factors_changed) {
        factor_set_write(&factors, assembly->after->factors);
        assembly->factors_written = kept(assembly, &factors);
    }
    contribution_change_write(&change, assembly->fed_pool ? assembly->before : NULL,
                              assembly->feeds_pool ? assembly->after : NULL);
    assembly->pool_change = kept(assembly, &change);
}

static void run(void *job)
{
    Assembly *assembly = job;
    switch (assembly->kind) {
    case ASSEMBLY_LOAD:
        load(assembly);
        return;
    case ASSEMBLY_READ:
        read_items(assembly);
        return;
    case ASSEMBLY_NEW:
        make_new(assembly);
        return;
    case ASSEMBLY_BUILD:
        build(assembly);
        break;
    case ASSEMBLY_CHANGE:
        change(assembly);
        break;
    case ASSEMBLY_REMOVE:
        assembly->after = user_model_remove(assembly->before, &assembly->task, assembly->removed);
        break;
    case ASSEMBLY_ROLLBACK:
        roll_back(assembly);
        break;
    case ASSEMBLY_WITHDRAW:
        break;
    }
    describe(assembly);
}

/* ---- life --------------------------------------------------------------------------------------------- */

Assembly *assembly_new(AssemblyKind kind)
{
    Assembly *assembly = NEW(Assembly);
    assembly->kind = kind;
    return assembly;
}

void assembly_drop_items(Assembly *assembly)
{
    for (size_t i = 0; i < assembly->item_count; i++)
        if (assembly->items[i])
            model_item_unref(assembly->items[i]);
    for (size_t i = 0; i < assembly->fresh_count; i++)
        model_item_unref(assembly->fresh[i].made);
    assembly->items = NULL;
    assembly->fresh = NULL;
    assembly->item_count = assembly->fresh_count = 0;
}

void assembly_finish(Assembly *assembly)
{
    assembly_drop_items(assembly);
    feature_texts_unref(assembly->texts);
    user_model_unref(assembly->built);
    user_model_unref(assembly->before);
    user_model_unref(assembly->after);
    arena_finish(&assembly->stored_arena);
    arena_finish(&assembly->arena);
    *assembly = (Assembly){0};
}

void assembly_free(Assembly *assembly)
{
    if (!assembly)
        return;
    assembly_finish(assembly);
    free(assembly);
}

static void release(void *job)
{
    assembly_free(job);
}

const WorkKind assembly_work = {WORK_FOREGROUND, run, release};
const WorkKind assembly_build_work = {WORK_BACKGROUND, run, release};
