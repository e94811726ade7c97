/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The thread that does what nobody waits for, in slices of KEEPER_SLICE_NS: pooled changes into cells, rows
 * of erased users and superseded records out of the tables, the log into the database file, traces of what is
 * gone out of the files. What it did not finish goes on at the next start.
 */

#include "daemon/store/exchange.h"
#include "daemon/store/fold.h"
#include "daemon/store/sweep.h"
#include "daemon/store/turn.h"

/* Of the writer's connection in one go, without its commit. */
#define KEEPER_SLICE_NS 1000000
/* How long it gives way to a busy writer before a slice: so it takes a tenth of the time at most... */
#define KEEPER_PATIENCE_NS 20000000
/* ... unless so many pooled changes wait that the log of them would grow and grow. */
#define KEEPER_BACKLOG 10000
#define KEEPER_BACKLOG_PATIENCE_NS 2000000
/* After news, so that a few changes are folded together. */
#define KEEPER_DELAY_NS 10000000

/* The log is moved into the database file from this many new pages on (4 MiB): what a start has to read
 * again. */
#define KEEPER_CHECKPOINT_PAGES 1024
/* From this many on (16 MiB) the writer waits for the last of them, so that the log begins anew. */
#define KEEPER_LOG_LIMIT_PAGES 4096
/* Before the writer waits, as few are left as this, or it was tried so often. */
#define KEEPER_FEW_PAGES 32
#define KEEPER_MOVE_TRIES 4

/* A log that is to begin anew waits for readers: so often, so long. */
#define KEEPER_EMPTY_TRIES 250
#define KEEPER_EMPTY_PAUSE_NS 20000000
/* Bytes that are cut off a file at a time: a millisecond or two. */
#define KEEPER_CUT_BYTES (2 << 20)

/* After trouble. */
#define KEEPER_RETRY_NS 60000000000u

typedef struct Keeper {
    Database database;  /* its own, for the log */
    Turn *turn;         /* borrowed */
    Exchange *exchange; /* borrowed */
    Fold fold;
    Sweep sweep;
    uint64_t finished; /* erasures; set by the caller to what was finished before */
    int moved_pages;   /* of the log, the last time */

    /* As of the last slice */
    uint64_t backlog; /* pooled changes that wait */
    uint64_t last_erasure;
} Keeper;

/* How long the keeper's own connection waits for a reader, with the turn in its hands. */
#define KEEPER_BUSY_MILLISECONDS 2
#define KEEPER_CACHE_KIB 64 /* it reads no table */

/* Until the turn is closed. */
void keeper_run(Keeper *keeper);
