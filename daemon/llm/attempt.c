/* SPDX-License-Identifier: MIT */
#include "daemon/llm/attempt.h"

#include "daemon/log.h"
#include "lib/base/memory.h"
#include "lib/llm/embedding.h"
#include "lib/llm/retry.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

#define NANOSECONDS_PER_MILLISECOND 1000000ull
#define NANOSECONDS_PER_SECOND 1000000000ull
#define ERROR_BODY_LIMIT 4096 /* bytes of an error's body that are read */
/* Bytes of a reply that is no stream: JSON escapes a text, and writes a number of a vector in some twenty. */
#define WHOLE_BODY_LIMIT (16 * LLM_REPLY_LIMIT)
#define AFTER_END_MS 1000 /* for what follows a finish reason: tokens, the end of the stream */

static LlmShape shape_of(const Attempt *attempt)
{
    return attempt->backend->settings->is_anthropic ? LLM_SHAPE_ANTHROPIC : LLM_SHAPE_OPENAI;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void end(Attempt *attempt, AttemptState state)
{
    assert(attempt->state == ATTEMPT_AT_WORK);
    if (attempt->http)
        http_cancel(TAKE_PTR(attempt->http));
    attempt->state = state;
    attempt->changed(attempt->owner);
}

static void fail(Attempt *attempt, const Failure *failure)
{
    attempt->failure = *failure;
    end(attempt, ATTEMPT_FAILED);
}

static Failure unreachable(const Attempt *attempt, const char *what)
{
    Failure failure = {STATUS_UNAVAILABLE, .may_pass = true, .speaks_of_server = true};
    snprintf(failure.sentence, sizeof(failure.sentence), "backend %s %s", attempt->backend->settings->name,
             what);
    return failure;
}

static Failure failure_of_status(const Attempt *attempt, const HttpResult *result)
{
    const BackendSettings *settings = attempt->backend->settings;
    Failure failure = {STATUS_FAILED_PRECONDITION, .retry_after = result->retry_after};
    char said[256];
    const char *advice = "";
    llm_error_sentence((rpmd_text){buffer_string(&attempt->body), attempt->body.length}, said, sizeof(said));
    backend_hide_key(attempt->backend, said);
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
        advice = attempt->is_embedding ? "; check that it serves embeddings, and its base_url and model"
                                       : "; check its base_url and model";
    }
    snprintf(failure.sentence, sizeof(failure.sentence), "backend %s answered HTTP %ld: %s%s", settings->name,
             result->status, said, advice);
    return failure;
}

/* ---- what comes ---------------------------------------------------------------------------------------- */

static void on_event(rpmd_text data, void *context)
{
    Attempt *attempt = context;
    if (!llm_chat_take_event(&attempt->reply, shape_of(attempt), data))
        attempt->is_strange = true;
}

bool attempt_has_ended(const Attempt *attempt)
{
    return attempt->reply.is_whole || attempt->reply.finish != LLM_FINISH_NONE;
}

static void take_stream(Attempt *attempt, rpmd_text bytes)
{
    size_t length = attempt->reply.text.length;
    if (!sse_feed(&attempt->parser, bytes.data, bytes.length, on_event, attempt))
        attempt->is_strange = true;
    if (attempt->is_strange || attempt->reply.error[0]) {
        Failure failure =
            unreachable(attempt, "sent something that is no event of its shape; check its shape");
        if (attempt->reply.error[0]) {
            backend_hide_key(attempt->backend, attempt->reply.error);
            snprintf(failure.sentence, sizeof(failure.sentence), "backend %s broke off: %s",
                     attempt->backend->settings->name, attempt->reply.error);
        }
        fail(attempt, &failure);
        return;
    }
    /* A model that does not stop is answered no more: what it wrote is a text that was cut off. */
    if (attempt->reply.is_too_long) {
        attempt->reply.finish = LLM_FINISH_LENGTH;
        end(attempt, ATTEMPT_ANSWERED);
    } else if (attempt->reply.text.length > length || attempt_has_ended(attempt)) {
        attempt->changed(attempt->owner);
    }
}

