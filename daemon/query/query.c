/* SPDX-License-Identifier: MIT */
#include "daemon/query/query.h"

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
    response_free(query->response);
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
        response_begin(query);
}

static void begin_work(Query *query, QueryState state, bool is_constructed, bool writes)
{
    static const WorkKind kind = {WORK_FOREGROUND, run, release};
    Construction *construction = NEW(Construction);
    *construction = (Construction){.answer = TAKE_PTR(query->answer),
                                   .queries = query->queries,
                                   .is_constructed = is_constructed,
                                   .writes = writes,
                                   .write = query->handlers->write};
    query->work = work_begin(query->queries->context.loop, &kind, construction, on_done, query);
    query_move(query, state);
}

void query_write(Query *query)
{
    begin_work(query, QUERY_WRITING, true, true);
}

static void construct(Query *query)
{
    Status status = STATUS_INIT;
    const QueriesContext *context = &query->queries->context;
    const rpmd_plugin *plugin = plugin_registry_find(context->plugins, query->answer->task, &status);
    if (!plugin) {
        query_refuse(query, &status);
        return;
    }
    QueryAnswer *answer = query->answer;
    const rpmd_prompt_texts *texts = plugin->prompt_texts;
    answer->texts = (rpmd_prompt_texts){
        .struct_size = sizeof(rpmd_prompt_texts),
        .task = arena_text(&answer->arena, text_of(texts->task)).data,
        .query_noun = arena_text(&answer->arena, text_of(texts->query_noun)).data,
        .response_noun = arena_text(&answer->arena, text_of(texts->response_noun)).data,
        .answer_format = arena_text(&answer->arena, text_of(texts->answer_format)).data,
    };
    answer->reasoning_task = (ReasoningTask){.query_noun = text_of(answer->texts.query_noun),
                                             .response_noun = text_of(answer->texts.response_noun),
                                             .smoothing = answer->settings->smoothing};
    begin_work(query, QUERY_CONSTRUCTING, false, query->kind != QUERY_RESPOND);
}

/* ---- features ----------------------------------------------------------------------------------------- */

/* The plugin makes up for an LLM that does not answer; not for one that may not be asked. */
static void on_llm_extracted(void *data, const ExtractionResult *result)
{
    Query *query = data;
    QueryAnswer *answer = query->answer;
    const Status *statuses[] = {&result->extract, &result->embed};
    query->extraction = NULL;
    query_account(query, result->totals.calls, &result->totals.usage, result->totals.cost_micros);
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        if (!status_is_ok(statuses[i]) && statuses[i]->code != STATUS_UNAVAILABLE) {
            query_refuse(query, statuses[i]);
            return;
        }
    }
    answer->features_are_llms = result->is_extracted;
    if (!result->is_extracted && stage_backend(query->queries->context.stages, answer->task, STAGE_EXTRACT))
        answer->notice = arena_format(&answer->arena, "%s; the features are those of the plugin",
                                      status_is_ok(&result->extract) ? "the LLM's features were of no use"
                                                                     : result->extract.message);
    if (!status_is_ok(&result->embed))
        answer->notice = arena_format(&answer->arena, "%s%s%s; the examples were found by their words",
                                      answer->notice, *answer->notice ? "; " : "", result->embed.message);
    construct(query);
}

static void extract_with_llm(Query *query, Analysis *analysis)
{
    const QueriesContext *context = &query->queries->context;
    QueryAnswer *answer = query->answer;
    const ExtractionRequest request = {
        .name = query->name,
        .user_number = answer->user_number,
        .query = {answer->target.query, answer->target.options, answer->target.option_count},
        .analysis = analysis,
        .arena = &answer->arena,
        .deadline_ns = query->caller.deadline_ns,
    };
    query->extraction = extraction_begin(context->stages, context->plugins, context->config, &request,
                                         on_llm_extracted, query);
    query_move(query, QUERY_EXTRACTING);
}

