/* SPDX-License-Identifier: MIT */
#include "daemon/plugins/pool.h"

#include "tests/unit/plugins/registry_fixture.h"
#include "tests/unit/unit.h"

#include <signal.h>

#define MIB (1024 * 1024)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

static char *worker_program(void)
{
    const char *build = getenv("BUILD");
    Buffer path = BUFFER_INIT;
    buffer_append_format(&path, "%s/rpmd-worker", build && build[0] ? build : "build");
    return buffer_take(&path);
}

static void open_workers(Fixture *fixture, uint64_t workers, uint64_t limit)
{
    _cleanup_free_ char *program = worker_program();
    fixture_open_with(fixture, &(PluginSettings){.workers = workers,
                                                 .workers_limit = limit,
                                                 .worker_memory = 64 * MIB,
                                                 .worker_program = program});
}

static void open_with(Fixture *fixture, const char *name)
{
    open_workers(fixture, 1, 1);
    _cleanup_free_ char *file = install(fixture, name, "p.so");
    Status status = load(fixture, file);
    ck_assert_str_eq(status.message, "");
}

/* The error of one item; "" when there is none. Freed by the caller. */
static char *error_of(Fixture *fixture, const char *query, uint64_t deadline_ms)
{
    Answer answer;
    ask(fixture, &answer, "fixture", query, deadline_ms);
    wait_for(fixture, &answer.done);
    const char *error = answer.batch.count ? answer.batch.analyses[0].error.data : answer.status.message;
    char *copy = memory_copy_text(error ? error : "", error ? strlen(error) : 0);
    arena_finish(&answer.batch.arena);
    return copy;
}

static const PluginGeneration *current(const Fixture *fixture)
{
    return plugin_registry_tasks(fixture->registry)->current;
}

