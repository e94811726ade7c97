/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The world of one simulation: everything that is drawn, everything that is waiting to happen, and the time.
 *
 * Each of the daemon's doors that the simulation stands behind (store, plugins, LLM, loop) puts what it would
 * do later into one list of events. A step of the simulation draws one of them, so that one seed is one
 * interleaving, and the same seed is the same one again. Time stands still but for world_pass_time.
 */

#include "lib/base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what is drawn ------------------------------------------------------------------------------------- */

/* A new world of this seed: nothing waits. */
void world_begin(uint64_t seed);

/* Nothing may be left in it. */
void world_end(void);

uint64_t draw(void);
size_t draw_below(size_t limit);              /* 0 .. limit - 1; limit is at least 1 */
bool draw_chance(size_t one_of);              /* one time of so many */
size_t draw_between(size_t low, size_t high); /* both included */

/*
 * Whether doors fail and hang by themselves. They do not while it is checked what is there at rest.
 */
void world_set_faults(bool has_faults);

/* One time of so many, where there are faults; 0: never. */
bool draw_fault(size_t one_of);

/* ---- what waits to happen ------------------------------------------------------------------------------ */

/* Embedded in what waits. */
typedef struct Event {
    void (*run)(struct Event *event);
    const char *what; /* "a read of the store is answered" */
    uint64_t not_before_ns;
    size_t place; /* in the list, plus 1; 0: it does not wait */
} Event;

/* Happens at any time from not_before_ns on (0: from now on). Once; not while it waits already. */
void event_add(Event *event, const char *what, uint64_t not_before_ns, void (*run)(Event *event));

/* Harmless where it does not wait. */
void event_remove(Event *event);

static inline bool event_is_waiting(const Event *event)
{
    return event->place > 0;
}

/* One that may happen now happens. False: there is none. */
bool world_step(void);

/* Events that wait, whether they may happen now or not. */
size_t world_waiting(void);

/* ---- time ---------------------------------------------------------------------------------------------- */

#define MILLISECOND 1000000ull
#define SECOND 1000000000ull

/* On the clock of uv_hrtime. */
uint64_t world_now(void);
void world_pass_time(uint64_t nanoseconds);

/* To the earliest event that may not happen yet. False: there is none. */
bool world_pass_time_to_next(void);

/* ---- what is told -------------------------------------------------------------------------------------- */

/* The last lines are printed when the simulation fails; with `is_verbose`, all of them at once. */
void world_set_verbose(bool is_verbose);
void trace(const char *format, ...) _printf_(1, 2);

/* Prints the seed and the last lines, and ends the process. */
void world_fail(const char *format, ...) _printf_(1, 2) __attribute__((noreturn));

/* What has to hold, and a sentence for where it does not. */
#define HOLDS(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            world_fail(__VA_ARGS__);                                                                         \
    } while (0)

/* ---- marks: rare things that have to be reached now and then ------------------------------------------- */

typedef enum Mark {
    MARK_PUBLICATION_ABORTED,   /* the history went on: the publication is made again */
    MARK_APPENDED_BESIDE_BUILD, /* acknowledged while a build of the user was at work */
    MARK_IMPORTED_BESIDE_BUILD,
    MARK_BUILD_CAUGHT_UP,        /* published over a history that went on since it was loaded */
    MARK_CAUGHT_UP,              /* what was imported was brought into a model */
    MARK_CAUGHT_UP_IN_PARTS,     /* more items than are published at once */
    MARK_PUBLISHED_TOGETHER,     /* appends of several callers */
    MARK_CORRECTED_BEHIND_MODEL, /* an item that a published model has */
    MARK_DELETED_FROM_MODEL,
    MARK_DELETED_WITHOUT_MODEL,
    MARK_ROLLED_BACK,
    MARK_ERASED_WHILE_AT_WORK, /* others of the user ended with ABORTED */
    MARK_ERASED_AND_BACK,      /* the same name came again */
    MARK_CANCELLED_LOADING,
    MARK_CANCELLED_ANALYSING,
    MARK_CANCELLED_ASSEMBLING,
    MARK_CANCELLED_PUBLISHING,
    MARK_WRITTEN_FOR_NOBODY, /* of a call that was cancelled before */
    MARK_STORE_REFUSED,
    MARK_PLUGIN_HUNG,
    MARK_STOPPED_AT_WORK, /* the daemon stopped while calls were at work */
    MARK_CRASHED_AT_WORK,
    MARK_CRASHED_BEHIND,       /* with an item in the history that its model does not have */
    MARK_MODEL_FORGOTTEN,      /* out of the cache's budget */
    MARK_POOL_CHANGED_LOADING, /* a share changed while the pooled counts were being loaded */
    MARK_LLM_ANSWERED,
    MARK_LLM_FAILED,
    MARK_LLM_CANCELLED,
    MARK_REPLY_REUSED,
    MARK_REPLY_FOR_NOBODY, /* the user was erased before the reply could be kept */
    MARK_QUERY_CANCELLED,
    MARK_COUNT
} Mark;

void mark(Mark reached);

/* How often each was reached in all worlds so far; names those that were not. Their number. */
size_t marks_print(void);
