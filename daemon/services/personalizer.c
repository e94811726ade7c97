/* SPDX-License-Identifier: MIT */
#include "daemon/services/call.h"
#include "daemon/services/check.h"
#include "daemon/services/convert.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include "rpmd/v1/personalizer.pb-c.h"

/* ---- what all of them do ------------------------------------------------------------------------------ */

static void on_end(void *data, const Status *status, rpmd_text reply)
{
    ServiceCall *call = data;
    call->query = NULL;
    if (status_is_ok(status))
        grpc_call_send_bytes(call->call, reply);
    grpc_call_finish(call->call, status);
}

static void begin(GrpcCall *grpc, QueryKind kind, const Rpmd__V1__Query *message, uint32_t examples,
                  uint32_t budget_bytes, const QueryHandlers *handlers)
{
    Status status = STATUS_INIT;
    ServiceCall *call = service_call_new(grpc, sizeof(ServiceCall), NULL);
    QueryRequest request = {
        .kind = kind, .examples = examples, .budget_bytes = budget_bytes, .caller = service_caller(grpc)};
    check_query(call->context->plugins, message, &call->arena, &request.query, &request.options,
                &request.option_count, &status);
    if (status_is_ok(&status) && examples > RETRIEVAL_LIMIT)
        status_refuse(&status, STATUS_INVALID_ARGUMENT, "%u examples are too many; the limit is %d", examples,
                      RETRIEVAL_LIMIT);
    if (!status_is_ok(&status)) {
        grpc_call_finish(grpc, &status);
        return;
    }
    request.name = (UserName){text_of(message->task), text_of(message->user)};
    request.time_us = message->time_us;
    call->query = query_begin(call->context->queries, &request, handlers, call);
}

static Rpmd__V1__Source source_of(bool is_llms)
{
    return is_llms ? RPMD__V1__SOURCE__SOURCE_LLM : RPMD__V1__SOURCE__SOURCE_NATIVE;
}

static Rpmd__V1__Usage usage_of(const QueryAnswer *answer)
{
    Rpmd__V1__Usage usage = RPMD__V1__USAGE__INIT;
    usage.llm_calls = (uint32_t)answer->usage.calls;
    usage.prompt_tokens = answer->usage.tokens.prompt_tokens;
    usage.cached_tokens = answer->usage.tokens.cached_tokens;
    usage.completion_tokens = answer->usage.tokens.completion_tokens;
    usage.cost_micros = answer->usage.cost_micros;
    return usage;
}

static Rpmd__V1__Feature **features_of(const QueryAnswer *answer, Arena *arena)
{
    return convert_features(arena, answer->model, answer->target.query, answer->target.analysis,
                            answer->target.factors);
}

static Rpmd__V1__RetrievedItem **retrieved_of(const QueryAnswer *answer, Arena *arena)
{
    return convert_retrieved(arena, answer->model, &answer->target, answer->retrieved,
                             answer->retrieved_count, answer->paths, answer->by_llm);
}

/* Likeliest first; none where answers are open. */
static Rpmd__V1__AnswerProbability **distribution_of(const QueryAnswer *answer, Arena *arena, size_t *count)
{
    const PredictionCase *prediction = answer->prediction;
    *count = prediction ? prediction->input.candidate_count : 0;
    Rpmd__V1__AnswerProbability **messages = ARENA_ARRAY(arena, Rpmd__V1__AnswerProbability *, *count);
    for (size_t i = 0; i < *count; i++) {
        size_t candidate = prediction->result.ranking[i];
        messages[i] = ARENA_NEW(arena, Rpmd__V1__AnswerProbability);
        rpmd__v1__answer_probability__init(messages[i]);
        messages[i]->answer = convert_text(arena, prediction->candidates[candidate].answer);
        messages[i]->probability = prediction->result.probabilities[candidate];
    }
    return messages;
}

/* ---- ConstructPrompt ---------------------------------------------------------------------------------- */

static void write_prompt(const QueryAnswer *answer, Buffer *reply)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__ConstructPromptResponse response = RPMD__V1__CONSTRUCT_PROMPT_RESPONSE__INIT;
    Rpmd__V1__Usage usage = usage_of(answer);
    response.prompt = (char *)answer->prompt.text.data; /* ends with a NUL, and stays */
    response.stable_bytes = (uint32_t)answer->prompt.stable_bytes;
    response.features = features_of(answer, &arena);
    response.n_features = answer->target.analysis->feature_count;
    response.retrieved = retrieved_of(answer, &arena);
    response.n_retrieved = answer->retrieved_count;
    response.dropped = ARENA_ARRAY(&arena, char *, answer->prompt.dropped_count);
    for (size_t i = 0; i < answer->prompt.dropped_count; i++)
        response.dropped[response.n_dropped++] = convert_text(&arena, answer->prompt.dropped[i]);
    response.model_version = answer->model->version;
    response.query = convert_text(&arena, answer->target.query);
    response.features_source = source_of(answer->features_are_llms);
    response.usage = &usage;
    response.notice = convert_text(&arena, text_of(answer->notice));
    service_pack(reply, &response.base);
}

