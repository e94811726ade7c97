/* SPDX-License-Identifier: MIT */
#include "daemon/plugins/registry.h"

#include "tests/unit/plugins/registry_fixture.h"
#include "tests/unit/unit.h"

static void open_with(Fixture *fixture, const char *name)
{
    fixture_open(fixture);
    _cleanup_free_ char *file = install(fixture, name, "p.so");
    Status status = load(fixture, file);
    ck_assert_str_eq(status.message, "");
}

START_TEST(batches_with_an_error_in_them)
{
    Fixture fixture;
    open_with(&fixture, "failing");
    const AnalysisRequest requests[] = {
        {.query = text_of("Is it?"), .response = text_of("yes, it is"), .has_response = true},
        {.query = text_of("trigger")},
        {.query = text_of("Is it?"), .response = text_of("perhaps"), .has_response = true},
        {.query = text_of("")},
    };
    Answer answer = {0};
    plugin_registry_analyze(fixture.registry, "fixture", requests, 4, PLUGIN_URGENT, 0, note_answer, &answer);
    wait_for(&fixture, &answer.done);
    ck_assert_int_eq(answer.status.code, STATUS_OK);
    ck_assert_uint_eq(answer.batch.count, 4);
    const Analysis *analyses = answer.batch.analyses;
    ck_assert_int_eq(analyses[0].code, STATUS_OK);
    ck_assert_str_eq(analyses[0].answer.data, "yes");
    ck_assert_str_eq(analyses[0].answer_class.data, "yes");
    ck_assert_uint_eq(analyses[0].answer_option, 0);
    ck_assert_int_eq(analyses[1].code, STATUS_INTERNAL);
    ck_assert_str_eq(analyses[1].error.data,
                     "plugin fixture failed in extract: the word \"trigger\"?is not liked ?");
    ck_assert_int_eq(analyses[2].code, STATUS_INVALID_ARGUMENT);
    ck_assert_str_eq(analyses[2].error.data,
                     "\"perhaps\" is not an answer of task fixture, which is one of \"yes\", \"no\"");
    ck_assert_uint_eq(analyses[2].feature_count, 1);
    ck_assert_str_eq(analyses[3].error.data, "the query is empty");
    const PluginGeneration *current = plugin_registry_tasks(fixture.registry)->current;
    ck_assert_uint_eq(current->calls_total, 1);
    ck_assert_uint_eq(current->calls_failed, 1);
    ck_assert_str_eq(current->last_error.message, analyses[1].error.data);
    arena_finish(&answer.batch.arena);
    fixture_close(&fixture);
}
END_TEST

/* A plugin that asks stops; one that does not is left alone, and its caller hears at the deadline. */
START_TEST(deadlines)
{
    static const char *const plugins[] = {"slow", "deaf"};
    for (int i = 0; i < 2; i++) {
        Fixture fixture;
        open_with(&fixture, plugins[i]);
        Answer answer;
        ask(&fixture, &answer, "fixture", "trigger", 20);
        wait_for(&fixture, &answer.done);
        StatusCode code = answer.batch.count ? answer.batch.analyses->code : answer.status.code;
        ck_assert_int_eq(code, STATUS_DEADLINE_EXCEEDED);
        arena_finish(&answer.batch.arena);
        fixture_close(&fixture);
    }
}
END_TEST

/* Those that wait behind a deaf plugin hear at their deadline too, and others are served. */
START_TEST(deadlines_in_the_queue)
{
    Fixture fixture;
    open_with(&fixture, "deaf");
    _cleanup_free_ char *other = install(&fixture, "other_task", "q.so");
    load(&fixture, other);
    Answer working[2];
    Answer waiting[3];
    for (int i = 0; i < 2; i++)
        ask(&fixture, &working[i], "fixture", "trigger", 0);
    for (int i = 0; i < 3; i++)
        ask(&fixture, &waiting[i], "fixture", "Is it?", i == 1 ? 0 : 20);
    _cleanup_free_ char *feature = first_feature(&fixture, "other_fixture", "Is it?");
    ck_assert_str_eq(feature, "first word");
    ck_assert(!working[0].done && !working[1].done);
    wait_for(&fixture, &waiting[0].done);
    wait_for(&fixture, &waiting[2].done);
    ck_assert_str_eq(waiting[0].status.message, "the deadline passed while the call waited for a plugin");
    ck_assert_int_eq(waiting[2].status.code, STATUS_DEADLINE_EXCEEDED);
    wait_for(&fixture, &waiting[1].done);
    ck_assert_int_eq(waiting[1].status.code, STATUS_OK);
    for (int i = 0; i < 2; i++) {
        wait_for(&fixture, &working[i].done);
        arena_finish(&working[i].batch.arena);
    }
    arena_finish(&waiting[1].batch.arena);
    fixture_close(&fixture);
}
END_TEST

