/* SPDX-License-Identifier: MIT */
#include "daemon/llm/call.h"

#include "daemon/log.h"
#include "lib/base/memory.h"
#include "lib/llm/retry.h"

#include <assert.h>
#include <stdio.h>
#include <sys/random.h>

#define NANOSECONDS_PER_MILLISECOND 1000000ull
#define NANOSECONDS_PER_SECOND 1000000000ull

#define TO(state) (1u << (state))

typedef enum CallState { CALL_WAITING, CALL_ATTEMPTING, CALL_RESTING, CALL_ENDING, CALL_ENDED } CallState;

struct LlmCall {
    LIST_ENTRY(LlmCall) link;
    CallContext *context;
    Queue *queue;
    Turn turn;
    Later step; /* there is something to be told, or an attempt is over */
    Alarm *alarm;
    CallState state;
    const LlmHandlers *handlers;
    void *data;
    char *prompt; /* owned; NULL: no attempt follows any more */
    size_t prompt_length;
    char *schema; /* owned */
    LlmForm form;
    bool is_embedding;
    uint32_t max_tokens;
    uint64_t deadline_ns; /* 0: none */
    uint64_t begun_ns;    /* the first attempt; 0: not yet */
    uint64_t next_ns;     /* RESTING: the next attempt */
    Attempt *attempt;     /* ATTEMPTING */
    LlmReply reply;       /* ENDING: of the last attempt */
    Status status;        /* ENDING */
    LlmSpent spent;       /* by the attempts that are over */
    size_t delivered;     /* bytes of the text that were handed over */
};

/*
 *     llm_call
 *         |
 *         v
 *      WAITING -------------+   the server is left alone, too many wait, or the deadline came
 *         |  its turn       |
 *         v                 |
 *     ATTEMPTING -----------+   answered, failed for good, or the deadline came. Behind a refusal for what
 *       |     ^             |   can be left out, ATTEMPTING again
 *       |     | back-off    |
 *       v     | is over     |
 *      RESTING -------------+   the deadline came
 *                           |
 *                           v
 *                        ENDING   the text that came is handed over, on a later turn of the loop
 *                           |
 *                           v
 *                         ENDED   on_end comes then. llm_cancel leads here from each of them, without it
 *
 * transitions[from]: the states that may follow.
 */
static const unsigned transitions[] = {
    [CALL_WAITING] = TO(CALL_ATTEMPTING) | TO(CALL_ENDING) | TO(CALL_ENDED),
    [CALL_ATTEMPTING] = TO(CALL_ATTEMPTING) | TO(CALL_RESTING) | TO(CALL_ENDING) | TO(CALL_ENDED),
    [CALL_RESTING] = TO(CALL_ATTEMPTING) | TO(CALL_ENDING) | TO(CALL_ENDED),
    [CALL_ENDING] = TO(CALL_ENDED),
    [CALL_ENDED] = 0,
};

/* What holds in every state, and in this one. */
static bool invariant(const LlmCall *call)
{
    TurnState turn = call->turn.state;
    bool has_begun = call->spent.attempts > 0 && call->begun_ns > 0;
    if ((call->attempt != NULL) != (call->state == CALL_ATTEMPTING))
        return false;
    if (call->delivered > 0 && call->prompt)
        return false;
    switch (call->state) {
    case CALL_WAITING:
        return turn == TURN_WAITING && !has_begun && !later_is_waiting(&call->step);
    case CALL_ATTEMPTING:
        return turn == TURN_ACTIVE && has_begun;
    case CALL_RESTING:
        return turn == TURN_ACTIVE && has_begun && call->prompt && call->delivered == 0;
    case CALL_ENDING:
        return turn == TURN_OUT && later_is_waiting(&call->step);
    case CALL_ENDED:
        return turn == TURN_OUT && !later_is_waiting(&call->step);
    }
    return false;
}

static void move(LlmCall *call, CallState to)
{
    assert(transitions[call->state] & TO(to));
    call->state = to;
    assert(invariant(call));
}

static void on_step(Later *later);

static void step_later(LlmCall *call)
{
    if (!later_is_waiting(&call->step))
        later_call(call->context->loop, &call->step, on_step);
}

/* ---- time --------------------------------------------------------------------------------------------- */

/* When something has to happen if nothing else does. Pieces of a stream do not set the alarm: it rings too
 * early, and is then set again. */
static void watch_time(LlmCall *call)
{
    uint64_t moment = call->deadline_ns ? call->deadline_ns : ALARM_NEVER;
    if (call->state == CALL_RESTING)
        moment = MIN(moment, call->next_ns);
    if (call->state == CALL_ATTEMPTING)
        moment = MIN(moment, attempt_moment(call->attempt));
    alarm_set(call->alarm, call->state == CALL_ENDING ? ALARM_NEVER : moment);
}

