/* SPDX-License-Identifier: MIT */
#include "daemon/users/extraction.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/plugin/judge_by_words.h"

struct Extraction {
    Stages *stages;
    PluginRegistry *plugins;
    ExtractionRequest request;
    char *task; /* owned */
    StageRun *run;
    bool is_replaced;
    ExtractionDone done;
    void *data;
};

static void extraction_free(Extraction *extraction)
{
    free(extraction->task);
    free(extraction);
}

static size_t next_batch(void *data, size_t begin)
{
    (void)data;
    (void)begin;
    return 1;
}

static int write_ask(void *data, size_t begin, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    (void)begin;
    const Extraction *extraction = data;
    const rpmd_plugin *plugin = plugin_registry_find(extraction->plugins, extraction->task, status);
    if (!plugin)
        return STATUS_REFUSED;
    extract_ask(ask, stage_prompt(extraction->stages, extraction->task, STAGE_EXTRACT), plugin,
                &extraction->request.query, count, arena);
    return 0;
}

static const char *take_reply(void *data, size_t begin, size_t count, rpmd_text reply, Arena *arena)
{
    (void)begin;
    Extraction *extraction = data;
    ExtractResult result = {0};
    Analysis *analysis = extraction->request.analysis;
    const char *fault =
        extract_parse(reply, &extraction->request.query, count, extraction->request.arena, &result);
    if (fault || !result.is_answered)
        return fault;
    analysis->features = result.features;
    analysis->feature_count = result.feature_count;
    analysis->features_dropped = result.dropped;
    analysis->drop_reason = result.drop_reason;
    extraction->is_replaced = true;
    const rpmd_plugin *plugin = plugin_registry_find(extraction->plugins, extraction->task, NULL);
    if (plugin && plugin->answer_kind == RPMD_ANSWER_TEXT && analysis->has_answer) {
        _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
        judge_by_words(tokenizer, arena, extraction->request.query.text, analysis);
    }
    return NULL;
}

static void on_done(void *data, const Status *status, const StageTotals *totals)
{
    Extraction *extraction = data;
    extraction->done(extraction->data, status, extraction->is_replaced, totals);
    extraction_free(extraction);
}

bool extraction_is_wanted(const Stages *stages, const char *task)
{
    return stage_backend(stages, task, STAGE_EXTRACT) != NULL;
}

Extraction *extraction_begin(Stages *stages, PluginRegistry *plugins, const ExtractionRequest *request,
                             ExtractionDone done, void *data)
{
    static const StageWork work = {next_batch, write_ask, take_reply, NULL, on_done};
    Extraction *extraction = NEW(Extraction);
    *extraction = (Extraction){.stages = stages,
                               .plugins = plugins,
                               .request = *request,
                               .task = memory_copy_text(request->name.task.data, request->name.task.length),
                               .done = done,
                               .data = data};
    const StageRunRequest run = {.stage = STAGE_EXTRACT,
                                 .task = request->name.task,
                                 .user = request->name.user,
                                 .backend = stage_backend(stages, extraction->task, STAGE_EXTRACT),
                                 .count = 1,
                                 .deadline_ns = request->deadline_ns};
    extraction->run = stage_run(stages, &run, &work, extraction);
    return extraction;
}

void extraction_cancel(Extraction *extraction)
{
    stage_run_cancel(extraction->run);
    extraction_free(extraction);
}
