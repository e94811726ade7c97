/* SPDX-License-Identifier: MIT */
#include "daemon/users/draft_internal.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/citation_model.h"
#include "lib/plugin/judge_by_words.h"

/* Tokens of a reply for one element, as they were seen to be; for estimates. */
static const uint32_t tokens_of_element[STAGE_COUNT] = {
    [STAGE_EXTRACT] = 220, [STAGE_CLUSTER] = 600, [STAGE_JUDGE] = 80, [STAGE_REASON] = 110};
#define BYTES_PER_TOKEN 4 /* of a prompt in English, roughly */

static const char *backend_of(const UserBuild *build, Stage stage)
{
    return stage_backend(build->users->context.stages, build->name.task.data, stage);
}

static const PromptTemplate *prompt_of(const UserBuild *build, Stage stage)
{
    return stage_prompt(build->users->context.stages, build->name.task.data, stage);
}

static uint64_t spent(const UserBuild *build)
{
    uint64_t sum = 0;
    for (Stage stage = 0; stage < STAGE_COUNT; stage++)
        sum += build->report.stages[stage].cost_micros;
    return sum;
}

/* Writes every prompt and asks nobody. */
static int estimate(UserBuild *build, Stage stage, size_t count, const StageWork *work, Status *status)
{
    StageTotals *totals = &build->report.stages[stage];
    for (size_t begin = 0, batch; begin < count; begin += batch) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        StageAsk ask = {0};
        batch = work->batch(build, begin);
        int r = work->ask(build, begin, batch, &ask, &arena, status);
        if (r == 0) {
            totals->usage.prompt_tokens += ask.prompt.length / BYTES_PER_TOKEN + 1;
            totals->usage.completion_tokens += batch * tokens_of_element[stage];
            totals->elements += batch;
            totals->batches++;
            totals->calls++;
        }
        stage_ask_finish(&ask);
        if (r)
            return r;
    }
    totals->cost_micros = stage_cost(build->users->context.stages, backend_of(build, stage), &totals->usage);
    return 0;
}

static bool begin(UserBuild *build, Stage stage, size_t count, const StageWork *work)
{
    if (count == 0)
        return false;
    build->element_count = count;
    if (build->request.is_estimate) {
        Status status = STATUS_INIT;
        const StageTotals *totals = &build->report.stages[stage];
        (void)!estimate(build, stage, count, work, &status);
        draft_stage_done(build, stage, &status, totals);
        return true;
    }
    uint64_t budget = build->request.budget_micros;
    const StageRunRequest request = {
        .stage = stage,
        .task = build->name.task,
        .user = build->name.user,
        .backend = backend_of(build, stage),
        .count = count,
        .has_budget = budget > 0,
        .budget_micros = budget - MIN(budget, spent(build)),
    };
    build->run = stage_run(build->users->context.stages, &request, work, build);
    return true;
}

static void report_progress(UserBuild *build, Stage stage, const StageTotals *totals)
{
    build->report.stages[stage] = *totals;
    if (build->request.progress)
        build->request.progress(&(BuildProgress){stage, build->element_count, &build->report}, build->data);
}

/* ---- extract ------------------------------------------------------------------------------------------ */

static size_t extract_next(void *data, size_t from)
{
    const UserBuild *build = data;
    return extract_batch(build->queries + from, build->element_count - from);
}

static int extract_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    UserBuild *build = data;
    const rpmd_plugin *plugin = draft_plugin(build, status);
    if (!plugin)
        return STATUS_REFUSED;
    extract_ask(ask, prompt_of(build, STAGE_EXTRACT), plugin, build->queries + from, count, arena);
    return 0;
}

