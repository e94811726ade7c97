/* SPDX-License-Identifier: MIT */
#include "daemon/loop/work.h"

#include "daemon/loop/loop.h"
#include "lib/base/memory.h"
#include "tests/unit/unit.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A job that waits in its run until the test lets it go on. */
typedef struct Job {
    sem_t *may_go_on; /* NULL: at once */
    atomic_bool has_begun;
    atomic_bool has_run;
    bool is_done;
    bool is_released;
    int *order; /* counts the jobs that were done */
    int place;
} Job;

static uv_loop_t loop;
static uv_thread_t loop_thread;

static void run(void *data)
{
    Job *job = data;
    uv_thread_t self = uv_thread_self();
    ck_assert(!uv_thread_equal(&self, &loop_thread));
    atomic_store(&job->has_begun, true);
    if (job->may_go_on)
        sem_wait(job->may_go_on);
    atomic_store(&job->has_run, true);
}

static void release(void *data)
{
    Job *job = data;
    uv_thread_t self = uv_thread_self();
    ck_assert(uv_thread_equal(&self, &loop_thread));
    ck_assert(!job->is_released);
    job->is_released = true;
}

static void done(void *owner, void *data)
{
    Job *job = data;
    ck_assert_ptr_eq(owner, &loop);
    ck_assert(atomic_load(&job->has_run) && !job->is_done && !job->is_released);
    job->is_done = true;
    if (job->order)
        job->place = ++*job->order;
}

static const WorkKind foreground = {WORK_FOREGROUND, run, release},
                      background = {WORK_BACKGROUND, run, release};
static const WorkKind *const kinds[] = {&foreground, &background};

static void begin(void)
{
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    loop_thread = uv_thread_self();
}

static void end(void)
{
    loop_close(&loop);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void run_until(const bool *is_so)
{
    while (!*is_so)
        uv_run(&loop, UV_RUN_ONCE);
}

START_TEST(a_job_is_done_and_then_released)
{
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        Job job = {0};
        begin();
        work_begin(&loop, kinds[k], &job, done, &loop);
        ck_assert(!job.is_done);
        run_until(&job.is_released);
        ck_assert(job.is_done);
        end();
    }
}
END_TEST

START_TEST(a_job_that_is_cancelled_while_it_waits_is_not_run)
{
    sem_t may_go_on;
    begin();
    sem_init(&may_go_on, 0, 0);
    Job running[WORK_BACKGROUND_THREADS] = {0}, waiting = {0};
    for (size_t i = 0; i < ARRAY_SIZE(running); i++) {
        running[i].may_go_on = &may_go_on;
        work_begin(&loop, &background, &running[i], done, &loop);
        while (!atomic_load(&running[i].has_begun))
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    Work *work = work_begin(&loop, &background, &waiting, done, &loop);
    work_cancel(work);
    for (size_t i = 0; i < ARRAY_SIZE(running); i++)
        sem_post(&may_go_on);
    for (size_t i = 0; i < ARRAY_SIZE(running); i++)
        run_until(&running[i].is_released);
    run_until(&waiting.is_released);
    ck_assert(!waiting.is_done && !atomic_load(&waiting.has_run));
    end();
    sem_destroy(&may_go_on);
}
END_TEST

/* The job is released when no thread works on it any more. */
START_TEST(a_job_that_is_cancelled_while_it_runs_is_released_behind_it)
{
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        sem_t may_go_on;
        begin();
        sem_init(&may_go_on, 0, 0);
        Job job = {.may_go_on = &may_go_on};
        Work *work = work_begin(&loop, kinds[k], &job, done, &loop);
        while (!atomic_load(&job.has_begun))
            uv_run(&loop, UV_RUN_NOWAIT);
        work_cancel(work);
        for (unsigned i = 0; i < 20; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        ck_assert(!job.is_released);
        sem_post(&may_go_on);
        run_until(&job.is_released);
        ck_assert(!job.is_done && atomic_load(&job.has_run));
        end();
        sem_destroy(&may_go_on);
    }
}
END_TEST

START_TEST(builds_hold_nobody_who_waits)
{
    sem_t may_go_on;
    begin();
    sem_init(&may_go_on, 0, 0);
    Job builds[4 * WORK_BACKGROUND_THREADS] = {0}, short_one = {0};
    int order = 0;
    for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
        builds[i] = (Job){.may_go_on = &may_go_on, .order = &order};
        work_begin(&loop, &background, &builds[i], done, &loop);
    }
    work_begin(&loop, &foreground, &short_one, done, &loop);
    run_until(&short_one.is_done);
    ck_assert_int_eq(order, 0);
    for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
        sem_post(&may_go_on);
    for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
        run_until(&builds[i].is_released);
    ck_assert_int_eq(order, (int)ARRAY_SIZE(builds));
    end();
    sem_destroy(&may_go_on);
}
END_TEST

START_TEST(a_loop_that_never_had_work_closes)
{
    begin();
    end();
}
END_TEST

UNIT_TESTS("work", a_job_is_done_and_then_released, a_job_that_is_cancelled_while_it_waits_is_not_run,
           a_job_that_is_cancelled_while_it_runs_is_released_behind_it, builds_hold_nobody_who_waits,
           a_loop_that_never_had_work_closes)
