/* SPDX-License-Identifier: MIT */
#include "daemon/users/draft_internal.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/citation_model.h"
#include "lib/plugin/judge_by_words.h"

/* ---- what is in a draft ------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    uint64_t first = (*(DraftItem *const *)a)->item->number, second = (*(DraftItem *const *)b)->item->number;
    return (first > second) - (first < second);
}

DraftItem *draft_find(const Draft *draft, uint64_t number)
{
    const StoreItem item = {.number = number};
    const DraftItem key = {.item = &item}, *const pointer = &key;
    DraftItem **found =
        bsearch(&pointer, draft->by_number, draft->count, sizeof(DraftItem *), compare_numbers);
    return found ? *found : NULL;
}

void draft_sort(Draft *draft)
{
    if (draft->count > 0)
        qsort(draft->by_number, draft->count, sizeof(DraftItem *), compare_numbers);
}

const rpmd_plugin *draft_plugin(const Draft *draft, Status *status)
{
    return plugin_registry_find(draft->context.plugins, draft->name.task.data, status);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

/* Tokens of a reply for one element, as they were seen to be; for estimates. */
static const uint32_t tokens_of_element[STAGE_COUNT] = {
    [STAGE_EXTRACT] = 220, [STAGE_CLUSTER] = 600, [STAGE_JUDGE] = 80, [STAGE_REASON] = 110};
#define BYTES_PER_TOKEN 4 /* of a prompt in English, roughly */

static const char *backend_of(const Draft *draft, Stage stage)
{
    return stage_backend(draft->context.stages, draft->name.task.data, stage);
}

static const PromptTemplate *prompt_of(const Draft *draft, Stage stage)
{
    return stage_prompt(draft->context.stages, draft->name.task.data, stage);
}

static uint64_t spent(const Draft *draft)
{
    uint64_t sum = 0;
    for (Stage stage = 0; stage < STAGE_COUNT; stage++)
        sum += draft->report.stages[stage].cost_micros;
    return sum;
}

static void stage_is_done(Draft *draft, Stage stage, const Status *status, const StageTotals *totals)
{
    draft->stage_done(draft, stage, status, totals);
}

/* Writes every prompt and asks nobody. */
static int estimate(Draft *draft, Stage stage, size_t count, const StageWork *work, Status *status)
{
    StageTotals *totals = &draft->report.stages[stage];
    for (size_t begin = 0, batch; begin < count; begin += batch) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        StageAsk ask = {0};
        batch = work->batch(draft, begin);
        int r = work->ask(draft, begin, batch, &ask, &arena, status);
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
    totals->cost_micros = stage_cost(draft->context.stages, backend_of(draft, stage), &totals->usage);
    return 0;
}

static bool begin(Draft *draft, Stage stage, size_t count, const StageWork *work)
{
    if (count == 0)
        return false;
    draft->element_count = count;
    if (draft->request.is_estimate) {
        Status status = STATUS_INIT;
        const StageTotals *totals = &draft->report.stages[stage];
        (void)!estimate(draft, stage, count, work, &status);
        stage_is_done(draft, stage, &status, totals);
        return true;
    }
    uint64_t budget = draft->request.budget_micros;
    const StageRunRequest request = {
        .stage = stage,
        .task = draft->name.task,
        .user = draft->name.user,
        .user_number = draft->user_number,
        .backend = backend_of(draft, stage),
        .count = count,
        .has_budget = budget > 0,
        .budget_micros = budget - MIN(budget, spent(draft)),
    };
    draft->run = stage_run(draft->context.stages, &request, work, draft);
    return true;
}

static void report_progress(Draft *draft, Stage stage, const StageTotals *totals)
{
    draft->report.stages[stage] = *totals;
    if (draft->request.progress)
        draft->request.progress(&(BuildProgress){stage, draft->element_count, &draft->report},
                                draft->progress_data);
}

/* ---- extract ------------------------------------------------------------------------------------------ */

static size_t extract_next(void *data, size_t from)
{
    const Draft *draft = data;
    return extract_batch(draft->queries + from, draft->element_count - from);
}

static int extract_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    Draft *draft = data;
    const rpmd_plugin *plugin = draft_plugin(draft, status);
    if (!plugin)
        return STATUS_REFUSED;
    extract_ask(ask, prompt_of(draft, STAGE_EXTRACT), plugin, draft->queries + from, count, arena);
    return 0;
}

static const char *extract_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                                StageLeft *left)
{
    Draft *draft = data;
    ExtractResult *results = ARENA_ARRAY(arena, ExtractResult, count);
    const rpmd_plugin *plugin = draft_plugin(draft, NULL);
    bool is_open = plugin && plugin->answer_kind == RPMD_ANSWER_TEXT;
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = is_open ? tokenizer_new() : NULL;
    /* The features outlive the batch. */
    const char *fault = extract_parse(reply, draft->queries + from, count, &draft->arena, results);
    for (size_t i = 0; i < count; i++) {
        DraftItem *item = draft->elements[from + i];
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
        draft->report.features += results[i].feature_count;
        draft->report.features_dropped += results[i].dropped;
    }
    return fault;
}