static void on_construct_prompt(GrpcCall *call, const void *message)
{
    static const QueryHandlers handlers = {.write = write_prompt, .on_end = on_end};
    const Rpmd__V1__ConstructPromptRequest *request = message;
    begin(call, QUERY_PROMPT, request->query, request->examples, request->budget_bytes, &handlers);
}

/* ---- Respond ------------------------------------------------------------------------------------------ */

static void on_delta(void *data, rpmd_text reasoning, rpmd_text answer)
{
    ServiceCall *call = data;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__RespondResponse delta = RPMD__V1__RESPOND_RESPONSE__INIT;
    delta.reasoning_delta = convert_text(&arena, reasoning);
    delta.answer_delta = convert_text(&arena, answer);
    grpc_call_send(call->call, &delta.base);
}

static void write_final(const QueryAnswer *answer, Buffer *reply)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__RespondResponse last = RPMD__V1__RESPOND_RESPONSE__INIT;
    Rpmd__V1__FinalResponse final = RPMD__V1__FINAL_RESPONSE__INIT;
    Rpmd__V1__Usage usage = usage_of(answer);
    final.answer = convert_text(&arena, answer->answer);
    final.reasoning = convert_text(&arena, answer->reasoning);
    final.source = source_of(answer->answer_is_llms);
    final.distribution = distribution_of(answer, &arena, &final.n_distribution);
    final.features = features_of(answer, &arena);
    final.n_features = answer->target.analysis->feature_count;
    final.retrieved = retrieved_of(answer, &arena);
    final.n_retrieved = answer->retrieved_count;
    final.usage = &usage;
    final.model_version = answer->model->version;
    final.citations_hold = answer->citations_hold;
    final.notice = convert_text(&arena, text_of(answer->notice));
    final.features_source = source_of(answer->features_are_llms);
    last.final = &final;
    service_pack(reply, &last.base);
}

static void on_respond(GrpcCall *call, const void *message)
{
    static const QueryHandlers handlers = {write_final, on_delta, on_end};
    const Rpmd__V1__RespondRequest *request = message;
    begin(call, QUERY_RESPOND, request->query, request->examples, 0, &handlers);
}

/* ---- Explain ------------------------------------------------------------------------------------------ */

/* The distinct factors that the query's features belong to, in the order of the features. */
static void add_factors_met(const QueryAnswer *answer, Arena *arena, Rpmd__V1__ExplainResponse *response)
{
    const Target *target = &answer->target;
    response->factors = ARENA_ARRAY(arena, Rpmd__V1__Factor *, target->analysis->feature_count);
    for (size_t f = 0; f < target->analysis->feature_count; f++) {
        bool seen = target->factors[f] == FACTOR_NONE;
        for (size_t before = 0; before < f && !seen; before++)
            seen = target->factors[before] == target->factors[f];
        if (!seen)
            response->factors[response->n_factors++] =
                convert_factor(arena, answer->model, target->factors[f], answer->settings->smoothing);
    }
}

static void write_explanation(const QueryAnswer *answer, Buffer *reply)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__ExplainResponse response = RPMD__V1__EXPLAIN_RESPONSE__INIT;
    Rpmd__V1__Usage usage = usage_of(answer);
    response.features = features_of(answer, &arena);
    response.n_features = answer->target.analysis->feature_count;
    add_factors_met(answer, &arena, &response);
    response.items = answer->model->item_count;
    response.answers = convert_answers(&arena, answer->model, &response.n_answers);
    response.traits = convert_traits(&arena, answer->model);
    response.n_traits = answer->model->trait_count;
    response.retrieved = retrieved_of(answer, &arena);
    response.n_retrieved = answer->retrieved_count;
    response.distribution = distribution_of(answer, &arena, &response.n_distribution);
    response.model_version = answer->model->version;
    response.query = convert_text(&arena, answer->target.query);
    response.features_source = source_of(answer->features_are_llms);
    response.usage = &usage;
    response.notice = convert_text(&arena, text_of(answer->notice));
    service_pack(reply, &response.base);
}

static void on_explain(GrpcCall *call, const void *message)
{
    static const QueryHandlers handlers = {.write = write_explanation, .on_end = on_end};
    const Rpmd__V1__ExplainRequest *request = message;
    begin(call, QUERY_EXPLAIN, request->query, request->examples, 0, &handlers);
}

void personalizer_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "ConstructPrompt",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__construct_prompt_request__descriptor,
         .on_message = on_construct_prompt,
         .on_cancel = service_call_on_cancel},
        {.name = "Respond",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__respond_request__descriptor,
         .on_message = on_respond,
         .on_cancel = service_call_on_cancel},
        {.name = "Explain",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__explain_request__descriptor,
         .on_message = on_explain,
         .on_cancel = service_call_on_cancel},
    };
    *service = (GrpcService){"rpmd.v1.Personalizer", methods, ARRAY_SIZE(methods), context};
}
