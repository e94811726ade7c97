/* SPDX-License-Identifier: MIT */
#pragma once

/* Stages over a store in a directory of its own and a scripted server, and calls that note what they are
 * told. */

#include "daemon/loop/loop.h"
#include "daemon/stages/stages.h"
#include "lib/base/text.h"
#include "tests/unit/backends/llm_server.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

/* What a server's usual answer costs: 7 and 3 tokens, at 10 and 100 for a million. */
#define PRICE_PROMPT 10
#define PRICE_COMPLETION 100
#define COST_OF_ANSWER (7 * PRICE_PROMPT + 3 * PRICE_COMPLETION)

typedef struct Fixture {
    uv_loop_t loop;
    char directory[PATH_MAX / 2];
    LlmServer server;
    Config config;
    BackendSettings backend;
    Store *store;
    Llm *llm;
    Stages *stages;
    uint64_t ann; /* the user's number */
    bool llm_is_closed;
    bool store_is_closed;
    bool is_answered;
    StoreReply reply; /* of the store; its arena is ours */
} Fixture;

#define T(string) text_of(string)

static inline void note_answer(StoreReply *reply, void *data)
{
    Fixture *fixture = data;
    ck_assert_msg(status_is_ok(&reply->status), "%s", reply->status.message);
    arena_finish(&fixture->reply.arena);
    fixture->reply = *reply;
    reply->arena = ARENA_INIT;
    fixture->is_answered = true;
}

