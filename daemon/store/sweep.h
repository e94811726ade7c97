/* SPDX-License-Identifier: MIT */
#pragma once

/* Rows that nobody reaches any more, removed a slice at a time; a slice is a part of a transaction of the
 * keeper's. */

#include "daemon/store/database.h"

/* All zero: begins at the front. To be reset to that when a slice failed or was not kept. */
typedef struct Sweep {
    uint64_t erasures; /* up to this number all rows of erased users are gone */
    uint64_t user;     /* whose records are looked through; 0: none */
    uint64_t generation;
    uint64_t next; /* record */
} Sweep;

/*
 * Rows of erased users whose pooled changes, up to `folded`, are in the cells. Works until `until`
 * (uv_hrtime). *more: there may be further ones.
 */
int sweep_erased(Sweep *sweep, Database *database, uint64_t folded, uint64_t until, bool *more,
                 Status *status);

/* Records that those of a later build took the place of. */
int sweep_superseded(Sweep *sweep, Database *database, uint64_t until, bool *more, Status *status);
