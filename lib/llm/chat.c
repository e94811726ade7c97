/* SPDX-License-Identifier: MIT */
#include "lib/llm/chat.h"

#include "lib/llm/reply_json.h"
#include "lib/text/utf8.h"

#include <stdio.h>

#define SHOWN_BODY 160 /* bytes of a body that says nothing else */

void llm_reply_finish(LlmReply *reply)
{
    buffer_finish(&reply->text);
    *reply = (LlmReply){0};
}

const char *llm_chat_path(LlmShape shape)
{
    return shape == LLM_SHAPE_ANTHROPIC ? "/messages" : "/chat/completions";
}

static void set_form(json_t *request, const LlmChat *chat)
{
    if (!chat->schema || chat->form == LLM_FORM_TEXT)
        return;
    json_t *format = chat->form == LLM_FORM_JSON
                         ? json_pack("{s:s}", "type", "json_object")
                         : json_pack("{s:s, s:{s:s, s:b, s:o}}", "type", "json_schema", "json_schema", "name",
                                     "reply", "strict", 1, "schema", json_loads(chat->schema, 0, NULL));
    json_object_set_new(request, "response_format", format);
}

void llm_chat_append(Buffer *body, LlmShape shape, const LlmChat *chat)
{
    _cleanup_json_ json_t *request = json_pack(
        "{s:s, s:[{s:s, s:s%}], s:i, s:b}", "model", chat->model, "messages", "role", "user", "content",
        chat->prompt.data, chat->prompt.length,
        chat->limits_completion ? "max_completion_tokens" : "max_tokens", (int)chat->max_tokens, "stream", 1);
    if (chat->temperature >= 0)
        json_object_set_new(request, "temperature", json_real(chat->temperature));
    if (shape == LLM_SHAPE_OPENAI) {
        json_object_set_new(request, "stream_options", json_pack("{s:b}", "include_usage", 1));
        set_form(request, chat);
    }
    char *text = json_dumps(request, JSON_COMPACT);
    buffer_append_string(body, text ? text : "");
    free(text);
}

/* ---- replies ------------------------------------------------------------------------------------------ */

/* Some servers part characters between events: what is not UTF-8 costs that character and not the reply. */
static json_t *load(rpmd_text text)
{
    _cleanup_buffer_ Buffer mended = BUFFER_INIT;
    if (!text_is_utf8(text)) {
        text_append_well_formed(&mended, text);
        text = (rpmd_text){mended.data, mended.length};
    }
    return text.length ? json_loadb(text.data, text.length, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

static void append_text(LlmReply *reply, const json_t *text)
{
    size_t length = json_string_length(text);
    if (!json_is_string(text))
        return;
    if (reply->text.length + length > LLM_REPLY_LIMIT)
        reply->is_too_long = true;
    else
        buffer_append(&reply->text, json_string_value(text), length);
}

static void take_number(uint64_t *number, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        *number = (uint64_t)json_integer_value(value);
}

/* {"error": {"message": "..."}} or {"error": "..."} */
static const char *error_of(const json_t *event)
{
    const json_t *error = json_object_get(event, "error");
    const json_t *message = json_is_object(error) ? json_object_get(error, "message") : error;
    return json_is_string(message)         ? json_string_value(message)
           : error && !json_is_null(error) ? "an error"
                                           : NULL;
}

static void take_error(LlmReply *reply, const json_t *event)
{
    const char *error = error_of(event);
    if (error)
        snprintf(reply->error, sizeof(reply->error), "%s", error);
}

static void take_finish(LlmReply *reply, const json_t *reason)
{
    static const char *const stops[] = {"stop", "end_turn", "stop_sequence"};
    static const char *const lengths[] = {"length", "max_tokens"};
    if (!json_is_string(reason))
        return;
    reply->finish = LLM_FINISH_OTHER;
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
        if (strcmp(json_string_value(reason), stops[i]) == 0)
            reply->finish = LLM_FINISH_STOP;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        if (strcmp(json_string_value(reason), lengths[i]) == 0)
            reply->finish = LLM_FINISH_LENGTH;
}

void llm_chat_take_usage(LlmReply *reply, const json_t *usage)
{
    if (!json_is_object(usage))
        return;
    take_number(&reply->usage.prompt_tokens, usage, "prompt_tokens");
    take_number(&reply->usage.completion_tokens, usage, "completion_tokens");
    take_number(&reply->usage.cached_tokens, json_object_get(usage, "prompt_tokens_details"),
                "cached_tokens");
}

/* Of a stream ("delta") or of a whole reply ("message"). */
static void take_openai(LlmReply *reply, const json_t *event, const char *part)
{
    const json_t *choice = json_array_get(json_object_get(event, "choices"), 0);
    append_text(reply, json_object_get(json_object_get(choice, part), "content"));
    take_finish(reply, json_object_get(choice, "finish_reason"));
    llm_chat_take_usage(reply, json_object_get(event, "usage"));
}

/* In this shape, the tokens of a prompt are told in three parts. */
static void take_anthropic_usage(LlmReply *reply, const json_t *usage)
{
    uint64_t fresh = 0, stored = 0;
    take_number(&reply->usage.completion_tokens, usage, "output_tokens");
    if (!json_is_integer(json_object_get(usage, "input_tokens")))
        return;
    take_number(&fresh, usage, "input_tokens");
    take_number(&stored, usage, "cache_creation_input_tokens");
    take_number(&reply->usage.cached_tokens, usage, "cache_read_input_tokens");
    reply->usage.prompt_tokens = fresh + stored + reply->usage.cached_tokens;
}

static void take_anthropic_event(LlmReply *reply, const json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));
    const json_t *delta = json_object_get(event, "delta");
    if (!type)
        return;
    if (strcmp(type, "message_start") == 0)
        take_anthropic_usage(reply, json_object_get(json_object_get(event, "message"), "usage"));
    else if (strcmp(type, "content_block_delta") == 0)
        append_text(reply, json_object_get(delta, "text"));
    else if (strcmp(type, "message_stop") == 0)
        reply->is_whole = true;
    else if (strcmp(type, "message_delta") == 0) {
        take_finish(reply, json_object_get(delta, "stop_reason"));
        take_anthropic_usage(reply, json_object_get(event, "usage"));
    }
}

