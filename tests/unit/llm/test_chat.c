/* SPDX-License-Identifier: MIT */
#include "lib/llm/chat.h"

#include "tests/unit/unit.h"

static const char *take(LlmReply *reply, LlmShape shape, const char *data)
{
    ck_assert_msg(llm_chat_take_event(reply, shape, text_of(data)), "%s", data);
    return buffer_string(&reply->text);
}

START_TEST(requests)
{
    LlmChat chat = {
        .model = "m", .prompt = text_of("Say \"hi\"\n\xC3\xA9"), .max_tokens = 64, .temperature = -1};
    _cleanup_buffer_ Buffer body = BUFFER_INIT;
    llm_chat_append(&body, LLM_SHAPE_OPENAI, &chat);
    ck_assert_str_eq(
        body.data,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Say \\\"hi\\\"\\n\xC3\xA9\"}],"
        "\"max_tokens\":64,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    buffer_clear(&body);
    llm_chat_append(&body, LLM_SHAPE_ANTHROPIC, &chat);
    ck_assert_ptr_null(strstr(body.data, "stream_options"));
    ck_assert_str_eq(llm_chat_path(LLM_SHAPE_OPENAI), "/chat/completions");
    ck_assert_str_eq(llm_chat_path(LLM_SHAPE_ANTHROPIC), "/messages");
}
END_TEST

START_TEST(forms)
{
    LlmChat chat = {.model = "m", .prompt = text_of("p"), .schema = "{\"type\":\"object\"}"};
    static const struct {
        LlmForm form;
        const char *expected;
    } cases[] = {
        {LLM_FORM_SCHEMA, "\"temperature\":0.0,\"stream_options\":{\"include_usage\":true},"
                          "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"reply\","
                          "\"strict\":true,\"schema\":{\"type\":\"object\"}}}}"},
        {LLM_FORM_JSON, "\"response_format\":{\"type\":\"json_object\"}}"},
        {LLM_FORM_TEXT, "\"stream_options\":{\"include_usage\":true}}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buffer_ Buffer body = BUFFER_INIT;
        chat.form = cases[i].form;
        llm_chat_append(&body, LLM_SHAPE_OPENAI, &chat);
        const char *found = strstr(body.data, cases[i].expected);
        ck_assert_msg(found && strlen(found) == strlen(cases[i].expected), "%s", body.data);
        buffer_clear(&body);
        llm_chat_append(&body, LLM_SHAPE_ANTHROPIC, &chat);
        ck_assert_ptr_null(strstr(body.data, "response_format"));
    }
}
END_TEST

START_TEST(too_long_replies)
{
    LlmReply reply = {0};
    _cleanup_buffer_ Buffer event = BUFFER_INIT;
    buffer_append_string(&event, "{\"choices\":[{\"delta\":{\"content\":\"");
    for (size_t i = 0; i < LLM_REPLY_LIMIT / 16; i++)
        buffer_append_string(&event, "0123456789abcdef");
    buffer_append_string(&event, "\"}}]}");
    take(&reply, LLM_SHAPE_OPENAI, buffer_string(&event));
    ck_assert(!reply.is_too_long);
    take(&reply, LLM_SHAPE_OPENAI, "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}");
    ck_assert(reply.is_too_long);
    ck_assert_uint_eq(reply.text.length, LLM_REPLY_LIMIT);
    llm_reply_finish(&reply);
}
END_TEST

START_TEST(openai_streams)
{
    LlmReply reply = {0};
    ck_assert_str_eq(take(&reply, LLM_SHAPE_OPENAI,
                          "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}"),
                     "");
    take(&reply, LLM_SHAPE_OPENAI, "{\"choices\":[{\"delta\":{\"content\":\"Rea\"}}]}");
    ck_assert_str_eq(take(&reply, LLM_SHAPE_OPENAI, "{\"choices\":[{\"delta\":{\"content\":\"son\"}}]}"),
                     "Reason");
    take(&reply, LLM_SHAPE_OPENAI, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}");
    ck_assert_int_eq(reply.finish, LLM_FINISH_STOP);
    take(&reply, LLM_SHAPE_OPENAI,
         "{\"choices\":[],\"usage\":{\"prompt_tokens\":96,\"completion_tokens\":7,\"prompt_tokens_details\":{"
         "\"cached_tokens\":95}}}");
    ck_assert_uint_eq(reply.usage.prompt_tokens, 96);
    ck_assert_uint_eq(reply.usage.cached_tokens, 95);
    ck_assert_uint_eq(reply.usage.completion_tokens, 7);
    /* Half a character does not cost the reply. */
    ck_assert_str_eq(take(&reply, LLM_SHAPE_OPENAI, "{\"choices\":[{\"delta\":{\"content\":\"\xC3\"}}]}"),
                     "Reason\xEF\xBF\xBD");
    ck_assert(!reply.is_whole);
    take(&reply, LLM_SHAPE_OPENAI, "[DONE]");
    ck_assert(reply.is_whole);
    take(&reply, LLM_SHAPE_OPENAI, "{\"error\":{\"message\":\"too long\",\"code\":400}}");
    ck_assert_str_eq(reply.error, "too long");
    llm_reply_finish(&reply);
}
END_TEST

START_TEST(anthropic_streams)
{
    LlmReply reply = {0};
    take(&reply, LLM_SHAPE_ANTHROPIC,
         "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":4,\"cache_read_input_"
         "tokens\":8}}}");
    take(&reply, LLM_SHAPE_ANTHROPIC,
         "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
         "\"Hello\"}}");
    take(&reply, LLM_SHAPE_ANTHROPIC,
         "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"output_"
         "tokens\":3}}");
    ck_assert(!reply.is_whole);
    ck_assert_str_eq(take(&reply, LLM_SHAPE_ANTHROPIC, "{\"type\":\"message_stop\"}"), "Hello");
    ck_assert(reply.is_whole);
    ck_assert_int_eq(reply.finish, LLM_FINISH_LENGTH);
    ck_assert_uint_eq(reply.usage.prompt_tokens, 12);
    ck_assert_uint_eq(reply.usage.cached_tokens, 8);
    ck_assert_uint_eq(reply.usage.completion_tokens, 3);
    llm_reply_finish(&reply);
}
END_TEST

START_TEST(whole_replies)
{
    LlmReply reply = {0};
    ck_assert(llm_chat_take_whole(
        &reply, LLM_SHAPE_OPENAI,
        text_of("{\"choices\":[{\"message\":{\"content\":\"Yes\"},\"finish_reason\":\"stop\"}],\"usage\":{"
                "\"prompt_tokens\":4}}")));
    ck_assert_str_eq(reply.text.data, "Yes");
    ck_assert(reply.is_whole);
    llm_reply_finish(&reply);
    ck_assert(llm_chat_take_whole(
        &reply, LLM_SHAPE_ANTHROPIC,
        text_of("{\"content\":[{\"type\":\"text\",\"text\":\"Yes\"}],\"stop_reason\":\"end_turn\"}")));
    ck_assert_str_eq(reply.text.data, "Yes");
    llm_reply_finish(&reply);
    static const char *const none[] = {"", "{", "[]", "\"x\"", "{}", "<html>", "{\"choices\":5}", "\xFF"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(!llm_chat_take_whole(&reply, LLM_SHAPE_OPENAI, text_of(none[i])), "%s", none[i]);
    llm_reply_finish(&reply);
}
END_TEST

START_TEST(errors)
{
    static const struct {
        const char *body;
        const char *sentence;
    } cases[] = {
        {"{\"error\":{\"message\":\"Loading model\",\"code\":503}}", "Loading model"},
        {"{\"error\":\"quota\"}", "quota"},
        {"<html>\nBad gateway", "<html> Bad gateway"},
        {"", "nothing"},
        {"caf\xE9 closed", "caf\xEF\xBF\xBD closed"},
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
         "Overloaded"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sentence[128];
        llm_error_sentence(text_of(cases[i].body), sentence, sizeof(sentence));
        ck_assert_str_eq(sentence, cases[i].sentence);
    }
}
END_TEST

UNIT_TESTS("llm/chat", requests, forms, too_long_replies, openai_streams, anthropic_streams, whole_replies,
           errors)
