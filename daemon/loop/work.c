/* SPDX-License-Identifier: MIT */

/*
 * A crew of threads for each class of work, as libuv has one for all, but with a cheap hand-over, which for
 * most queries is a good part of what they take:
 *
 *   - one thread is woken at a time, and wakes the next where it leaves work behind. A thread that is awake
 *     goes from one work to the next without going to sleep;
 *   - the loop is woken for the first work that is done, and takes all that are there by then.
 */
#include "daemon/loop/internal.h"
#include "lib/base/memory.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS_LIMIT MAX(WORK_FOREGROUND_THREADS, WORK_BACKGROUND_THREADS)

struct Work {
    TAILQ_ENTRY(Work) link; /* while it waits or is done */
    const WorkKind *kind;
    void *job;
    void (*done)(void *owner, void *job);
    void *owner;
    Crew *crew;
    bool is_cancelled; /* the loop's */
    bool is_waiting;   /* guarded by the crew's mutex */
};

TAILQ_HEAD(WorkList, Work);

struct Crew {
    int nice;
    unsigned thread_limit;
    int event; /* written to when something is done: uv_async_t lets the loop spin until its sender goes on */
    uv_poll_t wake; /* for the event */
    uv_thread_t threads[THREADS_LIMIT];
    unsigned thread_count;
    size_t at_hand; /* works that are not released: the loop stays for them */

    uv_mutex_t mutex; /* guards what follows */
    uv_cond_t more;
    struct WorkList waiting;
    struct WorkList finished;
    unsigned sleeping;
    bool is_waking; /* a thread was woken that does not run yet */
    bool is_closing;
};

static void wake_loop(const Crew *crew)
{
    (void)!eventfd_write(crew->event, 1); /* fails where the loop is to wake anyway */
}

/* ---- the threads --------------------------------------------------------------------------------------- */

/* The mutex is held. */
static void wake_one(Crew *crew)
{
    if (crew->is_waking || crew->sleeping == 0)
        return;
    crew->is_waking = true;
    uv_cond_signal(&crew->more);
}

/* The next work; NULL: there will be none. The mutex is held. */
static Work *take(Crew *crew)
{
    while (TAILQ_EMPTY(&crew->waiting) && !crew->is_closing) {
        crew->sleeping++;
        uv_cond_wait(&crew->more, &crew->mutex);
        crew->sleeping--;
        crew->is_waking = false;
    }
    Work *work = TAILQ_FIRST(&crew->waiting);
    if (!work)
        return NULL;
    TAILQ_REMOVE(&crew->waiting, work, link);
    work->is_waiting = false;
    if (!TAILQ_EMPTY(&crew->waiting))
        wake_one(crew);
    return work;
}

static void run_crew(void *data)
{
    Crew *crew = data;
    if (crew->nice != 0)
        setpriority(PRIO_PROCESS, (id_t)gettid(), crew->nice); /* a wish: nothing depends on it */
    uv_mutex_lock(&crew->mutex);
    for (Work *work; (work = take(crew));) {
        uv_mutex_unlock(&crew->mutex);
        work->kind->run(work->job);
        uv_mutex_lock(&crew->mutex);
        bool is_first = TAILQ_EMPTY(&crew->finished);
        TAILQ_INSERT_TAIL(&crew->finished, work, link);
        uv_mutex_unlock(&crew->mutex);
        if (is_first)
            wake_loop(crew); /* which then takes the mutex */
        uv_mutex_lock(&crew->mutex);
    }
    uv_mutex_unlock(&crew->mutex);
}

/* ---- the loop's side ----------------------------------------------------------------------------------- */

static void finish(Work *work)
{
    Crew *crew = work->crew;
    if (!work->is_cancelled)
        work->done(work->owner, work->job);
    work->kind->release(work->job);
    free(work);
    if (--crew->at_hand == 0)
        uv_unref((uv_handle_t *)&crew->wake);
}

