/* SPDX-License-Identifier: MIT */
#include "daemon/plugins/registry.h"

#include "tests/unit/plugins/registry_fixture.h"
#include "tests/unit/unit.h"

#include <dirent.h>

static size_t count_copies(const Fixture *fixture)
{
    _cleanup_free_ char *path = path_in(fixture->state, "plugins");
    DIR *entries = opendir(path);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(entries));)
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    closedir(entries);
    return count;
}

static void expect_feature(Fixture *fixture, const char *expected)
{
    _cleanup_free_ char *feature = first_feature(fixture, "fixture", "Is it so?");
    ck_assert_str_eq(feature, expected);
}

START_TEST(loads_and_answers)
{
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *file = install(&fixture, "good", "good.so");
    Status status = load(&fixture, file);
    ck_assert_str_eq(status.message, "");
    ck_assert_str_eq(fixture.events.data,
                     "good.so 0 vetting\ngood.so 0 loading\nfixture 1 self-testing\nfixture 1 serving\n");
    ck_assert_str_eq(plugin_registry_find(fixture.registry, "fixture", NULL)->version, "1");
    const PluginTask *task = plugin_registry_tasks(fixture.registry);
    ck_assert_str_eq(task->name, "fixture");
    ck_assert_str_eq(task->file, file);
    ck_assert_uint_eq(strlen(task->current->sha256), 64);
    ck_assert_ptr_null(task->next);
    expect_feature(&fixture, "first word");
    ck_assert_uint_eq(task->current->calls_total, 1);
    ck_assert_uint_eq(task->current->calls_in_flight, 0);
    ck_assert_uint_eq(count_copies(&fixture), 1);
    fixture_close(&fixture);
}
END_TEST

START_TEST(refuses_unknown_tasks)
{
    Fixture fixture;
    fixture_open(&fixture);
    Status status = STATUS_INIT;
    ck_assert_ptr_null(plugin_registry_find(fixture.registry, "other", &status));
    ck_assert_int_eq(status.code, STATUS_NOT_FOUND);
    ck_assert_str_eq(status.message,
                     "no plugin serves the task \"other\": no plugin is loaded; put one into a plugin "
                     "directory, or load its file");
    _cleanup_free_ char *a = install(&fixture, "good", "a.so");
    _cleanup_free_ char *b = install(&fixture, "other_task", "b.so");
    load(&fixture, a);
    load(&fixture, b);
    ck_assert_ptr_null(plugin_registry_find(fixture.registry, "other", &status));
    ck_assert_str_eq(status.message,
                     "no plugin serves the task \"other\"; the tasks are: fixture, other_fixture");
    Answer answer;
    ask(&fixture, &answer, "other", "Is it?", 0);
    wait_for(&fixture, &answer.done);
    ck_assert_int_eq(answer.status.code, STATUS_NOT_FOUND);
    ck_assert_uint_eq(answer.batch.count, 0);
    ck_assert_int_eq(unload(&fixture, "other").code, STATUS_NOT_FOUND);
    ck_assert_int_eq(reload(&fixture, "other").status.code, STATUS_NOT_FOUND);
    fixture_close(&fixture);
}
END_TEST

START_TEST(reloads_beside_the_old_one)
{
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *file = install(&fixture, "good", "p.so");
    load(&fixture, file);
    expect_feature(&fixture, "first word");
    free(install(&fixture, "good_v2", "p.so"));
    buffer_clear(&fixture.events);
    Done done = reload(&fixture, "fixture");
    ck_assert_str_eq(done.status.message, "");
    ck_assert_uint_eq(done.generation, 2);
    ck_assert_str_eq(fixture.events.data, "fixture 2 vetting\nfixture 2 loading\nfixture 2 self-testing\n"
                                          "fixture 2 serving\nfixture 1 draining\nfixture 1 retired\n");
    expect_feature(&fixture, "opening word");
    ck_assert_str_eq(plugin_registry_find(fixture.registry, "fixture", NULL)->version, "2");
    ck_assert_uint_eq(count_copies(&fixture), 1);
    /* The same content again is a new generation too. */
    ck_assert_uint_eq(reload(&fixture, "fixture").generation, 3);
    expect_feature(&fixture, "opening word");
    ck_assert_uint_eq(count_copies(&fixture), 1);
    fixture_close(&fixture);
}
END_TEST

