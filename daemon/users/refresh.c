/* SPDX-License-Identifier: MIT */
#include "daemon/users/refresh.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"

/* Items published at once: some megabytes, which the store writes in some milliseconds. */
#define PUBLISHED_ITEMS 512

/* ---- life --------------------------------------------------------------------------------------------- */

bool refresh_is_waiting(const Refresh *refresh)
{
    return refresh->preparation != NULL;
}

void refresh_cancel(Refresh *refresh)
{
    if (refresh->preparation)
        preparation_cancel(TAKE_PTR(refresh->preparation));
}

void refresh_finish(Refresh *refresh)
{
    for (size_t i = 0; i < refresh->fresh_count; i++)
        model_item_unref(refresh->fresh[i].made);
    arena_finish(&refresh->prepared);
    arena_finish(&refresh->loaded_model);
    arena_finish(&refresh->loaded);
    *refresh = (Refresh){.operation = refresh->operation};
}

OperationState refresh_refuse_without_model(Operation *operation, const Refresh *refresh)
{
    const char *user = operation->user->name, *task = operation->user->task->name;
    return operation_refuse_with(
        operation, STATUS_FAILED_PRECONDITION,
        "the user %s has %lu items in the task %s but no model; build it: rpmctl model "
        "build --task %s --user %s",
        user, (unsigned long)refresh->items, task, task, user);
}

/* ---- what came since ---------------------------------------------------------------------------------- */

static int compare_revisions(const void *a, const void *b)
{
    uint64_t first = ((const FreshItem *)a)->item->revision, second = ((const FreshItem *)b)->item->revision;
    return (first > second) - (first < second);
}

static void on_prepared(void *data, const Status *status, uint64_t generation)
{
    (void)generation;
    Refresh *refresh = data;
    refresh->preparation = NULL;
    refresh->status = *status;
    operation_go_on(refresh->operation);
}

/* The next part of the items, in the order in which they were written. */
static OperationState prepare(Operation *operation, Refresh *refresh)
{
    Users *users = operation->users;
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = operation_plugin(operation, &status);
    if (!plugin)
        return operation_refuse(operation, &status);
    rpmd_text version = arena_text(&refresh->loaded, text_of(plugin->version));
    size_t left = refresh->fresh_count - refresh->fresh_done;
    refresh->fresh_part = MIN(left, (size_t)PUBLISHED_ITEMS);
    arena_finish(&refresh->prepared);
    refresh->records = ARENA_ARRAY(&refresh->prepared, StoreRecord, refresh->fresh_part);
    for (size_t i = 0; i < refresh->fresh_part; i++)
        refresh->fresh[refresh->fresh_done + i].version = version;
    const PreparationRequest request = {
        .items = refresh->fresh + refresh->fresh_done,
        .count = refresh->fresh_part,
        .texts = operation->user->task->texts,
        .urgency = PLUGIN_URGENT,
        .deadline_ns = operation_deadline(operation),
        .records = refresh->records,
        .arena = &refresh->prepared,
    };
    refresh->preparation =
        preparation_begin(&users->context, &operation->name, &request, on_prepared, refresh);
    return OPERATION_ANALYSING;
}

/* Which of the loaded items the model does not have as they are. */
static void find_fresh(Refresh *refresh, const StoreModel *stored)
{
    refresh->fresh = ARENA_ARRAY(&refresh->loaded, FreshItem, stored->item_count);
    for (size_t i = 0; i < stored->item_count; i++) {
        const StoreItem *item = &stored->items[i];
        if (item->record.extractor_version.length == 0 || item->record.revision != item->revision)
            refresh->fresh[refresh->fresh_count++] = (FreshItem){.item = item};
    }
    if (refresh->fresh_count > 0)
        qsort(refresh->fresh, refresh->fresh_count, sizeof(FreshItem), compare_revisions);
}

static OperationState change(Operation *operation, Refresh *refresh)
{
    Assembly *assembly = assembly_new(ASSEMBLY_CHANGE);
    if (!publication_begin_assembly(operation, assembly)) {
        assembly_free(assembly);
        return OPERATION_DONE;
    }
    assembly->items = ARENA_ARRAY(&assembly->arena, ModelItem *, refresh->fresh_part);
    for (size_t i = 0; i < refresh->fresh_part; i++)
        assembly->items[assembly->item_count++] = TAKE_PTR(refresh->fresh[refresh->fresh_done + i].made);
    return publication_assemble(operation, assembly, &assembly_work);
}

/* The part's last revision, or all of the history's behind the last part. */
static uint64_t revision_of_part(const Refresh *refresh)
{
    size_t behind = refresh->fresh_done + refresh->fresh_part;
    return behind == refresh->fresh_count ? refresh->revision : refresh->fresh[behind - 1].item->revision;
}

