/* SPDX-License-Identifier: MIT */
#include "daemon/services/query.h"

#include "daemon/services/check.h"
#include "daemon/services/convert.h"
#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

static void release(void *data)
{
    QueryCall *query = data;
    llm_response_free(query->response);
    if (query->extraction)
        extraction_cancel(query->extraction);
    user_model_unref(query->model);
    arena_finish(&query->extracted);
    arena_finish(&query->arena);
    free(query);
}

/* Ties features to factors and finds the examples. */
static void prepare(QueryCall *query, const UserReply *reply, const rpmd_plugin *plugin)
{
    query->model = user_model_ref(reply->model);
    query->settings = config_task(query->context->config, query->task);
    query->reasoning = task_reasoning(&query->arena, plugin, query->settings->smoothing);
    query->view = (PopulationView){.population = reply->population,
                                   .own = reply->share,
                                   .user = reply->user_number,
                                   .minimum_users = (uint32_t)query->settings->minimum_users};
    target_prepare(&query->target, &query->arena, query->context->tokenizer, query->model);
    size_t k = query->examples ? query->examples : query->settings->examples;
    query->retrieved_count = retrieval_find(query->model, &query->target, k, query->retrieved);
    for (size_t i = 0; i < query->retrieved_count; i++)
        query->paths[i] = reasoning_path(&query->arena, &query->reasoning, query->model,
                                         query->retrieved[i].entry, &query->by_llm[i]);
}

/* An LLM is shown more of the user, in a part of the prompt that its server keeps. */
static void choose_shared(QueryCall *query)
{
    bool by_llm;
    if (!stage_backend(query->context->stages, query->task, STAGE_RESPOND))
        return;
    query->shared_count =
        prompt_choose_shared(query->model, &query->target, query->settings->shared_examples, query->shared);
    for (size_t i = 0; i < query->shared_count; i++)
        query->shared[i].reasoning =
            reasoning_path(&query->arena, &query->reasoning, query->model, query->shared[i].entry, &by_llm);
}

static void on_model(const UserReply *reply, void *data)
{
    QueryCall *query = data;
    Status status = reply->status;
    const rpmd_plugin *plugin = NULL;
    if (status_is_ok(&status))
        plugin = plugin_registry_find(query->context->plugins, query->task, &status);
    if (plugin && reply->model->item_count == 0)
        status_refuse(&status, STATUS_FAILED_PRECONDITION,
                      "none of the items of the user %.*s could be processed; `rpmctl history list` says why",
                      TEXT_ARGS(query->user));
    if (!status_is_ok(&status)) {
        grpc_call_finish(query->call, &status);
        return;
    }
    prepare(query, reply, plugin);
    query->answer(query);
}

void query_account(QueryCall *query, uint64_t calls, const LlmUsage *usage, uint64_t cost_micros)
{
    query->usage.llm_calls += (uint32_t)calls;
    query->usage.prompt_tokens += usage->prompt_tokens;
    query->usage.cached_tokens += usage->cached_tokens;
    query->usage.completion_tokens += usage->completion_tokens;
    query->usage.cost_micros += cost_micros;
}

static void find_model(QueryCall *query)
{
    UserName name = {text_of(query->task), query->user};
    users_get(query->context->users, &name, on_model, query);
}

/* An LLM that does not answer is made up for by the plugin; one that may not be asked is not. */
static void on_llm_extracted(void *data, const ExtractionResult *result)
{
    QueryCall *query = data;
    const Status *statuses[] = {&result->extract, &result->embed};
    query->extraction = NULL;
    query_account(query, result->totals.calls, &result->totals.usage, result->totals.cost_micros);
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        if (!status_is_ok(statuses[i]) && statuses[i]->code != STATUS_UNAVAILABLE) {
            grpc_call_finish(query->call, statuses[i]);
            return;
        }
    }
    if (result->is_extracted)
        query->features_source = RPMD__V1__SOURCE__SOURCE_LLM;
    else if (stage_backend(query->context->stages, query->task, STAGE_EXTRACT))
        query->notice = arena_format(&query->arena, "%s; the features are those of the plugin",
                                     status_is_ok(&result->extract) ? "the LLM's features were of no use"
                                                                    : result->extract.message);
    if (!status_is_ok(&result->embed))
        query->notice = arena_format(&query->arena, "%s%s%s; the examples were found by their words",
                                     query->notice, *query->notice ? "; " : "", result->embed.message);
    find_model(query);
}

static void extract_with_llm(QueryCall *query, Analysis *analysis)
{
    const ExtractionRequest request = {
        .name = {text_of(query->task), query->user},
        .query = {query->target.query, query->target.options, query->target.option_count},
        .analysis = analysis,
        .arena = &query->arena,
        .deadline_ns = grpc_call_deadline(query->call),
    };
    query->extraction = extraction_begin(query->context->stages, query->context->plugins,
                                         query->context->config, &request, on_llm_extracted, query);
}

