/* SPDX-License-Identifier: MIT */
#pragma once

/* A chat with a black-box LLM, in the shapes in which servers speak: bodies of requests and of replies. */

#include "lib/base/buffer.h"
#include "lib/base/text.h"

#include <jansson.h>
#include <stdint.h>

typedef enum LlmShape {
    LLM_SHAPE_OPENAI,    /* POST /chat/completions */
    LLM_SHAPE_ANTHROPIC, /* POST /messages */
} LlmShape;

/* How a server holds a reply to JSON; not every server knows every way. */
typedef enum LlmForm {
    LLM_FORM_SCHEMA, /* response_format with a JSON schema */
    LLM_FORM_JSON,   /* response_format: a JSON object, of whatever shape */
    LLM_FORM_TEXT,   /* the prompt asks for it, and that is all */
} LlmForm;

typedef struct LlmChat {
    const char *model;
    rpmd_text prompt; /* UTF-8 */
    uint32_t max_tokens;
    bool limits_completion; /* max_tokens goes by the name that OpenAI's newer models want */
    double temperature;     /* negative: not sent */
    const char *schema;     /* a JSON schema that the reply shall follow; NULL: the reply is text */
    LlmForm form;           /* read where there is a schema. Anthropic's shape has LLM_FORM_TEXT alone */
} LlmChat;

/* Bytes of a reply's text: an answer has some hundred, the features of five queries some thousand. */
#define LLM_REPLY_LIMIT (256 * 1024)

typedef struct LlmUsage {
    uint64_t prompt_tokens;
    uint64_t cached_tokens; /* of these: reused from an earlier prompt with the same beginning */
    uint64_t completion_tokens;
} LlmUsage;

/* Why the LLM stopped. */
typedef enum LlmFinish { LLM_FINISH_NONE, LLM_FINISH_STOP, LLM_FINISH_LENGTH, LLM_FINISH_OTHER } LlmFinish;

/* What came back so far. */
typedef struct LlmReply {
    Buffer text;
    LlmUsage usage; /* zero where the server tells nothing */
    LlmFinish finish;
    bool is_whole;    /* the server said that nothing follows */
    bool is_too_long; /* over LLM_REPLY_LIMIT: what is more was left out */
    char error[256];  /* what the server said instead; "" */
} LlmReply;

void llm_reply_finish(LlmReply *reply);

/* "/chat/completions", to be put behind a base URL that ends with the version ("https://host/v1"). */
const char *llm_chat_path(LlmShape shape);

/* The body of a request for a stream, with usage in its end. */
void llm_chat_append(Buffer *body, LlmShape shape, const LlmChat *chat);

/*
 * Takes one event of the stream. False when it is none of the shape: not JSON, or not an object. Text that is
 * new stands at the end of reply->text. An event that says an error fills reply->error.
 */
bool llm_chat_take_event(LlmReply *reply, LlmShape shape, rpmd_text data);

/* Takes a whole reply that did not come as a stream. False when it is none. */
bool llm_chat_take_whole(LlmReply *reply, LlmShape shape, rpmd_text body);

/* Adds what a reply says of its tokens, in OpenAI's words. */
void llm_chat_take_usage(LlmReply *reply, const json_t *usage);

/* What an error's body says, or its first bytes where it is not in any known shape. */
void llm_error_sentence(rpmd_text body, char *sentence, size_t size);