static void on_wake(uv_poll_t *wake, int status, int events)
{
    Crew *crew = wake->data;
    struct WorkList finished = TAILQ_HEAD_INITIALIZER(finished);
    eventfd_t count;
    (void)!eventfd_read(crew->event, &count);
    uv_mutex_lock(&crew->mutex);
    TAILQ_CONCAT(&finished, &crew->finished, link);
    uv_mutex_unlock(&crew->mutex);
    while (!TAILQ_EMPTY(&finished)) {
        Work *work = TAILQ_FIRST(&finished);
        TAILQ_REMOVE(&finished, work, link);
        finish(work);
    }
}

/* What a daemon cannot do without: libuv ends the program, too. */
static void need(bool is_there, const char *what)
{
    if (is_there)
        return;
    fprintf(stderr, "out of %s\n", what);
    abort();
}

static Crew *crew_new(uv_loop_t *loop, WorkClass where)
{
    Crew *crew = NEW(Crew);
    crew->nice = where == WORK_BACKGROUND ? WORK_BACKGROUND_NICE : 0;
    crew->thread_limit = where == WORK_BACKGROUND ? WORK_BACKGROUND_THREADS : WORK_FOREGROUND_THREADS;
    TAILQ_INIT(&crew->waiting);
    TAILQ_INIT(&crew->finished);
    uv_mutex_init(&crew->mutex);
    uv_cond_init(&crew->more);
    crew->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    need(crew->event >= 0 && uv_poll_init(loop, &crew->wake, crew->event) == 0 &&
             uv_poll_start(&crew->wake, UV_READABLE, on_wake) == 0,
         "descriptors");
    crew->wake.data = crew;
    uv_unref((uv_handle_t *)&crew->wake);
    return crew;
}

static void on_closed(uv_handle_t *handle)
{
    Crew *crew = handle->data;
    close(crew->event);
    free(crew);
}

void crew_close(Crew *crew)
{
    if (!crew)
        return;
    uv_mutex_lock(&crew->mutex);
    crew->is_closing = true;
    uv_cond_broadcast(&crew->more);
    uv_mutex_unlock(&crew->mutex);
    for (unsigned i = 0; i < crew->thread_count; i++)
        uv_thread_join(&crew->threads[i]);
    uv_cond_destroy(&crew->more);
    uv_mutex_destroy(&crew->mutex);
    uv_close((uv_handle_t *)&crew->wake, on_closed);
}

/* Threads are made when more work comes than there are; one of them is enough. */
static void add_thread(Crew *crew)
{
    if (crew->thread_count == crew->thread_limit || crew->at_hand < crew->thread_count)
        return;
    if (uv_thread_create(&crew->threads[crew->thread_count], run_crew, crew) == 0)
        crew->thread_count++;
    need(crew->thread_count > 0, "threads");
}

/* ---- the door ------------------------------------------------------------------------------------------ */

Work *work_begin(uv_loop_t *loop, const WorkKind *kind, void *job, void (*done)(void *owner, void *job),
                 void *owner)
{
    LoopState *state = loop_state(loop);
    if (!state->crews[kind->where])
        state->crews[kind->where] = crew_new(loop, kind->where);
    Crew *crew = state->crews[kind->where];
    Work *work = NEW(Work);
    *work = (Work){.kind = kind, .job = job, .done = done, .owner = owner, .crew = crew, .is_waiting = true};
    add_thread(crew);
    if (crew->at_hand++ == 0)
        uv_ref((uv_handle_t *)&crew->wake);
    uv_mutex_lock(&crew->mutex);
    TAILQ_INSERT_TAIL(&crew->waiting, work, link);
    wake_one(crew);
    uv_mutex_unlock(&crew->mutex);
    return work;
}

/* One that no thread has yet counts as done. */
void work_cancel(Work *work)
{
    Crew *crew = work->crew;
    work->is_cancelled = true;
    uv_mutex_lock(&crew->mutex);
    if (work->is_waiting) {
        work->is_waiting = false;
        TAILQ_REMOVE(&crew->waiting, work, link);
        TAILQ_INSERT_TAIL(&crew->finished, work, link);
        wake_loop(crew);
    }
    uv_mutex_unlock(&crew->mutex);
}