static inline void run_until(Fixture *fixture, const bool *done)
{
    while (!*done)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

static inline const StoreReply *answer(Fixture *fixture)
{
    run_until(fixture, &fixture->is_answered);
    fixture->is_answered = false;
    return &fixture->reply;
}

/* The same item every time: the first makes the user, the others change nothing. */
static inline void put_item(Fixture *fixture, const char *name)
{
    const StoreNewItem item = {.user = T(name), .id = T("1"), .query = T("q"), .response = T("r")};
    const StorePutItems put = {.task = T("tags"), .items = &item, .count = 1};
    store_put_items(fixture->store, &put, note_answer, fixture);
    answer(fixture);
}

/* A history of one item, and the number of its user. */
static inline uint64_t add_user(Fixture *fixture, const char *name)
{
    const StoreListUsers list = {.task = T("tags")};
    put_item(fixture, name);
    store_list_users(fixture->store, &list, note_answer, fixture);
    const StoreUsers *users = &answer(fixture)->users;
    for (size_t i = 0; i < users->count; i++)
        if (text_equal_string(users->users[i].user, name))
            return users->users[i].number;
    ck_abort_msg("there is no user %s", name);
    return 0;
}

static inline void fixture_begin(Fixture *fixture)
{
    *fixture = (Fixture){0};
    signal(SIGPIPE, SIG_IGN);
    const char *base = getenv("TMPDIR");
    snprintf(fixture->directory, sizeof(fixture->directory), "%s/rpmd-stages-%s", base ? base : "/tmp",
             "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
    ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
    llm_server_open(&fixture->server, &fixture->loop);
    llm_server_set(&fixture->server, (LlmTurn){.status = 200, .text = "yes"});
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
                                         .price_prompt = PRICE_PROMPT,
                                         .price_cached = -1,
                                         .price_completion = PRICE_COMPLETION};
    fixture->config =
        (Config){.backends = &fixture->backend, .backend_count = 1, .reply_bytes = 1 << 20, .reply_days = 30};
}

static inline void fixture_open(Fixture *fixture)
{
    Status status = STATUS_INIT;
    int r = store_open(&fixture->store, &fixture->loop, fixture->directory, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    r = llm_open(&fixture->llm, &fixture->loop, &fixture->config, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    fixture->ann = add_user(fixture, "ann");
    r = stages_open(&fixture->stages,
                    &(StagesContext){&fixture->loop, &fixture->config, fixture->store, fixture->llm},
                    &status);
    ck_assert_msg(r == 0, "%s", status.message);
}

static inline void fixture_start(Fixture *fixture)
{
    fixture_begin(fixture);
    fixture_open(fixture);
}

static inline void note_closed(void *data)
{
    *(bool *)data = true;
}

static inline void remove_files(const char *directory)
{
    char path[PATH_MAX];
    DIR *files = opendir(directory);
    ck_assert_ptr_nonnull(files);
    for (struct dirent *entry; (entry = readdir(files));) {
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        unlink(path);
    }
    closedir(files);
    ck_assert_int_eq(rmdir(directory), 0);
}

/* Closes everything as the daemon does, and proves that the loop is left empty. */
static inline void fixture_stop(Fixture *fixture)
{
    stages_close(fixture->stages);
    llm_close(fixture->llm, note_closed, &fixture->llm_is_closed);
    run_until(fixture, &fixture->llm_is_closed);
    store_close(fixture->store, note_closed, &fixture->store_is_closed);
    run_until(fixture, &fixture->store_is_closed);
    stages_free(fixture->stages);
    llm_server_close(&fixture->server);
    loop_close(&fixture->loop);
    ck_assert_int_eq(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
    arena_finish(&fixture->reply.arena);
    remove_files(fixture->directory);
}

/* Lets everything happen that is due, also what the store writes and what it reads. */
static inline void settle(Fixture *fixture)
{
    const StoreListUsers list = {.task = T("tags")};
    for (unsigned i = 0; i < 3; i++) {
        put_item(fixture, "ann");
        store_list_users(fixture->store, &list, note_answer, fixture);
        answer(fixture);
        for (unsigned turn = 0; turn < 10; turn++)
            uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
}

static inline void run_until_requests(Fixture *fixture, size_t requests)
{
    while (fixture->server.requests < requests)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

/* What the store has of a user's calls: "" for those that are nobody's. */
static inline StoreUsage usage_of(Fixture *fixture, const char *user)
{
    StoreUsage sum = {0};
    settle(fixture);
    store_usage_list(fixture->store, &(StoreListUsage){.by_user = true}, note_answer, fixture);
    const StoreUsages *usages = &answer(fixture)->usages;
    for (size_t i = 0; i < usages->count; i++) {
        const StoreUsage *row = &usages->rows[i];
        if (!text_equal_string(row->user, user))
            continue;
        sum.calls += row->calls;
        sum.cached_replies += row->cached_replies;
        sum.failures += row->failures;
        sum.prompt_tokens += row->prompt_tokens;
        sum.completion_tokens += row->completion_tokens;
        sum.cost_micros += row->cost_micros;
    }
    return sum;
}

static inline void expect_usage(Fixture *fixture, const char *user, uint64_t calls, uint64_t cached,
                                uint64_t cost)
{
    StoreUsage usage = usage_of(fixture, user);
    ck_assert_uint_eq(usage.calls, calls);
    ck_assert_uint_eq(usage.cached_replies, cached);
    ck_assert_uint_eq(usage.cost_micros, cost);
}

/* ---- calls ---- */

typedef struct Heard {
    Fixture *fixture;
    StageCall *call; /* NULL: it is over */
    Buffer pieces;   /* each followed by a "|" */
    bool has_text;
    bool has_ended;
    Status status;
    Buffer text;
    bool was_cached;
    uint64_t cost_micros;
    void (*on_text)(struct Heard *heard); /* what the test does in the callback; NULL: nothing */
    void (*on_reply)(struct Heard *heard);
    struct Heard *other; /* for these two */
} Heard;

static inline void heard_text(void *data, rpmd_text piece)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->call); /* neither within stage_call nor behind the end */
    buffer_append(&heard->pieces, piece.data, piece.length);
    buffer_append_string(&heard->pieces, "|");
    heard->has_text = true;
    if (heard->on_text)
        heard->on_text(heard);
}

static inline void heard_reply(void *data, const StageReply *reply)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->call);
    heard->call = NULL;
    heard->has_ended = true;
    if (heard->on_reply)
        heard->on_reply(heard);
    /* Behind what the callback did: the reply is there until the callback returns. */
    heard->status = reply->status;
    heard->was_cached = reply->was_cached;
    heard->cost_micros = reply->cost_micros;
    buffer_append(&heard->text, reply->text.data, reply->text.length);
}

static const StageHandlers heard_whole = {NULL, heard_reply}, heard_pieces = {heard_text, heard_reply};

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

static inline void ask_as(Heard *heard, const char *user, uint64_t number, const char *prompt,
                          const StageHandlers *handlers)
{
    const StageRequest request = {.stage = STAGE_RESPOND,
                                  .task = T("tags"),
                                  .user = T(user),
                                  .user_number = number,
                                  .backend = "local",
                                  .prompt = T(prompt)};
    StageCall *call = stage_call(heard->fixture->stages, &request, handlers, heard);
    ck_assert_msg(!heard->has_ended && !heard->has_text, "it was told before its call had returned");
    heard->call = call;
}

static inline Heard *ask(Fixture *fixture, const char *prompt)
{
    Heard *heard = heard_new(fixture);
    ask_as(heard, "ann", fixture->ann, prompt, &heard_whole);
    return heard;
}

static inline Heard *ask_for_pieces(Fixture *fixture, const char *prompt)
{
    Heard *heard = heard_new(fixture);
    ask_as(heard, "ann", fixture->ann, prompt, &heard_pieces);
    return heard;
}

static inline void cancel(Heard *heard)
{
    stage_cancel(TAKE_PTR(heard->call));
}

static inline void cancel_other(Heard *heard)
{
    if (heard->other->call)
        cancel(heard->other);
}

/* Waits for the end, and checks and frees it. */
static inline void expect_text(Heard *heard, const char *text)
{
    run_until(heard->fixture, &heard->has_ended);
    ck_assert_msg(status_is_ok(&heard->status), "%s", heard->status.message);
    ck_assert_str_eq(buffer_string(&heard->text), text);
    heard_free(heard);
}

static inline void expect_refused(Heard *heard, StatusCode code, const char *sentence)
{
    run_until(heard->fixture, &heard->has_ended);
    ck_assert_msg(heard->status.code == code, "%s: %s", status_code_name(heard->status.code),
                  heard->status.message);
    ck_assert_msg(strstr(heard->status.message, sentence), "\"%s\" is not in \"%s\"", sentence,
                  heard->status.message);
    heard_free(heard);
}
