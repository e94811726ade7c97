/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One page that rpmd and a worker both map: what must be known although the worker can say nothing any more.
 * A plugin can write anything here; rpmd takes every value for a hint and never uses one as an index, a size
 * or an address.
 */

#include <stdatomic.h>
#include <stdint.h>

/* What a signal handler of the worker found out. */
typedef enum WorkerFault {
    WORKER_FAULT_NONE = 0,
    WORKER_FAULT_SIGNAL = 1,    /* as the process's end says */
    WORKER_FAULT_STACK = 2,     /* the stack is full */
    WORKER_FAULT_MEMORY = 3,    /* no more memory was given */
    WORKER_FAULT_FORBIDDEN = 4, /* fault_call is the system call that was refused */
} WorkerFault;

/* What the worker is about; while it analyses, the callback says more. */
typedef enum WorkerStep {
    WORKER_STEP_STARTING = 0,
    WORKER_STEP_LOADING = 1,
    WORKER_STEP_SELF_TESTING = 2,
    WORKER_STEP_ANALYZING = 3,
    WORKER_STEP_WAITING = 4,
} WorkerStep;

typedef struct WorkerBoard {
    _Atomic uint64_t begun; /* number of the last request that the worker read */
    atomic_bool cancelled;  /* by rpmd: nobody waits for the request at work */
    atomic_uint step;       /* WorkerStep */
    atomic_uint callback;   /* PluginCallback + 1; 0: none yet */
    atomic_uint fault;      /* WorkerFault */
    atomic_uint fault_call;
} WorkerBoard;
