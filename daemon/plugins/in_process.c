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
    if (generation->is_ready || TAILQ_EMPTY(&generation->waiting) ||
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

/* Starts waiting jobs while threads are free; generations take turns. */
static void dispatch(PluginRegistry *registry)
{
    PluginGeneration *generation;
    while (registry->running < PLUGIN_RUNNING_LIMIT && (generation = TAILQ_FIRST(&registry->ready))) {
        PluginJob *job = job_take(generation);
        in_process_leave(generation);
        registry->running++;
        get_ready(generation);
        uv_queue_work(registry->loop, &job->work, run_job, on_job_run);
    }
}

void in_process_offer(PluginGeneration *generation)
{
    get_ready(generation);
    dispatch(generation->registry);
}
