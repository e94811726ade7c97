/* SPDX-License-Identifier: MIT */
#include "daemon/services/services.h"

#include "daemon/services/check.h"
#include "daemon/services/convert.h"
#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/citation_model.h"
#include "lib/method/prompt.h"

#include "rpmd/v1/personalizer.pb-c.h"

/*
 * A query on its way:
 *
 *     check --> extract (plugin) --> model (users) --> retrieve --> answer: the prompt, the prediction, the
 * explanation
 */
typedef struct QueryCall QueryCall;
struct QueryCall {
    GrpcCall *call;
    ServiceContext *context;
    Arena arena;
    char *task;
    rpmd_text user;
    uint32_t examples;     /* asked for; 0: the task's setting */
    uint32_t budget_bytes; /* asked for; 0: the task's setting */
    Target target;
    PluginJob *job;  /* being extracted; NULL: not, or no more */
    Arena extracted; /* owns the analysis */
    void (*answer)(QueryCall *query, const UserReply *reply);

    const UserModel *model; /* while answering */
    const TaskSettings *settings;
    ReasoningTask reasoning;
    Retrieved retrieved[RETRIEVAL_LIMIT];
    rpmd_text paths[RETRIEVAL_LIMIT]; /* reasoning paths of the retrieved items */
    size_t retrieved_count;
    PopulationView view;
    PredictionRequest prediction; /* closed tasks */
};

static void release(void *data)
{
    QueryCall *query = data;
    arena_finish(&query->extracted);
    arena_finish(&query->arena);
    free(query);
}

/* Ties features to factors and finds the examples. */
static void prepare(QueryCall *query, const UserReply *reply, const rpmd_plugin *plugin)
{
    query->model = reply->model;
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
        query->paths[i] =
            reasoning_of_item(&query->arena, &query->reasoning, query->model, query->retrieved[i].entry);
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
    query->answer(query, reply);
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
    UserName name = {text_of(query->task), query->user};
    users_get(query->context->users, &name, on_model, query);
}

static uint64_t deadline_of(const QueryCall *query)
{
    uint64_t own = uv_hrtime() + query->context->config->call_seconds * 1000000000ull;
    uint64_t callers = grpc_call_deadline(query->call);
    return callers ? MIN(own, callers) : own;
}

static void begin(GrpcCall *call, const Rpmd__V1__Query *message, uint32_t examples, uint32_t budget_bytes,
                  void (*answer)(QueryCall *, const UserReply *))
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
    AnalysisRequest request = {.query = query->target.query,
                               .options = query->target.options,
                               .option_count = query->target.option_count};
    query->job = plugin_registry_analyze(query->context->plugins, query->task, &request, 1,
                                         deadline_of(query), on_extracted, query);
}

/* The features still wanted are not; a model that is being loaded is loaded to its end. */
static void on_cancel(GrpcCall *call)
{
    QueryCall *query = grpc_call_context(call);
    Status status = STATUS_INIT;
    if (!query || !query->job)
        return;
    plugin_job_cancel(query->job);
    grpc_call_finish(call, &status);
}

/* ---- ConstructPrompt ---- */

static PredictionCase *predict(QueryCall *query)
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

static void answer_prompt(QueryCall *query, const UserReply *reply)
{
    (void)reply;
    Status status = STATUS_INIT;
    Prompt prompt;
    const rpmd_plugin *plugin = plugin_registry_find(query->context->plugins, query->task, &status);
    PromptRequest request = {
        .texts = plugin->prompt_texts,
        .model = query->model,
        .target = &query->target,
        .retrieved = query->retrieved,
        .retrieved_count = query->retrieved_count,
        .reasoning = query->paths,
        .prediction = predict(query),
        .settings = {.budget_bytes =
                         query->budget_bytes ? query->budget_bytes : query->settings->prompt_bytes,
                     .smoothing = query->settings->smoothing},
    };
    if (prompt_construct(&request, &query->arena, &prompt, &status)) {
        grpc_call_finish(query->call, &status);
        return;
    }
    Rpmd__V1__ConstructPromptResponse response = RPMD__V1__CONSTRUCT_PROMPT_RESPONSE__INIT;
    response.prompt = convert_text(&query->arena, prompt.text);
    response.stable_bytes = (uint32_t)prompt.stable_bytes;
    response.features = convert_features(&query->arena, query->model, query->target.query,
                                         query->target.analysis, query->target.factors);
    response.n_features = query->target.analysis->feature_count;
    response.retrieved = convert_retrieved(&query->arena, query->model, &query->target, query->retrieved,
                                           query->retrieved_count, query->paths);
    response.n_retrieved = query->retrieved_count;
    response.dropped = ARENA_ARRAY(&query->arena, char *, prompt.dropped_count);
    for (size_t i = 0; i < prompt.dropped_count; i++)
        response.dropped[response.n_dropped++] = convert_text(&query->arena, prompt.dropped[i]);
    response.model_version = query->model->version;
    response.query = convert_text(&query->arena, query->target.query);
    grpc_call_reply(query->call, &response.base);
}

static void on_construct_prompt(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ConstructPromptRequest *request = message;
    begin(call, request->query, request->examples, request->budget_bytes, answer_prompt);
}

