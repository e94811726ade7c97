/* SPDX-License-Identifier: MIT */

/*
 * An LLM reasons in the user's way and answers, streamed as it writes; or the native prediction does, where
 * the task is configured so, or where the LLM does not answer and nothing of its reasoning was handed over
 * yet.
 */

#include "daemon/query/internal.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/answer_text.h"
#include "lib/llm/reply_json.h"
#include "lib/llm/stages/stage.h"
#include "lib/method/prompt_text.h"

#include <ctype.h>

#define REPAIR_TOKENS 128 /* a line with the answer; titles have some forty */

struct Response {
    Query *query;
    Buffer repair; /* the prompt of the second request */
    AnswerText text;
    bool is_repaired; /* it was asked once more for its answer */
    bool has_streamed;
};

static void response_free(Response *response)
{
    buffer_finish(&response->repair);
    answer_text_finish(&response->text);
    free(response);
}

/* ---- the native answer -------------------------------------------------------------------------------- */

/* The statistics' answer. notice: why it is theirs, where an LLM was to answer; NULL: it is what is
 * configured. */
static void answer_natively(Query *query, const char *notice, bool reasoning_was_sent)
{
    QueryAnswer *answer = query->answer;
    const PredictionCase *prediction = answer->prediction;
    answer->answer = prediction->candidates[prediction->result.answer].answer;
    answer->reasoning = answer->prediction_reasoning;
    if (notice)
        answer->notice = notice;
    if (!reasoning_was_sent && !query_tell(query, answer->reasoning, (rpmd_text){0}))
        return;
    if (query_tell(query, (rpmd_text){0}, answer->answer))
        query_write(query);
}

/* The LLM's way ends here: with the native answer where there is one and nothing else was sent, else with the
 * error. */
static void give_up(Response *response, const Status *status)
{
    Query *query = response->query;
    if (!query->answer->prediction || response->has_streamed || status->code != STATUS_UNAVAILABLE) {
        query_refuse(query, status);
        return;
    }
    answer_natively(
        query, arena_format(&query->answer->arena, "%s; answered from the statistics alone", status->message),
        false);
}

/* The LLM wrote, twice, and no answer of the task is in it. */
static void give_up_without_answer(Response *response)
{
    Query *query = response->query;
    if (query->answer->prediction) {
        answer_natively(query,
                        "the LLM wrote no answer of the task, nor when it was asked again; answered from the "
                        "statistics alone",
                        response->has_streamed);
        return;
    }
    Status status;
    status_refuse(&status, STATUS_UNAVAILABLE,
                  "the LLM wrote no answer, nor when it was asked again; try again, or choose another model");
    query_refuse(query, &status);
}

/* ---- asking again ------------------------------------------------------------------------------------- */

