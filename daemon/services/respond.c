/* SPDX-License-Identifier: MIT */
#include "daemon/services/respond.h"

#include "daemon/services/convert.h"
#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/answer_text.h"
#include "lib/llm/reply_json.h"
#include "lib/llm/stages/stage.h"
#include "lib/method/citation_model.h"
#include "lib/method/prompt_text.h"

#include <ctype.h>

#define REPAIR_TOKENS 128 /* a line with the answer; titles have some forty */

struct LlmResponse {
    QueryCall *query;
    const PredictionCase *prediction; /* closed tasks */
    rpmd_text native_reasoning;       /* of it */
    rpmd_text prompt;                 /* in the query's arena */
    Buffer repair;                    /* the prompt of the second request */
    StageCall *stage;                 /* the LLM is at work */
    PluginJob *job;                   /* its answer is being parsed */
    AnswerText text;
    bool is_repaired; /* it was asked once more for its answer */
    bool has_streamed;
};

void llm_response_free(LlmResponse *response)
{
    if (!response)
        return;
    if (response->stage)
        stage_cancel(response->stage);
    if (response->job)
        plugin_job_cancel(response->job);
    buffer_finish(&response->repair);
    answer_text_finish(&response->text);
    free(response);
}

/* ---- the last message --------------------------------------------------------------------------------- */

static void send_delta(QueryCall *query, rpmd_text reasoning, rpmd_text answer)
{
    Rpmd__V1__RespondResponse delta = RPMD__V1__RESPOND_RESPONSE__INIT;
    delta.reasoning_delta = convert_text(&query->arena, reasoning);
    delta.answer_delta = convert_text(&query->arena, answer);
    grpc_call_send(query->call, &delta.base);
}

static bool citations_hold(QueryCall *query, rpmd_text reasoning)
{
    CitationReport report = {0};
    citation_check_reasoning(reasoning, query->model, query->settings->smoothing, NULL, &query->arena,
                             &report);
    return report.count == 0;
}

typedef struct Outcome {
    rpmd_text answer;
    rpmd_text reasoning;
    Rpmd__V1__Source source;
    const PredictionCase *prediction;
    const char *notice; /* a sentence; "" */
} Outcome;

/* Ends the call. What the outcome points at lives as long as the query, or its response. */
static void send_final(QueryCall *query, const Outcome *outcome)
{
    Arena *arena = &query->arena;
    Rpmd__V1__RespondResponse last = RPMD__V1__RESPOND_RESPONSE__INIT;
    Rpmd__V1__FinalResponse final = RPMD__V1__FINAL_RESPONSE__INIT;
    final.answer = convert_text(arena, outcome->answer);
    final.reasoning = convert_text(arena, outcome->reasoning);
    final.source = outcome->source;
    final.distribution = query_distribution(query, outcome->prediction, &final.n_distribution);
    final.features = convert_features(arena, query->model, query->target.query, query->target.analysis,
                                      query->target.factors);
    final.n_features = query->target.analysis->feature_count;
    final.retrieved = convert_retrieved(arena, query->model, &query->target, query->retrieved,
                                        query->retrieved_count, query->paths, query->by_llm);
    final.n_retrieved = query->retrieved_count;
    final.usage = &query->usage;
    final.model_version = query->model->version;
    final.citations_hold = citations_hold(query, outcome->reasoning);
    final.notice = convert_text(arena, text_of(*outcome->notice ? outcome->notice : query->notice));
    final.features_source = query->features_source;
    last.final = &final;
    grpc_call_reply(query->call, &last.base);
}

static void answer_natively(QueryCall *query, const PredictionCase *prediction, rpmd_text reasoning,
                            const char *notice, bool reasoning_was_sent)
{
    rpmd_text answer = prediction->candidates[prediction->result.answer].answer;
    if (!reasoning_was_sent)
        send_delta(query, reasoning, (rpmd_text){0});
    send_delta(query, (rpmd_text){0}, answer);
    send_final(query, &(Outcome){answer, reasoning, RPMD__V1__SOURCE__SOURCE_NATIVE, prediction, notice});
}

/* ---- the LLM's answer --------------------------------------------------------------------------------- */

static void refuse(LlmResponse *response, const Status *status)
{
    grpc_call_finish(response->query->call, status);
}

/* Its way ends here: with the native answer where there is one and nothing else was sent, else with the
 * error. */
static void give_up(LlmResponse *response, const Status *status)
{
    QueryCall *query = response->query;
    if (!response->prediction || response->has_streamed || status->code != STATUS_UNAVAILABLE) {
        refuse(response, status);
        return;
    }
    const char *notice =
        arena_format(&query->arena, "%s; answered from the statistics alone", status->message);
    answer_natively(query, response->prediction, response->native_reasoning, notice, false);
}

