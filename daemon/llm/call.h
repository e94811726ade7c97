/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Inside daemon/llm: a call, from its first turn to its end. The files include one another in this order
 * only, and none calls a later one except through the functions that it was given:
 *
 *     alarm, http, backend --> queue, attempt --> call --> llm
 *
 * llm.h has the types of the door.
 */

#include "daemon/llm/attempt.h"
#include "daemon/llm/llm.h"
#include "daemon/llm/queue.h"

/* What all calls share. */
typedef struct CallContext {
    uv_loop_t *loop;
    HttpClient *http;
    AlarmSet alarms;
    LIST_HEAD(, LlmCall) calls;
} CallContext;

/* The context and the queue outlive the call. llm_prolong and llm_cancel are in the same file. */
LlmCall *llm_call_new(CallContext *context, Queue *queue, const LlmRequest *request,
                      const LlmHandlers *handlers, void *data);
