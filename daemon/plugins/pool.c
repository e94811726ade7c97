/* SPDX-License-Identifier: MIT */
#include "daemon/plugins/pool.h"

#include "daemon/log.h"
#include "daemon/plugins/internal.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/plugin/verify.h"

#include <sys/random.h>

#define LOAD_MS 10000       /* mapping a plugin, or its self-test; longer is a hang */
#define CANCEL_WAIT_MS 250  /* for a plugin that asks whether anybody waits; then its worker is ended */
#define GROW_WAIT_MS 5      /* a call that waits longer calls for another worker */
#define IDLE_MS 30000       /* after which a worker beyond `workers` ends */
#define BACKOFF_BEGIN_MS 10 /* before the second replacement in a row */
#define BACKOFF_LIMIT_MS 1000
#define CRASH_LIMIT 10    /* in a row without a reply: the plugin cannot work */
#define MEMORY_SHARE 0.75 /* of its limit, at which a worker is replaced between calls */

TAILQ_HEAD(WorkerList, Worker);

/* What the worker that loads is asked at the moment. */
typedef enum PoolStep { POOL_NO_STEP, POOL_LOADING, POOL_SELF_TESTING } PoolStep;

struct WorkerPool {
    PluginRegistry *registry;
    PluginGeneration *generation; /* NULL once the pool is closed */
    struct WorkerList workers;
    unsigned worker_count; /* those that are ending not counted */
    uint64_t restarts;
    unsigned crashes; /* in a row */
    Status breaker;

    PoolStep step;
    PoolStepDone step_done;
    void *step_data;
    Arena texts; /* what the step's reply is read into */
    Arena scratch;

    uv_timer_t timer; /* for the next start: after a crash, or because calls wait */
    bool timer_is_closed;
    bool is_backing_off;
};

/* What a worker does, as its pool sees it. Worker.owner points here. */
typedef struct Post {
    WorkerPool *pool;
    PluginJob *job; /* the items [job->done, job->done + job->chunk) are with it */
    bool has_loaded;
    bool overran; /* it was ended for not stopping, which is no crash */
} Post;

static const WorkerHandlers handlers;

static WorkerPool *pool_of(const Worker *worker)
{
    return ((Post *)worker->owner)->pool;
}

static void free_when_gone(WorkerPool *pool)
{
    if (pool->generation || !TAILQ_EMPTY(&pool->workers) || !pool->timer_is_closed)
        return;
    PluginRegistry *registry = pool->registry;
    arena_finish(&pool->texts);
    arena_finish(&pool->scratch);
    free(pool);
    registry->open_pools--;
    registry_continue_closing(registry);
}

/* ---- starting workers --------------------------------------------------------------------------------- */

/* Asks a fresh worker to map the plugin. */
static int start_worker(WorkerPool *pool, Status *status)
{
    Post *post = NEW(Post);
    post->pool = pool;
    const PluginGeneration *generation = pool->generation;
    const WorkerStart start = {
        .loop = pool->registry->loop,
        .program = pool->registry->worker_program,
        .copy = generation->copy,
        .file = generation->file,
        .memory = pool->registry->settings.worker_memory,
        .handlers = &handlers,
        .owner = post,
    };
    Worker *worker;
    if (worker_start(&worker, &start, status)) {
        free(post);
        return STATUS_REFUSED;
    }
    TAILQ_INSERT_TAIL(&pool->workers, worker, link);
    pool->worker_count++;
    worker_send(worker, &(WorkerRequest){.kind = WORKER_LOAD});
    worker_start_timer(worker, LOAD_MS);
    return 0;
}

static void open_breaker(WorkerPool *pool, const char *sentence)
{
    PluginGeneration *generation = pool->generation;
    const char *name = generation->task->name;
    status_refuse(
        &pool->breaker, STATUS_UNAVAILABLE,
        "plugin %s is out of service: its workers ended %d times in a row, the last one %s; mend the "
        "plugin, then run: rpmctl plugin reload %s",
        name, CRASH_LIMIT, sentence, name);
    log_warning("%s", pool->breaker.message);
    jobs_refuse_waiting(generation, &pool->breaker);
}

