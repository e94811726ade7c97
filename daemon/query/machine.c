/* SPDX-License-Identifier: MIT */
#include "daemon/query/internal.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <assert.h>

#define NANOSECONDS_PER_SECOND 1000000000ull

#define TO(state) (1u << (state))

/* transitions[from]: the states that may follow. */
static const unsigned transitions[] = {
    [QUERY_FINDING] = TO(QUERY_EXTRACTING) | TO(QUERY_DONE),
    [QUERY_EXTRACTING] = TO(QUERY_EXTRACTING) | TO(QUERY_CONSTRUCTING) | TO(QUERY_DONE),
    [QUERY_CONSTRUCTING] = TO(QUERY_ASKING) | TO(QUERY_WRITING) | TO(QUERY_DONE),
    [QUERY_ASKING] = TO(QUERY_ASKING) | TO(QUERY_PARSING) | TO(QUERY_WRITING) | TO(QUERY_DONE),
    [QUERY_PARSING] = TO(QUERY_ASKING) | TO(QUERY_WRITING) | TO(QUERY_DONE),
    [QUERY_WRITING] = TO(QUERY_DONE),
    [QUERY_DONE] = 0,
};

/* What holds in every state, and in this one. */
static bool invariant(const Query *query)
{
    int held = (query->finding != NULL) + (query->job != NULL) + (query->extraction != NULL) +
               (query->work != NULL) + (query->stage != NULL) + later_is_waiting(&query->later);
    switch (query->state) {
    case QUERY_FINDING:
        return held == 1 && (query->finding || later_is_waiting(&query->later));
    case QUERY_EXTRACTING:
        return held == 1 && (query->job || query->extraction) && query->answer->model;
    case QUERY_CONSTRUCTING:
    case QUERY_WRITING:
        return held == 1 && query->work && !query->answer;
    case QUERY_ASKING:
        return held == 1 && query->stage && query->answer->prompt.text.length > 0;
    case QUERY_PARSING:
        return held == 1 && query->job && query->response;
    case QUERY_DONE:
        return held == 0;
    }
    return false;
}

void query_move(Query *query, QueryState to)
{
    assert(transitions[query->state] & TO(to));
    query->state = to;
    assert(invariant(query));
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void let_go(Query *query)
{
    later_cancel(&query->later);
    if (query->finding)
        users_cancel(TAKE_PTR(query->finding));
    if (query->job)
        plugin_job_cancel(TAKE_PTR(query->job));
    if (query->extraction)
        extraction_cancel(TAKE_PTR(query->extraction));
    if (query->work)
        work_cancel(TAKE_PTR(query->work));
    if (query->stage)
        stage_cancel(TAKE_PTR(query->stage));
}

static void query_free(Query *query)
{
    if (query->response)
        query->free_response(query->response);
    query_answer_free(query->answer);
    LIST_REMOVE(query, link);
    free(query);
}

static void finish(Query *query, const Status *status, rpmd_text reply)
{
    let_go(query);
    query_move(query, QUERY_DONE);
    query->handlers->on_end(query->data, status, reply);
    query_free(query);
}

void query_refuse(Query *query, const Status *status)
{
    const Status copy = *status;
    finish(query, &copy, (rpmd_text){0});
}

void query_cancel(Query *query)
{
    if (query->is_telling) {
        query->is_cancelled = true;
        return;
    }
    let_go(query);
    query_move(query, QUERY_DONE);
    query_free(query);
}

bool query_tell(Query *query, rpmd_text reasoning, rpmd_text answer)
{
    query->is_telling = true;
    query->handlers->on_delta(query->data, reasoning, answer);
    query->is_telling = false;
    if (query->is_cancelled)
        query_cancel(query);
    else
        return true;
    return false;
}

void query_account(Query *query, uint64_t calls, const LlmUsage *usage, uint64_t cost_micros)
{
    QueryUsage *sum = &query->answer->usage;
    sum->calls += calls;
    sum->tokens.prompt_tokens += usage->prompt_tokens;
    sum->tokens.cached_tokens += usage->cached_tokens;
    sum->tokens.completion_tokens += usage->completion_tokens;
    sum->cost_micros += cost_micros;
}

uint64_t query_plugin_deadline(const Query *query)
{
    return caller_deadline(&query->caller, uv_hrtime(),
                           query->queries->context.config->call_seconds * NANOSECONDS_PER_SECOND);
}

/* ---- on another thread -------------------------------------------------------------------------------- */

struct Construction {
    QueryAnswer *answer;
    Queries *queries;
    bool is_constructed; /* the answer is complete up to the reply */
    bool writes;
    void (*then)(Query *query); /* where it does not write */
    void (*write)(const QueryAnswer *answer, Buffer *reply);
    Buffer reply;
};

/* Each is used for one query after the other: it remembers words. */
static Tokenizer *take_tokenizer(Queries *queries)
{
    uv_mutex_lock(&queries->mutex);
    Tokenizer *tokenizer =
        queries->tokenizer_count > 0 ? queries->tokenizers[--queries->tokenizer_count] : NULL;
    uv_mutex_unlock(&queries->mutex);
    if (tokenizer)
        return tokenizer;
    tokenizer = tokenizer_new();
    tokenizer_remember_words(tokenizer);
    return tokenizer;
}

static void give_back_tokenizer(Queries *queries, Tokenizer *tokenizer)
{
    uv_mutex_lock(&queries->mutex);
    if (queries->tokenizer_count < ARRAY_SIZE(queries->tokenizers))
        queries->tokenizers[queries->tokenizer_count++] = TAKE_PTR(tokenizer);
    uv_mutex_unlock(&queries->mutex);
    tokenizer_free(tokenizer);
}

static void run_construction(Queries *queries, QueryAnswer *answer)
{
    Tokenizer *tokenizer = take_tokenizer(queries);
    query_construct(answer, tokenizer);
    give_back_tokenizer(queries, tokenizer);
}

static void run(void *job)
{
    Construction *construction = job;
    QueryAnswer *answer = construction->answer;
    if (!construction->is_constructed)
        run_construction(construction->queries, answer);
    else if (answer->reasoning.length > 0)
        query_check_citations(answer);
    if (construction->writes && status_is_ok(&answer->status))
        construction->write(answer, &construction->reply);
}

static void release(void *job)
{
    Construction *construction = job;
    query_answer_free(construction->answer);
    buffer_finish(&construction->reply);
    free(construction);
}

static void on_done(void *owner, void *job)
{
    Query *query = owner;
    Construction *construction = job;
    query->work = NULL;
    query->answer = TAKE_PTR(construction->answer);
    if (!status_is_ok(&query->answer->status))
        query_refuse(query, &query->answer->status);
    else if (construction->writes)
        finish(query, &query->answer->status,
               (rpmd_text){buffer_string(&construction->reply), construction->reply.length});
    else
        construction->then(query);
}

static void begin_work(Query *query, QueryState state, bool is_constructed, void (*then)(Query *query))
{
    static const WorkKind kind = {WORK_FOREGROUND, run, release};
    Construction *construction = NEW(Construction);
    *construction = (Construction){.answer = TAKE_PTR(query->answer),
                                   .queries = query->queries,
                                   .is_constructed = is_constructed,
                                   .writes = !then,
                                   .then = then,
                                   .write = query->handlers->write};
    query->work = work_begin(query->queries->context.loop, &kind, construction, on_done, query);
    query_move(query, state);
}

void query_write(Query *query)
{
    begin_work(query, QUERY_WRITING, true, NULL);
}

void query_construct_and(Query *query, void (*then)(Query *query))
{
    begin_work(query, QUERY_CONSTRUCTING, false, then);
}
