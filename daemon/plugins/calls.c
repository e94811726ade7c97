/* SPDX-License-Identifier: MIT */

/*
 * The seam: calls of plugins. A job waits in its generation, runs in a worker process (pool.c) or on libuv's
 * pool (in_process.c), and ends; its callback runs once, at its end or at its deadline, whichever is first:
 *
 *     analyze --> WAITING <--> RUNNING ---> OUTSIDE --> callback, freed
 *                    |            |
 *                    |            +-- deadline: callback; freed when the plugin returns or is ended
 *                    +-- deadline: OUTSIDE
 *
 * Somebody waits for an urgent call; a background call is a part of a build, and long. Each generation has a
 * line of either:
 *
 *     urgent      ... o o o --+-- first ------------------------------> any worker that is free
 *                             |
 *     background  ... O O O --+-- while no urgent one waits, or when --> all workers but one, of those that
 *                      ^          it waited BACKGROUND_PATIENCE_MS       there may be; the one where there
 *                      |                                                 is one
 *                      +--- gives way to an urgent one that waits, after each chunk of its items
 *
 * So an urgent call waits for a worker that is kept free of builds, or for one chunk; and a build goes on,
 * chunk by chunk, however many urgent calls there are. In the daemon (in_process.c) a call is one chunk.
 */

#include "daemon/log.h"
#include "daemon/plugins/internal.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/* A background call that waited as long goes first for once, so that a busy daemon's builds come to an end.
 */
#define BACKGROUND_PATIENCE_MS 10

static void job_free(PluginJob *job)
{
    arena_finish(&job->input);
    arena_finish(&job->output);
    free(job);
}

/* ---- the requests' copy ---- */

static AnalysisRequest *copy_requests(Arena *arena, const AnalysisRequest *requests, size_t count)
{
    AnalysisRequest *copies = ARENA_ARRAY(arena, AnalysisRequest, count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = requests[i];
        copies[i].query = arena_text(arena, requests[i].query);
        copies[i].response = arena_text(arena, requests[i].response);
        rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, requests[i].option_count);
        for (size_t k = 0; k < requests[i].option_count; k++)
            options[k] = arena_text(arena, requests[i].options[k]);
        copies[i].options = options;
    }
    return copies;
}

static size_t requests_bytes(const AnalysisRequest *requests, size_t count)
{
    size_t bytes = count * sizeof(*requests);
    for (size_t i = 0; i < count; i++) {
        bytes += requests[i].query.length + requests[i].response.length;
        for (size_t k = 0; k < requests[i].option_count; k++)
            bytes += requests[i].options[k].length;
    }
    return bytes;
}

/* ---- ending ---- */

/* Runs the callback, once. Frees the job unless the plugin still works on it. */
static void job_deliver(PluginJob *job)
{
    TAILQ_REMOVE(&job->registry->jobs, job, link);
    PluginBatch batch = {.status = job->status, .version = ""};
    bool still_runs = job->state == JOB_RUNNING;
    if (status_is_ok(&job->status)) {
        batch.analyses = job->analyses;
        batch.count = job->count;
        batch.version = job->version;
        batch.arena = job->output;
        job->output = ARENA_INIT;
    }
    PluginAnalyzed callback = job->callback;
    void *data = job->data;
    job->is_abandoned = true;
    if (!still_runs)
        job_free(job);
    callback(&batch, data);
    arena_finish(&batch.arena);
}

/* Lets the callback come next. */
static void job_end(PluginJob *job, const Status *status)
{
    job->status = *status;
    job->has_ended = true;
    TAILQ_INSERT_TAIL(&job->registry->ended, job, ended_link);
    uv_async_send(&job->registry->wake);
}

void jobs_deliver(PluginRegistry *registry)
{
    PluginJob *job;
    while ((job = TAILQ_FIRST(&registry->ended))) {
        TAILQ_REMOVE(&registry->ended, job, ended_link);
        job->has_ended = false;
        job_deliver(job);
    }
}

/* ---- running ---- */

void job_log_line(const char *plugin, rpmd_log_level level, const char *line)
{
    LogLevel ours = level == RPMD_LOG_WARNING ? LOG_LEVEL_WARNING
                    : level == RPMD_LOG_INFO  ? LOG_LEVEL_NOTICE
                                              : LOG_LEVEL_DEBUG;
    log_write(ours, "plugin %s: %s", plugin, line);
}

/* Counts a call in which the plugin was at fault. */
static void note_failures(PluginGeneration *generation, const PluginJob *job)
{
    for (size_t i = 0; i < job->count; i++) {
        if (job->analyses[i].code != STATUS_INTERNAL)
            continue;
        generation->calls_failed++;
        status_refuse(&generation->last_error, STATUS_INTERNAL, "%.*s", TEXT_ARGS(job->analyses[i].error));
        return;
    }
}

