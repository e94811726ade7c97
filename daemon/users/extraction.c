/* SPDX-License-Identifier: MIT */
#include "daemon/users/extraction.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/stages/embed.h"
#include "lib/plugin/judge_by_words.h"

struct Extraction {
    Stages *stages;
    PluginRegistry *plugins;
    const Config *config;
    ExtractionRequest request;
    char *task; /* owned */
    StageRun *run;
    ExtractionResult result;
    ExtractionDone done;
    void *data;
};

static void extraction_free(Extraction *extraction)
{
    free(extraction->task);
    free(extraction);
}

/* ---- one stage over one query ------------------------------------------------------------------------- */

static size_t next_batch(void *data, size_t from)
{
    (void)data;
    (void)from;
    return 1;
}

static void begin(Extraction *extraction, Stage stage, size_t count, const StageWork *work)
{
    const ExtractionRequest *request = &extraction->request;
    const StageRunRequest run = {.stage = stage,
                                 .task = request->name.task,
                                 .user = request->name.user,
                                 .user_number = request->user_number,
                                 .backend = stage_backend(extraction->stages, extraction->task, stage),
                                 .count = count,
                                 .deadline_ns = request->deadline_ns};
    extraction->run = stage_run(extraction->stages, &run, work, extraction);
}

static void add_totals(StageTotals *sum, const StageTotals *totals)
{
    sum->calls += totals->calls;
    sum->cached_replies += totals->cached_replies;
    sum->usage.prompt_tokens += totals->usage.prompt_tokens;
    sum->usage.cached_tokens += totals->usage.cached_tokens;
    sum->usage.completion_tokens += totals->usage.completion_tokens;
    sum->cost_micros += totals->cost_micros;
}

static void finish(Extraction *extraction)
{
    extraction->done(extraction->data, &extraction->result);
    extraction_free(extraction);
}

/* ---- the vector --------------------------------------------------------------------------------------- */

static int write_embed(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    (void)from;
    (void)arena;
    (void)status;
    const Extraction *extraction = data;
    const Analysis *analysis = extraction->request.analysis;
    embed_ask(ask, &analysis, count);
    return 0;
}

static const char *take_embed(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                              StageLeft *left)
{
    (void)arena;
    const Extraction *extraction = data;
    const char *backend = stage_backend(extraction->stages, extraction->task, STAGE_EMBED);
    Embedding embedding;
    const char *fault = embed_parse(reply, config_backend(extraction->config, backend)->model, count,
                                    extraction->request.arena, &embedding);
    if (fault)
        stage_left_add(left, from);
    else
        extraction->request.analysis->embedding = embedding;
    return fault;
}

static void on_embedded(void *data, const Status *status, const StageTotals *totals)
{
    Extraction *extraction = data;
    extraction->result.embed = *status;
    add_totals(&extraction->result.totals, totals);
    finish(extraction);
}

static bool begin_embed(Extraction *extraction)
{
    static const StageWork work = {next_batch, write_embed, take_embed, NULL, on_embedded};
    if (!stage_backend(extraction->stages, extraction->task, STAGE_EMBED))
        return false;
    begin(extraction, STAGE_EMBED, extraction->request.analysis->feature_count > 0, &work);
    return true;
}

/* ---- the features ------------------------------------------------------------------------------------- */

static int write_extract(void *data, size_t from, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    (void)from;
    const Extraction *extraction = data;
    const rpmd_plugin *plugin = plugin_registry_find(extraction->plugins, extraction->task, status);
    if (!plugin)
        return STATUS_REFUSED;
    extract_ask(ask, stage_prompt(extraction->stages, extraction->task, STAGE_EXTRACT), plugin,
                &extraction->request.query, count, arena);
    return 0;
}

static const char *take_extract(void *data, size_t from, size_t count, rpmd_text reply, Arena *arena,
                                StageLeft *left)
{
    Extraction *extraction = data;
    ExtractResult result = {0};
    Analysis *analysis = extraction->request.analysis;
    const char *fault =
        extract_parse(reply, &extraction->request.query, count, extraction->request.arena, &result);
    if (fault || !result.is_answered) {
        stage_left_add(left, from);
        return fault;
    }
    analysis->features = result.features;
    analysis->feature_count = result.feature_count;
    analysis->features_dropped = result.dropped;
    analysis->drop_reason = result.drop_reason;
    extraction->result.is_extracted = true;
    const rpmd_plugin *plugin = plugin_registry_find(extraction->plugins, extraction->task, NULL);
    if (plugin && plugin->answer_kind == RPMD_ANSWER_TEXT && analysis->has_answer) {
        _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
        judge_by_words(tokenizer, arena, extraction->request.query.text, analysis);
    }
    return NULL;
}

/* Features that were not to be had are the plugin's, and are embedded as well. */
static void on_features(void *data, const Status *status, const StageTotals *totals)
{
    Extraction *extraction = data;
    extraction->result.extract = *status;
    add_totals(&extraction->result.totals, totals);
    if (!begin_embed(extraction))
        finish(extraction);
}

static bool begin_extract(Extraction *extraction)
{
    static const StageWork work = {next_batch, write_extract, take_extract, NULL, on_features};
    if (!stage_backend(extraction->stages, extraction->task, STAGE_EXTRACT))
        return false;
    begin(extraction, STAGE_EXTRACT, 1, &work);
    return true;
}

/* ---- the door ----------------------------------------------------------------------------------------- */

bool extraction_is_wanted(const Stages *stages, const char *task)
{
    return stage_backend(stages, task, STAGE_EXTRACT) || stage_backend(stages, task, STAGE_EMBED);
}

Extraction *extraction_begin(Stages *stages, PluginRegistry *plugins, const Config *config,
                             const ExtractionRequest *request, ExtractionDone done, void *data)
{
    Extraction *extraction = NEW(Extraction);
    *extraction = (Extraction){.stages = stages,
                               .plugins = plugins,
                               .config = config,
                               .request = *request,
                               .task = memory_copy_text(request->name.task.data, request->name.task.length),
                               .done = done,
                               .data = data};
    extraction->result.extract = extraction->result.embed = (Status)STATUS_INIT;
    if (!begin_extract(extraction))
        begin_embed(extraction);
    return extraction;
}

void extraction_cancel(Extraction *extraction)
{
    stage_run_cancel(extraction->run);
    extraction_free(extraction);
}