static void ask(Response *response, rpmd_text prompt, uint32_t max_tokens, const char *schema,
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
static void ask_again(Response *response)
{
    static const StageHandlers handlers = {.on_reply = on_repaired};
    QueryAnswer *answer = response->query->answer;
    rpmd_text noun = answer->reasoning_task.response_noun;
    Buffer *prompt = &response->repair;
    const char *schema = NULL;
    response->is_repaired = true;
    buffer_append(prompt, answer->prompt.text.data, answer->prompt.text.length);
    buffer_append_string(prompt, "\n# Your reasoning\n");
    prompt_text_block(
        prompt, (rpmd_text){buffer_string(&response->text.reasoning), response->text.reasoning.length}, 0);
    buffer_append_string(prompt, "\nIt ends without an answer that can be used. ");
    if (answer->prediction) {
        schema = schema_of_answers(answer->prediction, &answer->arena);
        buffer_append_format(prompt,
                             "Write only JSON with the %.*s, as asked above: {\"answer\": \"...\"}.\n",
                             TEXT_ARGS(noun));
    } else {
        buffer_append_format(
            prompt, "Write only the last line, \"%c%.*s:\" followed by the answer, as asked above.\n",
            toupper((unsigned char)noun.data[0]), (int)noun.length - 1, noun.data + 1);
    }
    ask(response, (rpmd_text){prompt->data, prompt->length}, REPAIR_TOKENS, schema, &handlers);
}

/* ---- the LLM's answer --------------------------------------------------------------------------------- */

static void on_parsed(PluginBatch *batch, void *data)
{
    Response *response = data;
    Query *query = response->query;
    QueryAnswer *answer = query->answer;
    query->job = NULL;
    if (!status_is_ok(&batch->status)) {
        query_refuse(query, &batch->status);
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
    answer->answer = arena_text(&answer->arena, analysis->answer);
    answer->reasoning = arena_text(&answer->arena, (rpmd_text){buffer_string(&response->text.reasoning),
                                                               response->text.reasoning.length});
    answer->answer_is_llms = true;
    if (query_tell(query, (rpmd_text){0}, answer->answer))
        query_write(query);
}

/* Hands what the LLM wrote as its answer to the plugin. */
static void parse(Response *response, rpmd_text text)
{
    Query *query = response->query;
    const Target *target = &query->answer->target;
    const AnalysisRequest request = {.query = target->query,
                                     .options = target->options,
                                     .option_count = target->option_count,
                                     .response = text,
                                     .has_response = true,
                                     .answer_only = true};
    query->job = plugin_registry_analyze(query->queries->context.plugins, query->answer->task, &request, 1,
                                         PLUGIN_URGENT, query_plugin_deadline(query), on_parsed, response);
    query_move(query, QUERY_PARSING);
}

static bool is_blank(rpmd_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!isspace((unsigned char)text.data[i]))
            return false;
    return true;
}

/* False: the query is gone. */
static bool stream_reasoning(Response *response)
{
    rpmd_text news = answer_text_news(&response->text);
    if (news.length == 0)
        return true;
    response->has_streamed = true;
    return query_tell(response->query, news, (rpmd_text){0});
}

static void on_text(void *data, rpmd_text piece)
{
    Response *response = data;
    answer_text_feed(&response->text, piece);
    stream_reasoning(response);
}

static void on_reply(void *data, const StageReply *reply)
{
    Response *response = data;
    Query *query = response->query;
    query->stage = NULL;
    query_account(query, reply->was_cached ? 0 : reply->attempts, &reply->usage, reply->cost_micros);
    if (!status_is_ok(&reply->status)) {
        give_up(response, &reply->status);
        return;
    }
    answer_text_end(&response->text);
    if (!stream_reasoning(response))
        return;
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
    Response *response = data;
    Query *query = response->query;
    AnswerText text;
    query->stage = NULL;
    query_account(query, reply->was_cached ? 0 : reply->attempts, &reply->usage, reply->cost_micros);
    if (!status_is_ok(&reply->status)) {
        query_refuse(query, &reply->status);
        return;
    }
    _cleanup_json_ json_t *json = query->answer->prediction ? reply_json(reply->text) : NULL;
    const char *held = json_string_value(json_object_get(json, "answer"));
    answer_text_init(&text, query->answer->reasoning_task.response_noun);
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

static void ask(Response *response, rpmd_text prompt, uint32_t max_tokens, const char *schema,
                const StageHandlers *handlers)
{
    Query *query = response->query;
    Stages *stages = query->queries->context.stages;
    const StageRequest request = {
        .stage = STAGE_RESPOND,
        .task = query->name.task,
        .user = query->name.user,
        .user_number = query->answer->user_number,
        .backend = stage_backend(stages, query->answer->task, STAGE_RESPOND),
        .prompt = prompt,
        .schema = schema,
        .max_tokens = max_tokens,
        .deadline_ns = query->caller.deadline_ns,
        .is_repair = response->is_repaired,
    };
    query->stage = stage_call(stages, &request, handlers, response);
    query_move(query, QUERY_ASKING);
}

/* ---- the beginning ------------------------------------------------------------------------------------ */

void response_begin(Query *query)
{
    static const StageHandlers handlers = {on_text, on_reply};
    QueryAnswer *answer = query->answer;
    if (answer->wants_prompt) {
        Response *response = query->response = NEW(Response);
        query->free_response = response_free;
        response->query = query;
        answer_text_init(&response->text, answer->reasoning_task.response_noun);
        ask(response, answer->prompt.text, 0, NULL, &handlers);
    } else if (answer->prediction) {
        answer_natively(query, NULL, false);
    } else {
        Status status;
        status_refuse(
            &status, STATUS_FAILED_PRECONDITION,
            "answers of the task %s are free text, which needs an LLM, and none is configured; "
            "set respond under [task %s] in rpmd.conf, or get the prompt (rpmctl prompt) and send it to one",
            answer->task, answer->task);
        query_refuse(query, &status);
    }
}