static void on_extracted(PluginBatch *batch, void *data)
{
    QueryCall *query = data;
    Status status = batch->status;
    query->job = NULL;
    if (status_is_ok(&status) && batch->analyses[0].code != STATUS_OK)
        status_refuse(&status, batch->analyses[0].code, "%.*s", TEXT_ARGS(batch->analyses[0].error));
    if (!status_is_ok(&status)) {
        grpc_call_finish(query->call, &status);
        return;
    }
    query->extracted = batch->arena;
    query->target.analysis = &batch->analyses[0];
    batch->arena = ARENA_INIT;
    if (extraction_is_wanted(query->context->stages, query->task))
        extract_with_llm(query, &batch->analyses[0]);
    else
        find_model(query);
}

static uint64_t deadline_of(const QueryCall *query)
{
    uint64_t own = uv_hrtime() + query->context->config->call_seconds * 1000000000ull;
    uint64_t callers = grpc_call_deadline(query->call);
    return callers ? MIN(own, callers) : own;
}

void query_begin(GrpcCall *call, const Rpmd__V1__Query *message, uint32_t examples, uint32_t budget_bytes,
                 void (*answer)(QueryCall *query))
{
    Status status = STATUS_INIT;
    QueryCall *query = NEW(QueryCall);
    query->call = call;
    query->context = grpc_call_service(call);
    grpc_call_set_context(call, query, release);
    check_query(query->context->plugins, message, &query->arena, &query->target.query, &query->target.options,
                &query->target.option_count, &status);
    if (status_is_ok(&status) && examples > RETRIEVAL_LIMIT)
        status_refuse(&status, STATUS_INVALID_ARGUMENT, "%u examples are too many; the limit is %d", examples,
                      RETRIEVAL_LIMIT);
    if (!status_is_ok(&status)) {
        grpc_call_finish(call, &status);
        return;
    }
    query->task = message->task;
    query->user = text_of(message->user);
    query->examples = examples;
    query->budget_bytes = budget_bytes;
    query->target.time_us = message->time_us;
    query->answer = answer;
    query->features_source = RPMD__V1__SOURCE__SOURCE_NATIVE;
    query->usage = (Rpmd__V1__Usage)RPMD__V1__USAGE__INIT;
    query->notice = "";
    query->deadline_ns = deadline_of(query);
    AnalysisRequest request = {.query = query->target.query,
                               .options = query->target.options,
                               .option_count = query->target.option_count};
    query->job = plugin_registry_analyze(query->context->plugins, query->task, &request, 1, PLUGIN_URGENT,
                                         query->deadline_ns, on_extracted, query);
}

/* The features still wanted are not; a model that is being loaded is loaded to its end. */
void query_cancel(GrpcCall *call)
{
    QueryCall *query = grpc_call_context(call);
    Status status = STATUS_INIT;
    if (!query || (!query->job && !query->extraction && !query->response))
        return;
    if (query->job)
        plugin_job_cancel(query->job);
    if (query->extraction)
        extraction_cancel(TAKE_PTR(query->extraction));
    llm_response_free(TAKE_PTR(query->response));
    grpc_call_finish(call, &status);
}

PredictionCase *query_predict(QueryCall *query)
{
    const UserModel *model = query->model;
    if (model->answer_kind == RPMD_ANSWER_TEXT)
        return NULL;
    PredictionCase *prediction = ARENA_NEW(&query->arena, PredictionCase);
    query->prediction = (PredictionRequest){.model = model,
                                            .target = &query->target,
                                            .retrieved = query->retrieved,
                                            .retrieved_count = query->retrieved_count,
                                            .view = query->view.population ? &query->view : NULL,
                                            .tokenizer = query->context->tokenizer};
    prediction_of_target(&query->prediction, &query->arena, prediction);
    return prediction;
}

Rpmd__V1__AnswerProbability **query_distribution(QueryCall *query, const PredictionCase *prediction,
                                                 size_t *count)
{
    Arena *arena = &query->arena;
    *count = prediction ? prediction->input.candidate_count : 0;
    Rpmd__V1__AnswerProbability **answers = ARENA_ARRAY(arena, Rpmd__V1__AnswerProbability *, *count);
    for (size_t i = 0; i < *count; i++) {
        size_t candidate = prediction->result.ranking[i];
        answers[i] = ARENA_NEW(arena, Rpmd__V1__AnswerProbability);
        rpmd__v1__answer_probability__init(answers[i]);
        answers[i]->answer = convert_text(arena, prediction->candidates[candidate].answer);
        answers[i]->probability = prediction->result.probabilities[candidate];
    }
    return answers;
}

int query_prompt(QueryCall *query, const PredictionCase *prediction, Prompt *prompt)
{
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = plugin_registry_find(query->context->plugins, query->task, &status);
    choose_shared(query);
    if (plugin) {
        PromptRequest request = {
            .texts = plugin->prompt_texts,
            .model = query->model,
            .target = &query->target,
            .retrieved = query->retrieved,
            .retrieved_count = query->retrieved_count,
            .reasoning = query->paths,
            .shared = query->shared,
            .shared_count = query->shared_count,
            .prediction = prediction,
            .settings = {.budget_bytes =
                             query->budget_bytes ? query->budget_bytes : query->settings->prompt_bytes,
                         .smoothing = query->settings->smoothing},
        };
        if (prompt_construct(&request, &query->arena, prompt, &status) == 0)
            return 0;
    }
    grpc_call_finish(query->call, &status);
    return STATUS_REFUSED;
}