/* A broken new generation leaves the old one serving, and says why. */
START_TEST(failed_reload_changes_nothing)
{
    static const struct {
        const char *fixture;
        const char *reason;
    } broken[] = {
        {"wrong_major", ": vet: the ABI note says major 99, expected 1"},
        {"no_note", ": vet: it has no ABI note"},
        {"no_entry", ": load: it has no function rpmd_plugin_entry"},
        {"undefined_symbol", ": load: "},
        {"bad_size", ": descriptor: plugin.struct_size is 8, expected 144"},
        {"other_task",
         ": load: its task is other_fixture now, expected fixture; unload fixture and load the file"},
        {"self_test_fails", ": self-test 1: extract did not emit the feature \"second word\""},
    };
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *file = install(&fixture, "good", "p.so");
    load(&fixture, file);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        free(install(&fixture, broken[i].fixture, "p.so"));
        Done done = reload(&fixture, "fixture");
        ck_assert_int_eq(done.status.code, STATUS_FAILED_PRECONDITION);
        ck_assert_msg(strstr(done.status.message, broken[i].reason) != NULL, "%s", done.status.message);
        ck_assert_msg(strstr(done.status.message, " (generation 1 of fixture goes on serving)") != NULL, "%s",
                      done.status.message);
        expect_feature(&fixture, "first word");
    }
    const PluginTask *task = plugin_registry_tasks(fixture.registry);
    size_t failed = 0;
    for (const PluginGeneration *one = task->generations; one; one = one->older)
        failed += one->state == PLUGIN_FAILED;
    ck_assert_uint_eq(failed, PLUGIN_ENDED_LIMIT);
    ck_assert_ptr_nonnull(strstr(task->generations->last_error.message, "self-test 1"));
    ck_assert_uint_eq(count_copies(&fixture), 1);
    fixture_close(&fixture);
}
END_TEST

START_TEST(one_file_for_a_task)
{
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *first = install(&fixture, "good", "a.so");
    _cleanup_free_ char *second = install(&fixture, "same_task", "b.so");
    load(&fixture, first);
    Status status = load(&fixture, second);
    _cleanup_buffer_ Buffer expected = BUFFER_INIT;
    buffer_append_format(&expected,
                         "%s: load: task fixture is served by %s; reload fixture, or unload it first", second,
                         first);
    ck_assert_int_eq(status.code, STATUS_ALREADY_EXISTS);
    ck_assert_str_eq(status.message, expected.data);
    expect_feature(&fixture, "first word");
    ck_assert_str_eq(unload(&fixture, "fixture").message, "");
    ck_assert_ptr_null(plugin_registry_find(fixture.registry, "fixture", NULL));
    ck_assert_ptr_null(plugin_registry_tasks(fixture.registry));
    ck_assert_uint_eq(count_copies(&fixture), 0);
    status = load(&fixture, second);
    ck_assert_str_eq(status.message, "");
    expect_feature(&fixture, "other word");
    fixture_close(&fixture);
}
END_TEST

START_TEST(scans_in_order_and_remembers_refusals)
{
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *a = install(&fixture, "no_note", "a.so");
    _cleanup_free_ char *b = install(&fixture, "good", "b.so");
    _cleanup_free_ char *c = install(&fixture, "same_task", "c.so");
    free(install(&fixture, "other_task", "d.so"));
    free(install(&fixture, "failing", ".hidden.so"));
    free(install(&fixture, "failing", "notes.txt"));
    scan(&fixture);
    const PluginTask *task = plugin_registry_tasks(fixture.registry);
    ck_assert_str_eq(task->file, b);
    ck_assert_str_eq(task->next->name, "other_fixture");
    const PluginRefusal *refusal = plugin_registry_refusals(fixture.registry);
    ck_assert_str_eq(refusal->file, a);
    ck_assert_ptr_nonnull(strstr(refusal->status.message, "it has no ABI note"));
    refusal = refusal->next;
    ck_assert_str_eq(refusal->file, c);
    ck_assert_ptr_nonnull(strstr(refusal->status.message, b));
    ck_assert_ptr_null(refusal->next);
    /* A file that was mended is forgotten as a refusal. */
    free(install(&fixture, "failing", "a.so"));
    unload(&fixture, "fixture");
    load(&fixture, a);
    ck_assert_str_eq(plugin_registry_refusals(fixture.registry)->file, c);
    char *missing = (char[]){"/nonexistent/plugins"};
    bool scanned = false;
    plugin_registry_scan(fixture.registry, &missing, 1, set_true, &scanned);
    ck_assert(!scanned);
    wait_for(&fixture, &scanned);
    ck_assert_str_eq(plugin_registry_refusals(fixture.registry)->next->status.message,
                     "/nonexistent/plugins: the plugin directory cannot be read: No such file or directory");
    fixture_close(&fixture);
}
END_TEST

/* Unload is done when the calls that had begun are, and these succeed. */
START_TEST(unload_waits_for_calls)
{
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *file = install(&fixture, "deaf", "p.so");
    load(&fixture, file);
    Answer answers[4];
    for (int i = 0; i < 4; i++)
        ask(&fixture, &answers[i], "fixture", i < 2 ? "trigger" : "Is it?", 0);
    Done done = {0};
    plugin_registry_unload(fixture.registry, "fixture", note_done, &done);
    while (plugin_registry_find(fixture.registry, "fixture", NULL))
        uv_run(&fixture.loop, UV_RUN_ONCE);
    ck_assert(!done.done);
    const PluginTask *task = plugin_registry_tasks(fixture.registry);
    ck_assert_ptr_null(task->current);
    ck_assert_int_eq(task->generations->state, PLUGIN_DRAINING);
    Answer late;
    ask(&fixture, &late, "fixture", "Is it?", 0);
    wait_for(&fixture, &late.done);
    ck_assert_int_eq(late.status.code, STATUS_NOT_FOUND);
    wait_for(&fixture, &done.done);
    for (int i = 0; i < 4; i++) {
        wait_for(&fixture, &answers[i].done);
        ck_assert_int_eq(answers[i].batch.analyses->code, STATUS_OK);
        ck_assert_uint_eq(answers[i].batch.analyses->feature_count, 1);
        ck_assert_str_eq(answers[i].batch.version, "1");
        arena_finish(&answers[i].batch.arena);
    }
    ck_assert_ptr_null(plugin_registry_tasks(fixture.registry));
    fixture_close(&fixture);
}
END_TEST

