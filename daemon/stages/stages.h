/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Stages of the method that run on an LLM: the one door through which its calls go. Each is accounted to a
 * user, a task, a stage and a backend; a request that was answered before is answered from the store, and one
 * that is at work is not made twice.
 *
 *     cached? --> at work already? --> caps --> the LLM --> account, keep --> the reply
 *
 * A call is its caller's until on_reply comes or stage_cancel was called; from then on it is void. A callback
 * may make calls, and cancel any call that has not ended (its own too, from within on_text). Everything runs
 * on the loop's thread; callbacks come from the loop, never from within these functions.
 */

#include "daemon/config.h"
#include "daemon/llm/llm.h"
#include "daemon/store/store.h"
#include "lib/llm/stages/stage.h"

typedef struct Stages Stages;
typedef struct StageCall StageCall;

/* All are borrowed and outlive the stages. llm: NULL where no backend is configured. */
typedef struct StagesContext {
    uv_loop_t *loop;
    const Config *config;
    Store *store;
    Llm *llm;
} StagesContext;

/* Reads the prompts. STATUS_REFUSED: one of them is not right; *stages is then NULL. */
int stages_open(Stages **stages, const StagesContext *context, Status *status);

/* Cancels all calls, which are void then; runs (run.h) are over before. NULL is fine. */
void stages_close(Stages *stages);

/* When the loop has ended. NULL is fine. */
void stages_free(Stages *stages);

/* The prompt of a stage of a task. Borrowed. Not of STAGE_EMBED, which has none. */
const PromptTemplate *stage_prompt(const Stages *stages, const char *task, Stage stage);

uv_loop_t *stages_loop(const Stages *stages);

/* The backend that a stage of a task runs on; NULL: native. Borrowed. */
const char *stage_backend(const Stages *stages, const char *task, Stage stage);

typedef struct StageRequest {
    Stage stage;
    rpmd_text task;
    rpmd_text user;
    uint64_t user_number; /* StoreUser.number: nothing is kept or accounted for another; 0: not known */
    const char *backend;
    rpmd_text prompt;     /* STAGE_EMBED: a JSON list of texts. Borrowed until the call ends */
    const char *schema;   /* NULL: the reply is text. Borrowed until the call ends */
    uint32_t max_tokens;  /* 0: the backend's */
    uint64_t deadline_ns; /* on the clock of uv_hrtime; 0: none */
    bool is_repair;       /* asks again for what was answered with something of no use */
} StageRequest;

/* Borrowed for the time of the callback. */
typedef struct StageReply {
    Status status; /* of the LLM's call, or RESOURCE_EXHAUSTED naming the cap that is reached */
    rpmd_text text;
    LlmFinish finish;
    bool was_cached; /* nothing was spent */
    unsigned attempts;
    LlmUsage usage; /* what was spent */
    uint64_t cost_micros;
} StageReply;

typedef struct StageHandlers {
    void (*on_text)(void *data, rpmd_text piece); /* as in LlmHandlers; NULL: the whole is enough */
    void (*on_reply)(void *data, const StageReply *reply);
} StageHandlers;

/* Handlers are borrowed for the call's life, as are the prompt and the schema; the rest is copied. */
StageCall *stage_call(Stages *stages, const StageRequest *request, const StageHandlers *handlers, void *data);

/*
 * Ends the LLM's request unless another call waits for the same, and accounts what it wrote so far: nothing
 * where it had not begun. No callback comes any more.
 */
void stage_cancel(StageCall *call);

/* What tokens cost on a backend, in millionths of the currency of its prices. */
uint64_t stage_cost(const Stages *stages, const char *backend, const LlmUsage *usage);

/* What calls cost since the daemon started: add up to what the store holds. */
typedef struct StageCounts {
    uint64_t calls;
    uint64_t cached_replies;
    uint64_t failures;
    uint64_t repairs;
    LlmUsage usage;
    uint64_t cost_micros;
} StageCounts;

const StageCounts *stage_counts(const Stages *stages, Stage stage);