static bool is_too_late(const LlmCall *call, uint64_t now)
{
    return call->deadline_ns && now >= call->deadline_ns;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

/* What it took goes to the call's account; the reply is left. */
static void leave_attempt(LlmCall *call)
{
    if (!call->attempt)
        return;
    LlmUsage usage = attempt_usage(call->attempt);
    call->spent.usage.prompt_tokens += usage.prompt_tokens;
    call->spent.usage.cached_tokens += usage.cached_tokens;
    call->spent.usage.completion_tokens += usage.completion_tokens;
    call->reply = call->attempt->reply;
    call->attempt->reply = (LlmReply){0};
    attempt_free(TAKE_PTR(call->attempt));
}

/* Another one follows. */
static void forget_attempt(LlmCall *call)
{
    leave_attempt(call);
    llm_reply_finish(&call->reply);
}

/* The backend is done with it. */
static void leave_backend(LlmCall *call, bool is_failure)
{
    Backend *backend = call->queue->backend;
    BackendCounts *counts = &backend->counts;
    leave_attempt(call);
    if (call->begun_ns)
        call->spent.milliseconds = (uv_hrtime() - call->begun_ns) / NANOSECONDS_PER_MILLISECOND;
    counts->calls++;
    counts->failures += is_failure;
    counts->usage.prompt_tokens += call->spent.usage.prompt_tokens;
    counts->usage.cached_tokens += call->spent.usage.cached_tokens;
    counts->usage.completion_tokens += call->spent.usage.completion_tokens;
    if (call->spent.attempts > 0)
        llm_rate_take(&backend->tokens, call->spent.usage.completion_tokens, uv_hrtime());
    queue_leave(call->queue, &call->turn);
}

static void end(LlmCall *call, const Status *status)
{
    call->status = *status;
    leave_backend(call, !status_is_ok(status));
    step_later(call);
    move(call, CALL_ENDING);
    watch_time(call);
}

static void end_with(LlmCall *call, StatusCode code, const char *sentence)
{
    Status status = STATUS_INIT;
    status_refuse(&status, code, "%s", sentence);
    end(call, &status);
}

static void end_at_deadline(LlmCall *call)
{
    char sentence[STATUS_MESSAGE_SIZE];
    snprintf(sentence, sizeof(sentence), "the deadline came before backend %s had answered%s%s",
             call->queue->backend->settings->name,
             call->state == CALL_WAITING ? "; the call waited for its turn" : "",
             call->state == CALL_RESTING ? "; it was about to be tried again" : "");
    end_with(call, STATUS_DEADLINE_EXCEEDED, sentence);
}

static void release(LlmCall *call)
{
    later_cancel(&call->step);
    move(call, CALL_ENDED);
    LIST_REMOVE(call, link);
    alarm_free(call->alarm);
    llm_reply_finish(&call->reply);
    free(call->prompt);
    free(call->schema);
    free(call);
}

/* The call is over before its caller hears of it, who may do anything then. */
static void tell(LlmCall *call)
{
    const LlmHandlers *handlers = call->handlers;
    void *data = call->data;
    LlmReply reply = call->reply;
    LlmResult result = {
        .status = call->status,
        .text = {buffer_string(&reply.text), reply.text.length},
        .finish = reply.finish,
        .spent = call->spent,
    };
    call->reply = (LlmReply){0};
    release(call);
    handlers->on_end(data, &result);
    llm_reply_finish(&reply);
}

void llm_cancel(LlmCall *call, LlmSpent *spent)
{
    if (call->state != CALL_ENDING)
        leave_backend(call, true);
    if (spent)
        *spent = call->spent;
    release(call);
}

/* ---- attempts ----------------------------------------------------------------------------------------- */

static const LlmReply *reply_of(const LlmCall *call)
{
    return call->attempt ? &call->attempt->reply : &call->reply;
}

static void on_changed(void *owner)
{
    LlmCall *call = owner;
    if (call->handlers->on_text || call->attempt->state != ATTEMPT_AT_WORK ||
        attempt_has_ended(call->attempt))
        step_later(call);
}

static void begin_attempt(LlmCall *call)
{
    const AttemptRequest request = {.prompt = {call->prompt, call->prompt_length},
                                    .schema = call->schema,
                                    .form = call->form,
                                    .is_embedding = call->is_embedding,
                                    .max_tokens = call->max_tokens};
    call->attempt = attempt_begin(call->context->http, call->queue->backend, &request, on_changed, call);
    call->spent.attempts++;
    if (!call->begun_ns)
        call->begun_ns = uv_hrtime();
    move(call, CALL_ATTEMPTING);
    watch_time(call);
}

static void succeed(LlmCall *call)
{
    Backend *backend = call->queue->backend;
    Status status = STATUS_INIT;
    if (call->schema)
        backend_note_form(backend, call->form);
    backend_note(backend, NULL, call->turn.tries);
    call->turn.tries = false;
    end(call, &status);
}

static void fail_for_good(LlmCall *call, const Failure *failure)
{
    Backend *backend = call->queue->backend;
    if (failure->speaks_of_server) {
        backend_note(backend, failure->sentence, call->turn.tries);
        call->turn.tries = false;
    } else {
        snprintf(backend->trouble, sizeof(backend->trouble), "%s", failure->sentence);
    }
    end_with(call, failure->code, failure->sentence);
}

static void fail(LlmCall *call)
{
    const Failure failure = call->attempt->failure;
    const BackendSettings *settings = call->queue->backend->settings;
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    uint64_t delay_ms = llm_retry_delay_ms(call->spent.attempts, failure.retry_after, random);
    uint64_t next_ns = uv_hrtime() + delay_ms * NANOSECONDS_PER_MILLISECOND;
    uint64_t limit_ns = call->begun_ns + settings->retry_seconds * NANOSECONDS_PER_SECOND;
    if (!failure.may_pass || !call->prompt || call->turn.tries || is_too_late(call, next_ns) ||
        next_ns > limit_ns) {
        fail_for_good(call, &failure);
        return;
    }
    log_debug("backend %s: attempt %u: %s; again in %lu ms", settings->name, call->spent.attempts,
              failure.sentence, (unsigned long)delay_ms);
    forget_attempt(call);
    call->next_ns = next_ns;
    move(call, CALL_RESTING);
    watch_time(call);
}

static void ask_otherwise(LlmCall *call)
{
    call->form = call->attempt->form;
    forget_attempt(call);
    begin_attempt(call);
}

static void take_outcome(LlmCall *call)
{
    switch (call->attempt->state) {
    case ATTEMPT_AT_WORK:
        if (attempt_has_ended(call->attempt))
            watch_time(call);
        break;
    case ATTEMPT_ANSWERED:
        succeed(call);
        break;
    case ATTEMPT_REFUSED:
        ask_otherwise(call);
        break;
    case ATTEMPT_FAILED:
        fail(call);
        break;
    }
}

/* ---- what comes from the loop ------------------------------------------------------------------------- */

/* Everything that the caller is told is told from here, as the last thing that is done: the caller may free
 * the call.
 */
static void on_step(Later *later)
{
    LlmCall *call = CONTAINER_OF(later, LlmCall, step);
    bool wants_text = call->handlers->on_text != NULL;
    /* No attempt follows behind text that is handed over. */
    if (wants_text && reply_of(call)->text.length > 0)
        free(TAKE_PTR(call->prompt));
    if (call->state == CALL_ATTEMPTING)
        take_outcome(call);
    const Buffer *text = &reply_of(call)->text;
    if (wants_text && text->length > call->delivered) {
        rpmd_text piece = {text->data + call->delivered, text->length - call->delivered};
        call->delivered = text->length;
        if (call->state == CALL_ENDING)
            step_later(call);
        call->handlers->on_text(call->data, piece);
    } else if (call->state == CALL_ENDING) {
        tell(call);
    }
}

static void on_alarm(void *owner)
{
    LlmCall *call = owner;
    uint64_t now = uv_hrtime();
    if (call->attempt && call->attempt->state != ATTEMPT_AT_WORK)
        return; /* what it came to is about to be seen */
    if (is_too_late(call, now)) {
        end_at_deadline(call);
    } else if (call->state == CALL_RESTING && now >= call->next_ns) {
        begin_attempt(call);
    } else if (call->state == CALL_ATTEMPTING && now >= attempt_moment(call->attempt)) {
        attempt_on_time(call->attempt);
    } else {
        watch_time(call);
    }
}

static void on_turn(Turn *turn)
{
    LlmCall *call = CONTAINER_OF(turn, LlmCall, turn);
    if (is_too_late(call, uv_hrtime()))
        end_at_deadline(call);
    else
        begin_attempt(call);
}

static void on_refused(Turn *turn, const char *sentence)
{
    end_with(CONTAINER_OF(turn, LlmCall, turn), STATUS_UNAVAILABLE, sentence);
}

/* ---- the door ----------------------------------------------------------------------------------------- */

LlmCall *llm_call_new(CallContext *context, Queue *queue, const LlmRequest *request,
                      const LlmHandlers *handlers, void *data)
{
    LlmCall *call = NEW(LlmCall);
    *call = (LlmCall){
        .context = context,
        .queue = queue,
        .turn = {.begin = on_turn, .refuse = on_refused},
        .state = CALL_WAITING,
        .handlers = handlers,
        .data = data,
        .prompt = memory_copy_text(request->prompt.data, request->prompt.length),
        .prompt_length = request->prompt.length,
        .schema = request->schema ? memory_copy_text(request->schema, strlen(request->schema)) : NULL,
        .form = queue->backend->form,
        .is_embedding = request->is_embedding,
        .max_tokens = request->max_tokens,
        .deadline_ns = request->deadline_ns,
    };
    LIST_INSERT_HEAD(&context->calls, call, link);
    call->alarm = alarm_new(&context->alarms, on_alarm, call);
    if (queue_is_full(queue)) {
        end_with(call, STATUS_RESOURCE_EXHAUSTED,
                 "too many calls of the LLM wait; try again later, or raise the backend's concurrency");
        return call;
    }
    queue_join(queue, &call->turn);
    assert(invariant(call));
    watch_time(call);
    return call;
}

void llm_prolong(LlmCall *call, uint64_t deadline_ns)
{
    if (call->deadline_ns && (!deadline_ns || deadline_ns > call->deadline_ns))
        call->deadline_ns = deadline_ns;
}