static OperationState publish(Operation *operation, Refresh *refresh)
{
    Arena *arena = &operation->assembled.arena;
    uint64_t revision = revision_of_part(refresh);
    StoreRecord *records = ARENA_ARRAY(arena, StoreRecord, refresh->fresh_part);
    for (size_t i = 0; i < refresh->fresh_part; i++) {
        records[i] = refresh->records[i];
        records[i].extractor_version = arena_text(arena, records[i].extractor_version);
        records[i].error = arena_text(arena, records[i].error);
        records[i].content = arena_text(arena, records[i].content);
    }
    StorePublish request = {
        .base_revision = revision,
        .records = records,
        .record_count = refresh->fresh_part,
        .reason = text_of(operation->assembled.factors_changed ? "promotion" : "append"),
    };
    return publication_publish(operation, &request, revision);
}

static OperationState next_part(Operation *operation, Refresh *refresh)
{
    if (refresh->fresh_done < refresh->fresh_count)
        return prepare(operation, refresh);
    user_model_is_of(operation->user, refresh->revision);
    refresh->is_over = true;
    return OPERATION_DONE;
}

/* ---- loading ------------------------------------------------------------------------------------------ */

OperationState refresh_begin(Operation *operation, Refresh *refresh)
{
    const User *user = operation->user;
    refresh->operation = operation;
    refresh_finish(refresh);
    refresh->is_over = user_is_current(user);
    return refresh->is_over
               ? OPERATION_DONE
               : operation_load(operation, STORE_LOAD_MODEL, user->model ? user->model_revision : 0);
}

static OperationState take_loaded(Operation *operation, Refresh *refresh)
{
    User *user = operation->user;
    const StoreModel *stored = &operation->answer.model;
    if (!status_is_ok(&operation->answer.status))
        return operation_refuse(operation, &operation->answer.status);
    if (user->model && user->number != stored->user.number) {
        user_forget_all(&operation->users->table, user); /* somebody else by now */
        return refresh_begin(operation, refresh);
    }
    user->number = stored->user.number;
    user->last_item = MAX(user->last_item, stored->user.last_item);
    user_saw(user, stored->user.history_revision);
    refresh->revision = stored->user.history_revision;
    if (user->model) {
        refresh->loaded = operation->answer.arena;
        operation->answer.arena = ARENA_INIT;
        find_fresh(refresh, stored);
        return next_part(operation, refresh);
    }
    if (stored->version.number == 0) {
        refresh->items = stored->user.items;
        refresh->is_over = true;
        return OPERATION_DONE;
    }
    user->feeds_pool = stored->user.feeds_pool;
    Assembly *assembly = assembly_new(ASSEMBLY_LOAD);
    if (!publication_begin_assembly(operation, assembly)) {
        assembly_free(assembly);
        return OPERATION_DONE;
    }
    assembly->task.extractor_version = arena_text(&assembly->arena, stored->version.extractor_version);
    assembly->stored = *stored;
    assembly->stored_arena = operation->answer.arena;
    operation->answer.arena = ARENA_INIT;
    return publication_assemble(operation, assembly, &assembly_work);
}

static OperationState take_assembled(Operation *operation, Refresh *refresh)
{
    Assembly *assembled = &operation->assembled;
    if (assembled->kind == ASSEMBLY_CHANGE)
        return publish(operation, refresh);
    if (!assembled->after)
        return operation_refuse_with(
            operation, STATUS_DATA_LOSS,
            "the model of the user %s in the task %s cannot be read; build it again: "
            "rpmctl model build --task %s --user %s",
            operation->user->name, operation->user->task->name, operation->user->task->name,
            operation->user->name);
    publication_adopt_loaded(operation, assembled->stored.version.history_revision);
    find_fresh(refresh, &assembled->stored);
    refresh->loaded_model = assembled->stored_arena;
    assembled->stored_arena = ARENA_INIT;
    assembly_finish(assembled);
    return next_part(operation, refresh);
}

static OperationState take_published(Operation *operation, Refresh *refresh)
{
    switch (publication_take(operation)) {
    case PUBLICATION_MADE:
        operation->users->metrics.updates++;
        refresh->fresh_done += refresh->fresh_part;
        return next_part(operation, refresh);
    case PUBLICATION_AGAIN:
        return refresh_begin(operation, refresh);
    case PUBLICATION_REFUSED:
        break;
    }
    return OPERATION_DONE;
}

OperationState refresh_step(Operation *operation, Refresh *refresh)
{
    switch (operation->state) {
    case OPERATION_LOADING:
        return take_loaded(operation, refresh);
    case OPERATION_ANALYSING:
        if (!status_is_ok(&refresh->status))
            return operation_refuse(operation, &refresh->status);
        return change(operation, refresh);
    case OPERATION_ASSEMBLING:
        return take_assembled(operation, refresh);
    case OPERATION_PUBLISHING:
        return take_published(operation, refresh);
    case OPERATION_WAITING:
    case OPERATION_DONE:
        break;
    }
    return refresh_begin(operation, refresh);
}