static void extract_progress(void *data, const StageTotals *totals)
{
    report_progress(data, STAGE_EXTRACT, totals);
}

static void extract_done(void *data, const Status *status, const StageTotals *totals)
{
    stage_is_done(data, STAGE_EXTRACT, status, totals);
}

bool draft_extract(Draft *draft)
{
    static const StageWork work = {extract_next, extract_write, extract_take, extract_progress, extract_done};
    size_t count = 0;
    if (!backend_of(draft, STAGE_EXTRACT))
        return false;
    draft->elements = ARENA_ARRAY(&draft->arena, DraftItem *, draft->fresh_count);
    draft->queries = ARENA_ARRAY(&draft->arena, ExtractQuery, draft->fresh_count);
    for (size_t i = 0; i < draft->fresh_count; i++) {
        const StoreItem *item = draft->fresh[i]->item;
        if (draft->fresh[i]->analysis->code != STATUS_OK)
            continue;
        draft->elements[count] = draft->fresh[i];
        draft->queries[count++] = (ExtractQuery){item->query, item->options, item->option_count};
    }
    return begin(draft, STAGE_EXTRACT, count, &work);
}

/* ---- judge -------------------------------------------------------------------------------------------- */

static size_t judge_next(void *data, size_t from)
{
    const Draft *draft = data;
    return judge_batch(draft->judge_items + from, draft->element_count - from);
}

static int judge_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    Draft *draft = data;
    const rpmd_plugin *plugin = draft_plugin(draft, status);
    if (!plugin)
        return STATUS_REFUSED;
    judge_ask(ask, prompt_of(draft, STAGE_JUDGE), plugin, draft->judge_items + from, count, arena);
    return 0;
}

static const char *judge_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                              StageLeft *left)
{
    (void)arena;
    Draft *draft = data;
    const char *fault = judge_parse(reply, draft->judge_items + from, count, draft->judgements + from);
    for (size_t i = 0; i < count; i++) {
        DraftItem *item = draft->elements[from + i];
        for (size_t f = 0; !fault && f < item->analysis->feature_count; f++) {
            FeatureJudgement judgement = draft->judgements[from + i][f];
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
    stage_is_done(data, STAGE_JUDGE, status, totals);
}

bool draft_judge(Draft *draft)
{
    static const StageWork work = {judge_next, judge_write, judge_take, judge_progress, judge_done};
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = draft_plugin(draft, &status);
    size_t count = 0;
    if (!backend_of(draft, STAGE_JUDGE) || !plugin || plugin->answer_kind != RPMD_ANSWER_TEXT)
        return false;
    draft->elements = ARENA_ARRAY(&draft->arena, DraftItem *, draft->fresh_count);
    draft->judge_items = ARENA_ARRAY(&draft->arena, JudgeItem, draft->fresh_count);
    draft->judgements = ARENA_ARRAY(&draft->arena, FeatureJudgement *, draft->fresh_count);
    for (size_t i = 0; i < draft->fresh_count; i++) {
        const Analysis *analysis = draft->fresh[i]->analysis;
        if (analysis->code != STATUS_OK || !analysis->has_answer)
            continue;
        if (analysis->feature_count == 0) {
            draft->fresh[i]->is_judged = true;
            continue;
        }
        draft->elements[count] = draft->fresh[i];
        draft->judgements[count] = ARENA_ARRAY(&draft->arena, FeatureJudgement, analysis->feature_count);
        draft->judge_items[count++] = (JudgeItem){draft->fresh[i]->item->query, analysis->answer,
                                                  analysis->features, analysis->feature_count};
    }
    return begin(draft, STAGE_JUDGE, count, &work);
}

/* ---- embed -------------------------------------------------------------------------------------------- */

static size_t embed_next(void *data, size_t from)
{
    const Draft *draft = data;
    return MIN(draft->element_count - from, (size_t)EMBED_BATCH);
}

static int embed_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    (void)arena;
    (void)status;
    const Draft *draft = data;
    embed_ask(ask, draft->to_embed + from, count);
    return 0;
}

static const char *embed_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                              StageLeft *left)
{
    Draft *draft = data;
    const Config *config = draft->context.config;
    Embedding *embeddings = ARENA_ARRAY(arena, Embedding, count);
    const char *fault = embed_parse(reply, config_backend(config, backend_of(draft, STAGE_EMBED))->model,
                                    count, &draft->arena, embeddings);
    for (size_t i = 0; i < count; i++) {
        if (fault)
            stage_left_add(left, from + i);
        else
            draft->elements[from + i]->analysis->embedding = embeddings[i];
    }
    return fault;
}

static void embed_progress(void *data, const StageTotals *totals)
{
    report_progress(data, STAGE_EMBED, totals);
}

static void embed_done(void *data, const Status *status, const StageTotals *totals)
{
    stage_is_done(data, STAGE_EMBED, status, totals);
}

