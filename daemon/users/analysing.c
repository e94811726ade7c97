/* SPDX-License-Identifier: MIT */
#include "daemon/users/operation.h"

#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

static void analyse_next(Operation *operation);

static void on_analysed(PluginBatch *batch, void *data)
{
    Operation *operation = data;
    Status status = batch->status;
    for (size_t i = 0; i < batch->count && status_is_ok(&status); i++) {
        const Analysis *analysis = &batch->analyses[i];
        if (analysis->code == STATUS_CANCELLED || analysis->code == STATUS_DEADLINE_EXCEEDED) {
            status_refuse(&status, analysis->code, "%.*s", TEXT_ARGS(analysis->error));
            break;
        }
        Analysis *kept = ARENA_NEW(&operation->arena, Analysis);
        analysis_copy(&operation->arena, kept, analysis);
        operation->asked[i]->analysis = kept;
    }
    if (!status_is_ok(&status)) {
        operation_refuse(operation, &status);
        return;
    }
    analyse_next(operation);
}

static void analyse_next(Operation *operation)
{
    size_t count = 0;
    while (operation->analysed < operation->fresh_count && count < ANALYSIS_BATCH) {
        FreshAnalysis *fresh = &operation->fresh[operation->analysed++];
        if (!fresh->analysis)
            operation->asked[count++] = fresh;
    }
    if (count == 0) {
        operation->assembly.fresh = operation->fresh;
        operation->assembly.fresh_count = operation->fresh_count;
        if (operation->kind == OPERATION_BUILD && operation->draft) {
            operation->assembly.paths = operation->paths;
            operation->assembly.given = operation->draft->factors;
            operation->assembly.given_count = operation->draft->factor_count;
        }
        operation_assemble(operation,
                           operation->kind == OPERATION_BUILD ? ASSEMBLY_BUILD : ASSEMBLY_CATCH_UP);
        return;
    }
    AnalysisRequest *requests = ARENA_ARRAY(&operation->arena, AnalysisRequest, count);
    for (size_t i = 0; i < count; i++) {
        const StoreItem *item = operation->asked[i]->item;
        requests[i] = (AnalysisRequest){.query = item->query,
                                        .options = item->options,
                                        .option_count = item->option_count,
                                        .response = item->response,
                                        .has_response = true};
    }
    PluginUrgency urgency = operation->kind == OPERATION_BUILD ? PLUGIN_BACKGROUND : PLUGIN_URGENT;
    plugin_registry_analyze(operation->users->context.plugins, operation->entry->task->name, requests, count,
                            urgency, operation_deadline(operation), on_analysed, operation);
}

/* An item to analyse, or with what was found in it already: by LLMs, or when it was appended. */
static void add_fresh(Operation *operation, const StoreItem *item, const rpmd_text native_version)
{
    const Draft *draft = operation->draft;
    const DraftItem *drafted = draft ? draft_find(draft, item) : NULL;
    FreshAnalysis *fresh = &operation->fresh[operation->fresh_count++];
    *fresh = (FreshAnalysis){.item = item, .version = native_version};
    if (operation->appended && item->number == operation->appended_number &&
        item->revision == operation->appended_revision) {
        fresh->analysis = operation->appended->analysis;
        fresh->version = operation->appended->version;
    }
    if (!drafted || !drafted->analysis)
        return;
    fresh->analysis = drafted->analysis;
    fresh->version = drafted->has_version ? draft->version : native_version;
}

/* Finds the loaded items to analyse: those without an analysis, or of another version of the extractor. */
void operation_analyse_loaded(Operation *operation)
{
    const StoreModel *stored = &operation->loaded.model;
    const rpmd_plugin *plugin = operation_plugin(operation);
    if (!plugin)
        return;
    rpmd_text native = arena_text(&operation->arena, text_of(plugin->version));
    rpmd_text wanted = task_extractor_version(&operation->arena, plugin, operation->users->context.config,
                                              operation->users->context.stages);
    operation->fresh = ARENA_ARRAY(&operation->arena, FreshAnalysis, stored->item_count);
    operation->asked = ARENA_ARRAY(&operation->arena, FreshAnalysis *, ANALYSIS_BATCH);
    operation->paths = ARENA_ARRAY(&operation->arena, rpmd_text, stored->item_count);
    operation->fresh_count = operation->analysed = 0;
    for (size_t i = 0; i < stored->item_count; i++) {
        const StoreItem *item = &stored->items[i];
        const DraftItem *drafted = operation->draft ? draft_find(operation->draft, item) : NULL;
        if (drafted)
            operation->paths[i] = drafted->path;
        if (item->extractor_version.length == 0 ||
            (operation->kind == OPERATION_BUILD && !text_equal(item->extractor_version, wanted)))
            add_fresh(operation, item, native);
    }
    analyse_next(operation);
}
