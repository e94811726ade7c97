/* SPDX-License-Identifier: MIT */
#pragma once

/* A worker process of one plugin that waits for its answers: what the daemon does for many, for rpmctl. */

#include "lib/base/arena.h"
#include "lib/base/status.h"
#include "lib/worker/message.h"

typedef struct WorkerProcess WorkerProcess;

/*
 * Starts rpmd-worker (`program`) for a private copy of a plugin. `file` is what refusals name.
 * STATUS_REFUSED when it cannot be started.
 */
int worker_process_start(WorkerProcess **process, const char *program, const char *copy, const char *file,
                         Status *status);

/*
 * One request, one reply, which lives in the arena. STATUS_REFUSED when the worker ended or took longer than
 * ten seconds, with `step` ("load") and what happened; the process can only be ended then.
 */
int worker_process_ask(WorkerProcess *process, WorkerRequest *request, const char *step, Arena *arena,
                       WorkerReply *reply, Status *status);

/* Ends it. NULL is fine. */
void worker_process_end(WorkerProcess *process);
DEFINE_CLEANUP(WorkerProcess, worker_process_end)