/* The LLM wrote, twice, and no answer of the task is in it. */
static void give_up_without_answer(LlmResponse *response)
{
    QueryCall *query = response->query;
    Status status = STATUS_INIT;
    if (!response->prediction) {
        status_refuse(
            &status, STATUS_UNAVAILABLE,
            "the LLM wrote no answer, nor when it was asked again; try again, or choose another model");
        refuse(response, &status);
        return;
    }
    answer_natively(query, response->prediction, response->native_reasoning,
                    "the LLM wrote no answer of the task, nor when it was asked again; answered from the "
                    "statistics alone",
                    response->has_streamed);
}

static void ask(LlmResponse *response, rpmd_text prompt, uint32_t max_tokens, const char *schema,
                const StageHandlers *handlers);
static void on_repaired(void *data, const StageReply *reply);

/* {"answer": one of those that there are}: a server that takes schemas cannot write another. */
static const char *schema_of_answers(const PredictionCase *prediction, Arena *arena)
{
    _cleanup_json_ json_t *answers = json_array();
    for (size_t i = 0; i < prediction->input.candidate_count; i++) {
        rpmd_text answer = prediction->candidates[i].answer;
        json_array_append_new(answers, json_stringn(answer.data, answer.length));
    }
    _cleanup_json_ json_t *schema =
        json_pack("{s:s, s:b, s:[s], s:{s:{s:O}}}", "type", "object", "additionalProperties", 0, "required",
                  "answer", "properties", "answer", "enum", answers);
    char *text = json_dumps(schema, JSON_COMPACT);
    const char *copy = arena_text(arena, text_of(text)).data;
    free(text);
    return copy;
}

/* Asks for the answer alone; what it reasoned stands before. A closed one is held to those there are. */
static void ask_again(LlmResponse *response)
{
    static const StageHandlers handlers = {.on_reply = on_repaired};
    QueryCall *query = response->query;
    rpmd_text noun = query->reasoning.response_noun;
    Buffer *prompt = &response->repair;
    const char *schema = NULL;
    response->is_repaired = true;
    buffer_append(prompt, response->prompt.data, response->prompt.length);
    buffer_append_string(prompt, "\n# Your reasoning\n");
    prompt_text_block(
        prompt, (rpmd_text){buffer_string(&response->text.reasoning), response->text.reasoning.length}, 0);
    buffer_append_string(prompt, "\nIt ends without an answer that can be used. ");
    if (response->prediction) {
        schema = schema_of_answers(response->prediction, &query->arena);
        buffer_append_format(prompt,
                             "Write only JSON with the %.*s, as asked above: {\"answer\": \"...\"}.\n",
                             TEXT_ARGS(noun));
    } else {
        buffer_append_format(prompt,
                             "Write only the last line, \"%c%.*s:\" and behind it the answer, as asked "
                             "above.\n",
                             toupper((unsigned char)noun.data[0]), (int)noun.length - 1, noun.data + 1);
    }
    ask(response, (rpmd_text){prompt->data, prompt->length}, REPAIR_TOKENS, schema, &handlers);
}

static void on_parsed(PluginBatch *batch, void *data)
{
    LlmResponse *response = data;
    QueryCall *query = response->query;
    response->job = NULL;
    if (!status_is_ok(&batch->status)) {
        refuse(response, &batch->status);
        return;
    }
    const Analysis *analysis = &batch->analyses[0];
    if (analysis->code != STATUS_OK || !analysis->has_answer || analysis->answer.length == 0) {
        if (response->is_repaired)
            give_up_without_answer(response);
        else
            ask_again(response);
        return;
    }
    rpmd_text reasoning = {buffer_string(&response->text.reasoning), response->text.reasoning.length};
    send_delta(query, (rpmd_text){0}, analysis->answer);
    send_final(query, &(Outcome){analysis->answer, reasoning, RPMD__V1__SOURCE__SOURCE_LLM,
                                 response->prediction, ""});
}

/* Hands what the LLM wrote as its answer to the plugin. */
static void parse(LlmResponse *response, rpmd_text text)
{
    QueryCall *query = response->query;
    const AnalysisRequest request = {.query = query->target.query,
                                     .options = query->target.options,
                                     .option_count = query->target.option_count,
                                     .response = text,
                                     .has_response = true,
                                     .answer_only = true};
    uint64_t deadline = uv_hrtime() + query->context->config->call_seconds * 1000000000ull;
    uint64_t callers = grpc_call_deadline(query->call);
    response->job = plugin_registry_analyze(query->context->plugins, query->task, &request, 1, PLUGIN_URGENT,
                                            callers ? MIN(deadline, callers) : deadline, on_parsed, response);
}