static void on_pool_timer(uv_timer_t *timer);

/* A random part of a time that doubles with each crash: not all workers of all pools at once. */
static uint64_t backoff_ms(unsigned crashes)
{
    if (crashes < 2)
        return 0;
    uint64_t limit = MIN((uint64_t)BACKOFF_LIMIT_MS, (uint64_t)BACKOFF_BEGIN_MS << (crashes - 2));
    unsigned random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = (unsigned)uv_hrtime();
    return limit / 2 + random % (limit / 2 + 1);
}

/* How many workers builds may have at a time. */
static size_t background_places(const WorkerPool *pool)
{
    const PluginSettings *settings = &pool->registry->settings;
    uint64_t limit = MAX(settings->workers, settings->workers_limit);
    return limit > 1 ? (size_t)limit - 1 : 1;
}

/* Whether a call waits that another worker could begin, and has waited for long. */
static bool waits_long(const WorkerPool *pool)
{
    const PluginGeneration *generation = pool->generation;
    const PluginJob *urgent = TAILQ_FIRST(&generation->waiting[PLUGIN_URGENT].jobs);
    const PluginJob *background = TAILQ_FIRST(&generation->waiting[PLUGIN_BACKGROUND].jobs);
    if (generation->background_running >= background_places(pool))
        background = NULL;
    uint64_t then = uv_hrtime() - GROW_WAIT_MS * 1000000ull;
    return (urgent && urgent->waits_since_ns < then) || (background && background->waits_since_ns < then);
}

static unsigned wanted_workers(const WorkerPool *pool)
{
    const PluginGeneration *generation = pool->generation;
    const PluginSettings *settings = &pool->registry->settings;
    unsigned limit = (unsigned)MAX(settings->workers, settings->workers_limit);
    /* Builds do not get the last one, which is started when it is not there. */
    unsigned wanted = (unsigned)settings->workers;
    if (generation->background_running > 0)
        wanted = MIN(MAX(wanted, generation->background_running + 1), limit);
    if (generation_waiting(generation) == 0)
        return wanted;
    return waits_long(pool) ? MIN(MAX(pool->worker_count + 1, wanted), limit) : MIN(MAX(wanted, 1u), limit);
}

/* Starts what is missing, now or when the wait after a crash is over. */
static void keep_up(WorkerPool *pool)
{
    if (!pool->generation || pool->step != POOL_NO_STEP || !status_is_ok(&pool->breaker) ||
        pool->is_backing_off)
        return;
    unsigned wanted = wanted_workers(pool);
    while (pool->worker_count < wanted) {
        Status status;
        if (start_worker(pool, &status) == 0)
            continue;
        pool->generation->last_error = status;
        pool->is_backing_off = true;
        uv_timer_start(&pool->timer, on_pool_timer, BACKOFF_LIMIT_MS, 0);
        return;
    }
    if (generation_waiting(pool->generation) > 0 &&
        pool->worker_count < pool->registry->settings.workers_limit &&
        !uv_is_active((uv_handle_t *)&pool->timer))
        uv_timer_start(&pool->timer, on_pool_timer, GROW_WAIT_MS + 1, 0);
}

static void on_pool_timer(uv_timer_t *timer)
{
    WorkerPool *pool = timer->data;
    pool->is_backing_off = false;
    keep_up(pool);
}

/* ---- jobs --------------------------------------------------------------------------------------------- */

static void send_chunk(Worker *worker, PluginJob *job)
{
    Post *post = worker->owner;
    size_t left = job->count - job->done;
    job->chunk = job->done < job->singly_until ? 1 : worker_chunk(job->requests + job->done, left);
    post->job = job;
    job->worker = worker;
    worker_send(worker, &(WorkerRequest){.kind = WORKER_ANALYZE,
                                         .deadline_ns = job->deadline_ns,
                                         .items = job->requests + job->done,
                                         .item_count = job->chunk});
}

static void start_job(Worker *worker, PluginJob *job)
{
    worker_start_timer(worker, 0);
    if (!job->analyses)
        job->analyses = ARENA_ARRAY(&job->output, Analysis, job->count);
    send_chunk(worker, job);
}