static void on_bytes(void *data, long status, rpmd_text bytes)
{
    Attempt *attempt = data;
    size_t limit = status == 200 ? WHOLE_BODY_LIMIT : ERROR_BODY_LIMIT;
    attempt->heard_ns = uv_hrtime();
    if (status == 200 && !attempt->is_known) {
        while (bytes.length > 0 && isspace((unsigned char)bytes.data[0]))
            bytes = (rpmd_text){bytes.data + 1, bytes.length - 1};
        if (bytes.length == 0)
            return;
        attempt->is_known = true;
        attempt->is_stream = bytes.data[0] != '{';
    }
    if (attempt->is_stream)
        take_stream(attempt, bytes);
    else
        buffer_append(&attempt->body, bytes.data,
                      MIN(bytes.length, limit - MIN(attempt->body.length, limit)));
}

static bool take_whole(Attempt *attempt)
{
    rpmd_text body = {buffer_string(&attempt->body), attempt->body.length};
    if (attempt->is_embedding)
        return llm_embedding_take(&attempt->reply, body);
    return llm_chat_take_whole(&attempt->reply, shape_of(attempt), body) && !attempt->reply.error[0];
}

/* Whether a refusal may be one of the response_format alone. */
static bool may_be_the_form(const Attempt *attempt, long status)
{
    return attempt->has_schema && attempt->form != LLM_FORM_TEXT &&
           (status == 400 || status == 415 || status == 422 || status == 501);
}

/* Whether the server names the limit of tokens that it wants instead; it is remembered. */
static bool learns_limit(Attempt *attempt, long status)
{
    Backend *backend = attempt->backend;
    if (status != 400 || backend->limits_completion || backend->settings->is_anthropic ||
        !strstr(buffer_string(&attempt->body), "max_completion_tokens"))
        return false;
    log_notice("backend %s takes max_completion_tokens instead of max_tokens", backend->settings->name);
    return backend->limits_completion = true;
}

static Failure failure_of_end(const Attempt *attempt, const HttpResult *result)
{
    const BackendSettings *settings = attempt->backend->settings;
    if (!result->error && result->status != 200)
        return failure_of_status(attempt, result);
    if (result->status == 200)
        return unreachable(attempt, attempt->is_stream || result->error || !attempt->is_known
                                        ? "broke off in the middle of its answer"
                                        : "sent an answer that is not of its shape; check its shape");
    Failure failure = unreachable(attempt, "");
    snprintf(failure.sentence, sizeof(failure.sentence), "backend %s cannot be reached at %s: %s",
             settings->name, settings->unix_socket ? settings->unix_socket : settings->base_url,
             result->error);
    return failure;
}

static void on_end(void *data, const HttpResult *result)
{
    Attempt *attempt = data;
    attempt->http = NULL;
    bool is_whole = result->status == 200 && attempt->is_known && !attempt->is_stream && !result->error;
    if ((is_whole && take_whole(attempt)) ||
        (attempt->is_stream &&
         (attempt->reply.is_whole || (!result->error && attempt->reply.finish != LLM_FINISH_NONE)))) {
        end(attempt, ATTEMPT_ANSWERED);
    } else if (!result->error && learns_limit(attempt, result->status)) {
        end(attempt, ATTEMPT_REFUSED);
    } else if (!result->error && may_be_the_form(attempt, result->status)) {
        attempt->form++;
        end(attempt, ATTEMPT_REFUSED);
    } else {
        Failure failure = failure_of_end(attempt, result);
        fail(attempt, &failure);
    }
}

/* ---- time --------------------------------------------------------------------------------------------- */

uint64_t attempt_moment(const Attempt *attempt)
{
    const BackendSettings *settings = attempt->backend->settings;
    if (attempt_has_ended(attempt))
        return attempt->heard_ns + AFTER_END_MS * NANOSECONDS_PER_MILLISECOND;
    return MIN(attempt->begun_ns + settings->total_seconds * NANOSECONDS_PER_SECOND,
               attempt->heard_ns ? attempt->heard_ns + settings->idle_seconds * NANOSECONDS_PER_SECOND
                                 : attempt->begun_ns + settings->first_seconds * NANOSECONDS_PER_SECOND);
}

