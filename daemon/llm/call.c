/* SPDX-License-Identifier: MIT */
#include "daemon/llm/call.h"

#include "daemon/log.h"
#include "lib/base/memory.h"
#include "lib/llm/embedding.h"
#include "lib/llm/retry.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/random.h>

#define NANOSECONDS_PER_MILLISECOND 1000000ull
#define NANOSECONDS_PER_SECOND 1000000000ull
#define ERROR_BODY_LIMIT 4096 /* bytes of an error's body that are read */
/* Bytes of a reply that is no stream: JSON escapes a text, and writes a number of a vector in some twenty. */
#define WHOLE_BODY_LIMIT (16 * LLM_REPLY_LIMIT)
#define AFTER_END_MS 1000 /* for what follows a finish reason: tokens, the end of the stream */
#define BYTES_PER_TOKEN 4 /* of English, roughly; where a server does not count */

static void attempt(LlmCall *call);
static void watch_time(LlmCall *call);

static uint64_t milliseconds_since(uint64_t begin_ns)
{
    return begin_ns ? (uv_hrtime() - begin_ns) / NANOSECONDS_PER_MILLISECOND : 0;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void on_timer_closed(uv_handle_t *handle)
{
    LlmCall *call = handle->data;
    Llm *llm = call->backend->llm;
    free(call->prompt);
    free(call->schema);
    free(call);
    llm_handle_closed(llm);
}

/* The backend is done with it. */
static void leave(LlmCall *call)
{
    Backend *backend = call->backend;
    if (call->http)
        http_cancel(TAKE_PTR(call->http));
    if (call->tries)
        backend_give_up_trying(backend);
    LIST_REMOVE(call, link);
    if (call->state == CALL_WAITING) {
        STAILQ_REMOVE(&backend->waiting, call, LlmCall, next_waiting);
        backend->waiting_count--;
    } else if (call->state != CALL_REFUSED) {
        backend->active_count--;
    }
    uv_timer_stop(&call->timer);
}

static void release(LlmCall *call)
{
    sse_finish(&call->parser);
    llm_reply_finish(&call->reply);
    buffer_finish(&call->body);
    uv_close((uv_handle_t *)&call->timer, on_timer_closed);
}

/* What is paid for an attempt, whole or not, that wrote something; estimated if the server does not tell. */
static void add_usage(LlmCall *call)
{
    LlmUsage usage = call->reply.usage;
    if (usage.prompt_tokens == 0 && call->reply.text.length > 0)
        usage.prompt_tokens = call->prompt_length / BYTES_PER_TOKEN + 1;
    if (usage.completion_tokens == 0 && call->reply.text.length > 0 && !call->is_embedding)
        usage.completion_tokens = call->reply.text.length / BYTES_PER_TOKEN + 1;
    call->spent.prompt_tokens += usage.prompt_tokens;
    call->spent.cached_tokens += usage.cached_tokens;
    call->spent.completion_tokens += usage.completion_tokens;
}

static void count(LlmCall *call, bool is_failure)
{
    BackendCounts *counts = &call->backend->counts;
    add_usage(call);
    counts->calls++;
    counts->failures += is_failure;
    counts->usage.prompt_tokens += call->spent.prompt_tokens;
    counts->usage.cached_tokens += call->spent.cached_tokens;
    counts->usage.completion_tokens += call->spent.completion_tokens;
    if (call->attempts > 0)
        llm_rate_take(&call->backend->tokens, call->spent.completion_tokens, uv_hrtime());
}

void call_drop(LlmCall *call, LlmSpent *spent)
{
    Backend *backend = call->backend;
    count(call, true);
    if (spent)
        *spent = (LlmSpent){call->spent, call->attempts, milliseconds_since(call->begun_ns)};
    leave(call);
    release(call);
    if (!backend->llm->is_closing)
        llm_advance(backend);
}

static void end(LlmCall *call, const Status *status)
{
    Backend *backend = call->backend;
    count(call, !status_is_ok(status));
    leave(call);
    LlmResult result = {
        .status = *status,
        .text = {buffer_string(&call->reply.text), call->reply.text.length},
        .finish = call->reply.finish,
        .spent = {call->spent, call->attempts, milliseconds_since(call->begun_ns)},
    };
    call->handlers->on_end(call->data, &result);
    release(call);
    llm_advance(backend);
}

void call_refuse(LlmCall *call, StatusCode code, const char *sentence)
{
    Status status = STATUS_INIT;
    status_refuse(&status, code, "%s", sentence);
    end(call, &status);
}

static void succeed(LlmCall *call)
{
    Backend *backend = call->backend;
    Status status = STATUS_INIT;
    call->tries = false;
    if (call->schema && call->form > backend->form) {
        log_notice("backend %s takes no %s; prompts ask for JSON instead", backend->settings->name,
                   call->form == LLM_FORM_JSON ? "JSON schemas" : "response_format");
        backend->form = call->form;
    }
    backend_note(backend, NULL);
    end(call, &status);
}

/* ---- failures ----------------------------------------------------------------------------------------- */

/* Why an attempt came to nothing. */
typedef struct Failure {
    StatusCode code;
    bool may_pass;         /* another attempt may be answered */
    bool speaks_of_server; /* it counts against the server's health */
    uint64_t retry_after;  /* seconds; 0: the server did not say */
    char sentence[STATUS_MESSAGE_SIZE];
} Failure;

static void forget_attempt(LlmCall *call)
{
    add_usage(call);
    sse_finish(&call->parser);
    llm_reply_finish(&call->reply);
    buffer_clear(&call->body);
    call->is_known = call->is_stream = call->is_strange = false;
    call->heard_ns = 0;
}

static void end_with(LlmCall *call, const Failure *failure)
{
    Backend *backend = call->backend;
    Status status = STATUS_INIT;
    if (failure->speaks_of_server) {
        call->tries = false;
        backend_note(backend, failure->sentence);
    } else {
        snprintf(backend->trouble, sizeof(backend->trouble), "%s", failure->sentence);
    }
    status_refuse(&status, failure->code, "%s", failure->sentence);
    end(call, &status);
}

static void fail(LlmCall *call, const Failure *failure)
{
    const BackendSettings *settings = call->backend->settings;
    uint32_t random = 0;
    if (call->http)
        http_cancel(TAKE_PTR(call->http));
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    uint64_t delay_ms = llm_retry_delay_ms(call->attempts, failure->retry_after, random);
    uint64_t next_ns = uv_hrtime() + delay_ms * NANOSECONDS_PER_MILLISECOND;
    bool is_too_late = (call->deadline_ns && next_ns >= call->deadline_ns) ||
                       next_ns > call->begun_ns + settings->retry_seconds * NANOSECONDS_PER_SECOND;
    if (!failure->may_pass || call->delivered > 0 || call->tries || is_too_late) {
        end_with(call, failure);
        return;
    }
    log_debug("backend %s: attempt %u: %s; again in %lu ms", settings->name, call->attempts,
              failure->sentence, (unsigned long)delay_ms);
    forget_attempt(call);
    call->state = CALL_RESTING;
    uv_timer_stop(&call->timer);
    call->attempt_ns = next_ns;
    watch_time(call);
}

static Failure unreachable(const LlmCall *call, const char *what)
{
    Failure failure = {STATUS_UNAVAILABLE, .may_pass = true, .speaks_of_server = true};
    snprintf(failure.sentence, sizeof(failure.sentence), "backend %s %s", call->backend->settings->name,
             what);
    return failure;
}

static Failure failure_of_status(const LlmCall *call, const HttpResult *result)
{
    const BackendSettings *settings = call->backend->settings;
    Failure failure = {STATUS_FAILED_PRECONDITION, .retry_after = result->retry_after};
    char said[256];
    const char *advice = "";
    llm_error_sentence((rpmd_text){buffer_string(&call->body), call->body.length}, said, sizeof(said));
    backend_hide_key(call->backend, said);
    failure.may_pass = llm_status_is_temporary(result->status);
    if (result->status == 429) {
        failure.code = STATUS_RESOURCE_EXHAUSTED;
        advice = "; try again later, or set requests_per_minute";
    } else if (failure.may_pass || (result->status >= 500 && result->status != 501)) {
        failure.code = STATUS_UNAVAILABLE;
        failure.speaks_of_server = true;
    } else if (result->status == 400 || result->status == 413 || result->status == 422) {
        failure.code = STATUS_INVALID_ARGUMENT;
    } else if (result->status == 401 || result->status == 403) {
        advice = "; check its key";
    } else if (result->status == 404 || result->status == 501) {
        advice = call->is_embedding ? "; check that it serves embeddings, and its base_url and model"
                                    : "; check its base_url and model";
    }
    snprintf(failure.sentence, sizeof(failure.sentence), "backend %s answered HTTP %ld: %s%s", settings->name,
             result->status, said, advice);
    return failure;
}

/* ---- one attempt -------------------------------------------------------------------------------------- */

static void on_event(rpmd_text data, void *context)
{
    LlmCall *call = context;
    LlmShape shape = call->backend->settings->is_anthropic ? LLM_SHAPE_ANTHROPIC : LLM_SHAPE_OPENAI;
    if (!llm_chat_take_event(&call->reply, shape, data))
        call->is_strange = true;
}

/* Whether the answer is complete: what may follow is its count of tokens, and the connection's end. */
static bool has_ended(const LlmCall *call)
{
    return call->reply.is_whole || call->reply.finish != LLM_FINISH_NONE;
}

static void take_stream(LlmCall *call, rpmd_text bytes)
{
    if (!sse_feed(&call->parser, bytes.data, bytes.length, on_event, call))
        call->is_strange = true;
    if (call->is_strange || call->reply.error[0]) {
        Failure failure = unreachable(call, "sent something that is no event of its shape; check its shape");
        if (call->reply.error[0]) {
            backend_hide_key(call->backend, call->reply.error);
            snprintf(failure.sentence, sizeof(failure.sentence), "backend %s broke off: %s",
                     call->backend->settings->name, call->reply.error);
        }
        fail(call, &failure);
        return;
    }
    size_t length = call->reply.text.length;
    if (length > call->delivered && call->handlers->on_text) {
        rpmd_text piece = {call->reply.text.data + call->delivered, length - call->delivered};
        call->delivered = length;
        /* No attempt follows any more. */
        free(TAKE_PTR(call->prompt));
        call->handlers->on_text(call->data, piece);
    }
    /* A model that does not stop is answered no more: what it wrote is a text that was cut off. */
    if (call->reply.is_too_long) {
        call->reply.finish = LLM_FINISH_LENGTH;
        succeed(call);
    } else if (has_ended(call)) {
        watch_time(call);
    }
}

static void on_bytes(void *data, long status, rpmd_text bytes)
{
    LlmCall *call = data;
    size_t limit = status == 200 ? WHOLE_BODY_LIMIT : ERROR_BODY_LIMIT;
    call->heard_ns = uv_hrtime();
    if (status == 200 && !call->is_known) {
        while (bytes.length > 0 && isspace((unsigned char)bytes.data[0]))
            bytes = (rpmd_text){bytes.data + 1, bytes.length - 1};
        if (bytes.length == 0)
            return;
        call->is_known = true;
        call->is_stream = bytes.data[0] != '{';
    }
    if (call->is_stream)
        take_stream(call, bytes);
    else
        buffer_append(&call->body, bytes.data, MIN(bytes.length, limit - MIN(call->body.length, limit)));
}

static bool take_whole(LlmCall *call)
{
    LlmShape shape = call->backend->settings->is_anthropic ? LLM_SHAPE_ANTHROPIC : LLM_SHAPE_OPENAI;
    rpmd_text body = {buffer_string(&call->body), call->body.length};
    if (call->is_embedding)
        return llm_embedding_take(&call->reply, body);
    return llm_chat_take_whole(&call->reply, shape, body) && !call->reply.error[0];
}

/* Whether a refusal may be one of the response_format alone. */
static bool may_be_the_form(const LlmCall *call, long status)
{
    return call->schema && call->form != LLM_FORM_TEXT &&
           (status == 400 || status == 415 || status == 422 || status == 501);
}

/* Whether the server names the limit of tokens that it wants instead; it is remembered. */
static bool learns_limit(LlmCall *call, long status)
{
    Backend *backend = call->backend;
    if (status != 400 || backend->limits_completion || backend->settings->is_anthropic ||
        !strstr(buffer_string(&call->body), "max_completion_tokens"))
        return false;
    log_notice("backend %s takes max_completion_tokens instead of max_tokens", backend->settings->name);
    return backend->limits_completion = true;
}

static void attempt_otherwise(LlmCall *call)
{
    forget_attempt(call);
    attempt(call);
}

static void on_end(void *data, const HttpResult *result)
{
    LlmCall *call = data;
    call->http = NULL;
    if (result->status == 200 && call->is_known && !call->is_stream && !result->error && take_whole(call)) {
        /* It came in one piece, so the piece is handed over in one. */
        if (call->handlers->on_text && call->reply.text.length > 0)
            call->handlers->on_text(call->data, (rpmd_text){call->reply.text.data, call->reply.text.length});
        succeed(call);
        return;
    }
    if (call->is_stream &&
        (call->reply.is_whole || (!result->error && call->reply.finish != LLM_FINISH_NONE))) {
        succeed(call);
        return;
    }
    if (!result->error && learns_limit(call, result->status)) {
        attempt_otherwise(call);
        return;
    }
    if (!result->error && may_be_the_form(call, result->status)) {
        call->form++;
        attempt_otherwise(call);
        return;
    }
    Failure failure;
    if (result->error && result->status != 200) {
        failure = unreachable(call, "");
        snprintf(failure.sentence, sizeof(failure.sentence), "backend %s cannot be reached at %s: %s",
                 call->backend->settings->name,
                 call->backend->settings->unix_socket ? call->backend->settings->unix_socket
                                                      : call->backend->settings->base_url,
                 result->error);
    } else if (result->status != 200) {
        failure = failure_of_status(call, result);
    } else {
        failure = unreachable(call, call->is_stream || result->error || !call->is_known
                                        ? "broke off in the middle of its answer"
                                        : "sent an answer that is not of its shape; check its shape");
    }
    fail(call, &failure);
}

static void write_body(const LlmCall *call, Buffer *body)
{
    const BackendSettings *settings = call->backend->settings;
    LlmShape shape = settings->is_anthropic ? LLM_SHAPE_ANTHROPIC : LLM_SHAPE_OPENAI;
    if (call->is_embedding) {
        llm_embedding_append(body, settings->model, (rpmd_text){call->prompt, call->prompt_length});
        return;
    }
    const LlmChat chat = {
        .model = settings->model,
        .prompt = {call->prompt, call->prompt_length},
        .max_tokens = call->max_tokens ? call->max_tokens : (uint32_t)settings->max_tokens,
        .temperature = settings->temperature,
        .limits_completion = call->backend->limits_completion,
        .schema = call->schema,
        .form = call->form,
    };
    llm_chat_append(body, shape, &chat);
}

static void attempt(LlmCall *call)
{
    static const HttpHandlers handlers = {on_bytes, on_end};
    const Backend *backend = call->backend;
    const BackendSettings *settings = backend->settings;
    _cleanup_buffer_ Buffer body = BUFFER_INIT;
    write_body(call, &body);
    call->state = CALL_ATTEMPTING;
    call->attempts++;
    call->backend->counts.attempts++;
    call->attempt_ns = uv_hrtime();
    if (!call->begun_ns)
        call->begun_ns = call->attempt_ns;
    llm_rate_take(&call->backend->requests, 1, call->attempt_ns);
    llm_rate_take(&call->backend->tokens, call->prompt_length / BYTES_PER_TOKEN + 1, call->attempt_ns);
    call->http = http_post(backend->llm->http,
                           &(HttpRequest){.url = call->is_embedding ? backend->embedding_url : backend->url,
                                          .unix_socket = settings->unix_socket,
                                          .ca_file = settings->ca_file,
                                          .key_header = backend->key_header,
                                          .headers = (const char *const *)backend->headers,
                                          .body = {buffer_string(&body), body.length},
                                          .connect_ms = settings->connect_seconds * 1000},
                           &handlers, call);
    watch_time(call);
}

/* ---- time --------------------------------------------------------------------------------------------- */

/* When something has to happen if nothing else does. */
static uint64_t next_moment(const LlmCall *call)
{
    const BackendSettings *settings = call->backend->settings;
    uint64_t moment = call->deadline_ns ? call->deadline_ns : UINT64_MAX;
    if (call->state == CALL_RESTING)
        return MIN(moment, call->attempt_ns);
    if (call->state != CALL_ATTEMPTING)
        return moment;
    if (has_ended(call))
        return MIN(moment, call->heard_ns + AFTER_END_MS * NANOSECONDS_PER_MILLISECOND);
    moment = MIN(moment, call->attempt_ns + settings->total_seconds * NANOSECONDS_PER_SECOND);
    return MIN(moment, call->heard_ns ? call->heard_ns + settings->idle_seconds * NANOSECONDS_PER_SECOND
                                      : call->attempt_ns + settings->first_seconds * NANOSECONDS_PER_SECOND);
}

static void on_silence(LlmCall *call)
{
    const BackendSettings *settings = call->backend->settings;
    Failure failure = unreachable(call, "");
    if (call->heard_ns && uv_hrtime() < call->heard_ns + settings->idle_seconds * NANOSECONDS_PER_SECOND)
        snprintf(failure.sentence, sizeof(failure.sentence),
                 "backend %s needs more than total_seconds = %lu for its answer", settings->name,
                 (unsigned long)settings->total_seconds);
    else
        snprintf(failure.sentence, sizeof(failure.sentence), "backend %s sent nothing for %s = %lu",
                 settings->name, call->heard_ns ? "idle_seconds" : "first_seconds",
                 (unsigned long)(call->heard_ns ? settings->idle_seconds : settings->first_seconds));
    fail(call, &failure);
}

static void on_time(uv_timer_t *timer)
{
    LlmCall *call = timer->data;
    uint64_t now = uv_hrtime();
    if (call->state == CALL_REFUSED) {
        Status refusal = call->refusal;
        end(call, &refusal);
    } else if (call->deadline_ns && now >= call->deadline_ns) {
        char sentence[STATUS_MESSAGE_SIZE];
        snprintf(sentence, sizeof(sentence), "the deadline came before backend %s had answered%s%s",
                 call->backend->settings->name,
                 call->state == CALL_WAITING ? "; the call waited for its turn" : "",
                 call->state == CALL_RESTING ? "; it was about to be tried again" : "");
        call_refuse(call, STATUS_DEADLINE_EXCEEDED, sentence);
    } else if (now < next_moment(call)) {
        watch_time(call);
    } else if (call->state == CALL_RESTING) {
        attempt(call);
    } else if (has_ended(call)) {
        succeed(call);
    } else {
        on_silence(call);
    }
}

/* Pieces of a stream do not touch the timer: when it fires too early, it is set again. */
static void watch_time(LlmCall *call)
{
    uint64_t moment = next_moment(call), now = uv_hrtime();
    if (moment == UINT64_MAX)
        return;
    uv_update_time(call->timer.loop);
    uv_timer_start(&call->timer, on_time, moment > now ? (moment - now) / NANOSECONDS_PER_MILLISECOND + 1 : 0,
                   0);
}

void call_begin(LlmCall *call, bool tries)
{
    call->tries = tries;
    attempt(call);
}

/* ---- the door ----------------------------------------------------------------------------------------- */

static void refuse_later(LlmCall *call, StatusCode code, const char *sentence)
{
    call->state = CALL_REFUSED;
    status_refuse(&call->refusal, code, "%s", sentence);
    uv_timer_start(&call->timer, on_time, 0, 0);
}

static Backend *find_backend(Llm *llm, const char *name)
{
    for (size_t i = 0; i < llm->backend_count; i++)
        if (strcmp(llm->backends[i].settings->name, name) == 0)
            return &llm->backends[i];
    return NULL;
}

LlmCall *llm_call(Llm *llm, const LlmRequest *request, const LlmHandlers *handlers, void *data)
{
    LlmCall *call = NEW(LlmCall);
    Backend *backend = find_backend(llm, request->backend);
    *call = (LlmCall){
        .backend = backend,
        .handlers = handlers,
        .data = data,
        .prompt = memory_copy_text(request->prompt.data, request->prompt.length),
        .prompt_length = request->prompt.length,
        .schema = request->schema ? memory_copy_text(request->schema, strlen(request->schema)) : NULL,
        .is_embedding = request->is_embedding,
        .max_tokens = request->max_tokens,
        .deadline_ns = request->deadline_ns,
        .form = backend->form,
    };
    LIST_INSERT_HEAD(&llm->calls, call, link);
    uv_timer_init(llm->loop, &call->timer);
    call->timer.data = call;
    llm->handles++;
    if (backend->rests_until_ns && (backend->is_tried || uv_hrtime() < backend->rests_until_ns)) {
        char sentence[STATUS_MESSAGE_SIZE];
        uint64_t now = uv_hrtime();
        backend->counts.refused++;
        snprintf(sentence, sizeof(sentence),
                 "backend %s failed %u times in a row and is tried again in %lu s: %.300s",
                 backend->settings->name, backend->failures_in_row,
                 (unsigned long)(backend->rests_until_ns > now
                                     ? (backend->rests_until_ns - now) / NANOSECONDS_PER_SECOND + 1
                                     : 0),
                 backend->trouble);
        refuse_later(call, STATUS_UNAVAILABLE, sentence);
        return call;
    }
    if (backend->waiting_count >= BACKEND_QUEUE_LIMIT) {
        refuse_later(call, STATUS_RESOURCE_EXHAUSTED,
                     "too many calls of the LLM wait; try again later, or raise the backend's concurrency");
        return call;
    }
    call->state = CALL_WAITING;
    STAILQ_INSERT_TAIL(&backend->waiting, call, next_waiting);
    backend->waiting_count++;
    watch_time(call);
    llm_advance(backend);
    return call;
}

void llm_prolong(LlmCall *call, uint64_t deadline_ns)
{
    if (call->deadline_ns && (!deadline_ns || deadline_ns > call->deadline_ns))
        call->deadline_ns = deadline_ns;
}

void llm_cancel(LlmCall *call, LlmSpent *spent)
{
    call_drop(call, spent);
}