/* Each costs the request that it was asked, which says why; the next one is served. */
START_TEST(misbehaving_plugins)
{
    static const struct {
        const char *name;
        const char *error;
        uint64_t restarts;
    } cases[] = {
        {"good", "", 0},
        {"uses_library", "", 0},
        {"corrupts_heap", "plugin fixture crashed in extract (SIGABRT); its worker is replaced", 1},
        {"crashes", "plugin fixture crashed in extract (SIGSEGV); its worker is replaced", 1},
        {"aborts", "plugin fixture crashed in extract (SIGABRT); its worker is replaced", 1},
        {"exits", "plugin fixture ended its process in extract, with exit status 3; its worker is replaced",
         1},
        {"forks", "plugin fixture called clone in extract, which a plugin may not; its worker is replaced",
         1},
        {"executes",
         "plugin fixture called execve in extract, which a plugin may not; its worker is replaced", 1},
        {"threads",
         "plugin fixture asked the kernel in extract for what a plugin may not have, such as a thread; its "
         "worker is replaced",
         1},
        {"opens_socket",
         "plugin fixture called socket in extract, which a plugin may not; its worker is replaced", 1},
        {"writes_file",
         "plugin fixture called openat in extract, which a plugin may not; its worker is replaced", 1},
        {"kills_parent",
         "plugin fixture called kill in extract, which a plugin may not; its worker is replaced", 1},
        {"reads_file", "plugin fixture failed in extract: Permission denied", 0},
        {"eats_stack", "plugin fixture used up its stack in extract; its worker is replaced", 1},
        {"eats_memory",
         "plugin fixture needed more than its 64 MiB of memory in extract; its worker is replaced", 1},
        {"closes_files", "plugin fixture broke its connection to rpmd; its worker is replaced", 1},
        {"writes_garbage", "plugin fixture sent something that is no reply; its worker is replaced", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        /* Sanitizers reserve address space without end, start threads and ask for the parent themselves. */
        bool differs = strcmp(cases[i].name, "eats_memory") == 0 || strcmp(cases[i].name, "threads") == 0 ||
                       strcmp(cases[i].name, "eats_stack") == 0 ||
                       strcmp(cases[i].name, "corrupts_heap") == 0 ||
                       strcmp(cases[i].name, "reads_file") == 0 || strcmp(cases[i].name, "kills_parent") == 0;
        if (IS_SANITIZED && differs)
            continue;
        Fixture fixture;
        open_with(&fixture, cases[i].name);
        _cleanup_free_ char *error = error_of(&fixture, "trigger", 0);
        ck_assert_str_eq(error, cases[i].error);
        _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
        ck_assert_str_eq(feature, "first word");
        ck_assert_uint_eq(pool_restarts(current(&fixture)->pool), cases[i].restarts);
        if (cases[i].restarts)
            ck_assert_ptr_nonnull(strstr(cases[i].error, current(&fixture)->last_error.message));
        fixture_close(&fixture);
    }
    ck_assert_int_ne(access("/tmp/rpmd-fixture-was-here", F_OK), 0);
}
END_TEST

/* Nothing of a plugin that cannot be loaded is left. */
START_TEST(refused_plugins)
{
    static const struct {
        const char *name;
        const char *error;
    } cases[] = {
        {"crashes_in_init", "p.so: load: the plugin crashed while it was loaded (SIGSEGV)"},
        {"crashes_in_self_test", "p.so: self-test: the plugin crashed in extract (SIGSEGV)"},
        {"self_test_fails",
         "p.so: self-test 1: extract did not emit the feature \"second word\"; it emitted \"first word\""},
        {"undefined_symbol", "p.so: load: undefined symbol: missing_from_everywhere"},
        {"bad_name", "p.so: descriptor: name is"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Fixture fixture;
        open_workers(&fixture, 1, 1);
        _cleanup_free_ char *file = install(&fixture, cases[i].name, "p.so");
        Status status = load(&fixture, file);
        ck_assert_msg(strstr(status.message, cases[i].error) != NULL, "%s: %s", cases[i].name,
                      status.message);
        ck_assert_ptr_null(plugin_registry_tasks(fixture.registry));
        fixture_close(&fixture);
    }
}
END_TEST

/* A plugin that hangs is ended at its deadline; the others wait no longer than that. */
START_TEST(hanging_plugins)
{
    Fixture fixture;
    open_with(&fixture, "hangs");
    Answer behind;
    Answer hanging;
    ask(&fixture, &hanging, "fixture", "trigger", 20);
    ask(&fixture, &behind, "fixture", "Is it?", 0);
    wait_for(&fixture, &hanging.done);
    ck_assert_int_eq(hanging.status.code, STATUS_DEADLINE_EXCEEDED);
    ck_assert_str_eq(hanging.status.message, "the deadline passed while the call was with the plugin");
    wait_for(&fixture, &behind.done);
    ck_assert_int_eq(behind.status.code, STATUS_OK);
    arena_finish(&behind.batch.arena);
    ck_assert_uint_eq(pool_restarts(current(&fixture)->pool), 1);
    ck_assert_str_eq(current(&fixture)->last_error.message,
                     "plugin fixture did not stop when nobody waited any more");
    /* Cancelled by the caller: the same, without a callback. */
    plugin_job_cancel(ask(&fixture, &hanging, "fixture", "trigger", 0));
    _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
    ck_assert_str_eq(feature, "first word");
    ck_assert(!hanging.done);
    fixture_close(&fixture);
}
END_TEST

/* A plugin that asks whether anybody waits keeps its worker. */
START_TEST(obedient_plugins)
{
    Fixture fixture;
    open_with(&fixture, "slow");
    Answer answer;
    ask(&fixture, &answer, "fixture", "trigger", 20);
    wait_for(&fixture, &answer.done);
    StatusCode code = answer.batch.count ? answer.batch.analyses->code : answer.status.code;
    ck_assert_int_eq(code, STATUS_DEADLINE_EXCEEDED);
    arena_finish(&answer.batch.arena);
    plugin_job_cancel(ask(&fixture, &answer, "fixture", "trigger", 0));
    _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
    ck_assert_str_eq(feature, "first word");
    ck_assert_uint_eq(pool_restarts(current(&fixture)->pool), 0);
    fixture_close(&fixture);
}
END_TEST

/* In a batch the items that crash fail, and no other. */
START_TEST(crashes_in_batches)
{
    enum { COUNT = 60 };
    static char queries[COUNT][24];
    AnalysisRequest requests[COUNT];
    Fixture fixture;
    open_with(&fixture, "crashes_each_tenth");
    for (int i = 0; i < COUNT; i++) {
        snprintf(queries[i], sizeof(queries[i]), "item %d", i + 1);
        requests[i] = (AnalysisRequest){.query = text_of(queries[i])};
    }
    Answer answer = {0};
    plugin_registry_analyze(fixture.registry, "fixture", requests, COUNT, PLUGIN_URGENT, 0, note_answer,
                            &answer);
    wait_for(&fixture, &answer.done);
    ck_assert_str_eq(answer.status.message, "");
    ck_assert_uint_eq(answer.batch.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        bool is_tenth = (i + 1) % 10 == 0;
        ck_assert_int_eq(answer.batch.analyses[i].code, is_tenth ? STATUS_INTERNAL : STATUS_OK);
        ck_assert_uint_eq(answer.batch.analyses[i].feature_count, !is_tenth);
    }
    ck_assert_str_eq(answer.batch.analyses[9].error.data,
                     "plugin fixture crashed in extract (SIGSEGV); its worker is replaced");
    ck_assert_str_eq(answer.batch.version, "1");
    arena_finish(&answer.batch.arena);
    fixture_close(&fixture);
}
END_TEST

/* A crash loop opens the breaker; a reload closes it. */
START_TEST(breaker)
{
    Fixture fixture;
    open_with(&fixture, "crashes");
    Answer answers[14];
    for (int i = 0; i < 14; i++)
        ask(&fixture, &answers[i], "fixture", "trigger", 0);
    const char *refusal = "plugin fixture is out of service: its workers ended 10 times in a row, the last "
                          "one crashed in extract "
                          "(SIGSEGV); mend the plugin, then run: rpmctl plugin reload fixture";
    for (int i = 0; i < 14; i++) {
        wait_for(&fixture, &answers[i].done);
        if (i < 10) {
            ck_assert_str_eq(answers[i].batch.analyses[0].error.data,
                             "plugin fixture crashed in extract (SIGSEGV); its worker is replaced");
        } else {
            ck_assert_int_eq(answers[i].status.code, STATUS_UNAVAILABLE);
            ck_assert_str_eq(answers[i].status.message, refusal);
        }
        arena_finish(&answers[i].batch.arena);
    }
    _cleanup_free_ char *error = error_of(&fixture, "Is it?", 0);
    ck_assert_str_eq(error, refusal);
    ck_assert_str_eq(pool_breaker(current(&fixture)->pool)->message, refusal);
    ck_assert_ptr_null(pool_first_worker(current(&fixture)->pool));
    Done done = reload(&fixture, "fixture");
    ck_assert_str_eq(done.status.message, "");
    _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
    ck_assert_str_eq(feature, "first word");
    fixture_close(&fixture);
}
END_TEST

/* A plugin that leaks gets a new worker before it reaches its limit; no call fails. */
START_TEST(leaks)
{
    Fixture fixture;
    open_with(&fixture, "leaks");
    for (int i = 0; i < 20; i++) {
        _cleanup_free_ char *error = error_of(&fixture, "trigger", 0);
        ck_assert_str_eq(error, "");
    }
    ck_assert_uint_ge(pool_restarts(current(&fixture)->pool), 1);
    ck_assert_ptr_nonnull(strstr(current(&fixture)->last_error.message, "of its 64 MiB of memory"));
    fixture_close(&fixture);
}
END_TEST

/* More workers while calls wait, and none where none is wanted. */
START_TEST(growing)
{
    Fixture fixture;
    open_workers(&fixture, 0, 3);
    _cleanup_free_ char *file = install(&fixture, "deaf", "p.so");
    ck_assert_str_eq(load(&fixture, file).message, "");
    Answer answers[3];
    for (int i = 0; i < 3; i++)
        ask(&fixture, &answers[i], "fixture", "trigger", 0);
    unsigned most = 0;
    for (int i = 0; i < 3; i++) {
        wait_for(&fixture, &answers[i].done);
        unsigned count = 0;
        for (const Worker *worker = pool_first_worker(current(&fixture)->pool); worker;
             worker = TAILQ_NEXT(worker, link))
            count++;
        most = MAX(most, count);
        ck_assert_int_eq(answers[i].status.code, STATUS_OK);
        arena_finish(&answers[i].batch.arena);
    }
    ck_assert_uint_eq(most, 3);
    fixture_close(&fixture);
}
END_TEST

/* A worker that is killed while it has nothing to do costs nothing. */
START_TEST(killed_workers)
{
    Fixture fixture;
    open_with(&fixture, "good");
    for (int i = 0; i < 5; i++) {
        kill((pid_t)worker_pid(pool_first_worker(current(&fixture)->pool)), SIGKILL);
        _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
        ck_assert_str_eq(feature, "first word");
    }
    fixture_close(&fixture);
}
END_TEST

/* Several chunks of a build. */
#define BUILD_ITEMS 60

static PluginJob *build(Fixture *fixture, Answer *answer)
{
    AnalysisRequest requests[BUILD_ITEMS];
    for (int i = 0; i < BUILD_ITEMS; i++)
        requests[i] = (AnalysisRequest){.query = text_of("Is it?")};
    *answer = (Answer){0};
    return plugin_registry_analyze(fixture->registry, "fixture", requests, BUILD_ITEMS, PLUGIN_BACKGROUND, 0,
                                   note_answer, answer);
}

/* With one worker a caller waits for a chunk of a build, not for the builds that were there before. */
START_TEST(builds_give_way)
{
    Fixture fixture;
    Answer builds[2];
    Answer answer;
    open_with(&fixture, "good");
    for (int i = 0; i < 2; i++)
        build(&fixture, &builds[i]);
    ask(&fixture, &answer, "fixture", "Is it?", 0);
    wait_for(&fixture, &answer.done);
    ck_assert_int_eq(answer.status.code, STATUS_OK);
    ck_assert(!builds[0].done && !builds[1].done);
    arena_finish(&answer.batch.arena);
    for (int i = 0; i < 2; i++) {
        wait_for(&fixture, &builds[i].done);
        ck_assert_uint_eq(builds[i].batch.count, BUILD_ITEMS);
        for (int k = 0; k < BUILD_ITEMS; k++)
            ck_assert_uint_eq(builds[i].batch.analyses[k].feature_count, 1);
        arena_finish(&builds[i].batch.arena);
    }
    ck_assert_uint_eq(current(&fixture)->background_running, 0);
    fixture_close(&fixture);
}
END_TEST

/* Builds that hang leave a worker to callers, where there may be more than one. */
START_TEST(builds_leave_a_worker)
{
    Fixture fixture;
    Answer builds[3];
    PluginJob *jobs[3];
    open_workers(&fixture, 1, 2);
    _cleanup_free_ char *file = install(&fixture, "hangs", "p.so");
    ck_assert_str_eq(load(&fixture, file).message, "");
    for (int i = 0; i < 3; i++)
        jobs[i] = ask_as(&fixture, PLUGIN_BACKGROUND, &builds[i], "fixture", "trigger", 0);
    for (int i = 0; i < 5; i++) {
        _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
        ck_assert_str_eq(feature, "first word");
        ck_assert_uint_eq(current(&fixture)->background_running, 1);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert(!builds[i].done);
        plugin_job_cancel(jobs[i]);
    }
    fixture_close(&fixture);
}
END_TEST

/* A caller that asks again as soon as it is answered. */
typedef struct Impatient {
    Fixture *fixture;
    const bool *is_enough;
    unsigned in_flight;
} Impatient;

static void ask_again(PluginBatch *batch, void *data)
{
    Impatient *impatient = data;
    const AnalysisRequest request = {.query = text_of("Is it?")};
    ck_assert(!batch || status_is_ok(&batch->status));
    impatient->in_flight -= batch != NULL;
    if (*impatient->is_enough)
        return;
    impatient->in_flight++;
    plugin_registry_analyze(impatient->fixture->registry, "fixture", &request, 1, PLUGIN_URGENT, 0, ask_again,
                            impatient);
}

/* However many callers there are, a build comes to its end. */
START_TEST(builds_go_on)
{
    Fixture fixture;
    Answer answer;
    open_with(&fixture, "good");
    Impatient impatient = {.fixture = &fixture, .is_enough = &answer.done};
    build(&fixture, &answer);
    for (int i = 0; i < 8; i++)
        ask_again(NULL, &impatient);
    wait_for(&fixture, &answer.done);
    ck_assert_uint_eq(answer.batch.count, BUILD_ITEMS);
    arena_finish(&answer.batch.arena);
    while (impatient.in_flight > 0)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    fixture_close(&fixture);
}
END_TEST

/* A plugin that hangs holds a daemon that stops no longer than its caller waits. */
START_TEST(stopping_with_a_hanging_plugin)
{
    Fixture fixture;
    Answer answers[3];
    PluginJob *jobs[3];
    bool closed = false;
    open_with(&fixture, "hangs");
    jobs[0] = ask(&fixture, &answers[0], "fixture", "trigger", 20);
    jobs[1] = ask(&fixture, &answers[1], "fixture", "trigger", 0);
    jobs[2] = ask(&fixture, &answers[2], "fixture", "trigger", 0);
    (void)jobs[0];
    plugin_registry_close(fixture.registry, set_true, &closed);
    /* Refused already, its callback on the way: no callback comes any more. */
    plugin_job_cancel(jobs[1]);
    wait_for(&fixture, &answers[0].done);
    ck_assert_str_eq(answers[0].status.message, "the deadline passed while the call was with the plugin");
    ck_assert_str_eq(answers[2].status.message, "the daemon is stopping; try again when it is back");
    ck_assert(!answers[1].done);
    wait_for(&fixture, &closed);
    ck_assert_int_eq(uv_run(&fixture.loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&fixture.loop), 0);
    buffer_finish(&fixture.events);
    remove_directory(fixture.state);
    remove_directory(fixture.plugins);
}
END_TEST

/* Cancelled while the plugin hangs, and stopped at once. */
START_TEST(stopping_behind_a_cancel)
{
    Fixture fixture;
    Answer running;
    Answer expired;
    open_with(&fixture, "hangs");
    PluginJob *job = ask(&fixture, &running, "fixture", "trigger", 0);
    ask(&fixture, &expired, "fixture", "Is it?", 1);
    wait_for(&fixture, &expired.done);
    ck_assert_str_eq(expired.status.message, "the deadline passed while the call waited for a plugin");
    plugin_job_cancel(job);
    fixture_close(&fixture);
    ck_assert(!running.done);
}
END_TEST

UNIT_TESTS("plugins/pool", misbehaving_plugins, refused_plugins, hanging_plugins, obedient_plugins,
           crashes_in_batches, breaker, leaks, growing, killed_workers, builds_give_way,
           builds_leave_a_worker, builds_go_on, stopping_with_a_hanging_plugin, stopping_behind_a_cancel)
