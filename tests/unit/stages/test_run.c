/* SPDX-License-Identifier: MIT */
#include "daemon/stages/run.h"

#include "tests/unit/stages/stages_fixture.h"
#include "tests/unit/unit.h"

#define ELEMENTS_LIMIT 32

static const LlmTurn silence = {.status = 0}, yes = {.status = 200, .text = "yes"},
                     too_long = {.status = 400, .text = "too long"};

/* A run over elements, and what the test wants of each of its steps. */
typedef struct Job {
    Fixture *fixture;
    StageRun *run; /* NULL: it is over */
    size_t batch_size;
    unsigned times_taken[ELEMENTS_LIMIT];
    size_t asked;        /* batches */
    size_t refused_at;   /* this ask refuses; 0: none */
    size_t useless_from; /* replies for the elements from here on are of no use */
    unsigned useless_times;
    bool cancels_in_progress;
    size_t progressed;
    bool is_done;
    Status status;
    StageTotals totals;
} Job;

static size_t next_batch(void *data, size_t begin)
{
    (void)begin;
    return ((Job *)data)->batch_size;
}

static int write_ask(void *data, size_t begin, size_t count, StageAsk *ask, Arena *arena, Status *status)
{
    Job *job = data;
    (void)arena;
    ck_assert_ptr_nonnull(job->run); /* not within stage_run */
    if (++job->asked == job->refused_at)
        return status_refuse(status, STATUS_FAILED_PRECONDITION, "the plugin is gone");
    buffer_append_format(&ask->prompt, "elements %zu to %zu", begin, begin + count - 1);
    return 0;
}

static const char *take(void *data, size_t begin, size_t count, rpmd_text reply, Arena *arena,
                        StageLeft *left)
{
    Job *job = data;
    (void)arena;
    ck_assert(text_equal_string(reply, "yes"));
    for (size_t i = begin; i < begin + count; i++) {
        job->times_taken[i]++;
        if (i >= job->useless_from && job->times_taken[i] <= job->useless_times)
            stage_left_add(left, i);
    }
    return left->count ? "it is of no use" : NULL;
}

static void progress(void *data, const StageTotals *totals)
{
    Job *job = data;
    ck_assert_uint_gt(totals->batches, 0);
    job->progressed++;
    if (job->cancels_in_progress)
        stage_run_cancel(TAKE_PTR(job->run));
}

static void done(void *data, const Status *status, const StageTotals *totals)
{
    Job *job = data;
    ck_assert_ptr_nonnull(job->run);
    job->run = NULL;
    job->is_done = true;
    job->status = *status;
    job->totals = *totals;
}

static const StageWork work = {next_batch, write_ask, take, progress, done};

static Job *begin_with(Fixture *fixture, StageRunRequest request, size_t batch_size)
{
    Job *job = NEW(Job);
    *job = (Job){.fixture = fixture, .batch_size = batch_size, .useless_from = ELEMENTS_LIMIT};
    request.stage = STAGE_EXTRACT;
    request.task = T("tags");
    request.user = T("ann");
    request.user_number = fixture->ann;
    request.backend = "local";
    job->run = stage_run(fixture->stages, &request, &work, job);
    ck_assert(!job->is_done && job->asked == 0);
    return job;
}

static Job *begin(Fixture *fixture, size_t count, size_t batch_size)
{
    return begin_with(fixture, (StageRunRequest){.count = count}, batch_size);
}

static void expect_done(Job *job)
{
    run_until(job->fixture, &job->is_done);
    ck_assert_msg(status_is_ok(&job->status), "%s", job->status.message);
}