/* Takes the job off its worker. */
static PluginJob *leave_worker(Worker *worker)
{
    Post *post = worker->owner;
    PluginJob *job = TAKE_PTR(post->job);
    if (job) {
        job->worker = NULL;
        job_leave_place(job);
    }
    return job;
}

void pool_dispatch(WorkerPool *pool)
{
    Worker *worker, *next;
    for (worker = TAILQ_FIRST(&pool->workers); worker; worker = next) {
        next = TAILQ_NEXT(worker, link);
        if (worker->state != WORKER_WAITING || !((Post *)worker->owner)->has_loaded)
            continue;
        PluginJob *job = job_take(pool->generation, background_places(pool));
        if (!job)
            break;
        start_job(worker, job);
    }
    keep_up(pool);
}

void pool_abandon(WorkerPool *pool, PluginJob *job)
{
    (void)pool;
    worker_cancel(job->worker);
    worker_start_timer(job->worker, CANCEL_WAIT_MS);
}

/* A worker beyond those that are kept ends when it has had nothing to do for a while. */
static void rest(Worker *worker)
{
    WorkerPool *pool = pool_of(worker);
    if (pool->worker_count > pool->registry->settings.workers)
        worker_start_timer(worker, IDLE_MS);
}

/* Whether the worker is ended because it uses too much memory. */
static bool renew(Worker *worker)
{
    WorkerPool *pool = pool_of(worker);
    if ((double)worker->memory_bytes < (double)worker->memory_limit * MEMORY_SHARE)
        return false;
    status_refuse(&pool->generation->last_error, STATUS_RESOURCE_EXHAUSTED,
                  "a worker was replaced between two calls: it used %llu of its %llu MiB of memory",
                  (unsigned long long)worker->memory_bytes >> 20,
                  (unsigned long long)worker->memory_limit >> 20);
    log_warning("plugin %s: %s", pool->generation->task->name, pool->generation->last_error.message);
    worker_end(worker, NULL);
    pool->worker_count--;
    pool->restarts++;
    return true;
}

/* Gives a worker that has nothing to do the next job. */
static void next_job(Worker *worker)
{
    WorkerPool *pool = pool_of(worker);
    PluginJob *job = job_take(pool->generation, background_places(pool));
    if (job)
        start_job(worker, job);
    else
        rest(worker);
}

/* Checks a chunk of analyses, which a hostile plugin may have written. */
static int verify_chunk(const PluginJob *job, const WorkerReply *reply, Status *status)
{
    if (!status_is_ok(&reply->status) || reply->analysis_count != job->chunk)
        return status_refuse(status, STATUS_INTERNAL, "it has %zu analyses of %zu items",
                             reply->analysis_count, job->chunk);
    for (size_t i = 0; i < reply->analysis_count; i++)
        if (plugin_verify_analysis(job->plugin, &job->requests[job->done + i], &reply->analyses[i], status))
            return STATUS_REFUSED;
    return 0;
}

static void on_analyzed(Worker *worker, PluginJob *job, const WorkerReply *reply)
{
    WorkerPool *pool = pool_of(worker);
    Status status;
    if (verify_chunk(job, reply, &status)) {
        log_warning("plugin %s: its worker sent an analysis that cannot be: %s", pool->generation->task->name,
                    status.message);
        worker_end(worker, "sent an analysis that cannot be");
        return;
    }
    pool->crashes = 0;
    memcpy(job->analyses + job->done, reply->analyses, reply->analysis_count * sizeof(*reply->analyses));
    job->done += job->chunk;
    job->chunk = 0;
    bool goes_on = job->done < job->count && !job->is_abandoned && !job->has_ended;
    if (goes_on && !job_should_give_way(job)) {
        send_chunk(worker, job);
        return;
    }
    leave_worker(worker);
    if (goes_on) {
        job_put_back(job);
        return;
    }
    worker_start_timer(worker, 0);
    /* The worker is set to work before the job's end, behind which the generation may be retired. */
    if (!renew(worker))
        next_job(worker);
    job_finish(job);
}

/* ---- loading ------------------------------------------------------------------------------------------ */

