/* SPDX-License-Identifier: MIT */
#pragma once

/* A loop with an LLM's server and the daemon's side of it, and calls that note what they are told. */

#include "daemon/llm/llm.h"
#include "daemon/loop/loop.h"
#include "lib/base/text.h"
#include "tests/unit/backends/llm_server.h"

#include <signal.h>
#include <time.h>

typedef struct Fixture {
    uv_loop_t loop;
    LlmServer server;
    Config config;
    BackendSettings backend;
    Llm *llm;
    bool is_closed;
} Fixture;

/* The daemon's clock, which a test can put forward; the loop's timers do not see it. */
static uint64_t clock_ahead_ns;

uint64_t uv_hrtime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + clock_ahead_ns;
}

static inline void put_clock_forward(uint64_t seconds)
{
    clock_ahead_ns += seconds * 1000000000u;
}

/* The server answers "yes", and the backend takes it as soon as it comes: what a test wants else it sets. */
static inline void fixture_begin(Fixture *fixture)
{
    *fixture = (Fixture){0};
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
    llm_server_open(&fixture->server, &fixture->loop);
    llm_server_set(&fixture->server, (LlmTurn){.status = 200, .text = "yes"});
    fixture->backend = (BackendSettings){.name = "local",
                                         .base_url = fixture->server.url,
                                         .model = "tiny",
                                         .max_tokens = 100,
                                         .temperature = -1,
                                         .concurrency = 4,
                                         .connect_seconds = 5,
                                         .first_seconds = 30,
                                         .idle_seconds = 30,
                                         .total_seconds = 60,
                                         .retry_seconds = 30};
    fixture->config = (Config){.backends = &fixture->backend, .backend_count = 1};
}

static inline void fixture_open(Fixture *fixture)
{
    Status status = STATUS_INIT;
    int r = llm_open(&fixture->llm, &fixture->loop, &fixture->config, &status);
    ck_assert_msg(r == 0, "%s", status.message);
}

static inline void fixture_start(Fixture *fixture)
{
    fixture_begin(fixture);
    fixture_open(fixture);
}

static inline void note_closed(void *data)
{
    ((Fixture *)data)->is_closed = true;
}

static inline void run_until(Fixture *fixture, const bool *done)
{
    while (!*done)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

/* Closes what is open, and proves that the loop is left empty. */
static inline void fixture_stop(Fixture *fixture)
{
    if (fixture->llm)
        llm_close(TAKE_PTR(fixture->llm), note_closed, fixture);
    run_until(fixture, &fixture->is_closed);
    llm_server_close(&fixture->server);
    loop_close(&fixture->loop);
    ck_assert_int_eq(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
}

static inline const Backend *backend_of(const Fixture *fixture)
{
    return llm_backend(fixture->llm, 0);
}

/* ---- calls ---- */

/* A call and what it was told. */
typedef struct Heard {
    Fixture *fixture;
    LlmCall *call; /* NULL: it is over */
    Buffer pieces; /* each followed by a "|" */
    bool has_text; /* a piece came */
    bool has_ended;
    Status status;
    Buffer text;
    LlmFinish finish;
    LlmSpent spent;
    void (*on_text)(struct Heard *heard); /* what the test does in the callback; NULL: nothing */
    void (*on_end)(struct Heard *heard);
    struct Heard *other; /* for these two */
} Heard;

static inline void heard_text(void *data, rpmd_text piece)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->call); /* neither within llm_call nor behind the end */
    buffer_append(&heard->pieces, piece.data, piece.length);
    buffer_append_string(&heard->pieces, "|");
    heard->has_text = true;
    if (heard->on_text)
        heard->on_text(heard);
}

static inline void heard_end(void *data, const LlmResult *result)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->call);
    heard->call = NULL;
    heard->has_ended = true;
    heard->status = result->status;
    heard->finish = result->finish;
    heard->spent = result->spent;
    buffer_append(&heard->text, result->text.data, result->text.length);
    if (heard->on_end)
        heard->on_end(heard);
}

static const LlmHandlers heard_whole = {NULL, heard_end}, heard_pieces = {heard_text, heard_end};

static inline Heard *heard_new(Fixture *fixture)
{
    Heard *heard = NEW(Heard);
    heard->fixture = fixture;
    return heard;
}

static inline void heard_free(Heard *heard)
{
    buffer_finish(&heard->pieces);
    buffer_finish(&heard->text);
    free(heard);
}

static inline void ask_with(Heard *heard, const LlmRequest *request, const LlmHandlers *handlers)
{
    LlmCall *call = llm_call(heard->fixture->llm, request, handlers, heard);
    ck_assert_msg(!heard->has_ended && !heard->has_text, "it was told before its call had returned");
    heard->call = call;
}

static inline void ask_for(Heard *heard, const char *prompt)
{
    ask_with(heard, &(LlmRequest){.backend = "local", .prompt = text_of(prompt)}, &heard_whole);
}

static inline Heard *ask(Fixture *fixture, const char *prompt)
{
    Heard *heard = heard_new(fixture);
    ask_for(heard, prompt);
    return heard;
}

static inline Heard *ask_for_pieces(Fixture *fixture, const char *prompt)
{
    Heard *heard = heard_new(fixture);
    ask_with(heard, &(LlmRequest){.backend = "local", .prompt = text_of(prompt)}, &heard_pieces);
    return heard;
}

static inline void cancel(Heard *heard)
{
    llm_cancel(TAKE_PTR(heard->call), &heard->spent);
}

static inline void run_until_requests(Fixture *fixture, size_t requests)
{
    while (fixture->server.requests < requests)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

/* Lets everything happen that is due. */
static inline void run_for_a_while(Fixture *fixture)
{
    for (unsigned i = 0; i < 20; i++)
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static inline void expect_end(const Heard *heard, StatusCode code, const char *sentence)
{
    ck_assert_msg(heard->has_ended, "it has not ended");
    ck_assert_msg(heard->status.code == code, "%s: %s", status_code_name(heard->status.code),
                  heard->status.message);
    ck_assert_msg(strstr(heard->status.message, sentence), "\"%s\" is not in \"%s\"", sentence,
                  heard->status.message);
}

/* Waits for the end, and checks and frees it. */
static inline void expect(Heard *heard, StatusCode code, const char *sentence)
{
    run_until(heard->fixture, &heard->has_ended);
    expect_end(heard, code, sentence);
    heard_free(heard);
}

static inline void expect_text(Heard *heard, const char *text)
{
    run_until(heard->fixture, &heard->has_ended);
    expect_end(heard, STATUS_OK, "");
    ck_assert_str_eq(buffer_string(&heard->text), text);
    heard_free(heard);
}
