/* SPDX-License-Identifier: MIT */

/* isolation = none: plugins run in the daemon, on libuv's pool. */

#include "daemon/plugins/internal.h"
#include "lib/plugin/analyze.h"

static void on_line(void *data, rpmd_log_level level, const char *line)
{
    job_log_line(((const PluginJob *)data)->plugin->name, level, line);
}

static void run_job(uv_work_t *work)
{
    PluginJob *job = CONTAINER_OF(work, PluginJob, work);
    const PluginEnvironment environment = {
        .cancelled = &job->cancelled,
        .deadline_ns = job->deadline_ns,
        .log = on_line,
        .log_data = job,
    };
    job->analyses = plugin_analyze_batch(job->plugin, &environment, job->requests, job->count, &job->output);
}

static void dispatch(PluginRegistry *registry);

/* Puts the generation in the line of those that may start a job. */
static void get_ready(PluginGeneration *generation)
{
    if (generation->is_ready || generation_waiting(generation) == 0 ||
        generation->calls_running >= PLUGIN_TASK_RUNNING_LIMIT)
        return;
    generation->is_ready = true;
    TAILQ_INSERT_TAIL(&generation->registry->ready, generation, ready);
}

static void on_job_run(uv_work_t *work, int result)
{
    (void)result; /* work is never cancelled: uv_cancel is not used */
    PluginJob *job = CONTAINER_OF(work, PluginJob, work);
    PluginRegistry *registry = job->registry;
    PluginGeneration *generation = job->generation;
    registry->running--;
    registry->background_running -= job->has_place;
    job_leave_place(job);
    /* Counted off here already, so that the next job of the generation can start before this one's callback.
     */
    generation->calls_running--;
    get_ready(generation);
    generation->calls_running++;
    dispatch(registry);
    job_finish(job);
}

void in_process_leave(PluginGeneration *generation)
{
    if (!generation->is_ready)
        return;
    TAILQ_REMOVE(&generation->registry->ready, generation, ready);
    generation->is_ready = false;
}

/* The next generation's next job; NULL when none may start. */
static PluginJob *take_next(PluginRegistry *registry)
{
    PluginGeneration *generation;
    bool has_room = registry->background_running < PLUGIN_RUNNING_LIMIT - 1;
    TAILQ_FOREACH(generation, &registry->ready, ready)
    {
        PluginJob *job = job_take(generation, has_room ? PLUGIN_TASK_RUNNING_LIMIT - 1 : 0);
        if (job)
            return job;
    }
    return NULL;
}

/* Starts waiting jobs while threads are free; generations take turns. */
static void dispatch(PluginRegistry *registry)
{
    PluginJob *job;
    while (registry->running < PLUGIN_RUNNING_LIMIT && (job = take_next(registry))) {
        registry->running++;
        registry->background_running += job->has_place;
        in_process_leave(job->generation);
        get_ready(job->generation);
        uv_queue_work(registry->loop, &job->work, run_job, on_job_run);
    }
}

void in_process_offer(PluginGeneration *generation)
{
    get_ready(generation);
    dispatch(generation->registry);
}
