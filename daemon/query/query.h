/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A query on its way: from a question about a user to a prompt, an explanation or an answer.
 *
 * Threads: the functions and the callbacks on the loop's, `write` on another. Callbacks never run before
 * query_begin has returned.
 */

#include "daemon/caller.h"
#include "daemon/query/answer.h"
#include "daemon/users/users.h"

typedef struct Queries Queries;
typedef struct Query Query;

/* All are borrowed and outlive the queries. */
typedef struct QueriesContext {
    uv_loop_t *loop;
    const Config *config;
    PluginRegistry *plugins;
    Users *users;
    Stages *stages;
} QueriesContext;

Queries *queries_new(const QueriesContext *context);

/* When no query is at work any more. NULL is fine. */
void queries_free(Queries *queries);

typedef enum QueryKind {
    QUERY_PROMPT,  /* constructs the prompt */
    QUERY_EXPLAIN, /* says what there is to go by */
    QUERY_RESPOND, /* answers, on an LLM where one is configured */
} QueryKind;

/* Everything is copied. */
typedef struct QueryRequest {
    QueryKind kind;
    UserName name;
    rpmd_text query;
    const rpmd_text *options;
    size_t option_count;
    int64_t time_us;       /* nothing newer is shown; 0: now */
    uint32_t examples;     /* 0: the task's setting */
    uint32_t budget_bytes; /* of the prompt; 0: the task's setting */
    Caller caller;
} QueryRequest;

typedef struct QueryHandlers {
    /* Writes the reply; on another thread, which has the answer to itself. */
    void (*write)(const QueryAnswer *answer, Buffer *reply);
    /* QUERY_RESPOND: a piece of the reasoning, or of the answer, as it comes. */
    void (*on_delta)(void *data, rpmd_text reasoning, rpmd_text answer);
    /* Once: the reply that was written, or why there is none. Borrowed for the time of the callback. */
    void (*on_end)(void *data, const Status *status, rpmd_text reply);
} QueryHandlers;

/* handlers are borrowed until the end. */
Query *query_begin(Queries *queries, const QueryRequest *request, const QueryHandlers *handlers, void *data);

/* Nobody waits any more: ends the plugin's call and the LLM's. Before on_end, which then does not come; also
 * from within on_delta. */
void query_cancel(Query *query);
