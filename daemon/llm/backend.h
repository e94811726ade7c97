/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A server that runs an LLM, as the daemon knows it: how it is reached, what was learnt about it, whether it
 * is well, and what was asked of it. It does nothing by itself. Everything runs on the loop's thread.
 */

#include "daemon/config.h"
#include "lib/llm/chat.h"
#include "lib/llm/rate.h"

/* Calls that failed in a row, for reasons of the server's, until nobody is kept waiting for it any more. */
#define BACKEND_FAILURE_LIMIT 5
/* How long it is then left alone before one call tries it again; doubled each time that fails. */
#define BACKEND_REST_MS 5000
#define BACKEND_REST_LIMIT_MS 120000
#define BACKEND_KEY_LIMIT 4096 /* bytes of a key; tokens of cloud services have up to two thousand */

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
    char *url;
    char *embedding_url;
    char *key;              /* owned; NULL: none. Never shown */
    char *key_header;       /* owned; NULL: none */
    char **headers;         /* owned; NULL-terminated */
    LlmForm form;           /* the strictest form that it was not seen to refuse */
    bool limits_completion; /* it was seen to want OpenAI's newer name for max_tokens */
    LlmRate requests;
    LlmRate tokens;
    size_t waiting_count; /* calls, as the queue counts them */
    size_t active_count;
    unsigned failures_in_row;
    uint64_t rest_ms;                  /* of the last rest */
    uint64_t rests_until_ns;           /* 0: it is well */
    bool is_tried;                     /* by one call, behind a rest */
    char trouble[STATUS_MESSAGE_SIZE]; /* the last failure; "" when the last call was answered */
    BackendCounts counts;
} Backend;

/* Reads the key. STATUS_REFUSED with a sentence that says what to do, without the key. */
int backend_init(Backend *backend, const BackendSettings *settings, Status *status);
void backend_finish(Backend *backend);

/* Checks what can be known without the server: the key and the certificates are there. For --check-config. */
int backend_check(const BackendSettings *settings, Status *status);

/*
 * Whether nobody may ask it now: it rests, or one call finds out whether it is well again. *sentence then
 * says so, with what is wrong.
 */
bool backend_is_left_alone(const Backend *backend, uint64_t now_ns, char sentence[STATUS_MESSAGE_SIZE]);

/* A call begins. True where it is the one that finds out whether the server is well again: its end is noted
 * with `tried`, or it gives up. */
bool backend_try(Backend *backend);
void backend_give_up_trying(Backend *backend);

/* A call was answered (trouble NULL), or failed for a reason that lies with the server. tried: see
 * backend_try.
 */
void backend_note(Backend *backend, const char *trouble, bool tried);

/* A reply came in a form that is less strict than the one that is asked for first: the server takes no other.
 */
void backend_note_form(Backend *backend, LlmForm form);

/* Replaces each occurrence of the key in a text that came from the server. */
void backend_hide_key(const Backend *backend, char *text);