static const char *extract_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                                StageLeft *left)
{
    UserBuild *build = data;
    ExtractResult *results = ARENA_ARRAY(arena, ExtractResult, count);
    const rpmd_plugin *plugin = draft_plugin(build, NULL);
    bool is_open = plugin && plugin->answer_kind == RPMD_ANSWER_TEXT;
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = is_open ? tokenizer_new() : NULL;
    /* The features outlive the batch. */
    const char *fault = extract_parse(reply, build->queries + from, count, &build->arena, results);
    for (size_t i = 0; i < count; i++) {
        DraftItem *item = build->elements[from + i];
        if (fault || !results[i].is_answered) {
            stage_left_add(left, from + i);
            continue;
        }
        item->is_extracted = true;
        item->analysis->features = results[i].features;
        item->analysis->feature_count = results[i].feature_count;
        item->analysis->features_dropped = results[i].dropped;
        item->analysis->drop_reason = results[i].drop_reason;
        if (is_open && item->analysis->has_answer)
            judge_by_words(tokenizer, arena, item->item->query, item->analysis);
        build->report.features += results[i].feature_count;
        build->report.features_dropped += results[i].dropped;
    }
    return fault;
}

static void extract_progress(void *data, const StageTotals *totals)
{
    report_progress(data, STAGE_EXTRACT, totals);
}

static void extract_done(void *data, const Status *status, const StageTotals *totals)
{
    draft_stage_done(data, STAGE_EXTRACT, status, totals);
}

bool draft_extract(UserBuild *build)
{
    static const StageWork work = {extract_next, extract_write, extract_take, extract_progress, extract_done};
    size_t count = 0;
    if (!backend_of(build, STAGE_EXTRACT))
        return false;
    build->elements = ARENA_ARRAY(&build->arena, DraftItem *, build->fresh_count);
    build->queries = ARENA_ARRAY(&build->arena, ExtractQuery, build->fresh_count);
    for (size_t i = 0; i < build->fresh_count; i++) {
        const StoreItem *item = build->fresh[i]->item;
        if (build->fresh[i]->analysis->code != STATUS_OK)
            continue;
        build->elements[count] = build->fresh[i];
        build->queries[count++] = (ExtractQuery){item->query, item->options, item->option_count};
    }
    return begin(build, STAGE_EXTRACT, count, &work);
}

/* ---- judge -------------------------------------------------------------------------------------------- */

static size_t judge_next(void *data, size_t from)
{
    const UserBuild *build = data;
    return judge_batch(build->judge_items + from, build->element_count - from);
}

static int judge_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    UserBuild *build = data;
    const rpmd_plugin *plugin = draft_plugin(build, status);
    if (!plugin)
        return STATUS_REFUSED;
    judge_ask(ask, prompt_of(build, STAGE_JUDGE), plugin, build->judge_items + from, count, arena);
    return 0;
}

static const char *judge_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                              StageLeft *left)
{
    (void)arena;
    UserBuild *build = data;
    const char *fault = judge_parse(reply, build->judge_items + from, count, build->judgements + from);
    for (size_t i = 0; i < count; i++) {
        DraftItem *item = build->elements[from + i];
        for (size_t f = 0; !fault && f < item->analysis->feature_count; f++) {
            FeatureJudgement judgement = build->judgements[from + i][f];
            item->is_judged |= judgement != FEATURE_NOT_JUDGED;
            if (judgement != FEATURE_NOT_JUDGED)
                item->analysis->features[f].judgement = judgement;
        }
        if (!item->is_judged)
            stage_left_add(left, from + i);
    }
    return fault;
}

static void judge_progress(void *data, const StageTotals *totals)
{
    report_progress(data, STAGE_JUDGE, totals);
}

static void judge_done(void *data, const Status *status, const StageTotals *totals)
{
    draft_stage_done(data, STAGE_JUDGE, status, totals);
}

