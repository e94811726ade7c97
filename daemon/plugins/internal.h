/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/plugins: what registry.c (tasks), loading.c (steps), calls.c (the seam) share. */

#include "daemon/plugins/pool.h"
#include "daemon/plugins/registry.h"
#include "lib/base/macros.h"
#include "lib/plugin/call.h"

#include <sys/queue.h>

typedef enum ChangeKind { CHANGE_LOAD, CHANGE_RELOAD, CHANGE_UNLOAD, CHANGE_MARK } ChangeKind;

/* A change that somebody asked for. One is at work at a time. */
typedef struct Change {
    TAILQ_ENTRY(Change) link;
    PluginRegistry *registry;
    ChangeKind kind;
    char *file; /* load */
    char *name; /* reload, unload */
    bool found; /* a plugin directory asks for it: a refusal is remembered */
    PluginDone done;
    void (*mark)(void *data); /* mark: only tells that it is reached */
    void *data;

    PluginGeneration *generation;
    uv_work_t work;
    /* What a step on the pool made, until the loop takes it. */
    VettedPlugin vetted;
    char *copy;
    PluginImage *image;
    Status status;
} Change;

TAILQ_HEAD(ChangeList, Change);
TAILQ_HEAD(JobList, PluginJob);
TAILQ_HEAD(GenerationList, PluginGeneration);

typedef struct WatchedFile WatchedFile;
typedef struct WatchedDirectory WatchedDirectory;

typedef struct DeadCopy {
    struct DeadCopy *next;
    char *path;
} DeadCopy;

typedef enum JobState { JOB_OUTSIDE, JOB_WAITING, JOB_RUNNING } JobState;

/* A call: see calls.c. */
struct PluginJob {
    TAILQ_ENTRY(PluginJob) waiting_link; /* in a line of its generation, while WAITING */
    TAILQ_ENTRY(PluginJob) link;         /* in registry->jobs, until its callback runs */
    TAILQ_ENTRY(PluginJob) ended_link;   /* in registry->ended, while has_ended */
    PluginRegistry *registry;
    PluginGeneration *generation; /* while WAITING and RUNNING */
    PluginUrgency urgency;
    JobState state;
    bool has_place; /* is one of its generation's background_running */
    bool has_ended;
    bool is_abandoned; /* the callback ran, or nobody waits */
    PluginAnalyzed callback;
    void *data;
    uint64_t waits_since_ns; /* where it is WAITING */
    uint64_t deadline_ns;
    Status status; /* why it ended, unless it was analysed */

    Arena input;
    const AnalysisRequest *requests;
    size_t count;
    const rpmd_plugin *plugin;
    Arena output;
    Analysis *analyses;
    const char *version; /* in output */

    /* For in_process.c */
    uv_work_t work;
    atomic_bool cancelled;

    /* For pool.c */
    Worker *worker; /* that has it; NULL */
    size_t done;    /* items that were analysed */
    size_t chunk;   /* items that the worker has */
    size_t singly_until;
    bool was_asked_again;
};

struct PluginRegistry {
    uv_loop_t *loop;
    PluginSettings settings;
    char worker_program[32]; /* "/proc/self/fd/7": a newer rpmd-worker may be installed meanwhile */
    int worker_descriptor;
    unsigned open_pools;
    char *copies; /* the directory of the private copies */
    PluginTask *tasks;
    PluginRefusal *refusals;
    size_t refusal_count;
    PluginWatcher *watchers;

    struct ChangeList changes; /* waiting */
    Change *change;            /* at work */
    DeadCopy *dead_copies;     /* removed when no change is at work, which could be about to load one */

    struct JobList jobs;         /* whose callback has not run */
    struct JobList ended;        /* of these: whose callback comes next */
    struct GenerationList ready; /* that may start a call */
    size_t running;              /* jobs on the pool, abandoned ones included */
    size_t background_running;   /* of these: background jobs */

    WatchedDirectory *directories; /* see watching.c */
    WatchedFile *files;
    uv_timer_t settle;
    uv_timer_t recheck;

    uv_async_t wake; /* runs callbacks and changes outside the functions that ask for them */
    uv_timer_t timer;
    uint64_t timer_ns; /* when it fires; 0: it does not */
    unsigned open_handles;
    bool closing;
    bool handles_closed;
    PluginClosed closed;
    void *closed_data;
};

