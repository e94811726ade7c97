/* SPDX-License-Identifier: MIT */
#include "tests/simulation/llm.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/embedding.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/plugins.h"
#include "tests/simulation/world.h"

#include <sys/queue.h>

#define SILENCE (60 * SECOND) /* until a server that says nothing is given up */

/* What was asked and what was answered, in this world. */
typedef struct Exchange {
    SLIST_ENTRY(Exchange) link;
    rpmd_text prompt;
    rpmd_text reply;
} Exchange;

static SLIST_HEAD(, Exchange) exchanges;
static Arena exchanges_arena;
static size_t exchange_count;

struct Llm {
    size_t failure_one_of;
    size_t at_work;
};

typedef enum Ending { ENDING_REPLY, ENDING_TOO_LONG, ENDING_BROKEN, ENDING_SILENT } Ending;

struct LlmCall {
    Event event;
    Llm *llm;
    const LlmHandlers *handlers;
    void *data;
    uint64_t begun_ns;
    uint64_t deadline_ns;
    Ending ending;
    rpmd_text reply; /* in the world's arena */
    size_t told;     /* bytes of it */
};

void llm_reset(void)
{
    SLIST_INIT(&exchanges);
    arena_finish(&exchanges_arena);
    exchange_count = 0;
}

Llm *llm_begin(size_t failure_one_of)
{
    Llm *llm = NEW(Llm);
    llm->failure_one_of = failure_one_of;
    return llm;
}

void llm_end(Llm *llm)
{
    HOLDS(llm->at_work == 0, "%zu calls of the LLM are left", llm->at_work);
    free(llm);
}

/* No two replies are the same. */
rpmd_text llm_prompt_of(rpmd_text reply)
{
    const Exchange *exchange;
    SLIST_FOREACH(exchange, &exchanges, link)
    if (text_equal(exchange->reply, reply))
        return exchange->prompt;
    return (rpmd_text){0};
}

/* ---- what it writes -------------------------------------------------------------------------------------
 */

/* A word of the vocabulary that stands in the line; NULL: none does. */
static const char *word_in(rpmd_text line)
{
    for (size_t i = 0; i < PLUGINS_WORDS; i++)
        if (memmem(line.data, line.length, plugins_word(i), strlen(plugins_word(i))))
            return plugins_word(i);
    return NULL;
}

/* The next line of the prompt that is quoted. */
static bool next_quotation(rpmd_text *prompt, rpmd_text *line)
{
    while (prompt->length > 0) {
        const char *end = memchr(prompt->data, '\n', prompt->length);
        *line = (rpmd_text){prompt->data, end ? (size_t)(end - prompt->data) : prompt->length};
        size_t taken = line->length + (end != NULL);
        *prompt = (rpmd_text){prompt->data + taken, prompt->length - taken};
        if (line->length > 2 && memcmp(line->data, "> ", 2) == 0)
            return true;
    }
    return false;
}

static void write_features(Buffer *reply, rpmd_text prompt)
{
    rpmd_text line;
    size_t query = 0;
    buffer_append_string(reply, "\"queries\": [");
    while (next_quotation(&prompt, &line)) {
        const char *word = word_in(line);
        buffer_append_format(reply, "%s{\"query\": %zu, \"features\": [", query ? ", " : "", query + 1);
        if (word)
            buffer_append_format(reply,
                                 "{\"name\": \"the %s\", \"context\": \"what it is like\", \"quotation\": "
                                 "\"%s\", \"polarity\": \"positive\"}",
                                 word, word);
        buffer_append_string(reply, "]}");
        query++;
    }
    buffer_append_string(reply, "]}");
}

