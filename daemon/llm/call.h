/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/llm: one call on its way, and how it ends.
 *
 *     waiting --> attempting --> ended
 *                  ^      |
 *                  +- resting (back-off)
 */

#include "daemon/llm/llm.h"
#include "lib/llm/sse.h"

typedef enum CallState { CALL_WAITING, CALL_ATTEMPTING, CALL_RESTING, CALL_REFUSED } CallState;

struct LlmCall {
    STAILQ_ENTRY(LlmCall) next_waiting;
    LIST_ENTRY(LlmCall) link;
    Backend *backend;
    const LlmHandlers *handlers;
    void *data;
    CallState state;
    char *prompt; /* owned */
    size_t prompt_length;
    char *schema; /* owned */
    bool is_embedding;
    uint32_t max_tokens;
    uint64_t deadline_ns;
    LlmForm form;
    bool tries;     /* it finds out whether the backend is well again */
    Status refusal; /* CALL_REFUSED */
    uv_timer_t timer;

    unsigned attempts;
    LlmUsage spent;      /* by the attempts that are over */
    uint64_t begun_ns;   /* the first attempt */
    uint64_t attempt_ns; /* this one */
    uint64_t heard_ns;   /* its last bytes of text; 0: none yet */
    HttpCall *http;
    SseParser parser;
    LlmReply reply;
    Buffer body;   /* of an error, or of a reply that is no stream */
    bool is_known; /* whether the reply is a stream */
    bool is_stream;
    bool is_strange;  /* an event that is none, or an endless one */
    size_t delivered; /* bytes of the text that were handed over */
};

/* Leaves the queue and makes the first attempt. */
void call_begin(LlmCall *call, bool tries);

/* Ends it with an error that was not the server's. */
void call_refuse(LlmCall *call, StatusCode code, const char *sentence);

/* Frees it, without a callback. spent: NULL, or what it took. */
void call_drop(LlmCall *call, LlmSpent *spent);

struct Llm {
    uv_loop_t *loop;
    HttpClient *http;
    Backend *backends;
    size_t backend_count;
    LIST_HEAD(, LlmCall) calls;
    size_t handles; /* timers that the loop still has */
    bool is_closing;
    void (*closed)(void *data);
    void *closed_data;
};

/* Lets calls that wait begin, as many as may. */
void llm_advance(Backend *backend);

/* A timer is closed; the last one ends the closing. */
void llm_handle_closed(Llm *llm);
