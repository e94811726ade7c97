/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A server that runs an LLM, as the daemon knows it: how it is reached, what was learnt about it, whether it
 * is well, and the calls that wait for it or are at work. Everything runs on the loop's thread.
 */

#include "daemon/config.h"
#include "daemon/llm/http.h"
#include "lib/llm/chat.h"
#include "lib/llm/rate.h"

#include <sys/queue.h>

/* Calls that failed in a row, for reasons of the server's, until nobody is kept waiting for it any more. */
#define BACKEND_FAILURE_LIMIT 5
/* How long it is then left alone before one call tries it again; doubled each time that fails. */
#define BACKEND_REST_MS 5000
#define BACKEND_REST_LIMIT_MS 120000
#define BACKEND_KEY_LIMIT 4096   /* bytes of a key; tokens of cloud services have up to two thousand */
#define BACKEND_QUEUE_LIMIT 4096 /* calls that wait; more would wait too long */

typedef struct Llm Llm;
typedef struct LlmCall LlmCall;

/* Counted since the daemon started. */
typedef struct BackendCounts {
    uint64_t calls;    /* that ended, cancelled ones too */
    uint64_t failures; /* of these, without a whole reply */
    uint64_t attempts; /* requests to the server */
    uint64_t refused;  /* calls that were not made because the server was left alone */
    LlmUsage usage;
} BackendCounts;

typedef struct Backend {
    const BackendSettings *settings;
    Llm *llm;
    char *url;
    char *embedding_url;
    char *key;              /* owned; NULL: none. Never shown */
    char *key_header;       /* owned; NULL: none */
    char **headers;         /* owned; NULL-terminated */
    LlmForm form;           /* the strictest form that it was not seen to refuse */
    bool limits_completion; /* it was seen to want OpenAI's newer name for max_tokens */
    LlmRate requests;
    LlmRate tokens;
    STAILQ_HEAD(, LlmCall) waiting;
    size_t waiting_count;
    size_t active_count;
    uv_timer_t timer; /* when the rates let the next one through */
    unsigned failures_in_row;
    uint64_t rest_ms;                  /* of the last rest */
    uint64_t rests_until_ns;           /* 0: it is well */
    bool is_tried;                     /* by one call, behind a rest */
    bool is_advancing;                 /* inside the loop that begins calls */
    char trouble[STATUS_MESSAGE_SIZE]; /* the last failure; "" when the last call was answered */
    BackendCounts counts;
} Backend;

/* Reads the key. STATUS_REFUSED with a sentence that says what to do, without the key. */
int backend_init(Backend *backend, Llm *llm, uv_loop_t *loop, const BackendSettings *settings,
                 Status *status);

/* The timer is closed by the owner before. */
void backend_finish(Backend *backend);

/* Checks what can be known without the server: the key and the certificates are there. For --check-config. */
int backend_check(const BackendSettings *settings, Status *status);

/* A call was answered (trouble NULL), or failed for a reason that lies with the server. */
void backend_note(Backend *backend, const char *trouble);

/*
 * Whether a call may begin now, as far as the server's health goes. *tries is set where it is the one that
 * finds out whether the server is well again: backend_note or backend_give_up has to follow.
 */
bool backend_admits(Backend *backend, bool *tries);
void backend_give_up_trying(Backend *backend);

/* Replaces each occurrence of the key in a text that came from the server. */
void backend_hide_key(const Backend *backend, char *text);
