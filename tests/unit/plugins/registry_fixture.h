/* SPDX-License-Identifier: MIT */
#pragma once

/* A loop with a registry over private directories, and calls that wait for their answer. */

#include "daemon/plugins/registry.h"
#include "lib/base/text.h"
#include "tests/unit/plugin/fixture_files.h"

#include <signal.h>

typedef struct Fixture {
    uv_loop_t loop;
    PluginRegistry *registry;
    char *state;   /* directory */
    char *plugins; /* directory */
    PluginWatcher watcher;
    Buffer events; /* "fixture 1 serving" a line */
} Fixture;

static inline void wait_for(Fixture *fixture, const bool *done)
{
    while (!*done)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

static inline void note_event(const PluginEvent *event, void *data)
{
    Fixture *fixture = data;
    ck_assert_int_gt(event->time_us, 0);
    ck_assert_ptr_nonnull(event->reason);
    buffer_append_format(&fixture->events, "%s %llu %s\n", event->name, (unsigned long long)event->generation,
                         plugin_state_name(event->to));
}

static inline void fixture_open_with(Fixture *fixture, const PluginSettings *settings)
{
    *fixture = (Fixture){.state = make_directory(), .plugins = make_directory()};
    Status status = STATUS_INIT;
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
    ck_assert_int_eq(
        plugin_registry_open(&fixture->registry, &fixture->loop, fixture->state, settings, &status), 0);
    fixture->watcher = (PluginWatcher){.callback = note_event, .data = fixture};
    plugin_registry_watch(fixture->registry, &fixture->watcher);
}

/* Plugins run in this process. */
static inline void fixture_open(Fixture *fixture)
{
    fixture_open_with(fixture, &(PluginSettings){.in_process = true});
}

static inline void set_true(void *data)
{
    *(bool *)data = true;
}

static inline void fixture_close(Fixture *fixture)
{
    bool closed = false;
    plugin_registry_close(fixture->registry, set_true, &closed);
    wait_for(fixture, &closed);
    ck_assert_int_eq(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
    buffer_finish(&fixture->events);
    remove_directory(fixture->state);
    remove_directory(fixture->plugins);
}

/* Copies a built fixture into the plugin directory under a name; freed by the caller. */
static inline char *install(Fixture *fixture, const char *name, const char *as)
{
    char *path = path_in(fixture->plugins, as);
    copy_fixture(name, path);
    return path;
}

/* ---- changes ---- */

typedef struct Done {
    bool done;
    Status status;
    uint64_t generation; /* of the task that came back */
} Done;

static inline void note_done(const Status *status, const PluginTask *task, void *data)
{
    Done *done = data;
    done->done = true;
    done->status = *status;
    done->generation = task ? task->current->number : 0;
}

static inline Status load(Fixture *fixture, const char *file)
{
    Done done = {0};
    plugin_registry_load(fixture->registry, file, note_done, &done);
    ck_assert(!done.done);
    wait_for(fixture, &done.done);
    return done.status;
}

static inline Done reload(Fixture *fixture, const char *name)
{
    Done done = {0};
    plugin_registry_reload(fixture->registry, name, note_done, &done);
    wait_for(fixture, &done.done);
    return done;
}

static inline Status unload(Fixture *fixture, const char *name)
{
    Done done = {0};
    plugin_registry_unload(fixture->registry, name, note_done, &done);
    wait_for(fixture, &done.done);
    return done.status;
}

static inline void scan(Fixture *fixture)
{
    bool scanned = false;
    plugin_registry_scan(fixture->registry, &fixture->plugins, 1, set_true, &scanned);
    wait_for(fixture, &scanned);
}

/* ---- calls ---- */

typedef struct Answer {
    bool done;
    Status status;
    PluginBatch batch; /* with its arena: finish it */
} Answer;

static inline void note_answer(PluginBatch *batch, void *data)
{
    Answer *answer = data;
    ck_assert(!answer->done);
    answer->done = true;
    answer->status = batch->status;
    answer->batch = *batch;
    batch->arena = ARENA_INIT;
}

static inline PluginJob *ask_as(Fixture *fixture, PluginUrgency urgency, Answer *answer, const char *name,
                                const char *query, uint64_t deadline_ms)
{
    *answer = (Answer){0};
    /* On the stack: the registry must copy. */
    AnalysisRequest request = {.query = text_of(query)};
    uint64_t deadline_ns = deadline_ms ? uv_hrtime() + deadline_ms * 1000000 : 0;
    PluginJob *job = plugin_registry_analyze(fixture->registry, name, &request, 1, urgency, deadline_ns,
                                             note_answer, answer);
    ck_assert(!answer->done);
    return job;
}

static inline PluginJob *ask(Fixture *fixture, Answer *answer, const char *name, const char *query,
                             uint64_t deadline_ms)
{
    return ask_as(fixture, PLUGIN_URGENT, answer, name, query, deadline_ms);
}

/* The name of the first feature of a query; "" with an error. Freed by the caller. */
static inline char *first_feature(Fixture *fixture, const char *name, const char *query)
{
    Answer answer;
    ask(fixture, &answer, name, query, 0);
    wait_for(fixture, &answer.done);
    const Analysis *analysis = answer.batch.analyses;
    char *feature = analysis && analysis->feature_count
                        ? memory_copy_text(analysis->features[0].name.data, analysis->features[0].name.length)
                        : memory_copy_text("", 0);
    arena_finish(&answer.batch.arena);
    return feature;
}
