/* SPDX-License-Identifier: MIT */
#include "daemon/loop/loop.h"
#include "daemon/loop/work.h"

#include "lib/base/memory.h"
#include "tests/unit/unit.h"

#include <stdatomic.h>
#include <stdbool.h>

#define JOBS 2000

/* What became of a job; `ran` is another thread's. */
typedef struct Job {
    unsigned number;
    _Atomic bool ran;
    bool is_done;
    bool is_cancelled;
    bool is_released;
    Work *work;
    struct Jobs *jobs;
} Job;

typedef struct Jobs {
    Job all[JOBS];
    unsigned released;
    bool cancels_next; /* each job that is done cancels the one behind it */
} Jobs;

static void run(void *data)
{
    Job *job = data;
    atomic_store(&job->ran, true);
}

static void cancel(Job *job)
{
    job->is_cancelled = true;
    work_cancel(TAKE_PTR(job->work));
}

static void on_done(void *owner, void *data)
{
    Job *job = data;
    Jobs *jobs = owner;
    ck_assert(atomic_load(&job->ran));
    ck_assert(!job->is_done && !job->is_released);
    ck_assert_ptr_nonnull(job->work);
    job->is_done = true;
    job->work = NULL;
    Job *next = job->number + 1 < JOBS ? &jobs->all[job->number + 1] : NULL;
    if (jobs->cancels_next && next && next->work)
        cancel(next);
}

static void release(void *data)
{
    Job *job = data;
    ck_assert(!job->is_released);
    ck_assert_ptr_null(job->work);
    job->is_released = true;
    job->jobs->released++;
}

static void begin(uv_loop_t *loop, Jobs *jobs, unsigned number)
{
    static const WorkKind kinds[] = {{WORK_FOREGROUND, run, release}, {WORK_BACKGROUND, run, release}};
    Job *job = &jobs->all[number];
    job->number = number;
    job->jobs = jobs;
    job->work = work_begin(loop, &kinds[number % 2], job, on_done, jobs);
    ck_assert(!job->is_done && !job->is_released);
}

/* Ends the loop, which waits for all that was begun and has nothing left: each job was done or cancelled. */
static void end(uv_loop_t *loop, const Jobs *jobs)
{
    uv_run(loop, UV_RUN_DEFAULT);
    loop_close(loop);
    uv_run(loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(loop), 0);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert(jobs->all[i].is_released && jobs->all[i].is_done != jobs->all[i].is_cancelled);
    ck_assert_uint_eq(jobs->released, JOBS);
}

START_TEST(all_are_done_and_released)
{
    _cleanup_free_ Jobs *jobs = NEW(Jobs);
    uv_loop_t loop = {0}; /* data, too, which uv_loop_init leaves alone */
    uv_loop_init(&loop);
    for (unsigned i = 0; i < JOBS; i++) {
        begin(&loop, jobs, i);
        if (i % 100 == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    end(&loop, jobs);
}
END_TEST

/* Whether it waits, runs, or is done already: it is released, and nobody is told. */
START_TEST(cancelled_ones_are_released_without_a_word)
{
    _cleanup_free_ Jobs *jobs = NEW(Jobs);
    uv_loop_t loop = {0}; /* data, too, which uv_loop_init leaves alone */
    uv_loop_init(&loop);
    for (unsigned i = 0; i < JOBS; i++) {
        begin(&loop, jobs, i);
        if (i % 3 == 0)
            cancel(&jobs->all[i]);
        else if (i % 3 == 1 && jobs->all[i / 2].work)
            cancel(&jobs->all[i / 2]);
    }
    end(&loop, jobs);
}
END_TEST

START_TEST(a_done_one_cancels_the_next)
{
    _cleanup_free_ Jobs *jobs = NEW(Jobs);
    uv_loop_t loop = {0}; /* data, too, which uv_loop_init leaves alone */
    uv_loop_init(&loop);
    jobs->cancels_next = true;
    for (unsigned i = 0; i < JOBS; i++)
        begin(&loop, jobs, i);
    end(&loop, jobs);
}
END_TEST

UNIT_TESTS("loop/many_works", all_are_done_and_released, cancelled_ones_are_released_without_a_word,
           a_done_one_cancels_the_next)