static bool is_blank(rpmd_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!isspace((unsigned char)text.data[i]))
            return false;
    return true;
}

static void stream_reasoning(LlmResponse *response)
{
    rpmd_text news = answer_text_news(&response->text);
    if (news.length == 0)
        return;
    response->has_streamed = true;
    send_delta(response->query, news, (rpmd_text){0});
}

static void on_text(void *data, rpmd_text piece)
{
    LlmResponse *response = data;
    answer_text_feed(&response->text, piece);
    stream_reasoning(response);
}

static void on_reply(void *data, const StageReply *reply)
{
    LlmResponse *response = data;
    response->stage = NULL;
    query_account(response->query, reply->was_cached ? 0 : reply->attempts, &reply->usage,
                  reply->cost_micros);
    if (!status_is_ok(&reply->status)) {
        give_up(response, &reply->status);
        return;
    }
    answer_text_end(&response->text);
    stream_reasoning(response);
    rpmd_text answer = {buffer_string(&response->text.answer), response->text.answer.length};
    /* Small models forget the heading. */
    if (is_blank(answer))
        answer = answer_text_guess(&response->text, reply->finish != LLM_FINISH_LENGTH);
    if (is_blank(answer))
        ask_again(response);
    else
        parse(response, answer);
}

static void on_repaired(void *data, const StageReply *reply)
{
    LlmResponse *response = data;
    const QueryCall *query = response->query;
    AnswerText text;
    response->stage = NULL;
    query_account(response->query, reply->was_cached ? 0 : reply->attempts, &reply->usage,
                  reply->cost_micros);
    if (!status_is_ok(&reply->status)) {
        refuse(response, &reply->status);
        return;
    }
    _cleanup_json_ json_t *json = response->prediction ? reply_json(reply->text) : NULL;
    const char *held = json_string_value(json_object_get(json, "answer"));
    answer_text_init(&text, query->reasoning.response_noun);
    answer_text_feed(&text, reply->text);
    answer_text_end(&text);
    rpmd_text answer = held ? text_of(held) : (rpmd_text){buffer_string(&text.answer), text.answer.length};
    if (is_blank(answer))
        answer = answer_text_guess(&text, true);
    if (is_blank(answer))
        give_up_without_answer(response);
    else
        parse(response, answer);
    answer_text_finish(&text);
}

static void ask(LlmResponse *response, rpmd_text prompt, uint32_t max_tokens, const char *schema,
                const StageHandlers *handlers)
{
    QueryCall *query = response->query;
    const StageRequest request = {
        .stage = STAGE_RESPOND,
        .task = text_of(query->task),
        .user = query->user,
        .backend = stage_backend(query->context->stages, query->task, STAGE_RESPOND),
        .prompt = prompt,
        .schema = schema,
        .max_tokens = max_tokens,
        .deadline_ns = grpc_call_deadline(query->call),
        .is_repair = response->is_repaired,
    };
    response->stage = stage_call(query->context->stages, &request, handlers, response);
}

static void answer_with_llm(QueryCall *query, const PredictionCase *prediction, rpmd_text native_reasoning)
{
    static const StageHandlers handlers = {on_text, on_reply};
    Prompt prompt;
    if (query_prompt(query, prediction, &prompt))
        return;
    LlmResponse *response = NEW(LlmResponse);
    *response = (LlmResponse){.query = query, .prediction = prediction, .native_reasoning = native_reasoning};
    query->response = response;
    answer_text_init(&response->text, query->reasoning.response_noun);
    response->prompt = prompt.text;
    ask(response, response->prompt, 0, NULL, &handlers);
}

void respond_answer(QueryCall *query)
{
    const PredictionCase *prediction = query_predict(query);
    const char *backend = stage_backend(query->context->stages, query->task, STAGE_RESPOND);
    rpmd_text reasoning = {0};
    if (prediction)
        reasoning = reasoning_of_prediction(&query->arena, &query->reasoning, &query->prediction, prediction);
    if (backend) {
        answer_with_llm(query, prediction, reasoning);
    } else if (prediction) {
        answer_natively(query, prediction, reasoning, "", false);
    } else {
        grpc_call_refuse(
            query->call, STATUS_FAILED_PRECONDITION,
            "answers of the task %s are free text, which needs an LLM, and none is configured; "
            "set respond under [task %s] in rpmd.conf, or get the prompt (rpmctl prompt) and send it to "
            "one",
            query->task, query->task);
    }
}
