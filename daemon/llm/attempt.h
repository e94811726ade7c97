/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One request to a backend, and what comes back:
 *
 *     AT_WORK --> ANSWERED    the reply is whole, or was cut off at its limit
 *        |
 *        +------> REFUSED     for what can be left out of it: to be asked again at once, in another form
 *        |
 *        '------> FAILED      and why
 *
 * Nothing is tried again here.
 */

#include "daemon/llm/backend.h"
#include "daemon/llm/http.h"
#include "lib/llm/sse.h"

#define BYTES_PER_TOKEN 4 /* of English, roughly; where a server does not count */

typedef enum AttemptState { ATTEMPT_AT_WORK, ATTEMPT_ANSWERED, ATTEMPT_REFUSED, ATTEMPT_FAILED } AttemptState;

/* Why it came to nothing. */
typedef struct Failure {
    StatusCode code;
    bool may_pass;         /* another attempt may be answered */
    bool speaks_of_server; /* it counts against the server's health */
    uint64_t retry_after;  /* seconds; 0: the server did not say */
    char sentence[STATUS_MESSAGE_SIZE];
} Failure;

/* What is asked for. Borrowed while the attempt begins. */
typedef struct AttemptRequest {
    rpmd_text prompt;
    const char *schema; /* NULL: the reply is text */
    LlmForm form;       /* of the schema */
    bool is_embedding;
    uint32_t max_tokens;
} AttemptRequest;

typedef struct Attempt {
    Backend *backend;
    AttemptState state; /* this and what follows is read by the owner */
    LlmForm form;       /* REFUSED: to be asked for next */
    LlmReply reply;     /* grows while it is at work; the owner may take it */
    Failure failure;    /* FAILED */
    /* The attempt's own. */
    void (*changed)(void *owner);
    void *owner;
    HttpCall *http; /* AT_WORK */
    size_t prompt_length;
    bool has_schema;
    bool is_embedding;
    uint64_t begun_ns;
    uint64_t heard_ns; /* the last bytes of text; 0: none yet */
    SseParser parser;
    Buffer body;   /* of an error, or of a reply that is no stream */
    bool is_known; /* whether the reply is a stream */
    bool is_stream;
    bool is_strange; /* an event that is none, or an endless one */
} Attempt;

/*
 * Everything of the request is copied. changed: there is more text, the text has ended, or the attempt is
 * over. It comes from the loop, never from within these functions but attempt_on_time, and neither frees the
 * attempt nor uses HTTP.
 */
Attempt *attempt_begin(HttpClient *http, Backend *backend, const AttemptRequest *request,
                       void (*changed)(void *owner), void *owner);

/* Ends it where it is at work. NULL is fine. */
void attempt_free(Attempt *attempt);

/* Whether the text is complete: what may follow is its count of tokens, and the connection's end. */
bool attempt_has_ended(const Attempt *attempt);

/* When it waited long enough for what comes next, on the clock of uv_hrtime. */
uint64_t attempt_moment(const Attempt *attempt);

/* That moment came. */
void attempt_on_time(Attempt *attempt);

/* What is paid for it, whole or not; estimated from lengths where the server does not tell. */
LlmUsage attempt_usage(const Attempt *attempt);