bool draft_judge(UserBuild *build)
{
    static const StageWork work = {judge_next, judge_write, judge_take, judge_progress, judge_done};
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = draft_plugin(build, &status);
    size_t count = 0;
    if (!backend_of(build, STAGE_JUDGE) || !plugin || plugin->answer_kind != RPMD_ANSWER_TEXT)
        return false;
    build->elements = ARENA_ARRAY(&build->arena, DraftItem *, build->fresh_count);
    build->judge_items = ARENA_ARRAY(&build->arena, JudgeItem, build->fresh_count);
    build->judgements = ARENA_ARRAY(&build->arena, FeatureJudgement *, build->fresh_count);
    for (size_t i = 0; i < build->fresh_count; i++) {
        const Analysis *analysis = build->fresh[i]->analysis;
        if (analysis->code != STATUS_OK || !analysis->has_answer)
            continue;
        if (analysis->feature_count == 0) {
            build->fresh[i]->is_judged = true;
            continue;
        }
        build->elements[count] = build->fresh[i];
        build->judgements[count] = ARENA_ARRAY(&build->arena, FeatureJudgement, analysis->feature_count);
        build->judge_items[count++] = (JudgeItem){build->fresh[i]->item->query, analysis->answer,
                                                  analysis->features, analysis->feature_count};
    }
    return begin(build, STAGE_JUDGE, count, &work);
}

/* ---- embed -------------------------------------------------------------------------------------------- */

static size_t embed_next(void *data, size_t from)
{
    const UserBuild *build = data;
    return MIN(build->element_count - from, (size_t)EMBED_BATCH);
}

static int embed_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    (void)arena;
    (void)status;
    const UserBuild *build = data;
    embed_ask(ask, build->to_embed + from, count);
    return 0;
}

static const char *embed_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                              StageLeft *left)
{
    UserBuild *build = data;
    const Config *config = build->users->context.config;
    Embedding *embeddings = ARENA_ARRAY(arena, Embedding, count);
    const char *fault = embed_parse(reply, config_backend(config, backend_of(build, STAGE_EMBED))->model,
                                    count, &build->arena, embeddings);
    for (size_t i = 0; i < count; i++) {
        if (fault)
            stage_left_add(left, from + i);
        else
            build->elements[from + i]->analysis->embedding = embeddings[i];
    }
    return fault;
}

static void embed_progress(void *data, const StageTotals *totals)
{
    report_progress(data, STAGE_EMBED, totals);
}

static void embed_done(void *data, const Status *status, const StageTotals *totals)
{
    draft_stage_done(data, STAGE_EMBED, status, totals);
}

bool draft_embed(UserBuild *build)
{
    static const StageWork work = {embed_next, embed_write, embed_take, embed_progress, embed_done};
    size_t count = 0;
    if (!backend_of(build, STAGE_EMBED))
        return false;
    build->elements = ARENA_ARRAY(&build->arena, DraftItem *, build->fresh_count);
    build->to_embed = ARENA_ARRAY(&build->arena, const Analysis *, build->fresh_count);
    for (size_t i = 0; i < build->fresh_count; i++) {
        const Analysis *analysis = build->fresh[i]->analysis;
        if (analysis->code != STATUS_OK || analysis->feature_count == 0)
            continue;
        build->elements[count] = build->fresh[i];
        build->to_embed[count++] = analysis;
    }
    return begin(build, STAGE_EMBED, count, &work);
}

/* ---- cluster ------------------------------------------------------------------------------------------ */

static size_t cluster_next(void *data, size_t from)
{
    (void)data;
    (void)from;
    return 1;
}

static int cluster_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    (void)from;
    (void)count;
    UserBuild *build = data;
    const rpmd_plugin *plugin = draft_plugin(build, status);
    if (!plugin)
        return STATUS_REFUSED;
    cluster_ask(ask, prompt_of(build, STAGE_CLUSTER), plugin, build->features, build->feature_count, arena);
    return 0;
}

static const char *cluster_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                                StageLeft *left)
{
    (void)count;
    (void)arena;
    UserBuild *build = data;
    ClusterResult result;
    const char *fault = cluster_parse(reply, build->features, build->feature_count, &build->arena, &result);
    if (fault) {
        stage_left_add(left, from);
    } else {
        build->draft.factors = result.factors;
        build->draft.factor_count = result.factor_count;
    }
    return fault;
}