/* Requests that never stop, while generations change. */
START_TEST(reload_under_load)
{
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *file = install(&fixture, "good", "p.so");
    load(&fixture, file);
    Answer answers[32];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 32; i++)
            ask(&fixture, &answers[i], "fixture", "Is it so?", 0);
        free(install(&fixture, round % 2 ? "good" : "good_v2", "p.so"));
        Done done = reload(&fixture, "fixture");
        ck_assert_str_eq(done.status.message, "");
        for (int i = 0; i < 32; i++) {
            wait_for(&fixture, &answers[i].done);
            ck_assert_int_eq(answers[i].status.code, STATUS_OK);
            ck_assert_uint_eq(answers[i].batch.analyses->feature_count, 1);
            arena_finish(&answers[i].batch.arena);
        }
    }
    const PluginTask *task = plugin_registry_tasks(fixture.registry);
    ck_assert_uint_eq(task->current->number, 21);
    for (const PluginGeneration *one = task->current->older; one; one = one->older)
        ck_assert_int_eq(one->state, PLUGIN_RETIRED);
    ck_assert_uint_eq(count_copies(&fixture), 1);
    fixture_close(&fixture);
}
END_TEST

START_TEST(closes_in_the_middle)
{
    Fixture fixture;
    fixture_open(&fixture);
    _cleanup_free_ char *file = install(&fixture, "deaf", "p.so");
    _cleanup_free_ char *other = install(&fixture, "other_task", "q.so");
    load(&fixture, file);
    Answer answers[5];
    for (int i = 0; i < 5; i++)
        ask(&fixture, &answers[i], "fixture", "trigger", 0);
    Done loading = {0};
    Done unloading = {0};
    plugin_registry_load(fixture.registry, other, note_done, &loading);
    plugin_registry_unload(fixture.registry, "fixture", note_done, &unloading);
    bool closed = false;
    plugin_registry_close(fixture.registry, set_true, &closed);
    Done late = {0};
    plugin_registry_load(fixture.registry, other, note_done, &late);
    wait_for(&fixture, &closed);
    ck_assert(loading.done && unloading.done && late.done);
    ck_assert_int_eq(loading.status.code, STATUS_UNAVAILABLE);
    ck_assert_int_eq(late.status.code, STATUS_UNAVAILABLE);
    for (int i = 0; i < 5; i++) {
        ck_assert(answers[i].done);
        ck_assert_int_eq(answers[i].status.code,
                         i < PLUGIN_TASK_RUNNING_LIMIT ? STATUS_OK : STATUS_UNAVAILABLE);
        arena_finish(&answers[i].batch.arena);
    }
    ck_assert_int_eq(uv_loop_close(&fixture.loop), 0);
    buffer_finish(&fixture.events);
    remove_directory(fixture.state);
    remove_directory(fixture.plugins);
}
END_TEST

START_TEST(state_directory)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    PluginRegistry *registry;
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_registry_open(&registry, &loop, "/nonexistent",
                                          &(PluginSettings){.in_process = true}, &status),
                     STATUS_REFUSED);
    ck_assert_str_eq(status.message,
                     "/nonexistent/plugins cannot be made: No such file or directory; name a state "
                     "directory that the daemon can write to");
    bool closed = false;
    plugin_registry_close(registry, set_true, &closed);
    ck_assert(closed);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    /* Left-overs are removed. */
    Fixture fixture = {.state = make_directory()};
    _cleanup_free_ char *copies = path_in(fixture.state, "plugins");
    ck_assert_int_eq(mkdir(copies, 0777), 0);
    _cleanup_free_ char *old = path_in(copies, "0123.so");
    write_file(old, "old", 3, 0500);
    uv_loop_init(&loop);
    ck_assert_int_eq(
        plugin_registry_open(&registry, &loop, fixture.state, &(PluginSettings){.in_process = true}, &status),
        0);
    ck_assert_uint_eq(count_copies(&fixture), 0);
    struct stat info;
    stat(copies, &info);
    ck_assert_uint_eq(info.st_mode & 07777, 0700);
    plugin_registry_close(registry, set_true, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    remove_directory(fixture.state);
}
END_TEST

UNIT_TESTS("plugins/registry", loads_and_answers, refuses_unknown_tasks, reloads_beside_the_old_one,
           failed_reload_changes_nothing, one_file_for_a_task, scans_in_order_and_remembers_refusals,
           unload_waits_for_calls, reload_under_load, closes_in_the_middle, state_directory)