bool llm_chat_take_event(LlmReply *reply, LlmShape shape, rpmd_text data)
{
    if (shape == LLM_SHAPE_OPENAI && text_equal_string(data, "[DONE]")) {
        reply->is_whole = true;
        return true;
    }
    _cleanup_json_ json_t *event = load(data);
    if (!json_is_object(event))
        return false;
    take_error(reply, event);
    if (shape == LLM_SHAPE_OPENAI)
        take_openai(reply, event, "delta");
    else
        take_anthropic_event(reply, event);
    return true;
}

bool llm_chat_take_whole(LlmReply *reply, LlmShape shape, rpmd_text body)
{
    _cleanup_json_ json_t *whole = load(body);
    if (!json_is_object(whole))
        return false;
    take_error(reply, whole);
    if (shape == LLM_SHAPE_OPENAI) {
        take_openai(reply, whole, "message");
    } else {
        const json_t *content = json_object_get(whole, "content");
        for (size_t i = 0; i < json_array_size(content); i++)
            append_text(reply, json_object_get(json_array_get(content, i), "text"));
        take_finish(reply, json_object_get(whole, "stop_reason"));
        take_anthropic_usage(reply, json_object_get(whole, "usage"));
    }
    reply->is_whole = reply->finish != LLM_FINISH_NONE;
    return reply->is_whole || reply->error[0];
}

void llm_error_sentence(rpmd_text body, char *sentence, size_t size)
{
    _cleanup_json_ json_t *error = load(body);
    _cleanup_buffer_ Buffer shown = BUFFER_INIT;
    const char *message = json_is_object(error) ? error_of(error) : NULL;
    text_append_well_formed(&shown, message ? text_of(message)
                                            : (rpmd_text){body.data, MIN(body.length, (size_t)SHOWN_BODY)});
    rpmd_text text = text_cut((rpmd_text){buffer_string(&shown), shown.length}, size - 1);
    snprintf(sentence, size, "%.*s", TEXT_ARGS(text.length ? text : text_of("nothing")));
    for (char *byte = sentence; *byte; byte++)
        if ((unsigned char)*byte < 0x20 || *byte == 0x7F)
            *byte = ' ';
}