bool draft_embed(Draft *draft)
{
    static const StageWork work = {embed_next, embed_write, embed_take, embed_progress, embed_done};
    size_t count = 0;
    if (!backend_of(draft, STAGE_EMBED))
        return false;
    draft->elements = ARENA_ARRAY(&draft->arena, DraftItem *, draft->fresh_count);
    draft->to_embed = ARENA_ARRAY(&draft->arena, const Analysis *, draft->fresh_count);
    for (size_t i = 0; i < draft->fresh_count; i++) {
        const Analysis *analysis = draft->fresh[i]->analysis;
        if (analysis->code != STATUS_OK || analysis->feature_count == 0)
            continue;
        draft->elements[count] = draft->fresh[i];
        draft->to_embed[count++] = analysis;
    }
    return begin(draft, STAGE_EMBED, count, &work);
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
    Draft *draft = data;
    const rpmd_plugin *plugin = draft_plugin(draft, status);
    if (!plugin)
        return STATUS_REFUSED;
    cluster_ask(ask, prompt_of(draft, STAGE_CLUSTER), plugin, draft->features, draft->feature_count, arena);
    return 0;
}

static const char *cluster_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                                StageLeft *left)
{
    (void)count;
    (void)arena;
    Draft *draft = data;
    ClusterResult result;
    const char *fault = cluster_parse(reply, draft->features, draft->feature_count, &draft->arena, &result);
    if (fault) {
        stage_left_add(left, from);
    } else {
        draft->factors = result.factors;
        draft->factor_count = result.factor_count;
    }
    return fault;
}

static void cluster_done(void *data, const Status *status, const StageTotals *totals)
{
    stage_is_done(data, STAGE_CLUSTER, status, totals);
}

bool draft_cluster(Draft *draft)
{
    static const StageWork work = {cluster_next, cluster_write, cluster_take, NULL, cluster_done};
    if (!backend_of(draft, STAGE_CLUSTER))
        return false;
    draft->feature_count = cluster_features(draft->model, &draft->arena, &draft->features);
    return begin(draft, STAGE_CLUSTER, draft->feature_count > 0, &work);
}

/* ---- reason ------------------------------------------------------------------------------------------- */

static size_t reason_next(void *data, size_t from)
{
    const Draft *draft = data;
    return reason_batch(draft->entries + from, draft->element_count - from);
}

static bool reason_context(Draft *draft, ReasonContext *context, Status *status)
{
    const rpmd_plugin *plugin = draft_plugin(draft, status);
    *context = (ReasonContext){plugin, draft->model, draft->smoothing};
    return plugin != NULL;
}

static int reason_write(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    Draft *draft = data;
    ReasonContext context;
    if (!reason_context(draft, &context, status))
        return STATUS_REFUSED;
    reason_ask(ask, prompt_of(draft, STAGE_REASON), &context, draft->entries + from, count, arena);
    return 0;
}

/* A path that passed is kept, whatever a second reply says. */
static const char *reason_take(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                               StageLeft *left)
{
    Draft *draft = data;
    ReasonContext context;
    Status status = STATUS_INIT;
    if (!reason_context(draft, &context, &status))
        return NULL;
    ReasonPath *paths = ARENA_ARRAY(arena, ReasonPath, count);
    const char *fault = reason_parse(reply, &context, draft->entries + from, count, &draft->arena, paths);
    for (size_t i = 0; i < count; i++) {
        DraftItem *item = draft->elements[from + i];
        bool is_repair = draft->path_was_asked[from + i];
        draft->path_was_asked[from + i] = true;
        draft->report.paths += !is_repair;
        if (item->path.length > 0)
            continue;
        if (paths[i].fault) {
            stage_left_add(left, from + i);
            continue;
        }
        item->path = paths[i].text;
        *(is_repair ? &draft->report.paths_mended : &draft->report.paths_right) += 1;
    }
    return fault;
}

static void reason_progress(void *data, const StageTotals *totals)
{
    report_progress(data, STAGE_REASON, totals);
}

static void reason_done(void *data, const Status *status, const StageTotals *totals)
{
    stage_is_done(data, STAGE_REASON, status, totals);
}

bool draft_reason(Draft *draft)
{
    static const StageWork work = {reason_next, reason_write, reason_take, reason_progress, reason_done};
    const UserModel *model = draft->model;
    size_t count = 0;
    if (!backend_of(draft, STAGE_REASON))
        return false;
    draft->elements = ARENA_ARRAY(&draft->arena, DraftItem *, model->entry_count);
    draft->entries = ARENA_ARRAY(&draft->arena, const ModelEntry *, model->entry_count);
    draft->path_was_asked = ARENA_ARRAY(&draft->arena, bool, model->entry_count);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelEntry *entry = model->entries[e];
        CitationReport report = {0};
        if (!model_item_counts(entry->item))
            continue;
        rpmd_text path = entry->item->details->reasoning;
        if (path.length > 0) {
            citation_check_reasoning(path, model, draft->smoothing, entry, &draft->arena, &report);
            if (report.count == 0)
                continue;
        }
        draft->elements[count] = draft_find(draft, entry->item->number);
        draft->entries[count++] = entry;
    }
    return begin(draft, STAGE_REASON, count, &work);
}
