/* SPDX-License-Identifier: MIT */
#include "daemon/log.h"
#include "daemon/users/extraction.h"
#include "daemon/users/refresh.h"
#include "daemon/users/task.h"
#include "daemon/users/users.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/*
 * ANALYSING (the plugin, and an LLM where one finds features) --> its turn --> refresh -->
 *
 *     no model, or the id is there already: PUBLISHING the item alone. A correction is then brought into the
 *         model by another refresh
 *     else ASSEMBLING with the item --> PUBLISHING both in one transaction, and with those of the appends
 *         that wait for the next turns: they are led, and answered together
 *
 * Natively the place in the user's line is taken at once, so that items keep the order in which they came. An
 * LLM may take a minute, in which nothing else of the user should wait: then it is taken after the analysis.
 */
#define LED_LIMIT (STORE_PUBLISHED_ITEMS - 1)

typedef struct AppendOperation {
    Operation operation;
    Refresh refresh;
    StoreNewItem item; /* in the arena */
    PluginJob *job;
    Extraction *extraction;
    bool is_analysed;
    FreshItem fresh; /* the item's analysis */
    bool is_put;     /* the store has the item, the model not yet */
    StoreOutcome outcome;
    uint64_t number;                        /* of the item, as it is published */
    struct AppendOperation *leader;         /* that publishes this one's item; NULL: none does */
    struct AppendOperation *led[LED_LIMIT]; /* NULL: the caller left meanwhile */
    size_t led_count;
} AppendOperation;

static AppendOperation *append_of(const Operation *operation)
{
    return (AppendOperation *)operation;
}

static bool is_waiting(const Operation *operation)
{
    const AppendOperation *append = append_of(operation);
    return append->job || append->extraction || refresh_is_waiting(&append->refresh);
}

/* Those who were led have their own turns; those who left while they were being written end. */
static void release_led(AppendOperation *append)
{
    for (size_t i = 0; i < append->led_count; i++) {
        AppendOperation *led = append->led[i];
        if (!led)
            continue;
        append->led[i] = led->leader = NULL;
        led->operation.is_written = false;
        if (led->operation.is_cancelled)
            operation_end(&led->operation, &led->operation.ending);
    }
    append->led_count = 0;
}

static void leave_leader(AppendOperation *append)
{
    for (size_t i = 0; append->leader && i < append->leader->led_count; i++)
        if (append->leader->led[i] == append)
            append->leader->led[i] = NULL;
    append->leader = NULL;
}

static void cancel(Operation *operation)
{
    AppendOperation *append = append_of(operation);
    release_led(append);
    leave_leader(append);
    if (append->job)
        plugin_job_cancel(TAKE_PTR(append->job));
    if (append->extraction)
        extraction_cancel(TAKE_PTR(append->extraction));
    refresh_cancel(&append->refresh);
}

static void release(Operation *operation)
{
    refresh_finish(&append_of(operation)->refresh);
}

/* ---- analysing ---------------------------------------------------------------------------------------- */

/* Without an LLM that answers, the item has the plugin's features until it is built again. */
static void on_extracted(void *data, const ExtractionResult *result)
{
    AppendOperation *append = data;
    Operation *operation = &append->operation;
    const UsersContext *context = &operation->users->context;
    const char *task = operation->user->task->name;
    append->extraction = NULL;
    if (!status_is_ok(&result->extract))
        log_warning("task %s: features of an item that was appended are the plugin's: %s", task,
                    result->extract.message);
    if (!status_is_ok(&result->embed))
        log_warning("task %s: an item that was appended has no embedding: %s", task, result->embed.message);
    const rpmd_plugin *plugin = operation_plugin(operation, NULL);
    /* What an LLM judges comes with a build. */
    if (plugin &&
        task_is_complete(plugin, context->config, append->fresh.analysis, result->is_extracted, false))
        append->fresh.version =
            task_extractor_version(&operation->arena, plugin, context->config, context->stages);
    operation_go_on(operation);
}