/* registry.c */

PluginTask *registry_find_task(const PluginRegistry *registry, const char *name);

/* The task, made when there is none. */
PluginTask *registry_add_task(PluginRegistry *registry, const char *name);

/* Puts a generation at the head of a task's and numbers it. */
void registry_attach(PluginTask *task, PluginGeneration *generation);

/* Moves a generation and tells the log and the watchers. */
void registry_move(PluginRegistry *registry, PluginGeneration *generation, PluginState to,
                   const char *reason);

/* Tells of a new generation. */
void registry_announce(PluginRegistry *registry, const PluginGeneration *generation, const char *reason);

/* Stops giving calls to a generation that serves; it retires when its calls have ended. */
void registry_drain(PluginRegistry *registry, PluginGeneration *generation, const char *reason);

/* Retires a draining generation without calls; forgets old ones, and the task with its last one. May free
 * the generation. */
void registry_settle(PluginRegistry *registry, PluginGeneration *generation);

/* Ends the workers of a generation, where it has any. */
void registry_close_pool(PluginGeneration *generation);

/* Removes a private copy as soon as no generation and no change needs it. Takes the path; NULL is fine. */
void registry_discard_copy(PluginRegistry *registry, char *path);
void registry_remove_copies(PluginRegistry *registry);

/* Returns whether it is news: another reason than before, or none before. */
bool registry_remember_refusal(PluginRegistry *registry, const char *file, const Status *status);
void registry_forget_refusal(PluginRegistry *registry, const char *file);

/* Fills NOT_FOUND with the tasks that there are. */
int registry_refuse_unknown(const PluginRegistry *registry, const char *name, Status *status);

/* Goes on with closing, when nothing is at work any more. */
void registry_continue_closing(PluginRegistry *registry);

/* loading.c */

/* Starts the next change, if none is at work. */
void changes_run(PluginRegistry *registry);

/* Refuses the changes that wait. */
void changes_refuse(PluginRegistry *registry);

/* A file of a plugin directory is new or changed; task: the one that it serves, or NULL. */
void changes_add_found(PluginRegistry *registry, const char *file, const char *task);

/* The file that serves a task is gone. */
void changes_add_vanished(PluginRegistry *registry, const char *task);

void changes_add_mark(PluginRegistry *registry, void (*mark)(void *data), void *data);

/* watching.c */

/* Closes the handles, each with `closed`, which finds the registry in its data. */
void watching_close(PluginRegistry *registry, uv_close_cb closed);
void watching_free(PluginRegistry *registry);

/* calls.c */

/* Runs the callbacks of the jobs that have ended. */
void jobs_deliver(PluginRegistry *registry);

/* Ends all jobs whose deadline passed, and sets the timer for the next. */
void jobs_expire(PluginRegistry *registry);

/* Ends the jobs that wait, of all generations or of one. */
void jobs_refuse(PluginRegistry *registry);
void jobs_refuse_waiting(PluginGeneration *generation, const Status *status);

/*
 * The job whose turn it is, RUNNING from here on; NULL when none may start. Background jobs may have
 * background_places at a time. job_leave_place comes before its end and before job_put_back.
 */
PluginJob *job_take(PluginGeneration *generation, size_t background_places);
void job_leave_place(PluginJob *job);

/* Whether a running job, which can stop for a moment, lets others go first. */
bool job_should_give_way(const PluginJob *job);

/* Back to the head of its line. */
void job_put_back(PluginJob *job);

/* All items were analysed, or nobody waits: runs the callback, or frees the job. May free the generation. */
void job_finish(PluginJob *job);

/* The same when nothing could be analysed. */
void job_fail(PluginJob *job, const Status *status);

/* A line that a plugin logs. Any thread. */
void job_log_line(const char *plugin, rpmd_log_level level, const char *line);

/* in_process.c: plugins in the daemon, on libuv's pool. */

/* Lets the generation's waiting jobs have their turn. */
void in_process_offer(PluginGeneration *generation);

/* Takes the generation out of those that may start a job: it has none that waits. */
void in_process_leave(PluginGeneration *generation);
