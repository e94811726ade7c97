/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Computation that takes longer than the loop may: on another thread, with its result back on the loop.
 *
 *     work_begin --> waiting --> running (another thread) --> done (loop) --> released
 *                       |           |
 *                       '-----------'--- work_cancel: no done; released when no thread works on it
 *
 * A job belongs to its work from the beginning to the release, so that whoever waits may leave at any time.
 * Threads: these functions and `done` on the loop's, `run` on another.
 */

#include "lib/base/macros.h" /* before uv.h, whose MIN would win */

#include <uv.h>

typedef struct Work Work;

typedef enum WorkClass {
    WORK_FOREGROUND, /* somebody waits for it */
    WORK_BACKGROUND, /* builds: their threads give way to all others */
    WORK_CLASSES,
} WorkClass;

/* More than a small machine has cores, so that a long history's query does not hold up all others. */
#define WORK_FOREGROUND_THREADS 4
/* As many as there are cores on a small machine; more would only take memory for more models at a time. */
#define WORK_BACKGROUND_THREADS 2
#define WORK_BACKGROUND_NICE 10 /* of 19: about a tenth of a core where everybody wants one */

typedef struct WorkKind {
    WorkClass where;
    void (*run)(void *job);
    void (*release)(void *job); /* frees the job and what it holds; on the loop's thread */
} WorkKind;

/* done may take what it wants out of the job; the job is released after it. kind is borrowed. */
Work *work_begin(uv_loop_t *loop, const WorkKind *kind, void *job, void (*done)(void *owner, void *job),
                 void *owner);

/* Before `done`: it does not come. */
void work_cancel(Work *work);