static void extract(AppendOperation *append, Analysis *analysis)
{
    Operation *operation = &append->operation;
    const UsersContext *context = &operation->users->context;
    const ExtractionRequest request = {
        .name = operation->name,
        .user_number = operation->user->number,
        .query = {append->item.query, append->item.options, append->item.option_count},
        .analysis = analysis,
        .arena = &operation->arena,
        .deadline_ns = operation_deadline(operation),
    };
    append->extraction =
        extraction_begin(context->stages, context->plugins, context->config, &request, on_extracted, append);
}

static void on_analysed(PluginBatch *batch, void *data)
{
    AppendOperation *append = data;
    Operation *operation = &append->operation;
    const UsersContext *context = &operation->users->context;
    Status status = batch->status;
    append->job = NULL;
    append->is_analysed = true;
    if (status_is_ok(&status) && batch->analyses[0].code != STATUS_OK)
        status_refuse(&status, batch->analyses[0].code, "%.*s", TEXT_ARGS(batch->analyses[0].error));
    operation->answer.status = status;
    if (status_is_ok(&status)) {
        Analysis *analysis = ARENA_NEW(&operation->arena, Analysis);
        analysis_copy(&operation->arena, analysis, &batch->analyses[0]);
        append->fresh.analysis = analysis;
        append->fresh.version = arena_text(&operation->arena, text_of(batch->version));
        if (extraction_is_wanted(context->stages, operation->user->task->name)) {
            extract(append, analysis);
            return;
        }
    }
    operation_go_on(operation);
}