/* Lets waiting jobs have their turn. */
static void offer(PluginGeneration *generation)
{
    if (generation->pool)
        pool_dispatch(generation->pool);
    else
        in_process_offer(generation);
}

static PluginLine *line_of(const PluginJob *job)
{
    return &job->generation->waiting[job->urgency];
}

/* Counts a job in that was put into its generation's line. */
static void count_in(PluginJob *job)
{
    job->state = JOB_WAITING;
    job->waits_since_ns = uv_hrtime();
    line_of(job)->count++;
    line_of(job)->bytes += requests_bytes(job->requests, job->count);
}

/* Takes a job out of its generation's line. */
static void leave_line(PluginJob *job)
{
    PluginLine *line = line_of(job);
    TAILQ_REMOVE(&line->jobs, job, waiting_link);
    line->count--;
    line->bytes -= requests_bytes(job->requests, job->count);
    if (generation_waiting(job->generation) == 0)
        in_process_leave(job->generation);
}

static bool has_waited_enough(const PluginJob *background)
{
    return uv_hrtime() - background->waits_since_ns > BACKGROUND_PATIENCE_MS * 1000000ull;
}

PluginJob *job_take(PluginGeneration *generation, size_t background_places)
{
    PluginJob *job = TAILQ_FIRST(&generation->waiting[PLUGIN_URGENT].jobs);
    PluginJob *background = TAILQ_FIRST(&generation->waiting[PLUGIN_BACKGROUND].jobs);
    if (background && generation->background_running < background_places &&
        (!job || has_waited_enough(background)))
        job = background;
    if (!job)
        return NULL;
    leave_line(job);
    job->state = JOB_RUNNING;
    job->has_place = job == background;
    generation->background_running += job->has_place;
    generation->calls_running++;
    return job;
}

void job_leave_place(PluginJob *job)
{
    job->generation->background_running -= job->has_place;
    job->has_place = false;
}

bool job_should_give_way(const PluginJob *job)
{
    return job->urgency == PLUGIN_BACKGROUND && job->generation->waiting[PLUGIN_URGENT].count > 0;
}

void job_put_back(PluginJob *job)
{
    PluginGeneration *generation = job->generation;
    generation->calls_running--;
    TAILQ_INSERT_HEAD(&line_of(job)->jobs, job, waiting_link);
    count_in(job);
    offer(generation);
}

void job_finish(PluginJob *job)
{
    PluginRegistry *registry = job->registry;
    PluginGeneration *generation = job->generation;
    job->state = JOB_OUTSIDE;
    job->generation = NULL;
    generation->calls_running--;
    generation->calls_in_flight--;
    if (!job->is_abandoned && !job->has_ended)
        note_failures(generation, job);
    job->version =
        status_is_ok(&job->status) ? arena_text(&job->output, text_of(job->plugin->version)).data : "";
    registry_settle(registry, generation);
    if (job->is_abandoned)
        job_free(job);
    else if (!job->has_ended)
        job_deliver(job);
    registry_continue_closing(registry);
}

void job_fail(PluginJob *job, const Status *status)
{
    job->status = *status;
    job_finish(job);
}

/* Takes a waiting job out of its generation without running it. */
static void withdraw(PluginJob *job)
{
    PluginGeneration *generation = job->generation;
    leave_line(job);
    generation->calls_in_flight--;
    job->state = JOB_OUTSIDE;
    job->generation = NULL;
    registry_settle(job->registry, generation);
}

/* Nobody waits for a job at work any more: it is told, and where it can be, ended. */
static void give_up(PluginJob *job)
{
    atomic_store(&job->cancelled, true);
    if (job->worker)
        pool_abandon(job->generation->pool, job);
}

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *timer)
{
    PluginRegistry *registry = timer->data;
    registry->timer_ns = 0;
    jobs_expire(registry);
}

static void arm_timer(PluginRegistry *registry, uint64_t deadline_ns)
{
    if (registry->timer_ns != 0 && registry->timer_ns <= deadline_ns)
        return;
    uint64_t now = uv_hrtime();
    uint64_t milliseconds = deadline_ns > now ? (deadline_ns - now) / 1000000 + 1 : 0;
    registry->timer_ns = deadline_ns;
    /* The timer counts from the loop's idea of now, which may be old. */
    uv_update_time(registry->loop);
    uv_timer_start(&registry->timer, on_timer, milliseconds, 0);
}

