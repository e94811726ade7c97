/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Users over a store in a directory of its own and a fixture plugin in this process, and requests that note
 * what they are told. The loop is run step by step, so that a test can act in each state of a request.
 */

#include "daemon/loop/loop.h"
#include "daemon/users/operation.h"
#include "daemon/users/users.h"
#include "lib/base/text.h"
#include "tests/unit/plugin/fixture_files.h"

#include <signal.h>

#define T(string) text_of(string)
#define TASK "fixture" /* that the fixture plugins serve */

typedef struct Fixture {
    uv_loop_t loop;
    char *directory;
    char *plugin; /* the file that serves the task */
    Config config;
    Store *store;
    PluginRegistry *plugins;
    Llm *llm; /* NULL: no backend is configured */
    Stages *stages;
    Users *users;
    bool is_answered;
    StoreReply answer; /* of the store; its arena is ours */
} Fixture;

/* A request of the users. */
typedef struct Asked {
    Fixture *fixture;
    UserCall *call; /* NULL: it is over */
    bool is_done;
    Status status;
    StoreOutcome outcome;
    uint64_t version;
    uint64_t items; /* of the model; 0: none */
    uint64_t user_number;
    StoreErased erased;
} Asked;

static inline void run_until(Fixture *fixture, const bool *done)
{
    while (!*done)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

static inline void set_true(void *data)
{
    *(bool *)data = true;
}

static inline void note_answer(StoreReply *reply, void *data)
{
    Fixture *fixture = data;
    arena_finish(&fixture->answer.arena);
    fixture->answer = *reply;
    reply->arena = ARENA_INIT;
    fixture->is_answered = true;
}

/* The store's answer to what was just asked. */
static inline const StoreReply *wait_for_store(Fixture *fixture)
{
    run_until(fixture, &fixture->is_answered);
    fixture->is_answered = false;
    return &fixture->answer;
}

/* ---- life ---- */

typedef struct Loaded {
    bool is_done;
    Status status;
} Loaded;

static inline void note_loaded(const Status *status, const PluginTask *task, void *data)
{
    (void)task;
    *(Loaded *)data = (Loaded){true, *status};
}

/* Puts another file in the place of the one that serves. */
static inline void serve(Fixture *fixture, const char *plugin)
{
    Loaded loaded = {0};
    bool is_first = !fixture->plugin;
    if (is_first)
        fixture->plugin = path_in(fixture->directory, "fixture.so");
    copy_fixture(plugin, fixture->plugin);
    if (is_first)
        plugin_registry_load(fixture->plugins, fixture->plugin, note_loaded, &loaded);
    else
        plugin_registry_reload(fixture->plugins, TASK, note_loaded, &loaded);
    run_until(fixture, &loaded.is_done);
    ck_assert_msg(status_is_ok(&loaded.status), "%s", loaded.status.message);
}

static inline UsersContext users_context(Fixture *fixture)
{
    return (UsersContext){&fixture->loop, fixture->store, fixture->plugins, fixture->stages,
                          &fixture->config};
}

/* What may be configured before fixture_start. */
static inline void fixture_begin(Fixture *fixture)
{
    *fixture = (Fixture){.directory = make_directory()};
    signal(SIGPIPE, SIG_IGN);
    config_init(&fixture->config);
    ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
}

static inline void fixture_start(Fixture *fixture, const char *plugin)
{
    Status status = STATUS_INIT;
    int r = store_open(&fixture->store, &fixture->loop, fixture->directory, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    const PluginSettings settings = {.in_process = true};
    r = plugin_registry_open(&fixture->plugins, &fixture->loop, fixture->directory, &settings, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    if (fixture->config.backend_count > 0)
        r = llm_open(&fixture->llm, &fixture->loop, &fixture->config, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    const StagesContext stages = {&fixture->loop, &fixture->config, fixture->store, fixture->llm};
    r = stages_open(&fixture->stages, &stages, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    serve(fixture, plugin);
    UsersContext context = users_context(fixture);
    fixture->users = users_new(&context);
}

static inline void fixture_open(Fixture *fixture, const char *plugin)
{
    fixture_begin(fixture);
    fixture_start(fixture, plugin);
}

static inline void close_users(Fixture *fixture)
{
    bool is_closed = false;
    users_close(TAKE_PTR(fixture->users), set_true, &is_closed);
    run_until(fixture, &is_closed);
}

/* What was in memory is forgotten. */
static inline void restart_users(Fixture *fixture)
{
    UsersContext context = users_context(fixture);
    close_users(fixture);
    fixture->users = users_new(&context);
}

/* Closes everything as the daemon does, and proves that the loop is left empty. */
static inline void fixture_close(Fixture *fixture)
{
    bool llm_is_closed = !fixture->llm, plugins_are_closed = false, store_is_closed = false;
    if (fixture->users)
        close_users(fixture);
    stages_close(fixture->stages);
    if (fixture->llm)
        llm_close(fixture->llm, set_true, &llm_is_closed);
    run_until(fixture, &llm_is_closed);
    plugin_registry_close(fixture->plugins, set_true, &plugins_are_closed);
    run_until(fixture, &plugins_are_closed);
    store_close(fixture->store, set_true, &store_is_closed);
    run_until(fixture, &store_is_closed);
    stages_free(fixture->stages);
    loop_close(&fixture->loop);
    ck_assert_int_eq(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
    arena_finish(&fixture->answer.arena);
    fixture->config.backends = NULL; /* the test's own */
    fixture->config.backend_count = 0;
    config_finish(&fixture->config);
    free(fixture->plugin);
    remove_directory(fixture->directory);
}

/* ---- requests ---- */

static const Caller nobody_special = CALLER_DAEMON;

static inline void note_reply(const UserReply *reply, void *data)
{
    Asked *asked = data;
    ck_assert_ptr_nonnull(asked->call); /* neither within the request nor behind its end */
    ck_assert(!asked->is_done);
    asked->call = NULL;
    asked->is_done = true;
    asked->status = reply->status;
    asked->outcome = reply->outcome;
    asked->erased = reply->erased;
    if (reply->user.model) {
        asked->version = reply->user.model->version;
        asked->items = reply->user.model->entry_count;
        asked->user_number = reply->user.user_number;
    }
}

static inline UserName named(const char *user)
{
    return (UserName){T(TASK), T(user)};
}

static inline void ask_get(Asked *asked, const char *user)
{
    const UserName name = named(user);
    asked->call = users_get(asked->fixture->users, &name, &nobody_special, note_reply, asked);
}

static inline void ask_append(Asked *asked, const char *user, const char *id, const char *query)
{
    const UserName name = named(user);
    const StoreNewItem item = {.user = T(user), .id = T(id), .query = T(query), .response = T("yes")};
    asked->call = users_append(asked->fixture->users, &name, &item, &nobody_special, note_reply, asked);
}

static inline void ask_delete(Asked *asked, const char *user, const char *id)
{
    const UserName name = named(user);
    asked->call = users_delete(asked->fixture->users, &name, T(id), &nobody_special, note_reply, asked);
}

static inline void ask_build(Asked *asked, const char *user)
{
    const UserName name = named(user);
    const BuildRequest request = {.pool = USERS_POOL_KEEP};
    asked->call = users_build(asked->fixture->users, &name, &request, &nobody_special, note_reply, asked);
}

static inline void ask_rollback(Asked *asked, const char *user)
{
    const UserName name = named(user);
    asked->call = users_rollback(asked->fixture->users, &name, 0, &nobody_special, note_reply, asked);
}

static inline void ask_erase(Asked *asked, const char *user)
{
    const UserName name = named(user);
    asked->call = users_erase(asked->fixture->users, &name, &nobody_special, note_reply, asked);
}

/* Items of a user with ids PREFIX0, PREFIX1, ...; in the arena. */
static inline StoreNewItem *make_items(Arena *arena, const char *user, const char *prefix, size_t count)
{
    static const char *const words[] = {"Robots", "Captains", "Bakers", "Painters", "Gamblers"};
    StoreNewItem *items = ARENA_ARRAY(arena, StoreNewItem, count);
    for (size_t i = 0; i < count; i++)
        items[i] = (StoreNewItem){
            .user = arena_text(arena, T(user)),
            .id = T(arena_format(arena, "%s%zu", prefix, i)),
            .query = T(arena_format(arena, "%s dream of %s %zu?", words[i % ARRAY_SIZE(words)], prefix, i)),
            .response = T(i % 3 ? "yes" : "no")};
    return items;
}

static inline void ask_import(Asked *asked, const char *user, const char *prefix, size_t count)
{
    Arena arena = ARENA_INIT;
    const StoreNewItem *items = make_items(&arena, user, prefix, count);
    asked->call = users_import(asked->fixture->users, T(TASK), items, count, &arena, &nobody_special,
                               note_reply, asked);
}

static inline void wait_for(Asked *asked)
{
    run_until(asked->fixture, &asked->is_done);
}

/* Waits for it, and it must be OK. */
static inline void expect_done(Asked *asked)
{
    wait_for(asked);
    ck_assert_msg(status_is_ok(&asked->status), "%s: %s", status_code_name(asked->status.code),
                  asked->status.message);
}

static inline void expect_refused(Asked *asked, StatusCode code, const char *sentence)
{
    wait_for(asked);
    ck_assert_msg(asked->status.code == code, "%s: %s", status_code_name(asked->status.code),
                  asked->status.message);
    ck_assert_msg(strstr(asked->status.message, sentence) != NULL, "\"%s\" is not in \"%s\"", sentence,
                  asked->status.message);
}

static inline void cancel(Asked *asked)
{
    users_cancel(TAKE_PTR(asked->call));
}

/* Lets everything end that is due, the writing too. */
static inline void settle(Fixture *fixture)
{
    UsersMetrics metrics;
    do {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
        users_metrics(fixture->users, &metrics);
    } while (metrics.operations > 0);
    for (unsigned i = 0; i < 2; i++) {
        store_usage_add(fixture->store, &(StoreUsage){.task = T("x"), .stage = T("x"), .backend = T("x")},
                        note_answer, fixture);
        wait_for_store(fixture);
    }
}

/* ---- short cuts, and what must hold ---- */

static inline void import(Fixture *fixture, const char *user, const char *prefix, size_t count)
{
    Asked asked = {.fixture = fixture};
    ask_import(&asked, user, prefix, count);
    expect_done(&asked);
}

/* Behind the users' back, as one that comes at the worst moment would. */
static inline void import_past_users(Fixture *fixture, const char *user, const char *prefix, size_t count)
{
    Arena arena = ARENA_INIT;
    const StoreNewItem *items = make_items(&arena, user, prefix, count);
    const StorePutItems put = {.task = T(TASK), .items = items, .count = count, .arena = &arena};
    store_put_items(fixture->store, &put, note_answer, fixture);
}

static inline void build(Fixture *fixture, const char *user)
{
    Asked asked = {.fixture = fixture};
    ask_build(&asked, user);
    expect_done(&asked);
}

static inline void append(Fixture *fixture, const char *user, const char *id)
{
    Asked asked = {.fixture = fixture};
    ask_append(&asked, user, id, "Is it appended?");
    expect_done(&asked);
}

/* Items of the history as it is on disk; 0: there is no such user. */
static inline uint64_t history_items(Fixture *fixture, const char *user)
{
    const StoreLoadModel request = {.task = T(TASK), .user = T(user), .scope = STORE_LOAD_USER};
    store_model_load(fixture->store, &request, note_answer, fixture);
    const StoreReply *answer = wait_for_store(fixture);
    return status_is_ok(&answer->status) ? answer->model.user.items : 0;
}

/* The history has so many items, and so has the model: the one in memory, and the one that is read anew. */
static inline void expect_items(Fixture *fixture, const char *user, uint64_t items)
{
    ck_assert_uint_eq(history_items(fixture, user), items);
    for (unsigned is_cold = 0; is_cold < 2; is_cold++) {
        Asked asked = {.fixture = fixture};
        if (is_cold)
            restart_users(fixture);
        ask_get(&asked, user);
        expect_done(&asked);
        ck_assert_msg(asked.items == items, "the %s model has %lu items, the history %lu",
                      is_cold ? "loaded" : "present", (unsigned long)asked.items, (unsigned long)items);
    }
}

/* ---- in a state ---- */

/* Something to do while a request is in a state. */
typedef struct Moment {
    uv_prepare_t before_poll; /* steps may follow each other in one turn, but not here */
    uv_check_t behind_poll;
    Asked *asked;
    OperationState state;
    void (*act)(Asked *asked); /* may not run the loop */
    bool is_met;
} Moment;

static inline void look(Moment *moment)
{
    if (moment->is_met || !moment->asked->call || moment->asked->call->state != moment->state)
        return;
    moment->is_met = true;
    if (moment->act)
        moment->act(moment->asked);
}

static inline void look_before_poll(uv_prepare_t *handle)
{
    look(handle->data);
}

static inline void look_behind_poll(uv_check_t *handle)
{
    look(handle->data);
}

/* Runs until the request is in the state, and acts there. False: it is over, or went past the state. */
static inline bool act_in_state(Asked *asked, OperationState state, void (*act)(Asked *asked))
{
    Fixture *fixture = asked->fixture;
    Moment moment = {.asked = asked, .state = state, .act = act};
    uv_prepare_init(&fixture->loop, &moment.before_poll);
    uv_check_init(&fixture->loop, &moment.behind_poll);
    moment.before_poll.data = moment.behind_poll.data = &moment;
    look(&moment);
    uv_prepare_start(&moment.before_poll, look_before_poll);
    uv_check_start(&moment.behind_poll, look_behind_poll);
    while (!moment.is_met && asked->call)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&moment.before_poll, NULL);
    uv_close((uv_handle_t *)&moment.behind_poll, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    return moment.is_met;
}