static void fail_of_silence(Attempt *attempt)
{
    const BackendSettings *settings = attempt->backend->settings;
    Failure failure = unreachable(attempt, "");
    if (attempt->heard_ns &&
        uv_hrtime() < attempt->heard_ns + settings->idle_seconds * NANOSECONDS_PER_SECOND)
        snprintf(failure.sentence, sizeof(failure.sentence),
                 "backend %s needs more than total_seconds = %lu for its answer", settings->name,
                 (unsigned long)settings->total_seconds);
    else
        snprintf(failure.sentence, sizeof(failure.sentence), "backend %s sent nothing for %s = %lu",
                 settings->name, attempt->heard_ns ? "idle_seconds" : "first_seconds",
                 (unsigned long)(attempt->heard_ns ? settings->idle_seconds : settings->first_seconds));
    fail(attempt, &failure);
}

void attempt_on_time(Attempt *attempt)
{
    if (attempt_has_ended(attempt))
        end(attempt, ATTEMPT_ANSWERED);
    else
        fail_of_silence(attempt);
}

/* ---- life --------------------------------------------------------------------------------------------- */

static void write_body(const Attempt *attempt, const AttemptRequest *request, Buffer *body)
{
    const BackendSettings *settings = attempt->backend->settings;
    if (request->is_embedding) {
        llm_embedding_append(body, settings->model, request->prompt);
        return;
    }
    const LlmChat chat = {
        .model = settings->model,
        .prompt = request->prompt,
        .max_tokens = request->max_tokens ? request->max_tokens : (uint32_t)settings->max_tokens,
        .temperature = settings->temperature,
        .limits_completion = attempt->backend->limits_completion,
        .schema = request->schema,
        .form = request->form,
    };
    llm_chat_append(body, shape_of(attempt), &chat);
}

Attempt *attempt_begin(HttpClient *http, Backend *backend, const AttemptRequest *request,
                       void (*changed)(void *owner), void *owner)
{
    static const HttpHandlers handlers = {on_bytes, on_end};
    const BackendSettings *settings = backend->settings;
    _cleanup_buffer_ Buffer body = BUFFER_INIT;
    Attempt *attempt = NEW(Attempt);
    *attempt = (Attempt){.backend = backend,
                         .form = request->form,
                         .changed = changed,
                         .owner = owner,
                         .prompt_length = request->prompt.length,
                         .has_schema = request->schema != NULL,
                         .is_embedding = request->is_embedding,
                         .begun_ns = uv_hrtime()};
    write_body(attempt, request, &body);
    backend->counts.attempts++;
    llm_rate_take(&backend->requests, 1, attempt->begun_ns);
    llm_rate_take(&backend->tokens, request->prompt.length / BYTES_PER_TOKEN + 1, attempt->begun_ns);
    attempt->http =
        http_post(http,
                  &(HttpRequest){.url = request->is_embedding ? backend->embedding_url : backend->url,
                                 .unix_socket = settings->unix_socket,
                                 .ca_file = settings->ca_file,
                                 .key_header = backend->key_header,
                                 .headers = (const char *const *)backend->headers,
                                 .body = {buffer_string(&body), body.length},
                                 .connect_ms = settings->connect_seconds * 1000},
                  &handlers, attempt);
    return attempt;
}

void attempt_free(Attempt *attempt)
{
    if (!attempt)
        return;
    if (attempt->http)
        http_cancel(attempt->http);
    sse_finish(&attempt->parser);
    llm_reply_finish(&attempt->reply);
    buffer_finish(&attempt->body);
    free(attempt);
}

LlmUsage attempt_usage(const Attempt *attempt)
{
    LlmUsage usage = attempt->reply.usage;
    size_t length = attempt->reply.text.length;
    if (usage.prompt_tokens == 0 && length > 0)
        usage.prompt_tokens = attempt->prompt_length / BYTES_PER_TOKEN + 1;
    if (usage.completion_tokens == 0 && length > 0 && !attempt->is_embedding)
        usage.completion_tokens = length / BYTES_PER_TOKEN + 1;
    return usage;
}
