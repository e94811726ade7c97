/* SPDX-License-Identifier: MIT */
#include "daemon/services/convert.h"
#include "daemon/services/query.h"
#include "daemon/services/respond.h"
#include "lib/base/text.h"

/* ---- ConstructPrompt ---- */

static void answer_prompt(QueryCall *query)
{
    Prompt prompt;
    if (query_prompt(query, query_predict(query), &prompt))
        return;
    Rpmd__V1__ConstructPromptResponse response = RPMD__V1__CONSTRUCT_PROMPT_RESPONSE__INIT;
    response.prompt = convert_text(&query->arena, prompt.text);
    response.stable_bytes = (uint32_t)prompt.stable_bytes;
    response.features = convert_features(&query->arena, query->model, query->target.query,
                                         query->target.analysis, query->target.factors);
    response.n_features = query->target.analysis->feature_count;
    response.retrieved = convert_retrieved(&query->arena, query->model, &query->target, query->retrieved,
                                           query->retrieved_count, query->paths, query->by_llm);
    response.n_retrieved = query->retrieved_count;
    response.dropped = ARENA_ARRAY(&query->arena, char *, prompt.dropped_count);
    for (size_t i = 0; i < prompt.dropped_count; i++)
        response.dropped[response.n_dropped++] = convert_text(&query->arena, prompt.dropped[i]);
    response.model_version = query->model->version;
    response.query = convert_text(&query->arena, query->target.query);
    response.features_source = query->features_source;
    response.usage = &query->usage;
    response.notice = convert_text(&query->arena, text_of(query->notice));
    grpc_call_reply(query->call, &response.base);
}

static void on_construct_prompt(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ConstructPromptRequest *request = message;
    query_begin(call, request->query, request->examples, request->budget_bytes, answer_prompt);
}

/* ---- Respond ---- */

static void on_respond(GrpcCall *call, const void *message)
{
    const Rpmd__V1__RespondRequest *request = message;
    query_begin(call, request->query, request->examples, 0, respond_answer);
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

static void answer_explain(QueryCall *query)
{
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
                                           query->retrieved_count, query->paths, query->by_llm);
    response.n_retrieved = query->retrieved_count;
    response.distribution = query_distribution(query, query_predict(query), &response.n_distribution);
    response.model_version = query->model->version;
    response.query = convert_text(arena, query->target.query);
    response.features_source = query->features_source;
    response.usage = &query->usage;
    response.notice = convert_text(arena, text_of(query->notice));
    grpc_call_reply(query->call, &response.base);
}

static void on_explain(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ExplainRequest *request = message;
    query_begin(call, request->query, request->examples, 0, answer_explain);
}

void personalizer_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "ConstructPrompt",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__construct_prompt_request__descriptor,
         .on_message = on_construct_prompt,
         .on_cancel = query_cancel},
        {.name = "Respond",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__respond_request__descriptor,
         .on_message = on_respond,
         .on_cancel = query_cancel},
        {.name = "Explain",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__explain_request__descriptor,
         .on_message = on_explain,
         .on_cancel = query_cancel},
    };
    *service = (GrpcService){"rpmd.v1.Personalizer", methods, ARRAY_SIZE(methods), context};
}
