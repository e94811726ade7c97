/* SPDX-License-Identifier: MIT */
#include "daemon/stages/stages.h"

#include "daemon/stages/prompts.h"
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
    Prompts *prompts;
    StageCounts counts[STAGE_COUNT];
};

int stages_open(Stages **stages, const StagesContext *context, Status *status)
{
    Prompts *prompts;
    *stages = NULL;
    int r = prompts_read(&prompts, context->config->prompt_dir, status);
    if (r)
        return r;
    *stages = NEW(Stages);
    **stages = (Stages){.context = *context, .prompts = prompts};
    return 0;
}

void stages_free(Stages *stages)
{
    if (!stages)
        return;
    prompts_free(stages->prompts);
    free(stages);
}

const PromptTemplate *stage_prompt(const Stages *stages, const char *task, Stage stage)
{
    return prompts_find(stages->prompts, task, stage);
}

uv_loop_t *stages_loop(const Stages *stages)
{
    return stages->context.loop;
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

uint64_t stage_cost(const Stages *stages, const char *backend, const LlmUsage *usage)
{
    const BackendSettings *settings = config_backend(stages->context.config, backend);
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
    StageReply reply = {
        .status = result->status,
        .text = result->text,
        .finish = result->finish,
        .attempts = result->attempts,
        .usage = result->usage,
        .cost_micros = stage_cost(call->stages, call->backend, &result->usage),
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