static void on_extracted(PluginBatch *batch, void *data)
{
    Query *query = data;
    Status status = batch->status;
    query->job = NULL;
    if (status_is_ok(&status) && batch->analyses[0].code != STATUS_OK)
        status_refuse(&status, batch->analyses[0].code, "%.*s", TEXT_ARGS(batch->analyses[0].error));
    if (!status_is_ok(&status)) {
        query_refuse(query, &status);
        return;
    }
    query->answer->extracted = batch->arena;
    query->answer->target.analysis = &batch->analyses[0];
    batch->arena = ARENA_INIT;
    if (extraction_is_wanted(query->queries->context.stages, query->answer->task))
        extract_with_llm(query, &batch->analyses[0]);
    else
        construct(query);
}

static void extract(Query *query)
{
    const QueryAnswer *answer = query->answer;
    const AnalysisRequest request = {.query = answer->target.query,
                                     .options = answer->target.options,
                                     .option_count = answer->target.option_count};
    query->job = plugin_registry_analyze(query->queries->context.plugins, answer->task, &request, 1,
                                         PLUGIN_URGENT, query_plugin_deadline(query), on_extracted, query);
    query_move(query, QUERY_EXTRACTING);
}

/* ---- the model ---------------------------------------------------------------------------------------- */

static void take_user(Query *query, const UserSnapshot *user)
{
    QueryAnswer *answer = query->answer;
    if (user->model->item_count == 0) {
        Status status;
        status_refuse(&status, STATUS_FAILED_PRECONDITION,
                      "none of the items of the user %.*s could be processed; `rpmctl history list` says why",
                      TEXT_ARGS(answer->user));
        query_refuse(query, &status);
        return;
    }
    answer->model = user_model_ref(user->model);
    answer->pool = user->pool ? task_pool_ref(user->pool) : NULL;
    answer->user_number = user->user_number;
    answer->feeds_pool = user->feeds_pool;
    extract(query);
}

static void on_user(const UserReply *reply, void *data)
{
    Query *query = data;
    query->finding = NULL;
    if (status_is_ok(&reply->status))
        take_user(query, &reply->user);
    else
        query_refuse(query, &reply->status);
}

static void on_begin(Later *later)
{
    Query *query = CONTAINER_OF(later, Query, later);
    Users *users = query->queries->context.users;
    UserSnapshot user;
    if (users_find(users, &query->name, &user)) {
        take_user(query, &user);
        return;
    }
    query->finding = users_get(users, &query->name, &query->caller, on_user, query);
}

Query *query_begin(Queries *queries, const QueryRequest *request, const QueryHandlers *handlers, void *data)
{
    Query *query = NEW(Query);
    QueryAnswer *answer = query_answer_new();
    Arena *arena = &answer->arena;
    *query = (Query){.queries = queries,
                     .kind = request->kind,
                     .handlers = handlers,
                     .data = data,
                     .caller = request->caller,
                     .answer = answer};
    query->name = (UserName){arena_text(arena, request->name.task), arena_text(arena, request->name.user)};
    answer->task = query->name.task.data;
    answer->user = query->name.user;
    answer->settings = config_task(queries->context.config, answer->task);
    answer->examples = request->examples;
    answer->budget_bytes = request->budget_bytes;
    answer->wants_shared = stage_backend(queries->context.stages, answer->task, STAGE_RESPOND) != NULL;
    answer->wants_prompt =
        request->kind == QUERY_PROMPT || (request->kind == QUERY_RESPOND && answer->wants_shared);
    answer->wants_reasoning = request->kind == QUERY_RESPOND;
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, request->option_count);
    for (size_t i = 0; i < request->option_count; i++)
        options[i] = arena_text(arena, request->options[i]);
    answer->target = (Target){.query = arena_text(arena, request->query),
                              .options = options,
                              .option_count = request->option_count,
                              .time_us = request->time_us};
    LIST_INSERT_HEAD(&queries->queries, query, link);
    later_call(queries->context.loop, &query->later, on_begin);
    return query;
}

/* ---- all of them -------------------------------------------------------------------------------------- */

Queries *queries_new(const QueriesContext *context)
{
    Queries *queries = NEW(Queries);
    queries->context = *context;
    LIST_INIT(&queries->queries);
    uv_mutex_init(&queries->mutex);
    return queries;
}

void queries_free(Queries *queries)
{
    if (!queries)
        return;
    assert(LIST_EMPTY(&queries->queries));
    for (unsigned i = 0; i < queries->tokenizer_count; i++)
        tokenizer_free(queries->tokenizers[i]);
    uv_mutex_destroy(&queries->mutex);
    free(queries);
}
