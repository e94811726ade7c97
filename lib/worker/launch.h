/* SPDX-License-Identifier: MIT */
#pragma once

/* How rpmd and rpmctl start a worker: the program, its arguments, its descriptors. */

#include "lib/base/buffer.h"
#include "lib/base/status.h"

#include <stdint.h>

/* What a worker inherits, besides /dev/null as 0, 1 and 2. */
#define WORKER_SOCKET 3 /* stream socket: requests in, replies out */
#define WORKER_PLUGIN 4 /* the private copy of the plugin, read-only */
#define WORKER_BOARD 5  /* a WorkerBoard to map */

/* rpmd-worker FILE MEMORY PARENT: what refusals name, bytes that it may use, the process that it dies with.
 */
#define WORKER_ARGUMENTS 4

/* How a worker's end is told when it cannot speak to rpmd any more, and the exit status by which it says so.
 */
#define WORKER_LOST "broke its connection to rpmd"
#define WORKER_EXIT_LOST 111

/* What a worker's arguments are made of. */
typedef struct WorkerArguments {
    char memory[24];
    char parent[24];
    char *words[WORKER_ARGUMENTS + 1]; /* NULL-terminated; borrows file and the two above */
} WorkerArguments;

void worker_arguments(WorkerArguments *arguments, const char *file, uint64_t memory);

/*
 * The path of rpmd-worker that belongs to the running program: beside it, or in ../lib/rpmd of its folder.
 * STATUS_REFUSED (FAILED_PRECONDITION) with the places when it is in neither.
 */
int worker_find_program(Buffer *path, Status *status);

/* A descriptor of a new page of zeroes and its mapping, both of the caller; negative on error. */
struct WorkerBoard;
int worker_board_new(struct WorkerBoard **board);
void worker_board_free(struct WorkerBoard *board);

/*
 * What ended a worker, as a sentence without its subject: "crashed in extract (SIGSEGV)". `wait_status` is
 * waitpid's; the board may be anything.
 */
void worker_describe_end(Buffer *sentence, const struct WorkerBoard *board, int wait_status, uint64_t memory);
