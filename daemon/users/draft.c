/* SPDX-License-Identifier: MIT */
#include "daemon/users/draft.h"

#include "daemon/users/draft_internal.h"
#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

static void analyse_next(UserBuild *build);
static void make_model(UserBuild *build);

static const TaskSettings *settings_of(const UserBuild *build)
{
    return config_task(build->users->context.config, build->name.task.data);
}

/* ---- what a build finds in a draft -------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    uint64_t first = (*(DraftItem *const *)a)->item->number, second = (*(DraftItem *const *)b)->item->number;
    return (first > second) - (first < second);
}

const DraftItem *draft_find(const Draft *draft, const StoreItem *item)
{
    const DraftItem key = {.item = item}, *const pointer = &key;
    DraftItem **found =
        bsearch(&pointer, draft->by_number, draft->count, sizeof(DraftItem *), compare_numbers);
    return found && (*found)->item->revision == item->revision ? *found : NULL;
}

bool draft_is_wanted(const UsersContext *context, const char *task)
{
    for (Stage stage = 0; stage < STAGE_RESPOND; stage++)
        if (stage_backend(context->stages, task, stage))
            return true;
    return false;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void finish(UserBuild *build, const UserReply *reply)
{
    Users *users = build->users;
    UserReply told = *reply;
    told.report = &build->report;
    build->callback(&told, build->data);
    LIST_REMOVE(build, link);
    assembly_finish(&build->assembly);
    arena_finish(&build->loaded_arena);
    arena_finish(&build->arena);
    free(build);
    users_finish_closing(users);
}

static void refuse(UserBuild *build, const Status *status)
{
    UserReply reply = {.status = *status};
    finish(build, &reply);
}

/* Whether the build was cancelled meanwhile; it is then over. */
static bool is_over(UserBuild *build)
{
    if (status_is_ok(&build->cancelled))
        return false;
    refuse(build, &build->cancelled);
    return true;
}

static void end_early(UserBuild *build, StatusCode code, const char *sentence)
{
    if (build->is_publishing || !status_is_ok(&build->cancelled))
        return;
    status_refuse(&build->cancelled, code, "%s", sentence);
    bool waits_for_nothing = build->run || build->job;
    if (build->run)
        stage_run_cancel(TAKE_PTR(build->run));
    if (build->job)
        plugin_job_cancel(TAKE_PTR(build->job));
    if (waits_for_nothing)
        refuse(build, &build->cancelled);
}

void users_build_cancel(UserBuild *build)
{
    end_early(build, STATUS_CANCELLED, "the build was cancelled; what the LLM replied so far is kept");
}

void draft_end_all(Users *users)
{
    for (UserBuild *build = LIST_FIRST(&users->builds), *next; build; build = next) {
        next = LIST_NEXT(build, link);
        end_early(build, STATUS_UNAVAILABLE,
                  "rpmd is shutting down; build again when it is back, what the LLM replied so far is kept");
    }
}

void draft_cancel_user(Users *users, const UserName *name)
{
    for (UserBuild *build = LIST_FIRST(&users->builds), *next; build; build = next) {
        next = LIST_NEXT(build, link);
        if (text_equal(build->name.task, name->task) && text_equal(build->name.user, name->user))
            end_early(build, STATUS_ABORTED, "the user was erased while the model was being built");
    }
}

const rpmd_plugin *draft_plugin(const UserBuild *build, Status *status)
{
    return plugin_registry_find(build->users->context.plugins, build->name.task.data, status);
}

/* ---- publish ------------------------------------------------------------------------------------------ */

static void on_published(const UserReply *reply, void *data)
{
    finish(data, reply);
}

static void publish(UserBuild *build)
{
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = draft_plugin(build, &status);
    if (!plugin) {
        refuse(build, &status);
        return;
    }
    build->is_publishing = true;
    for (size_t i = 0; i < build->fresh_count; i++) {
        DraftItem *item = build->fresh[i];
        item->has_version = task_is_complete(plugin, build->users->context.config, item->analysis,
                                             item->is_extracted, item->is_judged);
    }
    if (build->request.is_estimate) {
        UserReply reply = {.status = STATUS_INIT};
        finish(build, &reply);
        return;
    }
    users_publish_build(build->users, &build->name, build->request.pool, &build->draft, on_published, build);
}

/* ---- the model that reasoning cites ------------------------------------------------------------------- */

static void after_model(UserBuild *build)
{
    /* The first model is made of features; with factors of the LLM a second one follows. */
    if (!build->features && draft_cluster(build))
        return;
    if (!draft_reason(build))
        publish(build);
}

static void run_draft(uv_work_t *work)
{
    assembly_draft(&CONTAINER_OF(work, UserBuild, work)->assembly);
}

static void on_drafted(uv_work_t *work, int result)
{
    (void)result;
    UserBuild *build = CONTAINER_OF(work, UserBuild, work);
    if (!is_over(build))
        after_model(build);
}

