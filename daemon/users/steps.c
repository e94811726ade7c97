/* SPDX-License-Identifier: MIT */
#include "daemon/users/operation.h"

#include "daemon/log.h"
#include "daemon/users/appending.h"
#include "daemon/users/population.h"
#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <time.h>

/*
 * The steps that operations are made of:
 *
 *   get       [cached?] -- no --> load --> [behind?] -- yes --> analyse --> assemble --> publish
 *   append    analyse (appending.c) --> put --> [cached and current?] -- yes --> assemble --> publish
 *                                                       '-- no --> as get
 *   delete    as get, then assemble --> publish; without a model: delete in the store
 *   build     load --> analyse --> assemble --> publish
 *   rollback  as get, then load the factors --> assemble --> publish
 *   erase     erase in the store
 */

/* How often a change starts over because the history went on in between. */
#define ATTEMPT_LIMIT 5

static void load(Operation *operation);
static void with_current_model(Operation *operation);

static StoreUserName store_name_of(const Operation *operation)
{
    return (StoreUserName){operation->name.task, operation->name.user};
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static const TaskSettings *settings_of(const Operation *operation)
{
    return config_task(operation->users->context.config, operation->name.task.data);
}

uint64_t operation_deadline(const Operation *operation)
{
    return uv_hrtime() + operation->users->context.config->call_seconds * 1000000000ull;
}

const rpmd_plugin *operation_plugin(Operation *operation)
{
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin =
        plugin_registry_find(operation->users->context.plugins, operation->name.task.data, &status);
    if (!plugin)
        operation_refuse(operation, &status);
    return plugin;
}

/* ---- the end of an operation that has a model ---- */

static void answer(Operation *operation)
{
    UserEntry *entry = operation->entry;
    operation->reply.model = entry->model;
    operation->reply.share = entry->feeds_pool ? &entry->share : NULL;
    operation->reply.user_number = entry->user_number;
    operation->reply.population = entry->task->population;
    operation_finish(operation);
}

static void on_population(Operation *operation, const Status *status)
{
    if (!status_is_ok(status))
        operation_refuse(operation, status);
    else
        answer(operation);
}

static void finish_with_model(Operation *operation)
{
    const UserModel *model = operation->entry->model;
    bool pooled = model && settings_of(operation)->population && model->answer_kind != RPMD_ANSWER_TEXT;
    if (operation->kind == OPERATION_GET && pooled)
        task_population_need(operation->entry->task, operation, on_population);
    else
        answer(operation);
}

/* ---- assemble on the pool, then publish ---- */

/* Makes the assembled model the entry's, and takes its share of the pooled counts. */
static void adopt(Operation *operation, uint64_t version, int64_t created_us, uint64_t history_revision)
{
    UserEntry *entry = operation->entry;
    Assembly *assembly = &operation->assembly;
    assembly->after->version = version;
    assembly->after->created_us = created_us;
    user_entry_set_model(entry, assembly->after, history_revision);
    entry->feeds_pool = operation->feeds_pool;
    entry->share_arena = assembly->share_arena;
    entry->share = assembly->share;
    assembly->share_arena = ARENA_INIT;
}

static void on_published(StoreReply *reply, void *data)
{
    Operation *operation = data;
    UserEntry *entry = operation->entry;
    if (reply->status.code == STATUS_ABORTED && ++operation->attempts < ATTEMPT_LIMIT) {
        user_entry_set_model(entry, NULL, 0);
        operation_forget_work(operation);
        load(operation);
        return;
    }
    if (!status_is_ok(&reply->status)) {
        /* What is in the store is not known to be what is in memory: read it again next time. */
        user_entry_set_model(entry, NULL, 0);
        operation_refuse(operation, &reply->status);
        return;
    }
    if (operation->pool != USERS_POOL_KEEP)
        task_population_forget(entry->task);
    task_population_change(entry->task, entry->user_number, operation->feeds_pool,
                           operation->knows_share ? &entry->share : NULL, &operation->assembly.share);
    adopt(operation, reply->published.version, operation->created_us, reply->published.history_revision);
    operation->users->metrics.updates += operation->kind != OPERATION_BUILD;
    operation->users->metrics.builds += operation->kind == OPERATION_BUILD;
    finish_with_model(operation);
}

static rpmd_text reason_of(Operation *operation)
{
    if (operation->assembly.kind == ASSEMBLY_BUILD)
        return text_of("build");
    if (operation->assembly.kind == ASSEMBLY_REMOVE)
        return text_of("delete");
    if (operation->assembly.kind == ASSEMBLY_ROLLBACK)
        return text_of(arena_format(&operation->arena, "rollback to %lu", (unsigned long)operation->version));
    return text_of(operation->assembly.factors_changed ? "promotion" : "append");
}

static void publish(Operation *operation)
{
    const Assembly *assembly = &operation->assembly;
    const UserName name = operation->name;
    operation->created_us = now_us();
    StorePublish *request = ARENA_NEW(&operation->arena, StorePublish);
    *request = (StorePublish){
        .task = name.task,
        .user = name.user,
        .user_number = operation->entry->user_number,
        .base_version = operation->base_version,
        .history_revision = operation->base_revision,
        .created_us = operation->created_us,
        .reason = reason_of(operation),
        .extractor_version = assembly->after->extractor_version,
        .deleted = &assembly->removed,
        .deleted_count = assembly->kind == ASSEMBLY_REMOVE,
        .analyses = assembly->analyses,
        .analysis_count = assembly->analysis_count,
        .reasoning = assembly->reasoning,
        .reasoning_count = assembly->reasoning_count,
        .factors = assembly->factors_changed ? &assembly->new_factors : NULL,
        .from_version = assembly->kind == ASSEMBLY_ROLLBACK ? operation->version : 0,
        .replace_statistics = assembly->is_whole,
        .statistics = assembly->statistics,
        .feeds_pool = operation->feeds_pool,
        .replace_population = assembly->is_whole,
        .cells = assembly->cells,
        .cell_count = assembly->cell_count,
        .replace_votes = assembly->is_whole,
        .votes = assembly->votes,
        .vote_count = assembly->vote_count,
    };
    store_model_publish(operation->users->context.store, request, on_published, operation);
}

static void run_assembly(uv_work_t *work)
{
    assembly_run(&CONTAINER_OF(work, Operation, work)->assembly);
}

static void on_assembled(uv_work_t *work, int result)
{
    (void)result;
    Operation *operation = CONTAINER_OF(work, Operation, work);
    if (operation->assembly.kind != ASSEMBLY_LOAD) {
        publish(operation);
        return;
    }
    adopt(operation, operation->base_version, operation->created_us, operation->base_revision);
    operation->users->metrics.loads++;
    operation_forget_work(operation);
    with_current_model(operation);
}

/* A model keeps the version that it was built with, however new the items are that came since. */
static rpmd_text version_of_model(Operation *operation, const rpmd_plugin *plugin, AssemblyKind kind)
{
    if (kind == ASSEMBLY_BUILD)
        return task_extractor_version(&operation->arena, plugin, operation->users->context.config,
                                      operation->users->context.stages);
    return operation->entry->model ? operation->entry->model->extractor_version
                                   : operation->loaded.model.version.extractor_version;
}

void operation_assemble(Operation *operation, AssemblyKind kind)
{
    Assembly *assembly = &operation->assembly;
    const UserEntry *entry = operation->entry;
    const rpmd_plugin *plugin = operation_plugin(operation);
    if (!plugin)
        return;
    assembly->task = task_of_plugin(&operation->arena, plugin);
    assembly->task.extractor_version = version_of_model(operation, plugin, kind);
    assembly->reasoning_task = task_reasoning(&operation->arena, plugin, settings_of(operation)->smoothing);
    assembly->kind = kind;
    assembly->before = entry->model;
    assembly->before_share = &entry->share;
    assembly->stored = &operation->loaded.model;
    operation->knows_share = entry->model != NULL || operation->base_version == 0;
    uv_queue_work(operation->users->context.loop, &operation->work, run_assembly, on_assembled);
}

/* ---- load ---- */

/* A user who was never built takes part where the task does; later the store knows, until it is asked
 * otherwise. */
static bool feeds_pool(const Operation *operation, const StoreModel *stored)
{
    bool before = stored->version.number == 0 || stored->user.feeds_pool;
    bool wanted = operation->pool == USERS_POOL_KEEP ? before : operation->pool == USERS_POOL_IN;
    return wanted && settings_of(operation)->population;
}

static void on_loaded(StoreReply *reply, void *data)
{
    Operation *operation = data;
    UserEntry *entry = operation->entry;
    if (!status_is_ok(&reply->status)) {
        operation_refuse(operation, &reply->status);
        return;
    }
    arena_finish(&operation->loaded_arena);
    operation->loaded_arena = reply->arena;
    reply->arena = ARENA_INIT;
    operation->loaded.model = reply->model;
    const StoreModel *stored = &operation->loaded.model;
    entry->user_number = stored->user.number;
    operation->base_version = stored->version.number;
    operation->base_revision = stored->user.history_revision;
    operation->created_us = stored->version.created_us;
    operation->feeds_pool = feeds_pool(operation, stored);
    bool has_model = stored->version.number > 0;
    bool is_behind = has_model && stored->version.history_revision != stored->user.history_revision;
    if (operation->kind == OPERATION_BUILD || is_behind)
        operation_analyse_loaded(operation);
    else if (has_model)
        operation_assemble(operation, ASSEMBLY_LOAD);
    else
        with_current_model(operation);
}

static void load(Operation *operation)
{
    StoreUserName *name = ARENA_NEW(&operation->arena, StoreUserName);
    *name = store_name_of(operation);
    store_model_load(operation->users->context.store, name, on_loaded, operation);
}

/* ---- what each kind does once the model is there and current ---- */

static void on_item_deleted(StoreReply *reply, void *data)
{
    Operation *operation = data;
    operation->reply.status = reply->status;
    operation_finish(operation);
}

static void delete_item(Operation *operation)
{
    UserEntry *entry = operation->entry;
    if (!entry->model) {
        StoreDeleteItem *request = ARENA_NEW(&operation->arena, StoreDeleteItem);
        const UserName name = operation->name;
        *request = (StoreDeleteItem){name.task, name.user, operation->id};
        store_delete_item(operation->users->context.store, request, on_item_deleted, operation);
        return;
    }
    const ModelEntry *found = user_model_find(entry->model, operation->id);
    if (!found) {
        Status status = STATUS_INIT;
        status_refuse(&status, STATUS_NOT_FOUND,
                      "the user %s has no item '%.*s' in the task %s; `rpmctl history list` shows the ids",
                      entry->user, TEXT_ARGS(operation->id), entry->task->name);
        operation_refuse(operation, &status);
        return;
    }
    operation->assembly.removed = found->item->number;
    operation_assemble(operation, ASSEMBLY_REMOVE);
}

static void on_factors(StoreReply *reply, void *data)
{
    Operation *operation = data;
    if (!status_is_ok(&reply->status)) {
        operation_refuse(operation, &reply->status);
        return;
    }
    arena_finish(&operation->loaded_arena);
    operation->loaded_arena = reply->arena;
    reply->arena = ARENA_INIT;
    operation->loaded.factors = reply->factors;
    operation->assembly.factors = &operation->loaded.factors;
    operation_assemble(operation, ASSEMBLY_ROLLBACK);
}

static void roll_back(Operation *operation)
{
    Status status = STATUS_INIT;
    const UserEntry *entry = operation->entry;
    if (operation->version == 0)
        operation->version = entry->model->version - 1;
    if (operation->version == 0 || operation->version == entry->model->version) {
        status_refuse(
            &status, STATUS_FAILED_PRECONDITION,
            "version %lu is the current one and there is none before it; `rpmctl model versions` lists them",
            (unsigned long)entry->model->version);
        operation_refuse(operation, &status);
        return;
    }
    StoreLoadFactorSet *request = ARENA_NEW(&operation->arena, StoreLoadFactorSet);
    const UserName name = operation->name;
    *request = (StoreLoadFactorSet){name.task, name.user, operation->version};
    store_factor_set_load(operation->users->context.store, request, on_factors, operation);
}

static void refuse_without_model(Operation *operation)
{
    Status status = STATUS_INIT;
    status_refuse(&status, STATUS_FAILED_PRECONDITION,
                  "the user %s has %lu items in the task %s but no model; build it: rpmctl model build "
                  "--task %s --user %s",
                  operation->entry->user, (unsigned long)operation->loaded.model.user.items,
                  operation->entry->task->name, operation->entry->task->name, operation->entry->user);
    operation_refuse(operation, &status);
}

static void with_current_model(Operation *operation)
{
    UserEntry *entry = operation->entry;
    operation->base_version = entry->model ? entry->model->version : 0;
    operation->base_revision = entry->history_revision;
    switch (operation->kind) {
    case OPERATION_GET:
        if (entry->model)
            finish_with_model(operation);
        else
            refuse_without_model(operation);
        break;
    case OPERATION_APPEND:
        finish_with_model(operation);
        break;
    case OPERATION_DELETE:
        operation->feeds_pool = entry->feeds_pool;
        delete_item(operation);
        break;
    case OPERATION_ROLLBACK:
        operation->feeds_pool = entry->feeds_pool;
        if (entry->model)
            roll_back(operation);
        else
            refuse_without_model(operation);
        break;
    case OPERATION_BUILD:
    case OPERATION_ERASE:
        break;
    }
}

static bool is_current(const UserEntry *entry)
{
    return entry->model && !entry->is_stale;
}

/* ---- append ---- */

/* The item as the store has it now, for an assembly. */
static StoreItem *stored_item(Operation *operation, const StorePut *put)
{
    StoreItem *item = ARENA_NEW(&operation->arena, StoreItem);
    *item = (StoreItem){.number = put->number,
                        .revision = put->revision,
                        .order_us = put->order_us,
                        .id = arena_text(&operation->arena, put->id),
                        .query = operation->item.query,
                        .response = operation->item.response,
                        .time_us = operation->item.time_us,
                        .options = operation->item.options,
                        .option_count = operation->item.option_count};
    return item;
}

static void on_put(StoreReply *reply, void *data)
{
    Operation *operation = data;
    UserEntry *entry = operation->entry;
    if (!status_is_ok(&reply->status)) {
        operation_refuse(operation, &reply->status);
        return;
    }
    const StorePut *put = &reply->puts.puts[0];
    operation->reply.outcome = put->outcome;
    operation->reply.id = arena_text(&operation->arena, put->id);
    operation->appended_number = put->number;
    operation->appended_revision = put->revision;
    bool changed = put->outcome != STORE_UNCHANGED;
    if (!is_current(entry) || (changed && put->revision != entry->history_revision + 1)) {
        user_entry_set_model(entry, NULL, 0);
        load(operation);
        return;
    }
    if (!changed) {
        with_current_model(operation);
        return;
    }
    operation->base_version = entry->model->version;
    operation->base_revision = put->revision;
    operation->feeds_pool = entry->feeds_pool;
    operation->appended->item = stored_item(operation, put);
    operation->assembly.fresh = operation->appended;
    operation->assembly.fresh_count = 1;
    operation_assemble(operation, ASSEMBLY_PUT);
}

void operation_put(Operation *operation)
{
    StorePutItems *request = ARENA_NEW(&operation->arena, StorePutItems);
    *request = (StorePutItems){.task = operation->name.task, .items = &operation->item, .count = 1};
    store_put_items(operation->users->context.store, request, on_put, operation);
}

/* ---- erase ---- */

static void on_erased(StoreReply *reply, void *data)
{
    Operation *operation = data;
    UserEntry *entry = operation->entry;
    task_population_forget(entry->task);
    user_entry_set_model(entry, NULL, 0);
    operation->reply.status = reply->status;
    operation->reply.erased = reply->erased;
    operation_finish(operation);
}

void operation_start(Operation *operation)
{
    StoreUserName *name = ARENA_NEW(&operation->arena, StoreUserName);
    switch (operation->kind) {
    case OPERATION_GET:
    case OPERATION_DELETE:
    case OPERATION_ROLLBACK:
        if (is_current(operation->entry))
            with_current_model(operation);
        else
            load(operation);
        break;
    case OPERATION_APPEND:
        appending_in_turn(operation);
        break;
    case OPERATION_BUILD:
        load(operation);
        break;
    case OPERATION_ERASE:
        *name = store_name_of(operation);
        store_erase_user(operation->users->context.store, name, on_erased, operation);
        break;
    }
}
