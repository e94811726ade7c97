/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One loaded version of a plugin file, and its life, which generation.c draws. generation_move is the only
 * way to change the state: it checks the table and what must hold in the new state. Everything here belongs
 * to the loop thread.
 */

#include "lib/base/status.h"
#include "lib/plugin/load.h"
#include "lib/plugin/vet.h"

#include <sys/queue.h>
#include <uv.h>

/* The numbers are those of rpmd.v1.PluginState. */
typedef enum PluginState {
    PLUGIN_VETTING = 1,
    PLUGIN_LOADING = 2,
    PLUGIN_SELF_TESTING = 3,
    PLUGIN_SERVING = 4,
    PLUGIN_DRAINING = 5,
    PLUGIN_RETIRED = 6,
    PLUGIN_FAILED = 7,
} PluginState;

typedef struct PluginTask PluginTask;
typedef struct PluginJob PluginJob;
typedef struct PluginRegistry PluginRegistry;
typedef struct WorkerPool WorkerPool;

/* Who waits for a call; calls.c says what follows from it. */
typedef enum PluginUrgency {
    PLUGIN_URGENT,     /* a caller: a query, an item that is appended */
    PLUGIN_BACKGROUND, /* a build of a whole history */
} PluginUrgency;
#define PLUGIN_URGENCIES 2

/* Calls that wait, first come, first served. */
typedef struct PluginLine {
    TAILQ_HEAD(, PluginJob) jobs;
    size_t count;
    size_t bytes; /* that they hold */
} PluginLine;

typedef struct PluginGeneration {
    struct PluginGeneration *older; /* of the same task */
    PluginRegistry *registry;
    PluginTask *task; /* NULL until the name of its task is known, and for those that failed before */
    uint64_t number;  /* 1, 2, ... within the task; 0 while it has none */
    PluginState state;
    char *file;         /* the operator's; owned */
    char *copy;         /* what is mapped: STATE_DIR/plugins/SHA256.so; owned; NULL before */
    char sha256[65];    /* "" before */
    PluginImage *image; /* owned; NULL before LOADING is done */
    WorkerPool *pool;  /* owned; NULL before LOADING, behind the end, and where the plugin is in the daemon */
    Status last_error; /* why it FAILED, or what went wrong last with a call */

    uint64_t worker_restarts; /* of a pool that is closed */

    uint32_t calls_in_flight; /* waiting and running */
    uint32_t calls_running;
    uint64_t calls_total;
    uint64_t calls_failed;                /* the plugin was at fault */
    PluginLine waiting[PLUGIN_URGENCIES]; /* by PluginUrgency */
    uint32_t background_running;          /* background calls that a worker or a thread has */
    bool is_ready;                        /* stands in the registry's line of those that may run a call */
    TAILQ_ENTRY(PluginGeneration) ready;

    void (*on_retired)(void *data); /* who waits for an unload; NULL for nobody. Only notes it */
    void *on_retired_data;
} PluginGeneration;

PluginGeneration *generation_new(PluginRegistry *registry, const char *file);
void generation_free(PluginGeneration *generation);

/* Changes the state; aborts when the table or the invariant of the new state is violated. */
void generation_move(PluginGeneration *generation, PluginState to);

/* How many calls wait. */
static inline size_t generation_waiting(const PluginGeneration *generation)
{
    return generation->waiting[0].count + generation->waiting[1].count;
}

/* "serving" */
const char *plugin_state_name(PluginState state);