static void make_model(UserBuild *build)
{
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = draft_plugin(build, &status);
    if (!plugin) {
        refuse(build, &status);
        return;
    }
    Assembly *assembly = &build->assembly;
    FreshAnalysis *fresh = ARENA_ARRAY(&build->arena, FreshAnalysis, build->fresh_count);
    for (size_t i = 0; i < build->fresh_count; i++)
        fresh[i] = (FreshAnalysis){build->fresh[i]->item, build->fresh[i]->analysis, build->draft.version};
    assembly->task = task_of_plugin(&build->arena, plugin);
    assembly->reasoning_task = task_reasoning(&build->arena, plugin, settings_of(build)->smoothing);
    assembly->kind = ASSEMBLY_BUILD;
    assembly->stored = &build->loaded;
    assembly->fresh = fresh;
    assembly->fresh_count = build->fresh_count;
    assembly->given = build->draft.factors;
    assembly->given_count = build->draft.factor_count;
    uv_queue_work(build->users->context.loop, &build->work, run_draft, on_drafted);
}

void draft_stage_done(UserBuild *build, Stage stage, const Status *status, const StageTotals *totals)
{
    build->run = NULL;
    build->report.stages[stage] = *totals;
    if (!status_is_ok(status)) {
        refuse(build, status);
        return;
    }
    switch (stage) {
    case STAGE_EXTRACT:
        if (draft_judge(build))
            return;
        _fallthrough_;
    case STAGE_JUDGE:
        if (draft_embed(build))
            return;
        _fallthrough_;
    case STAGE_EMBED:
    case STAGE_CLUSTER:
        make_model(build);
        break;
    case STAGE_REASON:
    case STAGE_RESPOND:
        publish(build);
    }
}

/* ---- analyse, natively -------------------------------------------------------------------------------- */

static void on_analysed(PluginBatch *batch, void *data)
{
    UserBuild *build = data;
    Status status = batch->status;
    build->job = NULL;
    for (size_t i = 0; i < batch->count && status_is_ok(&status); i++) {
        const Analysis *analysis = &batch->analyses[i];
        if (analysis->code == STATUS_CANCELLED || analysis->code == STATUS_DEADLINE_EXCEEDED)
            status_refuse(&status, analysis->code, "%.*s", TEXT_ARGS(analysis->error));
        Analysis *kept = ARENA_NEW(&build->arena, Analysis);
        analysis_copy(&build->arena, kept, analysis);
        build->fresh[build->analysed + i]->analysis = kept;
    }
    if (!status_is_ok(&status)) {
        refuse(build, &status);
        return;
    }
    build->analysed += batch->count;
    analyse_next(build);
}

static void analyse_next(UserBuild *build)
{
    const UsersContext *context = &build->users->context;
    size_t count = MIN(build->fresh_count - build->analysed, (size_t)ANALYSIS_BATCH);
    if (count == 0) {
        if (!draft_extract(build) && !draft_judge(build) && !draft_embed(build))
            make_model(build);
        return;
    }
    _cleanup_arena_ Arena arena = ARENA_INIT;
    AnalysisRequest *requests = ARENA_ARRAY(&arena, AnalysisRequest, count);
    for (size_t i = 0; i < count; i++) {
        const StoreItem *item = build->fresh[build->analysed + i]->item;
        requests[i] = (AnalysisRequest){.query = item->query,
                                        .options = item->options,
                                        .option_count = item->option_count,
                                        .response = item->response,
                                        .has_response = true};
    }
    build->job = plugin_registry_analyze(
        context->plugins, build->name.task.data, requests, count, PLUGIN_BACKGROUND,
        uv_hrtime() + context->config->call_seconds * 1000000000ull, on_analysed, build);
}

static void on_loaded(StoreReply *reply, void *data)
{
    UserBuild *build = data;
    Status status = reply->status;
    Draft *draft = &build->draft;
    if (is_over(build))
        return;
    const rpmd_plugin *plugin = status_is_ok(&status) ? draft_plugin(build, &status) : NULL;
    if (!plugin) {
        refuse(build, &status);
        return;
    }
    build->loaded_arena = reply->arena;
    reply->arena = ARENA_INIT;
    build->loaded = reply->model;
    draft->version = task_extractor_version(&build->arena, plugin, build->users->context.config,
                                            build->users->context.stages);
    draft->native_version = arena_text(&build->arena, text_of(plugin->version));
    draft->count = build->loaded.item_count;
    draft->items = ARENA_ARRAY(&build->arena, DraftItem, draft->count);
    draft->by_number = ARENA_ARRAY(&build->arena, DraftItem *, draft->count);
    build->fresh = ARENA_ARRAY(&build->arena, DraftItem *, draft->count);
    for (size_t i = 0; i < draft->count; i++) {
        draft->items[i].item = &build->loaded.items[i];
        draft->by_number[i] = &draft->items[i];
        if (!text_equal(build->loaded.items[i].extractor_version, draft->version))
            build->fresh[build->fresh_count++] = &draft->items[i];
    }
    qsort(draft->by_number, draft->count, sizeof(DraftItem *), compare_numbers);
    analyse_next(build);
}

UserBuild *draft_begin(Users *users, const UserName *name, const BuildRequest *request, UserCallback callback,
                       void *data)
{
    UserBuild *build = NEW(UserBuild);
    *build = (UserBuild){.users = users, .request = *request, .callback = callback, .data = data};
    build->name = (UserName){arena_text(&build->arena, name->task), arena_text(&build->arena, name->user)};
    build->load = (StoreUserName){build->name.task, build->name.user};
    uint64_t cap = (uint64_t)(users->context.config->build_cost * 1e6);
    if (cap > 0 && (request->budget_micros == 0 || request->budget_micros > cap))
        build->request.budget_micros = cap;
    LIST_INSERT_HEAD(&users->builds, build, link);
    store_model_load(users->context.store, &build->load, on_loaded, build);
    return build;
}