static void write_factors(Buffer *reply)
{
    buffer_append_string(reply, "\"factors\": [{\"name\": \"this\", \"description\": \"one half\"}, "
                                "{\"name\": \"that\", \"description\": \"the other\"}], \"features\": [");
    for (size_t i = 1; i <= PLUGINS_WORDS; i++)
        buffer_append_format(reply, "%s{\"feature\": %zu, \"factor\": \"%s\"}", i > 1 ? ", " : "", i,
                             draw_chance(2) ? "this" : "that");
    buffer_append_string(reply, "]}");
}

static void write_paths(Buffer *reply)
{
    buffer_append_string(reply, "\"paths\": [");
    for (size_t i = 1; i <= 8; i++)
        buffer_append_format(reply,
                             "%s{\"item\": %zu, \"reasoning\": \"The user is used to it.\", \"factors\": []}",
                             i > 1 ? ", " : "", i);
    buffer_append_string(reply, "]}");
}

/* One vector for each text of the list. */
static void write_vectors(Buffer *reply, rpmd_text prompt)
{
    Buffer body = BUFFER_INIT;
    LlmReply vectors = {0};
    size_t count = 0;
    for (size_t i = 1; i < prompt.length; i++)
        count += prompt.data[i] == '"' && prompt.data[i - 1] != '\\';
    buffer_append_string(&body, "{\"data\": [");
    for (size_t i = 0; i < count / 2; i++)
        buffer_append_format(&body, "%s{\"index\": %zu, \"embedding\": [1, %zu, %zu]}", i ? ", " : "", i,
                             exchange_count, draw_below(1000));
    buffer_append_string(&body, "]}");
    llm_embedding_take(&vectors, (rpmd_text){body.data, body.length});
    buffer_append(reply, buffer_string(&vectors.text), vectors.text.length);
    llm_reply_finish(&vectors);
    buffer_finish(&body);
}

static void write_answer(Buffer *reply)
{
    const char *answer = plugins_answer(draw_below(PLUGINS_ANSWERS));
    buffer_append_format(reply, "This is reply %zu: the user is used to it.\n\n", exchange_count);
    if (!draw_chance(6))
        buffer_append_format(reply, "Word: %s\n", answer);
}

static void write_reply(Buffer *reply, const LlmRequest *request)
{
    const char *schema = request->schema;
    if (request->is_embedding) {
        write_vectors(reply, request->prompt);
        return;
    }
    if (!schema || draw_chance(12)) {
        write_answer(reply);
        return;
    }
    buffer_append_format(reply, "{\"reply\": %zu, ", exchange_count);
    if (strstr(schema, "\"answer\""))
        buffer_append_format(reply, "\"answer\": \"%s\"}", plugins_answer(draw_below(PLUGINS_ANSWERS)));
    else if (strstr(schema, "\"paths\""))
        write_paths(reply);
    else if (strstr(schema, "\"quotation\""))
        write_features(reply, request->prompt);
    else
        write_factors(reply);
}

/* ---- calls ----------------------------------------------------------------------------------------------
 */

static uint64_t end_of(const LlmCall *call)
{
    uint64_t silent_until = call->begun_ns + SILENCE;
    return call->deadline_ns ? MIN(call->deadline_ns, silent_until) : silent_until;
}

static LlmSpent spent_by(const LlmCall *call)
{
    return (LlmSpent){.usage = {.prompt_tokens = 100, .completion_tokens = call->told + 1},
                      .attempts = 1,
                      .milliseconds = (world_now() - call->begun_ns) / MILLISECOND};
}

static void call_free(LlmCall *call)
{
    call->llm->at_work--;
    free(call);
}

static void on_event(Event *event);

static void wait_on(LlmCall *call)
{
    if (call->ending == ENDING_SILENT) {
        event_add(&call->event, "an LLM is given up", end_of(call), on_event);
        return;
    }
    uint64_t slow = draw_chance(4) ? world_now() + draw_between(1, 5000) * MILLISECOND : 0;
    event_add(&call->event, "an LLM writes", MIN(slow, end_of(call)), on_event);
}