static OperationState analyse(AppendOperation *append)
{
    Operation *operation = &append->operation;
    const AnalysisRequest request = {.query = append->item.query,
                                     .options = append->item.options,
                                     .option_count = append->item.option_count,
                                     .response = append->item.response,
                                     .has_response = true};
    append->job =
        plugin_registry_analyze(operation->users->context.plugins, operation->user->task->name, &request, 1,
                                PLUGIN_URGENT, operation_deadline(operation), on_analysed, append);
    return OPERATION_ANALYSING;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static OperationState put_alone(AppendOperation *append)
{
    Operation *operation = &append->operation;
    Arena arena = ARENA_INIT;
    StoreNewItem *item = ARENA_NEW(&arena, StoreNewItem);
    rpmd_text *options = ARENA_ARRAY(&arena, rpmd_text, append->item.option_count);
    for (size_t i = 0; i < append->item.option_count; i++)
        options[i] = arena_text(&arena, append->item.options[i]);
    *item = (StoreNewItem){
        .user = arena_text(&arena, append->item.user),
        .id = arena_text(&arena, append->item.id),
        .query = arena_text(&arena, append->item.query),
        .response = arena_text(&arena, append->item.response),
        .time_us = append->item.time_us,
        .options = options,
        .option_count = append->item.option_count,
        .meta = arena_text(&arena, append->item.meta),
    };
    const StorePutItems request = {.task = operation->name.task, .items = item, .count = 1, .arena = &arena};
    append->is_put = true;
    operation->store =
        store_put_items(operation->users->context.store, &request, operation_on_store, operation);
    return OPERATION_PUBLISHING;
}

static int64_t greatest_order(const UserModel *model)
{
    return model->entry_count > 0 ? model->entries[model->entry_count - 1]->item->order_us : 0;
}

static bool is_id_taken(const AppendOperation *leader, rpmd_text id)
{
    bool is_taken = text_equal(id, leader->item.id) || user_model_find(leader->operation.user->model, id);
    for (size_t i = 0; i < leader->led_count && !is_taken; i++)
        is_taken = text_equal(id, leader->led[i]->item.id);
    return is_taken;
}

/* The appends right behind in the line that are ready, up to the first that is not one of them. */
static void lead(AppendOperation *leader)
{
    const Operation *own = &leader->operation;
    Operation *next = TAILQ_NEXT(own, in_line);
    while (next && next->kind == own->kind && next->is_ready && leader->led_count < LED_LIMIT &&
           !is_id_taken(leader, append_of(next)->item.id)) {
        append_of(next)->leader = leader;
        leader->led[leader->led_count++] = append_of(next);
        next = TAILQ_NEXT(next, in_line);
    }
}

/* The item as the store will have it, for another thread. */
static FreshItem item_to_be(AppendOperation *append, Arena *arena, size_t place, int64_t *order_us)
{
    const User *user = append->operation.user;
    const StoreNewItem *item = &append->item;
    append->number = user->last_item + 1 + place;
    int64_t own_order_us = item->time_us ? item->time_us : *order_us;
    *order_us = MAX(*order_us, own_order_us);
    const StoreItem stored = {.number = append->number,
                              .revision = user->model_revision + 1 + place,
                              .order_us = own_order_us,
                              .id = item->id,
                              .query = item->query,
                              .response = item->response,
                              .time_us = item->time_us,
                              .options = item->options,
                              .option_count = item->option_count,
                              .meta = item->meta};
    FreshItem fresh = append->fresh;
    fresh.item = &stored;
    return fresh_item_copy(arena, &fresh);
}

static OperationState assemble(AppendOperation *append)
{
    Operation *operation = &append->operation;
    Assembly *assembly = assembly_new(ASSEMBLY_CHANGE);
    if (!publication_begin_assembly(operation, assembly)) {
        assembly_free(assembly);
        return OPERATION_DONE;
    }
    int64_t order_us = greatest_order(operation->user->model);
    lead(append);
    assembly->fresh = ARENA_ARRAY(&assembly->arena, FreshItem, 1 + append->led_count);
    assembly->fresh[assembly->fresh_count++] = item_to_be(append, &assembly->arena, 0, &order_us);
    for (size_t i = 0; i < append->led_count; i++)
        assembly->fresh[assembly->fresh_count++] =
            item_to_be(append->led[i], &assembly->arena, 1 + i, &order_us);
    return publication_assemble(operation, assembly, &assembly_work);
}

static OperationState publish(AppendOperation *append)
{
    Operation *operation = &append->operation;
    Assembly *assembled = &operation->assembled;
    Arena *arena = &assembled->arena;
    const User *user = operation->user;
    StorePublishedItem *items = ARENA_ARRAY(arena, StorePublishedItem, assembled->fresh_count);
    for (size_t i = 0; i < assembled->fresh_count; i++) {
        const StoreItem *fresh = assembled->fresh[i].item;
        items[i] = (StorePublishedItem){
            .item = {.user = arena_text(arena, operation->name.user),
                     .id = fresh->id,
                     .query = fresh->query,
                     .response = fresh->response,
                     .time_us = fresh->time_us,
                     .options = fresh->options,
                     .option_count = fresh->option_count,
                     .meta = fresh->meta},
            .number = fresh->number,
            .revision = fresh->revision,
            .order_us = fresh->order_us,
            .record = fresh_item_record(arena, &assembled->fresh[i]),
        };
    }
    for (size_t i = 0; i < append->led_count; i++)
        if (append->led[i])
            append->led[i]->operation.is_written = true;
    StorePublish request = {
        .base_revision = user->model_revision,
        .items = items,
        .published_count = assembled->fresh_count,
        .reason = text_of(assembled->factors_changed ? "promotion" : "append"),
    };
    return publication_publish(operation, &request, user->model_revision + assembled->fresh_count);
}

/* ---- steps -------------------------------------------------------------------------------------------- */

static OperationState finish(AppendOperation *append)
{
    Operation *operation = &append->operation;
    operation->reply.id = append->item.id;
    operation->reply.outcome = append->outcome;
    operation_fill_snapshot(operation);
    return OPERATION_DONE;
}

/* What was led is published, too. A callback may cancel others of them. */
static void answer_led(AppendOperation *append)
{
    for (size_t i = 0; i < append->led_count; i++) {
        AppendOperation *led = append->led[i];
        if (!led)
            continue;
        append->led[i] = led->leader = NULL;
        led->operation.is_written = false;
        led->outcome = STORE_ACCEPTED;
        finish(led);
        operation_complete(&led->operation);
    }
    append->led_count = 0;
}

/* The user is in memory, as of the newest history that is known. */
static OperationState begin(AppendOperation *append)
{
    Operation *operation = &append->operation;
    const User *user = operation->user;
    if (append->is_put)
        return finish(append);
    /* While others write to the history all the time, the item is put on its own, and the model follows. */
    bool is_contended = operation->attempts > 0 && !user_is_current(user);
    if (!user->model || is_contended || user_model_find(user->model, append->item.id))
        return put_alone(append);
    if (user_is_current(user))
        return assemble(append);
    operation->attempts++;
    return refresh_begin(operation, &append->refresh);
}

static OperationState take_put(AppendOperation *append)
{
    Operation *operation = &append->operation;
    User *user = operation->user;
    if (!status_is_ok(&operation->answer.status))
        return operation_refuse(operation, &operation->answer.status);
    const StorePut *put = &operation->answer.puts.puts[0];
    append->outcome = put->outcome;
    if (user->number != put->user_number)
        user_forget_all(&operation->users->table, user);
    user->number = put->user_number;
    user->last_item = MAX(user->last_item, put->number);
    user_saw(user, put->revision);
    return !user->model || user_is_current(user) ? finish(append)
                                                 : refresh_begin(operation, &append->refresh);
}

static OperationState take_published(AppendOperation *append)
{
    Operation *operation = &append->operation;
    if (append->is_put)
        return take_put(append);
    switch (publication_take(operation)) {
    case PUBLICATION_MADE:
        operation->users->metrics.updates++;
        operation->user->last_item = append->number + append->led_count;
        append->outcome = STORE_ACCEPTED;
        answer_led(append);
        return finish(append);
    case PUBLICATION_AGAIN:
        release_led(append);
        return refresh_begin(operation, &append->refresh);
    case PUBLICATION_REFUSED:
        release_led(append);
        break;
    }
    return OPERATION_DONE;
}

static OperationState refreshed(AppendOperation *append)
{
    Operation *operation = &append->operation;
    OperationState next = refresh_step(operation, &append->refresh);
    bool is_new_user = !append->refresh.is_over && next == OPERATION_DONE &&
                       operation->reply.status.code == STATUS_NOT_FOUND && !operation->user->number;
    /* What the store has is kept, whatever becomes of the model: the next request brings that up to date. */
    bool is_kept = append->is_put && !append->refresh.is_over && next == OPERATION_DONE;
    if (is_kept) {
        operation->reply.status = STATUS_INIT;
        return finish(append);
    }
    if (is_new_user) {
        operation->reply.status = STATUS_INIT;
        append->refresh.is_over = true;
    }
    return append->refresh.is_over ? begin(append) : next;
}

static OperationState step(Operation *operation)
{
    AppendOperation *append = append_of(operation);
    if (!append->is_analysed)
        return analyse(append);
    if (operation->state == OPERATION_ANALYSING && !operation->has_turn) {
        if (!status_is_ok(&operation->answer.status))
            return operation_refuse(operation, &operation->answer.status);
        return operation_wait_for_turn(operation);
    }
    if (!append->refresh.is_over)
        return refreshed(append);
    return operation->state == OPERATION_ASSEMBLING ? publish(append) : take_published(append);
}

UserCall *users_append(Users *users, const UserName *name, const StoreNewItem *item, const Caller *caller,
                       UserCallback callback, void *data)
{
    static const OperationKind kind = {.name = "append",
                                       .size = sizeof(AppendOperation),
                                       .step = step,
                                       .is_waiting = is_waiting,
                                       .cancel = cancel,
                                       .release = release};
    Operation *operation = operation_new(users, &kind, name, caller, callback, data);
    AppendOperation *append = append_of(operation);
    Arena *arena = &operation->arena;
    char derived[STORE_DERIVED_ID_SIZE];
    rpmd_text id = item->id;
    if (id.length == 0) {
        store_derive_id(item, derived);
        id = text_of(derived);
    }
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, item->option_count);
    for (size_t i = 0; i < item->option_count; i++)
        options[i] = arena_text(arena, item->options[i]);
    append->item = (StoreNewItem){
        .user = operation->name.user,
        .id = arena_text(arena, id),
        .query = arena_text(arena, item->query),
        .response = arena_text(arena, item->response),
        .time_us = item->time_us,
        .options = options,
        .option_count = item->option_count,
        .meta = arena_text(arena, item->meta),
    };
    if (!extraction_is_wanted(users->context.stages, operation->user->task->name))
        operation_take_place(operation);
    return operation;
}
