/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One worker process: started, asked one request at a time, ended. Which requests, and what follows from its
 * end, is the pool's to say (daemon/plugins/pool.h). Everything runs on the loop's thread.
 *
 *     worker_start
 *          |
 *          v          worker_send            the reply is there
 *       WAITING ------------------> ASKED ------------------------+
 *          ^                          |                           |
 *          +--------------------------|---------------------------+
 *          |                          |
 *          |  worker_end: killed;     |  or by itself: it crashed, exited, broke the protocol
 *          v                          v
 *        ENDING   until the process has ended and its handles are closed: on_end, freed
 */

#include "lib/base/arena.h"
#include "lib/worker/board.h"
#include "lib/worker/message.h"

#include <sys/queue.h>
#include <uv.h>

typedef enum WorkerState { WORKER_WAITING, WORKER_ASKED, WORKER_ENDING } WorkerState;

typedef struct Worker Worker;

/* Callbacks never run before the function that causes them has returned. */
typedef struct WorkerHandlers {
    /* The reply to the request that was sent last. It was read into the arena that reply_arena gave. */
    void (*on_reply)(Worker *worker, const WorkerReply *reply);
    Arena *(*reply_arena)(Worker *worker);
    /* It is gone. `sentence` says why, without its subject: "crashed in extract (SIGSEGV)"; "" after
     * worker_end. had_begun: it had read the request that was sent last. The worker is freed behind it. */
    void (*on_end)(Worker *worker, const char *sentence, bool had_begun);
    /* worker_start_timer's time is over. */
    void (*on_timer)(Worker *worker);
} WorkerHandlers;

struct Worker {
    void *owner;
    TAILQ_ENTRY(Worker) link; /* the owner's */
    const WorkerHandlers *handlers;
    WorkerState state;
    uint64_t memory_limit;
    uint64_t memory_bytes; /* as it said last */

    uv_process_t process;
    uv_pipe_t socket;
    uv_timer_t timer;
    unsigned open_handles;
    bool has_exited;
    bool was_ended; /* by worker_end */
    int wait_status;
    const char *complaint; /* what it did wrong, when it was ended for that; NULL */
    WorkerBoard *board;
    uint64_t request_number;
    Buffer input;
    Buffer output; /* of the write at work */
    uv_write_t write;
};

typedef struct WorkerStart {
    uv_loop_t *loop;
    const char *program; /* rpmd-worker */
    const char *copy;    /* the private copy of the plugin */
    const char *file;    /* what refusals name */
    uint64_t memory;     /* bytes */
    const WorkerHandlers *handlers;
    void *owner;
} WorkerStart;

/* STATUS_REFUSED (UNAVAILABLE) when no process can be started; *worker is then NULL. */
int worker_start(Worker **worker, const WorkerStart *start, Status *status);

/* Only while WAITING. Everything is copied. */
void worker_send(Worker *worker, WorkerRequest *request);

/* Tells the plugin at work that nobody waits any more. */
void worker_cancel(Worker *worker);

/* Kills it. on_end comes when it is gone. `complaint`, a constant sentence without its subject, is what
 * on_end then says; NULL: "". More than once is fine. */
void worker_end(Worker *worker, const char *complaint);

/* One timer, for its owner; 0 stops it. */
void worker_start_timer(Worker *worker, uint64_t milliseconds);

static inline uint32_t worker_pid(const Worker *worker)
{
    return (uint32_t)worker->process.pid;
}
