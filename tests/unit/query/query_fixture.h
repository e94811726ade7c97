/* SPDX-License-Identifier: MIT */
#pragma once

/* Queries over users with models, and a scripted LLM; queries note what they are told. */

#include "daemon/query/internal.h"
#include "daemon/query/query.h"
#include "tests/unit/backends/llm_server.h"
#include "tests/unit/users/users_fixture.h"

#define HISTORY 8 /* items of ann */

typedef struct QueryFixture {
    Fixture base;
    BackendSettings backend;
    LlmServer server;
    Queries *queries;
} QueryFixture;

typedef struct Heard {
    QueryFixture *fixture;
    Query *query;  /* NULL: it is over */
    Buffer deltas; /* "reasoning|" and "=answer|" */
    bool is_done;
    Status status;
    Buffer reply;
    void (*on_delta)(struct Heard *heard); /* what the test does there; NULL: nothing */
} Heard;

/* The end of it, as text. */
static inline void write_reply(const QueryAnswer *answer, Buffer *reply)
{
    if (answer->wants_prompt && answer->answer.length == 0)
        buffer_append(reply, answer->prompt.text.data, answer->prompt.text.length);
    else
        buffer_append_format(reply, "%.*s, %s, \"%s\", %lu calls", TEXT_ARGS(answer->answer),
                             answer->answer_is_llms ? "LLM" : "native", answer->notice,
                             (unsigned long)answer->usage.calls);
}

static inline void hear_delta(void *data, rpmd_text reasoning, rpmd_text answer)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->query);
    if (reasoning.length > 0)
        buffer_append_format(&heard->deltas, "%.*s|", TEXT_ARGS(reasoning));
    if (answer.length > 0)
        buffer_append_format(&heard->deltas, "=%.*s|", TEXT_ARGS(answer));
    if (heard->on_delta)
        heard->on_delta(heard);
}

static inline void hear_end(void *data, const Status *status, rpmd_text reply)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->query); /* neither within query_begin nor behind the end */
    heard->query = NULL;
    heard->is_done = true;
    heard->status = *status;
    buffer_append(&heard->reply, reply.data, reply.length);
}

static const QueryHandlers heard_handlers = {write_reply, hear_delta, hear_end};

/* Before query_fixture_start, the backend may be changed. */
static inline void query_fixture_begin(QueryFixture *fixture)
{
    *fixture = (QueryFixture){0};
    fixture_begin(&fixture->base);
    llm_server_open(&fixture->server, &fixture->base.loop);
    llm_server_set(
        &fixture->server,
        (LlmTurn){.status = 200, .text = "Reasoning: It follows", .more = " the habit.\\nAnswer:no"});
    fixture->backend = (BackendSettings){.name = "local",
                                         .base_url = fixture->server.url,
                                         .model = "tiny",
                                         .max_tokens = 100,
                                         .temperature = -1,
                                         .concurrency = 8,
                                         .connect_seconds = 5,
                                         .first_seconds = 30,
                                         .idle_seconds = 30,
                                         .total_seconds = 60,
                                         .price_cached = -1};
    fixture->base.config.backends = &fixture->backend;
    fixture->base.config.backend_count = 1;
}

static inline void query_fixture_start(QueryFixture *fixture, const char *plugin, bool has_llm)
{
    Fixture *base = &fixture->base;
    if (has_llm)
        snprintf(base->config.method.stages[STAGE_RESPOND], CONFIG_NAME_SIZE, "local");
    fixture_start(base, plugin);
    fixture->queries =
        queries_new(&(QueriesContext){&base->loop, &base->config, base->plugins, base->users, base->stages});
    import(base, "ann", "a", HISTORY);
    build(base, "ann");
}

static inline void query_fixture_open(QueryFixture *fixture, const char *plugin, bool has_llm)
{
    query_fixture_begin(fixture);
    query_fixture_start(fixture, plugin, has_llm);
}

/* Work that was left may still be running: queries are freed behind it. */
static inline void query_fixture_close(QueryFixture *fixture)
{
    llm_server_close(&fixture->server);
    fixture_close(&fixture->base);
    queries_free(fixture->queries);
}

static inline Heard *heard_new(QueryFixture *fixture)
{
    Heard *heard = NEW(Heard);
    heard->fixture = fixture;
    return heard;
}

static inline void heard_free(Heard *heard)
{
    buffer_finish(&heard->deltas);
    buffer_finish(&heard->reply);
    free(heard);
}

static inline void ask(Heard *heard, QueryKind kind, const char *text, uint64_t deadline_ns)
{
    const QueryRequest request = {.kind = kind,
                                  .name = named("ann"),
                                  .query = T(text),
                                  .caller = {.deadline_ns = deadline_ns, .uid = -1}};
    heard->query = query_begin(heard->fixture->queries, &request, &heard_handlers, heard);
    ck_assert(!heard->is_done && heard->deltas.length == 0);
}

static inline Heard *respond(QueryFixture *fixture, const char *text)
{
    Heard *heard = heard_new(fixture);
    ask(heard, QUERY_RESPOND, text, 0);
    return heard;
}

/* Waits for the end, checks and frees it. */
static inline void expect_reply(Heard *heard, const char *deltas, const char *reply)
{
    run_until(&heard->fixture->base, &heard->is_done);
    ck_assert_msg(status_is_ok(&heard->status), "%s", heard->status.message);
    if (deltas)
        ck_assert_str_eq(buffer_string(&heard->deltas), deltas);
    ck_assert_str_eq(buffer_string(&heard->reply), reply);
    heard_free(heard);
}

static inline void expect_refusal(Heard *heard, StatusCode code, const char *sentence)
{
    run_until(&heard->fixture->base, &heard->is_done);
    ck_assert_msg(heard->status.code == code, "%s: %s", status_code_name(heard->status.code),
                  heard->status.message);
    ck_assert_msg(strstr(heard->status.message, sentence) != NULL, "\"%s\" is not in \"%s\"", sentence,
                  heard->status.message);
    ck_assert_uint_eq(heard->reply.length, 0);
    heard_free(heard);
}

/* ---- in a state ---- */

typedef struct QueryMoment {
    uv_prepare_t before_poll;
    uv_check_t behind_poll;
    Heard *heard;
    QueryState state;
    bool is_met;
} QueryMoment;

static inline void leave_in_state(QueryMoment *moment)
{
    if (moment->is_met || !moment->heard->query || moment->heard->query->state != moment->state)
        return;
    moment->is_met = true;
    query_cancel(TAKE_PTR(moment->heard->query));
}

static inline void leave_before_poll(uv_prepare_t *handle)
{
    leave_in_state(handle->data);
}

static inline void leave_behind_poll(uv_check_t *handle)
{
    leave_in_state(handle->data);
}

/* Cancels the query when it is in the state. False: it went past it. */
static inline bool cancel_in_state(Heard *heard, QueryState state)
{
    uv_loop_t *loop = &heard->fixture->base.loop;
    QueryMoment moment = {.heard = heard, .state = state};
    uv_prepare_init(loop, &moment.before_poll);
    uv_check_init(loop, &moment.behind_poll);
    moment.before_poll.data = moment.behind_poll.data = &moment;
    leave_in_state(&moment);
    uv_prepare_start(&moment.before_poll, leave_before_poll);
    uv_check_start(&moment.behind_poll, leave_behind_poll);
    while (!moment.is_met && heard->query)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&moment.before_poll, NULL);
    uv_close((uv_handle_t *)&moment.behind_poll, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return moment.is_met;
}