/* ---- Respond ---- */

static Rpmd__V1__AnswerProbability **distribution(QueryCall *query, const PredictionCase *prediction,
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

static bool citations_hold(QueryCall *query, rpmd_text reasoning)
{
    CitationReport report = {0};
    citation_check_reasoning(reasoning, query->model, query->settings->smoothing, NULL, &query->arena,
                             &report);
    return report.count == 0;
}

static void answer_respond(QueryCall *query, const UserReply *reply)
{
    (void)reply;
    Arena *arena = &query->arena;
    const PredictionCase *prediction = predict(query);
    if (!prediction) {
        grpc_call_refuse(query->call, STATUS_FAILED_PRECONDITION,
                         "answers of the task %s are free text, which needs an LLM, and none is configured; "
                         "get the prompt (rpmctl prompt) and send it to one",
                         query->task);
        return;
    }
    rpmd_text reasoning = reasoning_of_prediction(arena, &query->reasoning, &query->prediction, prediction);
    rpmd_text answer = prediction->candidates[prediction->result.answer].answer;
    Rpmd__V1__RespondResponse delta = RPMD__V1__RESPOND_RESPONSE__INIT;
    Rpmd__V1__RespondResponse last = RPMD__V1__RESPOND_RESPONSE__INIT;
    Rpmd__V1__FinalResponse final = RPMD__V1__FINAL_RESPONSE__INIT;
    Rpmd__V1__Usage usage = RPMD__V1__USAGE__INIT;
    delta.reasoning_delta = convert_text(arena, reasoning);
    grpc_call_send(query->call, &delta.base);
    delta.reasoning_delta = convert_text(arena, (rpmd_text){0});
    delta.answer_delta = convert_text(arena, answer);
    grpc_call_send(query->call, &delta.base);
    final.answer = convert_text(arena, answer);
    final.reasoning = convert_text(arena, reasoning);
    final.source = RPMD__V1__SOURCE__SOURCE_NATIVE;
    final.distribution = distribution(query, prediction, &final.n_distribution);
    final.features = convert_features(arena, query->model, query->target.query, query->target.analysis,
                                      query->target.factors);
    final.n_features = query->target.analysis->feature_count;
    final.retrieved = convert_retrieved(arena, query->model, &query->target, query->retrieved,
                                        query->retrieved_count, query->paths);
    final.n_retrieved = query->retrieved_count;
    final.usage = &usage;
    final.model_version = query->model->version;
    final.citations_hold = citations_hold(query, reasoning);
    last.final = &final;
    grpc_call_reply(query->call, &last.base);
}

static void on_respond(GrpcCall *call, const void *message)
{
    const Rpmd__V1__RespondRequest *request = message;
    begin(call, request->query, request->examples, 0, answer_respond);
}

/* ---- Explain ---- */

/* The distinct factors that the query's features belong to, in the order of the features. */
static void add_factors_met(QueryCall *query, Rpmd__V1__ExplainResponse *response)
{
    const Target *target = &query->target;
    response->factors = ARENA_ARRAY(&query->arena, Rpmd__V1__Factor *, target->analysis->feature_count);
    for (size_t f = 0; f < target->analysis->feature_count; f++) {
        bool seen = target->factors[f] == FACTOR_NONE;
        for (size_t before = 0; before < f && !seen; before++)
            seen = target->factors[before] == target->factors[f];
        if (!seen)
            response->factors[response->n_factors++] =
                convert_factor(&query->arena, query->model, target->factors[f], query->settings->smoothing);
    }
}

static void answer_explain(QueryCall *query, const UserReply *reply)
{
    (void)reply;
    Arena *arena = &query->arena;
    Rpmd__V1__ExplainResponse response = RPMD__V1__EXPLAIN_RESPONSE__INIT;
    response.features = convert_features(arena, query->model, query->target.query, query->target.analysis,
                                         query->target.factors);
    response.n_features = query->target.analysis->feature_count;
    add_factors_met(query, &response);
    response.items = query->model->item_count;
    response.answers = convert_answers(arena, query->model, &response.n_answers);
    response.traits = convert_traits(arena, query->model);
    response.n_traits = query->model->trait_count;
    response.retrieved = convert_retrieved(arena, query->model, &query->target, query->retrieved,
                                           query->retrieved_count, query->paths);
    response.n_retrieved = query->retrieved_count;
    response.distribution = distribution(query, predict(query), &response.n_distribution);
    response.model_version = query->model->version;
    response.query = convert_text(arena, query->target.query);
    grpc_call_reply(query->call, &response.base);
}

static void on_explain(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ExplainRequest *request = message;
    begin(call, request->query, request->examples, 0, answer_explain);
}

void personalizer_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "ConstructPrompt",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__construct_prompt_request__descriptor,
         .on_message = on_construct_prompt,
         .on_cancel = on_cancel},
        {.name = "Respond",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__respond_request__descriptor,
         .on_message = on_respond,
         .on_cancel = on_cancel},
        {.name = "Explain",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__explain_request__descriptor,
         .on_message = on_explain,
         .on_cancel = on_cancel},
    };
    *service = (GrpcService){"rpmd.v1.Personalizer", methods, ARRAY_SIZE(methods), context};
}
