/* SPDX-License-Identifier: MIT */
#include "daemon/stages/stages.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"

struct StageCall {
    Stages *stages;
    Stage stage;
    const char *backend; /* of the configuration */
    const StageHandlers *handlers;
    void *data;
    LlmCall *llm;
};

struct Stages {
    StagesContext context;
    StageCounts counts[STAGE_COUNT];
};

Stages *stages_new(const StagesContext *context)
{
    Stages *stages = NEW(Stages);
    stages->context = *context;
    return stages;
}

void stages_free(Stages *stages)
{
    free(stages);
}

const char *stage_backend(const Stages *stages, const char *task, Stage stage)
{
    const char *who = config_task(stages->context.config, task)->stages[stage];
    return strcmp(who, CONFIG_NATIVE) == 0 ? NULL : who;
}

const StageCounts *stage_counts(const Stages *stages, Stage stage)
{
    return &stages->counts[stage];
}

static uint64_t cost_of(const BackendSettings *settings, const LlmUsage *usage)
{
    uint64_t cached = MIN(usage->cached_tokens, usage->prompt_tokens);
    /* A price is of a million tokens, a cost in millionths: the two factors cancel. */
    return (uint64_t)((double)(usage->prompt_tokens - cached) * settings->price_prompt +
                      (double)cached * settings->price_cached +
                      (double)usage->completion_tokens * settings->price_completion + 0.5);
}

static void account(StageCall *call, const StageReply *reply)
{
    StageCounts *counts = &call->stages->counts[call->stage];
    counts->calls++;
    counts->cached_replies += reply->was_cached;
    counts->failures += !status_is_ok(&reply->status);
    counts->usage.prompt_tokens += reply->usage.prompt_tokens;
    counts->usage.cached_tokens += reply->usage.cached_tokens;
    counts->usage.completion_tokens += reply->usage.completion_tokens;
    counts->cost_micros += reply->cost_micros;
}

static void on_text(void *data, rpmd_text piece)
{
    StageCall *call = data;
    call->handlers->on_text(call->data, piece);
}

static void on_end(void *data, const LlmResult *result)
{
    StageCall *call = data;
    const BackendSettings *settings = config_backend(call->stages->context.config, call->backend);
    StageReply reply = {
        .status = result->status,
        .text = result->text,
        .finish = result->finish,
        .attempts = result->attempts,
        .usage = result->usage,
        .cost_micros = cost_of(settings, &result->usage),
    };
    account(call, &reply);
    call->handlers->on_reply(call->data, &reply);
    free(call);
}

StageCall *stage_call(Stages *stages, const StageRequest *request, const StageHandlers *handlers, void *data)
{
    static const LlmHandlers streamed = {on_text, on_end}, whole = {NULL, on_end};
    StageCall *call = NEW(StageCall);
    *call = (StageCall){.stages = stages,
                        .stage = request->stage,
                        .backend = request->backend,
                        .handlers = handlers,
                        .data = data};
    const LlmRequest llm = {.backend = request->backend,
                            .prompt = request->prompt,
                            .schema = request->schema,
                            .max_tokens = request->max_tokens,
                            .deadline_ns = request->deadline_ns};
    call->llm = llm_call(stages->context.llm, &llm, handlers->on_text ? &streamed : &whole, call);
    return call;
}

void stage_cancel(StageCall *call)
{
    llm_cancel(call->llm);
    free(call);
}
