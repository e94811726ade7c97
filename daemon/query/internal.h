/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Inside daemon/query: a query and where it is.
 *
 *      query_begin
 *           |
 *           v
 *        FINDING       the user's model (users)
 *           |
 *           v
 *       EXTRACTING     features: the plugin, then an LLM where one is configured
 *           |
 *           v
 *      CONSTRUCTING    retrieval, prediction, prompt (another thread)
 *           |    '-----------------------------------------.
 *           v                                              |
 *         ASKING       an LLM answers (response.c) <-.     |
 *           |    '-- it does not: the native answer -+---. |
 *           v                                        |   | |
 *        PARSING       its answer, by the plugin ----'   | |
 *           |              no answer in it: once more    | |
 *           v                                            v v
 *        WRITING       the reply (another thread) <--------'
 *           |
 *           v
 *         DONE         on_end; freed
 *
 * In each state it holds just what it waits for; machine.c has the table of moves and the invariant. From any
 * state query_cancel ends it without a call, and an error ends it with one.
 */

#include "daemon/loop/later.h"
#include "daemon/loop/work.h"
#include "daemon/query/query.h"
#include "daemon/users/extraction.h"

#include <sys/queue.h>

typedef enum QueryState {
    QUERY_FINDING,
    QUERY_EXTRACTING,
    QUERY_CONSTRUCTING,
    QUERY_ASKING,
    QUERY_PARSING,
    QUERY_WRITING,
    QUERY_DONE,
} QueryState;

typedef struct Response Response;
typedef struct Construction Construction;

struct Query {
    LIST_ENTRY(Query) link;
    Queries *queries;
    QueryKind kind;
    const QueryHandlers *handlers;
    void *data;
    Caller caller;
    QueryState state;
    UserName name;       /* in the answer's arena; the task ends with a NUL */
    QueryAnswer *answer; /* owned; NULL while another thread has it */

    /* What it waits for, one at a time. */
    Later later;
    UserCall *finding;
    PluginJob *job;
    Extraction *extraction;
    Work *work;
    StageCall *stage;

    Response *response; /* an LLM's answer; NULL: none is asked */
    void (*free_response)(Response *response);
    bool is_telling;   /* inside on_delta */
    bool is_cancelled; /* there */
};

struct Queries {
    QueriesContext context;
    LIST_HEAD(, Query) queries;
    uv_mutex_t mutex;                               /* guards what follows */
    Tokenizer *tokenizers[WORK_FOREGROUND_THREADS]; /* not in use */
    unsigned tokenizer_count;
};

/* Takes a step to another state. */
void query_move(Query *query, QueryState to);

/* The end, with an error. */
void query_refuse(Query *query, const Status *status);

/* Constructs on another thread; then writes the reply (NULL), or calls `then`. */
void query_construct_and(Query *query, void (*then)(Query *query));

/* The answer is complete: writes the reply. */
void query_write(Query *query);

/* Hands a piece over. False: the query was cancelled there and is gone. */
bool query_tell(Query *query, rpmd_text reasoning, rpmd_text answer);

/* Adds what an LLM's replies cost. */
void query_account(Query *query, uint64_t calls, const LlmUsage *usage, uint64_t cost_micros);

/* When a call of the plugin that begins now has to be over. */
uint64_t query_plugin_deadline(const Query *query);

/* ---- response.c: everything between CONSTRUCTING and WRITING ---- */

/* The prompt is there: answers it, natively or on an LLM. */
void response_begin(Query *query);
