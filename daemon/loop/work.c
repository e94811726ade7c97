/* SPDX-License-Identifier: MIT */
#include "daemon/loop/internal.h"
#include "lib/base/memory.h"

#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

struct Work {
    STAILQ_ENTRY(Work) link; /* background: waiting or done */
    const WorkKind *kind;
    void *job;
    void (*done)(void *owner, void *job);
    void *owner;
    bool is_cancelled; /* the loop's */
    uv_work_t request; /* foreground */
};

STAILQ_HEAD(WorkList, Work);

struct Background {
    uv_async_t wake; /* something is done */
    uv_thread_t threads[WORK_BACKGROUND_THREADS];
    unsigned thread_count;
    uv_mutex_t mutex; /* guards what follows */
    uv_cond_t more;
    struct WorkList waiting;
    struct WorkList finished;
    bool is_closing;
    /* the loop's */
    size_t at_hand; /* works that are not released: the loop stays for them */
};

static void finish(Work *work)
{
    if (!work->is_cancelled)
        work->done(work->owner, work->job);
    work->kind->release(work->job);
    free(work);
}

/* ---- the background's threads -------------------------------------------------------------------------- */

static void run_background(void *data)
{
    Background *background = data;
    setpriority(PRIO_PROCESS, (id_t)gettid(), WORK_BACKGROUND_NICE); /* a wish: nothing depends on it */
    uv_mutex_lock(&background->mutex);
    for (;;) {
        Work *work = STAILQ_FIRST(&background->waiting);
        if (!work && background->is_closing)
            break;
        if (!work) {
            uv_cond_wait(&background->more, &background->mutex);
            continue;
        }
        STAILQ_REMOVE_HEAD(&background->waiting, link);
        uv_mutex_unlock(&background->mutex);
        work->kind->run(work->job);
        uv_mutex_lock(&background->mutex);
        STAILQ_INSERT_TAIL(&background->finished, work, link);
        uv_async_send(&background->wake);
    }
    uv_mutex_unlock(&background->mutex);
}

static void leave(Background *background)
{
    if (--background->at_hand == 0)
        uv_unref((uv_handle_t *)&background->wake);
}

static void on_wake(uv_async_t *wake)
{
    Background *background = wake->data;
    struct WorkList finished = STAILQ_HEAD_INITIALIZER(finished);
    uv_mutex_lock(&background->mutex);
    STAILQ_CONCAT(&finished, &background->finished);
    uv_mutex_unlock(&background->mutex);
    while (!STAILQ_EMPTY(&finished)) {
        Work *work = STAILQ_FIRST(&finished);
        STAILQ_REMOVE_HEAD(&finished, link);
        finish(work);
        leave(background);
    }
}

static Background *background_new(uv_loop_t *loop)
{
    Background *background = NEW(Background);
    STAILQ_INIT(&background->waiting);
    STAILQ_INIT(&background->finished);
    uv_mutex_init(&background->mutex);
    uv_cond_init(&background->more);
    uv_async_init(loop, &background->wake, on_wake);
    background->wake.data = background;
    uv_unref((uv_handle_t *)&background->wake);
    return background;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void background_close(Background *background)
{
    if (!background)
        return;
    uv_mutex_lock(&background->mutex);
    background->is_closing = true;
    uv_cond_broadcast(&background->more);
    uv_mutex_unlock(&background->mutex);
    for (unsigned i = 0; i < background->thread_count; i++)
        uv_thread_join(&background->threads[i]);
    uv_cond_destroy(&background->more);
    uv_mutex_destroy(&background->mutex);
    uv_close((uv_handle_t *)&background->wake, on_closed);
}

/* Threads are made when work first comes for them. Without any, the work goes the others' way. */
static bool has_thread(Background *background)
{
    if (background->thread_count < WORK_BACKGROUND_THREADS &&
        background->at_hand >= background->thread_count &&
        uv_thread_create(&background->threads[background->thread_count], run_background, background) == 0)
        background->thread_count++;
    return background->thread_count > 0;
}

static void queue_background(Background *background, Work *work)
{
    if (background->at_hand++ == 0)
        uv_ref((uv_handle_t *)&background->wake);
    uv_mutex_lock(&background->mutex);
    STAILQ_INSERT_TAIL(&background->waiting, work, link);
    uv_cond_signal(&background->more);
    uv_mutex_unlock(&background->mutex);
}

/* ---- the door ------------------------------------------------------------------------------------------ */

static void run_foreground(uv_work_t *request)
{
    Work *work = CONTAINER_OF(request, Work, request);
    work->kind->run(work->job);
}

static void on_foreground_done(uv_work_t *request, int status)
{
    (void)status; /* a work that was cancelled before it ran is only released */
    finish(CONTAINER_OF(request, Work, request));
}

Work *work_begin(uv_loop_t *loop, const WorkKind *kind, void *job, void (*done)(void *owner, void *job),
                 void *owner)
{
    Work *work = NEW(Work);
    *work = (Work){.kind = kind, .job = job, .done = done, .owner = owner};
    LoopState *state = loop_state(loop);
    if (kind->where == WORK_BACKGROUND && !state->background)
        state->background = background_new(loop);
    if (kind->where == WORK_BACKGROUND && has_thread(state->background))
        queue_background(state->background, work);
    else
        uv_queue_work(loop, &work->request, run_foreground, on_foreground_done);
    return work;
}

void work_cancel(Work *work)
{
    work->is_cancelled = true;
    if (work->request.loop)
        uv_cancel((uv_req_t *)&work->request); /* where a thread has it already, it runs to its end */
}
