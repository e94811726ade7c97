/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Changes of the pooled counts, from the log that publications and erasures write into (pool_change) into the
 * cells and votes themselves, in the order of their numbers, a slice at a time. A slice is a part of a
 * transaction of the keeper's.
 */

#include "daemon/store/database.h"
#include "lib/method/pool_change.h"

/* All zero: begins where the database says. */
typedef struct Fold {
    bool is_placed;
    uint64_t folded; /* changes up to it are in the cells */
    uint64_t change; /* at work; 0: none */
    uint64_t task;
    uint64_t user;
    rpmd_text content; /* owned */
    PoolChangeReader reader;
} Fold;

/*
 * Works until `until` (uv_hrtime) or the last change. *more: there are further ones. STATUS_REFUSED, or a
 * transaction that was not kept: the fold is to be reset.
 */
int fold_slice(Fold *fold, Database *database, uint64_t until, bool *more, Status *status);

void fold_reset(Fold *fold);
