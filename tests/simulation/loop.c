/* SPDX-License-Identifier: MIT */

/* daemon/loop without a loop: calls and works wait in the world until they are drawn. */

#include "daemon/loop/loop.h"
#include "daemon/loop/later.h"
#include "daemon/loop/work.h"
#include "lib/base/memory.h"
#include "tests/simulation/world.h"

/* ---- later calls: in the order in which they were asked for ---------------------------------------------
 */

static Later *first;
static Later **end = &first;
static Event turn;

static void on_turn(Event *event)
{
    Later *later = first;
    later_cancel(later);
    if (first && !event_is_waiting(event))
        event_add(event, "a later call", 0, on_turn);
    later->run(later);
}

void later_call(uv_loop_t *loop, Later *later, void (*run)(Later *later))
{
    (void)loop;
    HOLDS(!later_is_waiting(later), "a later call is asked for twice");
    *later = (Later){.run = run, .place = end, .end = &end};
    *end = later;
    end = &later->next;
    if (!event_is_waiting(&turn))
        event_add(&turn, "a later call", 0, on_turn);
}

void later_cancel(Later *later)
{
    if (!later->place)
        return;
    *later->place = later->next;
    if (later->next)
        later->next->place = later->place;
    else
        end = later->place;
    later->place = NULL;
    later->next = NULL;
    if (!first)
        event_remove(&turn);
}

void loop_close(uv_loop_t *loop)
{
    (void)loop;
}

/* ---- works: run at one time, done at another ------------------------------------------------------------
 */

struct Work {
    Event event;
    const WorkKind *kind;
    void *job;
    void (*done)(void *owner, void *job);
    void *owner;
    bool is_cancelled;
    bool has_run;
};

static void on_done(Event *event)
{
    Work *work = CONTAINER_OF(event, Work, event);
    if (!work->is_cancelled)
        work->done(work->owner, work->job);
    work->kind->release(work->job);
    free(work);
}

static void on_run(Event *event)
{
    Work *work = CONTAINER_OF(event, Work, event);
    if (!work->is_cancelled || draw_chance(2))
        work->kind->run(work->job);
    work->has_run = true;
    event_add(event, work->is_cancelled ? "a work for nobody is released" : "a work is done", 0, on_done);
}

Work *work_begin(uv_loop_t *loop, const WorkKind *kind, void *job, void (*done)(void *owner, void *job),
                 void *owner)
{
    (void)loop;
    Work *work = NEW(Work);
    *work = (Work){.kind = kind, .job = job, .done = done, .owner = owner};
    event_add(&work->event, kind->where == WORK_BACKGROUND ? "a background work runs" : "a work runs", 0,
              on_run);
    return work;
}

/* A thread may have it already: then it runs to its end, whatever became of its owner. */
void work_cancel(Work *work)
{
    HOLDS(!work->is_cancelled, "a work is cancelled twice");
    work->is_cancelled = true;
}
