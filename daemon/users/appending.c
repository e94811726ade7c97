/* SPDX-License-Identifier: MIT */
#include "daemon/users/appending.h"

#include "daemon/log.h"
#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

static const char *task_name(const Operation *operation)
{
    return operation->name.task.data;
}

static bool waits_for_llm(const Operation *operation)
{
    return !operation->entry;
}

/* The item's analysis is complete: now it is its turn, or it waits for that. */
static void go_on(Operation *operation)
{
    if (waits_for_llm(operation)) {
        LIST_REMOVE(operation, preparing);
        operation_enqueue(operation);
    } else {
        operation_put(operation);
    }
}

static void refuse(Operation *operation, const Status *status)
{
    if (waits_for_llm(operation))
        LIST_REMOVE(operation, preparing);
    operation_refuse(operation, status);
}

static void refuse_cancelled(Operation *operation, Status *status)
{
    status_refuse(status, STATUS_CANCELLED, "the caller left before the item was stored");
    refuse(operation, status);
}

/* Without an LLM that answers, the item has the plugin's features until it is built again. */
static void on_extracted(void *data, const ExtractionResult *result)
{
    Operation *operation = data;
    const UsersContext *context = &operation->users->context;
    Status status = STATUS_INIT;
    operation->extraction = NULL;
    const rpmd_plugin *plugin = plugin_registry_find(context->plugins, task_name(operation), &status);
    if (!plugin) {
        refuse(operation, &status);
        return;
    }
    if (!status_is_ok(&result->extract))
        log_warning("task %s: features of an item that was appended are the plugin's: %s",
                    task_name(operation), result->extract.message);
    if (!status_is_ok(&result->embed))
        log_warning("task %s: an item that was appended has no embedding: %s", task_name(operation),
                    result->embed.message);
    /* What an LLM judges comes with a build. */
    if (task_is_complete(plugin, context->config, operation->appended->analysis, result->is_extracted, false))
        operation->appended->version =
            task_extractor_version(&operation->arena, plugin, context->config, context->stages);
    go_on(operation);
}

static void extract(Operation *operation, Analysis *analysis)
{
    const UsersContext *context = &operation->users->context;
    const ExtractionRequest request = {
        .name = operation->name,
        .query = {operation->item.query, operation->item.options, operation->item.option_count},
        .analysis = analysis,
        .arena = &operation->arena,
        .deadline_ns = operation_deadline(operation),
    };
    operation->extraction = extraction_begin(context->stages, context->plugins, context->config, &request,
                                             on_extracted, operation);
}

static void on_analysed(PluginBatch *batch, void *data)
{
    Operation *operation = data;
    Status status = batch->status;
    if (status_is_ok(&status) && batch->analyses[0].code != STATUS_OK)
        status_refuse(&status, batch->analyses[0].code, "%.*s", TEXT_ARGS(batch->analyses[0].error));
    if (operation->is_cancelled) {
        refuse_cancelled(operation, &status);
        return;
    }
    if (!status_is_ok(&status)) {
        refuse(operation, &status);
        return;
    }
    Analysis *analysis = ARENA_NEW(&operation->arena, Analysis);
    analysis_copy(&operation->arena, analysis, &batch->analyses[0]);
    operation->appended = ARENA_NEW(&operation->arena, FreshAnalysis);
    operation->appended->analysis = analysis;
    operation->appended->version = arena_text(&operation->arena, text_of(batch->version));
    if (waits_for_llm(operation))
        extract(operation, analysis);
    else
        go_on(operation);
}

static void analyse(Operation *operation)
{
    AnalysisRequest *request = ARENA_NEW(&operation->arena, AnalysisRequest);
    *request = (AnalysisRequest){.query = operation->item.query,
                                 .options = operation->item.options,
                                 .option_count = operation->item.option_count,
                                 .response = operation->item.response,
                                 .has_response = true};
    plugin_registry_analyze(operation->users->context.plugins, task_name(operation), request, 1,
                            PLUGIN_URGENT, operation_deadline(operation), on_analysed, operation);
}

/* ---- the door ----------------------------------------------------------------------------------------- */

void appending_begin(Operation *operation)
{
    Users *users = operation->users;
    if (!extraction_is_wanted(users->context.stages, task_name(operation))) {
        operation_enqueue(operation);
        return;
    }
    LIST_INSERT_HEAD(&users->preparing, operation, preparing);
    analyse(operation);
}

void appending_in_turn(Operation *operation)
{
    if (operation->appended)
        operation_put(operation);
    else
        analyse(operation);
}

void users_append_cancel(Users *users, const void *data)
{
    Operation *operation = LIST_FIRST(&users->preparing);
    while (operation && operation->data != data)
        operation = LIST_NEXT(operation, preparing);
    if (!operation)
        return;
    /* What the plugin says then is told to nobody. */
    operation->is_cancelled = true;
    if (operation->extraction) {
        Status status = STATUS_INIT;
        extraction_cancel(TAKE_PTR(operation->extraction));
        refuse_cancelled(operation, &status);
    }
}
