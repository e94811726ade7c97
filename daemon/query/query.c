/* SPDX-License-Identifier: MIT */
#include "daemon/query/query.h"

#include "daemon/query/internal.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <assert.h>

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
    query_construct_and(query, query->kind == QUERY_RESPOND ? response_begin : NULL);
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
