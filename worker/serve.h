/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/status.h"
#include "lib/worker/board.h"

/*
 * Answers requests on WORKER_SOCKET, one after the other, until the other side closes it. `file` is what
 * refusals name. `memory_file` is /proc/self/statm, which cannot be opened any more, or -1. `ready` is why
 * the worker cannot load anything, when it is not OK: the answer to each load. 0 at the end of the requests,
 * negative when they are none.
 */
int serve(const char *file, int memory_file, WorkerBoard *board, const Status *ready);