START_TEST(cancels)
{
    Fixture fixture;
    open_with(&fixture, "slow");
    Answer running[2];
    Answer waiting;
    Answer refused;
    PluginJob *jobs[4];
    for (int i = 0; i < 2; i++)
        jobs[i] = ask(&fixture, &running[i], "fixture", "trigger", 0);
    jobs[2] = ask(&fixture, &waiting, "fixture", "Is it?", 0);
    jobs[3] = ask(&fixture, &refused, "nothing", "Is it?", 0);
    for (int i = 0; i < 4; i++)
        plugin_job_cancel(jobs[i]);
    /* The threads are free again: the plugin was told. */
    _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
    ck_assert_str_eq(feature, "first word");
    ck_assert(!running[0].done && !running[1].done && !waiting.done && !refused.done);
    fixture_close(&fixture);
}
END_TEST

START_TEST(limits)
{
    Fixture fixture;
    open_with(&fixture, "slow");
    Answer *answers = NEW_ARRAY(Answer, PLUGIN_QUEUE_LIMIT + 4);
    PluginJob **jobs = NEW_ARRAY(PluginJob *, PLUGIN_QUEUE_LIMIT + 4);
    for (int i = 0; i < PLUGIN_QUEUE_LIMIT + PLUGIN_TASK_RUNNING_LIMIT; i++)
        jobs[i] = ask(&fixture, &answers[i], "fixture", "trigger", 0);
    Answer refused;
    ask(&fixture, &refused, "fixture", "trigger", 0);
    wait_for(&fixture, &refused.done);
    ck_assert_int_eq(refused.status.code, STATUS_RESOURCE_EXHAUSTED);
    ck_assert_str_eq(refused.status.message,
                     "1024 calls wait for plugin fixture, the limit is 1024; try again later");
    for (int i = 0; i < PLUGIN_QUEUE_LIMIT + PLUGIN_TASK_RUNNING_LIMIT; i++)
        plugin_job_cancel(jobs[i]);
    AnalysisRequest *requests = NEW_ARRAY(AnalysisRequest, PLUGIN_BATCH_LIMIT + 1);
    refused = (Answer){0};
    plugin_registry_analyze(fixture.registry, "fixture", requests, PLUGIN_BATCH_LIMIT + 1, PLUGIN_URGENT, 0,
                            note_answer, &refused);
    wait_for(&fixture, &refused.done);
    ck_assert_str_eq(refused.status.message, "the call has 257 items; the limit is 256");
    free(answers);
    free(jobs);
    free(requests);
    fixture_close(&fixture);
}
END_TEST

/* Builds leave a thread to callers; the slow plugin works until nobody waits. */
START_TEST(builds_leave_a_thread)
{
    Fixture fixture;
    open_with(&fixture, "slow");
    Answer builds[3];
    PluginJob *jobs[3];
    for (int i = 0; i < 3; i++)
        jobs[i] = ask_as(&fixture, PLUGIN_BACKGROUND, &builds[i], "fixture", "trigger", 0);
    _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
    ck_assert_str_eq(feature, "first word");
    ck_assert_uint_eq(plugin_registry_tasks(fixture.registry)->current->background_running, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert(!builds[i].done);
        plugin_job_cancel(jobs[i]);
    }
    fixture_close(&fixture);
}
END_TEST

/* A line of builds that is full refuses no caller. */
START_TEST(limits_of_builds)
{
    Fixture fixture;
    open_with(&fixture, "slow");
    Answer *answers = NEW_ARRAY(Answer, PLUGIN_QUEUE_LIMIT + 2);
    PluginJob **jobs = NEW_ARRAY(PluginJob *, PLUGIN_QUEUE_LIMIT + 2);
    for (int i = 0; i < PLUGIN_QUEUE_LIMIT + 2; i++)
        jobs[i] = ask_as(&fixture, PLUGIN_BACKGROUND, &answers[i], "fixture", "trigger", 0);
    wait_for(&fixture, &answers[PLUGIN_QUEUE_LIMIT + 1].done);
    ck_assert_str_eq(answers[PLUGIN_QUEUE_LIMIT + 1].status.message,
                     "1024 calls wait for plugin fixture, the limit is 1024; try again later");
    _cleanup_free_ char *feature = first_feature(&fixture, "fixture", "Is it?");
    ck_assert_str_eq(feature, "first word");
    for (int i = 0; i < PLUGIN_QUEUE_LIMIT + 1; i++)
        plugin_job_cancel(jobs[i]);
    free(answers);
    free(jobs);
    fixture_close(&fixture);
}
END_TEST

UNIT_TESTS("plugins/calls", batches_with_an_error_in_them, deadlines, deadlines_in_the_queue, cancels, limits,
           builds_leave_a_thread, limits_of_builds)