static void finish_step(WorkerPool *pool, const Status *status, const rpmd_plugin *plugin)
{
    PoolStepDone done = pool->step_done;
    Arena texts = pool->texts;
    pool->texts = ARENA_INIT;
    pool->step = POOL_NO_STEP;
    done(status, plugin, &texts, pool->step_data);
    arena_finish(&texts);
}

static void on_loaded(Worker *worker, const WorkerReply *reply)
{
    WorkerPool *pool = pool_of(worker);
    Post *post = worker->owner;
    worker_start_timer(worker, 0);
    post->has_loaded = true;
    if (pool->step == POOL_LOADING) {
        Status status = reply->status;
        if (status_is_ok(&status) && !reply->plugin)
            status_refuse(&status, STATUS_INTERNAL, "%s: load: the worker did not describe the plugin",
                          pool->generation->file);
        finish_step(pool, &status, reply->plugin);
        return;
    }
    arena_finish(&pool->texts);
    if (!status_is_ok(&reply->status)) {
        worker_end(worker, "could not load the plugin again");
        return;
    }
    next_job(worker);
}

static void begin_step(WorkerPool *pool, PoolStep step, PoolStepDone done, void *data)
{
    pool->step = step;
    pool->step_done = done;
    pool->step_data = data;
}

/* From the loop: nobody is called back before pool_load has returned. */
static void on_cannot_start(uv_timer_t *timer)
{
    WorkerPool *pool = timer->data;
    Status status = pool->breaker;
    pool->breaker = STATUS_INIT;
    finish_step(pool, &status, NULL);
}

void pool_load(WorkerPool *pool, PoolStepDone done, void *data)
{
    begin_step(pool, POOL_LOADING, done, data);
    if (start_worker(pool, &pool->breaker))
        uv_timer_start(&pool->timer, on_cannot_start, 0, 0);
}

void pool_self_test(WorkerPool *pool, PoolStepDone done, void *data)
{
    Worker *worker = TAILQ_FIRST(&pool->workers);
    begin_step(pool, POOL_SELF_TESTING, done, data);
    worker_start_timer(worker, LOAD_MS + CANCEL_WAIT_MS);
    worker_send(worker, &(WorkerRequest){.kind = WORKER_SELF_TEST,
                                         .deadline_ns = uv_hrtime() + LOAD_MS * 1000000ull});
}

/* ---- what workers tell -------------------------------------------------------------------------------- */

static Arena *reply_arena(Worker *worker)
{
    const Post *post = worker->owner;
    return post->job ? &post->job->output : &post->pool->texts;
}

static void log_lines(const WorkerPool *pool, const WorkerReply *reply)
{
    const PluginTask *task = pool->generation->task;
    for (size_t i = 0; i < reply->log_count; i++)
        job_log_line(task ? task->name : pool->generation->file, reply->log[i].level, reply->log[i].line);
}

static void on_reply(Worker *worker, const WorkerReply *reply)
{
    Post *post = worker->owner;
    WorkerPool *pool = post->pool;
    log_lines(pool, reply);
    if (post->job) {
        on_analyzed(worker, post->job, reply);
        return;
    }
    if (!post->has_loaded) {
        on_loaded(worker, reply);
        return;
    }
    worker_start_timer(worker, 0);
    finish_step(pool, &reply->status, NULL);
}

/* What becomes of the job whose worker is gone. */
static void settle_job(WorkerPool *pool, PluginJob *job, const char *sentence, bool had_begun)
{
    bool is_open = !status_is_ok(&pool->breaker);
    if (job->is_abandoned || job->has_ended) {
        job_finish(job);
    } else if (is_open && !(had_begun && job->count == 1)) {
        /* No worker comes any more that could go on with it. */
        job_fail(job, &pool->breaker);
    } else if (!had_begun && !job->was_asked_again) {
        job->was_asked_again = true;
        job_put_back(job);
    } else if (job->chunk > 1) {
        job->singly_until = job->done + job->chunk;
        job_put_back(job);
    } else {
        job->analyses[job->done++] = (Analysis){
            .code = STATUS_INTERNAL,
            .error = text_of(arena_format(&job->output, "plugin %s %s; its worker is replaced",
                                          pool->generation->task->name, sentence)),
            .answer_option = ANALYSIS_NO_OPTION,
        };
        if (job->done < job->count)
            job_put_back(job);
        else
            job_finish(job);
    }
}

