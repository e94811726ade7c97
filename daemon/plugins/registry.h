/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The task plugins of the daemon: which file serves which task, in which generation, and the one way to call
 * them. Everything here runs on the loop's thread; the plugins' code runs in worker processes. Callbacks
 * never run before the function that takes them has returned.
 */

#include "daemon/plugins/generation.h"
#include "lib/base/arena.h"
#include "lib/plugin/analysis.h"

typedef struct PluginRegistry PluginRegistry;

/* A task. It is listed while one of its generations is served or drains. */
struct PluginTask {
    PluginTask *next; /* by name */
    char *name;
    char *file;                    /* what Reload loads */
    PluginGeneration *current;     /* NULL: unloaded, draining */
    PluginGeneration *generations; /* newest first; of those that ended, the last PLUGIN_ENDED_LIMIT */
    uint64_t last_number;
};

/* A file that was not loaded. */
typedef struct PluginRefusal {
    struct PluginRefusal *next; /* oldest first */
    char *file;
    Status status;
} PluginRefusal;

#define PLUGIN_ENDED_LIMIT 4 /* retired and failed generations of a task that are remembered for the list */
#define PLUGIN_REFUSAL_LIMIT 256 /* refused files that are remembered */

/* ---- life --------------------------------------------------------------------------------------------- */

/* Where plugins run, and with what. */
typedef struct PluginSettings {
    bool in_process;            /* isolation = none; else each generation has worker processes of its own */
    uint64_t workers;           /* of each plugin, kept while nothing is to do */
    uint64_t workers_limit;     /* of each plugin, while calls wait */
    uint64_t worker_memory;     /* bytes of one worker */
    const char *worker_program; /* borrowed until the registry is open; NULL: the one that belongs to rpmd */
} PluginSettings;

/*
 * Makes STATE_DIRECTORY/plugins (mode 0700) and removes the copies that an earlier process left there.
 * Finds rpmd-worker, unless plugins run in the daemon. STATUS_REFUSED when one cannot be; *registry is then
 * NULL.
 */
int plugin_registry_open(PluginRegistry **registry, uv_loop_t *loop, const char *state_directory,
                         const PluginSettings *settings, Status *status);

typedef void (*PluginClosed)(void *data);

/*
 * Waits for the calls at work, refuses those that wait with UNAVAILABLE, closes the handles, frees
 * everything, and calls closed. NULL is fine: closed is called at once.
 */
void plugin_registry_close(PluginRegistry *registry, PluginClosed closed, void *data);

/* ---- loading ------------------------------------------------------------------------------------------ */

/* task: the one concerned, borrowed; NULL with an error, and when it is gone. A PluginDone may be NULL. */
typedef void (*PluginDone)(const Status *status, const PluginTask *task, void *data);

/*
 * Vets, copies, loads, self-tests and serves a file; one file at a time, in the order of the requests.
 * ALREADY_EXISTS, naming both files, when its task is served.
 */
void plugin_registry_load(PluginRegistry *registry, const char *file, PluginDone done, void *data);

/*
 * Loads the task's file as a new generation beside the one that serves, then swaps them; the older one
 * drains. When a step refuses, the older one goes on. NOT_FOUND when nothing serves the task.
 */
void plugin_registry_reload(PluginRegistry *registry, const char *name, PluginDone done, void *data);

/* Stops serving a task and is done when its calls in flight are. NOT_FOUND when nothing serves it. */
void plugin_registry_unload(PluginRegistry *registry, const char *name, PluginDone done, void *data);

/*
 * Loads the *.so files of the directories, directory by directory, in the order of their names, and follows
 * the directories from then on: what appears is loaded, what changed is reloaded, what is gone is unloaded
 * (after its calls; histories and models stay). What is refused stands in plugin_registry_refusals.
 */
void plugin_registry_scan(PluginRegistry *registry, char *const *directories, size_t count,
                          void (*scanned)(void *data), void *data);

/* Reloads every task, and tries the files again that were refused. */
void plugin_registry_refresh(PluginRegistry *registry);

/* ---- asking ------------------------------------------------------------------------------------------- */

/*
 * The descriptor that serves a task, borrowed until control returns to the loop; NULL when there is none:
 * status is then NOT_FOUND and names the tasks that there are. status may be NULL.
 */
const rpmd_plugin *plugin_registry_find(const PluginRegistry *registry, const char *name, Status *status);

/* The first task by name; the others follow with next. Borrowed until control returns to the loop. */
const PluginTask *plugin_registry_tasks(const PluginRegistry *registry);
const PluginRefusal *plugin_registry_refusals(const PluginRegistry *registry);

/* ---- watching ----------------------------------------------------------------------------------------- */

/* One move of a generation. Borrowed for the time of the callback. */
typedef struct PluginEvent {
    int64_t time_us;     /* since 1970-01-01 UTC */
    const char *name;    /* the task; the file's name where the task is not known yet */
    uint64_t generation; /* 0 where the task is not known yet */
    PluginState from;    /* 0: new */
    PluginState to;
    const char *reason; /* a sentence */
} PluginEvent;

/* Owned by the caller, who fills callback and data; linked in between. A callback may unwatch itself only. */
typedef struct PluginWatcher {
    void (*callback)(const PluginEvent *event, void *data);
    void *data;
    struct PluginWatcher *next;
} PluginWatcher;

void plugin_registry_watch(PluginRegistry *registry, PluginWatcher *watcher);
void plugin_registry_unwatch(PluginRegistry *registry, PluginWatcher *watcher);

/* ---- calling: the seam -------------------------------------------------------------------------------- */

#define PLUGIN_BATCH_LIMIT 256  /* items of one call */
#define PLUGIN_QUEUE_LIMIT 1024 /* calls of a line (generation.h); more would wait too long */
#define PLUGIN_QUEUE_BYTES_LIMIT (64 * 1024 * 1024) /* what these calls hold */
/* With isolation = none: */
#define PLUGIN_RUNNING_LIMIT 3 /* calls at work: of the four threads of the pool, one is left to others */
#define PLUGIN_TASK_RUNNING_LIMIT 2 /* calls of one generation at work: no plugin takes all threads */

/* What came back. */
typedef struct PluginBatch {
    Status status;      /* not OK: nothing was analysed, count is 0 */
    Analysis *analyses; /* analyses[i] for requests[i], each with a code of its own; in the arena */
    size_t count;
    const char *version; /* the extractor's; in the arena */
    Arena arena;         /* the callback may take it (and set this to ARENA_INIT); else freed behind it */
} PluginBatch;

typedef void (*PluginAnalyzed)(PluginBatch *batch, void *data);

/*
 * Analyses a batch of items with the plugin that serves the task now. Nobody above knows where the plugin
 * runs. The requests are copied. urgency: who waits for it (generation.h). deadline_ns is on the clock of
 * uv_hrtime, 0: none; when it passes, the callback comes at once with DEADLINE_EXCEEDED, even if the plugin
 * goes on.
 *
 * NOT_FOUND: nothing serves the task. RESOURCE_EXHAUSTED: too many calls wait. UNAVAILABLE: closing.
 * Calls of one task and urgency start in order; tasks take turns.
 */
PluginJob *plugin_registry_analyze(PluginRegistry *registry, const char *name,
                                   const AnalysisRequest *requests, size_t count, PluginUrgency urgency,
                                   uint64_t deadline_ns, PluginAnalyzed callback, void *data);

/* Nobody waits any more: the callback will not be called. Only before the callback. */
void plugin_job_cancel(PluginJob *job);