START_TEST(all_elements_are_asked_for_some_at_a_time)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, silence);
    Job *job = begin(&fixture, 12, 2);
    run_until_requests(&fixture, STAGE_RUN_PARALLEL);
    settle(&fixture);
    ck_assert_uint_eq(fixture.server.requests, STAGE_RUN_PARALLEL);
    llm_server_set(&fixture.server, yes);
    for (size_t i = 0; i < fixture.server.connections; i++)
        llm_server_answer(fixture.server.all[i], &yes);
    expect_done(job);
    ck_assert_uint_eq(fixture.server.requests, 6);
    for (size_t i = 0; i < 12; i++)
        ck_assert_uint_eq(job->times_taken[i], 1);
    ck_assert_uint_eq(job->totals.elements, 12);
    ck_assert_uint_eq(job->totals.batches_right, 6);
    ck_assert_uint_eq(job->totals.calls, 6);
    ck_assert_uint_eq(job->totals.cost_micros, 6 * COST_OF_ANSWER);
    ck_assert_uint_gt(job->progressed, 0);
    expect_usage(&fixture, "ann", 6, 0, 6 * COST_OF_ANSWER);
    free(job);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_run_over_nothing_is_done_later)
{
    Fixture fixture;
    fixture_start(&fixture);
    Job *job = begin(&fixture, 0, 1);
    expect_done(job);
    ck_assert_uint_eq(job->totals.batches, 0);
    free(job);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(what_is_of_no_use_is_asked_for_once_more)
{
    Fixture fixture;
    fixture_start(&fixture);
    Job *job = begin(&fixture, 4, 4);
    job->useless_from = 2;
    job->useless_times = 1;
    expect_done(job);
    ck_assert_ptr_nonnull(strstr(buffer_string(&fixture.server.last_body), "elements 2 to 3"));
    ck_assert_ptr_nonnull(strstr(buffer_string(&fixture.server.last_body), "it is of no use"));
    ck_assert_uint_eq(job->times_taken[1], 1);
    ck_assert_uint_eq(job->times_taken[2], 2);
    ck_assert_uint_eq(job->totals.repairs, 1);
    ck_assert_uint_eq(job->totals.given_up, 0);
    ck_assert_uint_eq(job->totals.batches_right, 0);
    free(job);
    job = begin(&fixture, 3, 3);
    job->useless_from = 1;
    job->useless_times = 5;
    expect_done(job);
    ck_assert_uint_eq(job->times_taken[1], 2);
    ck_assert_uint_eq(job->totals.given_up, 2);
    ck_assert_uint_eq(job->totals.elements, 3);
    free(job);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_batch_that_is_too_long_is_halved)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, too_long);
    llm_server_add(&fixture.server, yes);
    Job *job = begin(&fixture, 5, 5);
    expect_done(job);
    ck_assert_uint_eq(fixture.server.requests, 3);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(job->times_taken[i], 1);
    ck_assert_uint_eq(job->totals.batches, 2);
    free(job);
    llm_server_set(&fixture.server, too_long);
    fixture.server.requests = 0;
    fixture.server.begin = 0;
    job = begin(&fixture, 1, 1); /* which cannot be halved */
    expect_done(job);
    ck_assert_uint_eq(job->totals.given_up, 1);
    free(job);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_server_that_fails_ends_the_run)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, silence);
    Job *job = begin(&fixture, 4, 1);
    run_until_requests(&fixture, 4);
    llm_server_answer(fixture.server.last_request, &(LlmTurn){.status = 401, .text = "no"});
    run_until(&fixture, &job->is_done);
    ck_assert_int_eq(job->status.code, STATUS_FAILED_PRECONDITION);
    ck_assert_str_eq(job->status.message, "backend local answered HTTP 401: no; check its key");
    while (fixture.server.connections > 1) /* the others are given up */
        uv_run(&fixture.loop, UV_RUN_ONCE);
    free(job);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(an_ask_that_refuses_ends_the_run)
{
    Fixture fixture;
    fixture_start(&fixture);
    for (size_t at = 1; at <= 3; at++) {
        Job *job = begin(&fixture, 3, 1);
        job->refused_at = at;
        run_until(&fixture, &job->is_done);
        ck_assert_str_eq(job->status.message, "the plugin is gone");
        settle(&fixture);
        free(job);
    }
    ck_assert_uint_eq(fixture.server.requests, 0); /* those before it were given up before they began */
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_budget_ends_the_run_when_it_is_spent)
{
    Fixture fixture;
    fixture_start(&fixture);
    Job *job = begin_with(
        &fixture, (StageRunRequest){.count = 10, .has_budget = true, .budget_micros = COST_OF_ANSWER}, 1);
    run_until(&fixture, &job->is_done);
    ck_assert_int_eq(job->status.code, STATUS_RESOURCE_EXHAUSTED);
    ck_assert_ptr_nonnull(strstr(job->status.message, "the build has spent what it may (max_build_cost)"));
    ck_assert_uint_lt(fixture.server.requests, 10);
    free(job);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_run_can_be_cancelled_at_any_time)
{
    Fixture fixture;
    fixture_start(&fixture);
    /* At once; while the store looks; while requests are at work; from its progress. */
    Job *job = begin(&fixture, 8, 1);
    stage_run_cancel(job->run);
    settle(&fixture);
    ck_assert_uint_eq(job->asked, 0);
    free(job);
    job = begin(&fixture, 8, 1);
    while (job->asked == 0)
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
    stage_run_cancel(job->run);
    free(job);
    settle(&fixture);
    llm_server_set(&fixture.server, silence);
    fixture.server.requests = fixture.server.begin = 0;
    job = begin(&fixture, 8, 1);
    run_until_requests(&fixture, 1);
    stage_run_cancel(job->run);
    settle(&fixture);
    ck_assert(!job->is_done);
    free(job);
    llm_server_set(&fixture.server, yes);
    job = begin(&fixture, 8, 1);
    job->cancels_in_progress = true;
    while (job->run)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    settle(&fixture);
    ck_assert_uint_eq(job->progressed, 1);
    ck_assert(!job->is_done);
    free(job);
    fixture_stop(&fixture);
}
END_TEST

UNIT_TESTS("run", all_elements_are_asked_for_some_at_a_time, a_run_over_nothing_is_done_later,
           what_is_of_no_use_is_asked_for_once_more, a_batch_that_is_too_long_is_halved,
           a_server_that_fails_ends_the_run, an_ask_that_refuses_ends_the_run,
           a_budget_ends_the_run_when_it_is_spent, a_run_can_be_cancelled_at_any_time)