static void cluster_done(void *data, const Status *status, const StageTotals *totals)
{
    draft_stage_done(data, STAGE_CLUSTER, status, totals);
}

bool draft_cluster(UserBuild *build)
{
    static const StageWork work = {cluster_next, cluster_write, cluster_take, NULL, cluster_done};
    if (!backend_of(build, STAGE_CLUSTER))
        return false;
    build->feature_count = cluster_features(build->assembly.after, &build->arena, &build->features);
    return begin(build, STAGE_CLUSTER, build->feature_count > 0, &work);
}

/* ---- reason ------------------------------------------------------------------------------------------- */

static size_t reason_next(void *data, size_t from)
{
    const UserBuild *build = data;
    return reason_batch(build->entries + from, build->element_count - from);
}

static bool reason_context(UserBuild *build, ReasonContext *context, Status *status)
{
    const rpmd_plugin *plugin = draft_plugin(build, status);
    *context = (ReasonContext){plugin, build->assembly.after, build->assembly.reasoning_task.smoothing};
    return plugin != NULL;
}

static int reason_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    UserBuild *build = data;
    ReasonContext context;
    if (!reason_context(build, &context, status))
        return STATUS_REFUSED;
    reason_ask(ask, prompt_of(build, STAGE_REASON), &context, build->entries + from, count, arena);
    return 0;
}

/* A path that passed is kept, whatever a second reply says. */
static const char *reason_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                               StageLeft *left)
{
    UserBuild *build = data;
    ReasonContext context;
    Status status = STATUS_INIT;
    if (!reason_context(build, &context, &status))
        return NULL;
    ReasonPath *paths = ARENA_ARRAY(arena, ReasonPath, count);
    const char *fault = reason_parse(reply, &context, build->entries + from, count, &build->arena, paths);
    for (size_t i = 0; i < count; i++) {
        DraftItem *item = build->elements[from + i];
        bool is_repair = build->path_was_asked[from + i];
        build->path_was_asked[from + i] = true;
        build->report.paths += !is_repair;
        if (item->path.length > 0)
            continue;
        if (paths[i].fault) {
            stage_left_add(left, from + i);
            continue;
        }
        item->path = paths[i].text;
        *(is_repair ? &build->report.paths_mended : &build->report.paths_right) += 1;
    }
    return fault;
}

static void reason_progress(void *data, const StageTotals *totals)
{
    report_progress(data, STAGE_REASON, totals);
}

static void reason_done(void *data, const Status *status, const StageTotals *totals)
{
    draft_stage_done(data, STAGE_REASON, status, totals);
}

bool draft_reason(UserBuild *build)
{
    static const StageWork work = {reason_next, reason_write, reason_take, reason_progress, reason_done};
    const UserModel *model = build->assembly.after;
    size_t count = 0;
    if (!backend_of(build, STAGE_REASON))
        return false;
    build->elements = ARENA_ARRAY(&build->arena, DraftItem *, model->entry_count);
    build->entries = ARENA_ARRAY(&build->arena, const ModelEntry *, model->entry_count);
    build->path_was_asked = ARENA_ARRAY(&build->arena, bool, model->entry_count);
    /* The model's entries are the loaded items, in the same order. */
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelEntry *entry = model->entries[e];
        CitationReport report = {0};
        if (!model_item_counts(entry->item))
            continue;
        if (entry->item->reasoning.length > 0) {
            citation_check_reasoning(entry->item->reasoning, model, build->assembly.reasoning_task.smoothing,
                                     entry, &build->arena, &report);
            if (report.count == 0)
                continue;
        }
        build->elements[count] = &build->draft.items[e];
        build->entries[count++] = entry;
    }
    return begin(build, STAGE_REASON, count, &work);
}