/* Hands over a piece; void when the caller cancelled it there. */
static void tell_piece(LlmCall *call)
{
    size_t left = call->reply.length - call->told;
    size_t length = draw_between(1, MIN(left, (size_t)40));
    rpmd_text piece = {call->reply.data + call->told, length};
    call->told += length;
    wait_on(call);
    call->handlers->on_text(call->data, piece);
}

static void tell_end(LlmCall *call, LlmResult *result)
{
    const LlmHandlers *handlers = call->handlers;
    void *data = call->data;
    result->spent = spent_by(call);
    call_free(call);
    handlers->on_end(data, result);
}

static void on_event(Event *event)
{
    LlmCall *call = CONTAINER_OF(event, LlmCall, event);
    LlmResult result = {.status = STATUS_INIT, .text = call->reply, .finish = LLM_FINISH_STOP};
    size_t until = call->ending == ENDING_BROKEN ? call->reply.length / 2 : call->reply.length;
    bool is_late = world_now() >= end_of(call);
    if (!is_late && call->ending != ENDING_TOO_LONG && call->handlers->on_text && call->told < until) {
        tell_piece(call);
        return;
    }
    if (is_late && call->deadline_ns && world_now() >= call->deadline_ns)
        status_refuse(&result.status, STATUS_DEADLINE_EXCEEDED, "The LLM did not answer in time.");
    else if (is_late || call->ending == ENDING_BROKEN)
        status_refuse(&result.status, STATUS_UNAVAILABLE, "The LLM's server broke off.");
    else if (call->ending == ENDING_TOO_LONG)
        status_refuse(&result.status, STATUS_INVALID_ARGUMENT, "The LLM's server finds the prompt too long.");
    if (!status_is_ok(&result.status))
        result.text.length = call->told;
    mark(status_is_ok(&result.status) ? MARK_LLM_ANSWERED : MARK_LLM_FAILED);
    tell_end(call, &result);
}

static Ending draw_ending(const Llm *llm)
{
    return draw_fault(llm->failure_one_of) ? (Ending)draw_between(ENDING_TOO_LONG, ENDING_SILENT)
                                           : ENDING_REPLY;
}

LlmCall *llm_call(Llm *llm, const LlmRequest *request, const LlmHandlers *handlers, void *data)
{
    Buffer reply = BUFFER_INIT;
    HOLDS(clients_want(request->prompt), "an LLM is asked (and paid) for nobody");
    LlmCall *call = NEW(LlmCall);
    *call = (LlmCall){.llm = llm,
                      .handlers = handlers,
                      .data = data,
                      .begun_ns = world_now(),
                      .deadline_ns = request->deadline_ns,
                      .ending = draw_ending(llm)};
    exchange_count++;
    write_reply(&reply, request);
    Exchange *exchange = ARENA_NEW(&exchanges_arena, Exchange);
    exchange->prompt = arena_text(&exchanges_arena, request->prompt);
    exchange->reply = arena_text(&exchanges_arena, (rpmd_text){buffer_string(&reply), reply.length});
    call->reply = exchange->reply;
    SLIST_INSERT_HEAD(&exchanges, exchange, link);
    buffer_finish(&reply);
    trace("    an LLM is asked (%zu): %.60s", exchange_count, call->reply.data);
    llm->at_work++;
    wait_on(call);
    return call;
}

void llm_prolong(LlmCall *call, uint64_t deadline_ns)
{
    if (call->deadline_ns && (deadline_ns == 0 || deadline_ns > call->deadline_ns))
        call->deadline_ns = deadline_ns;
    if (call->ending != ENDING_SILENT)
        return;
    event_remove(&call->event);
    wait_on(call);
}

void llm_cancel(LlmCall *call, LlmSpent *spent)
{
    mark(MARK_LLM_CANCELLED);
    trace("    cancelled: a call of the LLM");
    event_remove(&call->event);
    if (spent)
        *spent = spent_by(call);
    call_free(call);
}
