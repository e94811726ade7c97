/* SPDX-License-Identifier: MIT */
#pragma once

/* Sums of pooled changes, kept in the simplest way: what the daemon's own counts are compared with. */

#include "rpmd/plugin.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Cell {
    uint64_t key;
    rpmd_text answer_class; /* in the bytes of a change, as all texts here */
    int64_t count;
    int64_t users;
} Cell;

typedef struct Vote {
    uint64_t question;
    uint64_t user;
    rpmd_text answer; /* empty: withdrawn */
} Vote;

typedef struct Cells {
    Cell *cells; /* those that went back to 0 too */
    size_t cell_count;
    size_t cell_capacity;
    Vote *votes;
    size_t vote_count;
    size_t vote_capacity;
} Cells;

/* Adds a change of a user's (lib/method/pool_change.h); fails the simulation where a sum becomes negative. */
void cells_apply(Cells *cells, uint64_t user, rpmd_text bytes);

/* Fails the simulation where they differ; what says where the others are from. */
void cells_compare(const Cells *cells, const Cells *others, const char *what);

void cells_finish(Cells *cells);
