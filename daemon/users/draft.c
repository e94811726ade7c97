/* SPDX-License-Identifier: MIT */
#include "daemon/users/draft.h"

#include "daemon/users/draft_internal.h"
#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#define NANOSECONDS_PER_SECOND 1000000000ull

/* Items in one call of the plugin: enough to make the hand-over cheap, few enough to be fair to other calls.
 */
#define ANALYSIS_BATCH 64

static void analyse_next(Draft *draft);
static void make_model(Draft *draft);

/* ---- what is in it ------------------------------------------------------------------------------------ */

bool draft_is_wanted(const UsersContext *context, const char *task)
{
    for (Stage stage = 0; stage < STAGE_RESPOND; stage++)
        if (stage_backend(context->stages, task, stage))
            return true;
    return false;
}

const BuildReport *draft_report(const Draft *draft)
{
    return &draft->report;
}

const DraftItem *draft_items(const Draft *draft)
{
    return draft->items;
}

rpmd_text draft_version(const Draft *draft, bool is_complete)
{
    return is_complete ? draft->version : draft->native_version;
}

const FactorInput *draft_factors(const Draft *draft, Arena *arena, size_t *count)
{
    *count = draft->factor_count;
    if (!draft->factors)
        return NULL;
    FactorInput *copies = ARENA_ARRAY(arena, FactorInput, draft->factor_count);
    for (size_t i = 0; i < draft->factor_count; i++) {
        const FactorInput *factor = &draft->factors[i];
        rpmd_text *members = ARENA_ARRAY(arena, rpmd_text, factor->member_count);
        for (size_t m = 0; m < factor->member_count; m++)
            members[m] = arena_text(arena, factor->members[m]);
        copies[i] = (FactorInput){arena_text(arena, factor->name), arena_text(arena, factor->description),
                                  members, factor->member_count};
    }
    return copies;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

void draft_free(Draft *draft)
{
    if (!draft)
        return;
    later_cancel(&draft->later);
    if (draft->run)
        stage_run_cancel(draft->run);
    if (draft->job)
        plugin_job_cancel(draft->job);
    if (draft->work)
        work_cancel(draft->work);
    user_model_unref(draft->model);
    arena_finish(&draft->arena);
    free(draft);
}

static void end(Draft *draft, const Status *status)
{
    draft->done(draft->data, status);
}

static void finish(Draft *draft)
{
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = draft_plugin(draft, &status);
    for (size_t i = 0; plugin && i < draft->fresh_count; i++) {
        DraftItem *item = draft->fresh[i];
        item->has_version = task_is_complete(plugin, draft->context.config, item->analysis,
                                             item->is_extracted, item->is_judged);
    }
    end(draft, &status);
}

/* ---- the model that reasoning cites ------------------------------------------------------------------- */

static void on_model(void *owner, void *job)
{
    Draft *draft = owner;
    Assembly *assembly = job;
    draft->work = NULL;
    user_model_unref(draft->model);
    draft->model = TAKE_PTR(assembly->after);
    /* The first model is made of features; with factors of the LLM a second one follows. */
    if (!draft->features && draft_cluster(draft))
        return;
    if (!draft_reason(draft))
        finish(draft);
}

static void make_model(Draft *draft)
{
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = draft_plugin(draft, &status);
    if (!plugin) {
        end(draft, &status);
        return;
    }
    Assembly *assembly = assembly_new(ASSEMBLY_NEW);
    Arena *arena = &assembly->arena;
    assembly->task = task_of_plugin(arena, plugin);
    assembly->texts = feature_texts_ref(draft->texts);
    assembly->items = ARENA_ARRAY(arena, ModelItem *, draft->count);
    assembly->fresh = ARENA_ARRAY(arena, FreshItem, draft->fresh_count);
    for (size_t i = 0; i < draft->count; i++)
        if (draft->items[i].read)
            assembly->items[assembly->item_count++] = model_item_ref(draft->items[i].read);
    for (size_t i = 0; i < draft->fresh_count; i++)
        assembly->fresh[assembly->fresh_count++] =
            fresh_item_copy(arena, &(FreshItem){.item = draft->fresh[i]->item,
                                                .analysis = draft->fresh[i]->analysis,
                                                .version = draft->version});
    assembly->given = draft_factors(draft, arena, &assembly->given_count);
    draft->work = work_begin(draft->context.loop, &assembly_build_work, assembly, on_model, draft);
}

static void stage_done(Draft *draft, Stage stage, const Status *status, const StageTotals *totals)
{
    draft->run = NULL;
    draft->report.stages[stage] = *totals;
    if (!status_is_ok(status)) {
        end(draft, status);
        return;
    }
    switch (stage) {
    case STAGE_EXTRACT:
        if (draft_judge(draft))
            return;
        _fallthrough_;
    case STAGE_JUDGE:
        if (draft_embed(draft))
            return;
        _fallthrough_;
    case STAGE_EMBED:
    case STAGE_CLUSTER:
        make_model(draft);
        break;
    case STAGE_REASON:
    case STAGE_RESPOND:
        finish(draft);
    }
}

/* ---- analyse, natively -------------------------------------------------------------------------------- */

static void on_analysed(PluginBatch *batch, void *data)
{
    Draft *draft = data;
    Status status = batch->status;
    draft->job = NULL;
    for (size_t i = 0; i < batch->count && status_is_ok(&status); i++) {
        const Analysis *analysis = &batch->analyses[i];
        if (analysis->code == STATUS_CANCELLED || analysis->code == STATUS_DEADLINE_EXCEEDED)
            status_refuse(&status, analysis->code, "%.*s", TEXT_ARGS(analysis->error));
        Analysis *kept = ARENA_NEW(&draft->arena, Analysis);
        analysis_copy(&draft->arena, kept, analysis);
        draft->fresh[draft->analysed + i]->analysis = kept;
    }
    if (!status_is_ok(&status)) {
        end(draft, &status);
        return;
    }
    draft->analysed += batch->count;
    analyse_next(draft);
}

static void analyse_next(Draft *draft)
{
    const UsersContext *context = &draft->context;
    size_t count = MIN(draft->fresh_count - draft->analysed, (size_t)ANALYSIS_BATCH);
    AnalysisRequest requests[ANALYSIS_BATCH];
    if (count == 0) {
        if (!draft_extract(draft) && !draft_judge(draft) && !draft_embed(draft))
            make_model(draft);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const StoreItem *item = draft->fresh[draft->analysed + i]->item;
        requests[i] = (AnalysisRequest){.query = item->query,
                                        .options = item->options,
                                        .option_count = item->option_count,
                                        .response = item->response,
                                        .has_response = true};
    }
    draft->job = plugin_registry_analyze(
        context->plugins, draft->name.task.data, requests, count, PLUGIN_BACKGROUND,
        uv_hrtime() + context->config->call_seconds * NANOSECONDS_PER_SECOND, on_analysed, draft);
}

static void on_begin(Later *later)
{
    Draft *draft = CONTAINER_OF(later, Draft, later);
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = draft_plugin(draft, &status);
    if (!plugin) {
        end(draft, &status);
        return;
    }
    draft->version =
        task_extractor_version(&draft->arena, plugin, draft->context.config, draft->context.stages);
    draft->native_version = arena_text(&draft->arena, text_of(plugin->version));
    analyse_next(draft);
}

Draft *draft_begin(const UsersContext *context, const DraftRequest *request, DraftDone done, void *data)
{
    Draft *draft = NEW(Draft);
    *draft = (Draft){.context = *context,
                     .name = request->name,
                     .user_number = request->user_number,
                     .texts = request->texts,
                     .request = request->build,
                     .progress_data = request->progress_data,
                     .done = done,
                     .stage_done = stage_done,
                     .data = data,
                     .count = request->count};
    uint64_t cap = (uint64_t)(context->config->build_cost * 1e6);
    if (cap > 0 && (draft->request.budget_micros == 0 || draft->request.budget_micros > cap))
        draft->request.budget_micros = cap;
    draft->smoothing = config_task(context->config, request->name.task.data)->smoothing;
    draft->items = ARENA_ARRAY(&draft->arena, DraftItem, draft->count);
    draft->by_number = ARENA_ARRAY(&draft->arena, DraftItem *, draft->count);
    draft->fresh = ARENA_ARRAY(&draft->arena, DraftItem *, draft->count);
    for (size_t i = 0; i < draft->count; i++) {
        draft->items[i] = (DraftItem){.item = &request->items[i], .read = request->read[i]};
        draft->by_number[i] = &draft->items[i];
        if (!request->read[i])
            draft->fresh[draft->fresh_count++] = &draft->items[i];
    }
    draft_sort(draft);
    later_call(context->loop, &draft->later, on_begin);
    return draft;
}