void jobs_expire(PluginRegistry *registry)
{
    uint64_t now = uv_hrtime();
    uint64_t next = 0;
    PluginJob *job;
    TAILQ_FOREACH(job, &registry->jobs, link)
    {
        if (job->deadline_ns == 0 || job->has_ended)
            continue;
        if (job->deadline_ns > now) {
            next = next == 0 ? job->deadline_ns : MIN(next, job->deadline_ns);
            continue;
        }
        Status status;
        status_refuse(&status, STATUS_DEADLINE_EXCEEDED, "the deadline passed while the call %s",
                      job->state == JOB_RUNNING ? "was with the plugin" : "waited for a plugin");
        if (job->state == JOB_WAITING)
            withdraw(job);
        else
            give_up(job);
        job_end(job, &status);
    }
    if (next != 0)
        arm_timer(registry, next);
}

/* ---- asking ---- */

/* The generation that takes the call, or NULL and why. */
static PluginGeneration *admit(PluginRegistry *registry, const char *name, size_t count, size_t bytes,
                               PluginUrgency urgency, Status *status)
{
    PluginTask *task = registry_find_task(registry, name);
    if (registry->closing) {
        status_refuse(status, STATUS_UNAVAILABLE, "the daemon is stopping; try again when it is back");
        return NULL;
    }
    if (!task || !task->current) {
        registry_refuse_unknown(registry, name, status);
        return NULL;
    }
    if (task->current->pool && !status_is_ok(pool_breaker(task->current->pool))) {
        *status = *pool_breaker(task->current->pool);
        return NULL;
    }
    if (count > PLUGIN_BATCH_LIMIT) {
        status_refuse(status, STATUS_INVALID_ARGUMENT, "the call has %zu items; the limit is %d", count,
                      PLUGIN_BATCH_LIMIT);
        return NULL;
    }
    const PluginLine *line = &task->current->waiting[urgency];
    if (line->count >= PLUGIN_QUEUE_LIMIT || line->bytes + bytes > PLUGIN_QUEUE_BYTES_LIMIT) {
        status_refuse(status, STATUS_RESOURCE_EXHAUSTED,
                      "%zu calls wait for plugin %s, the limit is %d; try again later", line->count, name,
                      PLUGIN_QUEUE_LIMIT);
        return NULL;
    }
    return task->current;
}

PluginJob *plugin_registry_analyze(PluginRegistry *registry, const char *name,
                                   const AnalysisRequest *requests, size_t count, PluginUrgency urgency,
                                   uint64_t deadline_ns, PluginAnalyzed callback, void *data)
{
    PluginJob *job = NEW(PluginJob);
    *job = (PluginJob){.registry = registry,
                       .callback = callback,
                       .data = data,
                       .urgency = urgency,
                       .deadline_ns = deadline_ns};
    TAILQ_INSERT_TAIL(&registry->jobs, job, link);
    size_t bytes = requests_bytes(requests, count);
    Status status = STATUS_INIT;
    PluginGeneration *generation = admit(registry, name, count, bytes, urgency, &status);
    if (!generation) {
        job_end(job, &status);
        return job;
    }
    job->requests = copy_requests(&job->input, requests, count);
    job->count = count;
    job->generation = generation;
    job->plugin = &generation->image->descriptor.plugin;
    TAILQ_INSERT_TAIL(&line_of(job)->jobs, job, waiting_link);
    count_in(job);
    generation->calls_in_flight++;
    generation->calls_total++;
    offer(generation);
    if (deadline_ns != 0)
        arm_timer(registry, deadline_ns);
    return job;
}

void plugin_job_cancel(PluginJob *job)
{
    PluginRegistry *registry = job->registry;
    TAILQ_REMOVE(&registry->jobs, job, link);
    if (job->has_ended)
        TAILQ_REMOVE(&registry->ended, job, ended_link);
    job->is_abandoned = true;
    if (job->state == JOB_RUNNING) {
        give_up(job);
        return;
    }
    if (job->state == JOB_WAITING)
        withdraw(job);
    job_free(job);
    if (registry->closing)
        uv_async_send(&registry->wake);
}

void jobs_refuse_waiting(PluginGeneration *generation, const Status *status)
{
    for (size_t i = 0; i < PLUGIN_URGENCIES; i++) {
        PluginJob *job;
        while ((job = TAILQ_FIRST(&generation->waiting[i].jobs))) {
            withdraw(job);
            job_end(job, status);
        }
    }
}

void jobs_refuse(PluginRegistry *registry)
{
    Status status;
    status_refuse(&status, STATUS_UNAVAILABLE, "the daemon is stopping; try again when it is back");
    PluginJob *job;
    TAILQ_FOREACH(job, &registry->jobs, link)
    {
        if (job->state != JOB_WAITING)
            continue;
        withdraw(job);
        job_end(job, &status);
    }
}