/* Counts an end that was not asked for, and says when the next worker may start. */
static void note_end(WorkerPool *pool, const char *sentence, bool overran)
{
    PluginGeneration *generation = pool->generation;
    const char *name = generation->task->name;
    pool->restarts++;
    status_refuse(&generation->last_error, STATUS_INTERNAL, "plugin %s %s", name, sentence);
    log_warning("plugin %s, generation %llu: it %s; its worker is replaced", name,
                (unsigned long long)generation->number, sentence);
    /* Callers who do not wait must not put a slow plugin out of service. */
    if (overran)
        return;
    if (++pool->crashes >= CRASH_LIMIT) {
        if (status_is_ok(&pool->breaker))
            open_breaker(pool, sentence);
        return;
    }
    uint64_t wait = backoff_ms(pool->crashes);
    if (wait > 0) {
        pool->is_backing_off = true;
        uv_timer_start(&pool->timer, on_pool_timer, wait, 0);
    }
}

static void fail_step(WorkerPool *pool, const char *sentence)
{
    Status status;
    const char *step = pool->step == POOL_LOADING ? "load" : "self-test";
    status_refuse(&status, STATUS_FAILED_PRECONDITION, "%s: %s: the plugin %s", pool->generation->file, step,
                  sentence);
    finish_step(pool, &status, NULL);
}

static void on_end(Worker *worker, const char *sentence, bool had_begun)
{
    Post *post = worker->owner;
    WorkerPool *pool = post->pool;
    PluginGeneration *generation = pool->generation;
    bool was_wanted = sentence[0] == '\0';
    bool overran = post->overran;
    PluginJob *job = leave_worker(worker);
    TAILQ_REMOVE(&pool->workers, worker, link);
    free(post);
    if (!generation) {
        free_when_gone(pool);
        return;
    }
    if (!was_wanted)
        pool->worker_count--;
    if (pool->step != POOL_NO_STEP) {
        fail_step(pool, sentence);
        return;
    }
    if (!was_wanted)
        note_end(pool, sentence, overran);
    if (job)
        settle_job(pool, job, sentence, had_begun);
    keep_up(pool);
}

static void on_timer(Worker *worker)
{
    Post *post = worker->owner;
    WorkerPool *pool = post->pool;
    if (post->job) {
        post->overran = true;
        worker_end(worker, "did not stop when nobody waited any more");
    } else if (worker->state == WORKER_ASKED) {
        worker_end(worker, "took longer than 10 seconds");
    } else if (pool->worker_count > pool->registry->settings.workers) {
        worker_end(worker, NULL);
        pool->worker_count--;
    }
}

static const WorkerHandlers handlers = {
    .on_reply = on_reply,
    .reply_arena = reply_arena,
    .on_end = on_end,
    .on_timer = on_timer,
};

/* ---- life --------------------------------------------------------------------------------------------- */

WorkerPool *pool_new(PluginRegistry *registry, PluginGeneration *generation)
{
    WorkerPool *pool = NEW(WorkerPool);
    pool->registry = registry;
    pool->generation = generation;
    TAILQ_INIT(&pool->workers);
    uv_timer_init(registry->loop, &pool->timer);
    pool->timer.data = pool;
    registry->open_pools++;
    return pool;
}

static void on_timer_closed(uv_handle_t *handle)
{
    WorkerPool *pool = handle->data;
    pool->timer_is_closed = true;
    free_when_gone(pool);
}

void pool_close(WorkerPool *pool)
{
    Worker *worker;
    pool->generation = NULL;
    TAILQ_FOREACH(worker, &pool->workers, link)
    {
        worker_end(worker, NULL);
    }
    uv_close((uv_handle_t *)&pool->timer, on_timer_closed);
}

const Status *pool_breaker(const WorkerPool *pool)
{
    return &pool->breaker;
}

uint64_t pool_restarts(const WorkerPool *pool)
{
    return pool->restarts;
}

const Worker *pool_first_worker(const WorkerPool *pool)
{
    return TAILQ_FIRST(&pool->workers);
}
