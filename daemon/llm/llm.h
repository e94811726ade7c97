/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Calls of black-box LLMs: one prompt in, one text out, streamed; and of embedders. A call waits for its turn
 * at the backend (as many at a time, as many a minute as are configured), is tried again where its failure
 * may pass, and ends at its deadline.
 *
 * A call is its caller's until on_end comes or llm_cancel was called; from then on it is void. A callback may
 * make calls, cancel any call that has not ended (its own too, from within on_text), and close everything.
 *
 * Threads: everything runs on the loop's thread; callbacks come from the loop, never from within these
 * functions.
 */

#include "daemon/llm/backend.h"

#include <uv.h>

typedef struct Llm Llm;
typedef struct LlmCall LlmCall;

/* Opens all configured backends. STATUS_REFUSED: a key cannot be read; *llm is then NULL. config is borrowed.
 */
int llm_open(Llm **llm, uv_loop_t *loop, const Config *config, Status *status);

/* Cancels all calls, which are void then; calls closed when the loop has nothing of it any more. NULL is
 * fine.
 */
void llm_close(Llm *llm, void (*closed)(void *data), void *data);

/* Backend number `index`, or NULL behind the last one. Borrowed. */
const Backend *llm_backend(const Llm *llm, size_t index);

typedef struct LlmRequest {
    const char *backend;  /* its name; has to be configured */
    rpmd_text prompt;     /* UTF-8; for embeddings a JSON list of texts */
    bool is_embedding;    /* asks for vectors: the reply's text is as lib/llm/embedding.h says */
    const char *schema;   /* a JSON schema for the reply; NULL: the reply is text */
    uint32_t max_tokens;  /* of the reply; 0: the backend's */
    uint64_t deadline_ns; /* on the clock of uv_hrtime; 0: none */
} LlmRequest;

/* What a call took: attempts that broke off and were paid for count as well. */
typedef struct LlmSpent {
    LlmUsage usage;        /* estimated from lengths where the server tells none */
    unsigned attempts;     /* requests that were made */
    uint64_t milliseconds; /* since the first of them began */
} LlmSpent;

/* How a call ended. Borrowed for the time of the callback. */
typedef struct LlmResult {
    /* OK: the reply is whole, or stopped at max_tokens (finish says which). UNAVAILABLE: the server could not
     * be reached, broke off, was silent, or is left alone. RESOURCE_EXHAUSTED: it said to come later, or too
     * many calls wait. FAILED_PRECONDITION: it refuses the key or the model. INVALID_ARGUMENT: it refuses
     * this request, for its length say. DEADLINE_EXCEEDED. All with a sentence that names the backend. */
    Status status;
    rpmd_text text;
    LlmFinish finish;
    LlmSpent spent;
} LlmResult;

typedef struct LlmHandlers {
    /* A piece of the text, at any border of bytes; borrowed until the callback returns or the call is
     * cancelled. With it set, no attempt follows once text came. NULL: the whole is enough. */
    void (*on_text)(void *data, rpmd_text piece);
    void (*on_end)(void *data, const LlmResult *result);
} LlmHandlers;

/* Everything of the request is copied; handlers are borrowed for the call's life. */
LlmCall *llm_call(Llm *llm, const LlmRequest *request, const LlmHandlers *handlers, void *data);

/* Moves the call's deadline to a later one (0: none); an earlier one changes nothing. */
void llm_prolong(LlmCall *call, uint64_t deadline_ns);

/* Ends the request at once; no callback comes any more. spent: NULL, or what it took so far: no attempts
 * where none had begun. */
void llm_cancel(LlmCall *call, LlmSpent *spent);
