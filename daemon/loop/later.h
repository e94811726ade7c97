/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Something to be done on a later turn of the loop: how a door keeps its promise that no callback runs before
 * the function that takes it has returned. Threads: the loop's.
 */

#include "lib/base/macros.h" /* before uv.h, whose MIN would win */

#include <stdbool.h>
#include <uv.h>

/* Embedded in what waits; zero: nothing is waiting. */
typedef struct Later {
    void (*run)(struct Later *later);
    struct Later *next;
    struct Later **place; /* that points at it; NULL: it does not wait */
    struct Later ***end;  /* where the line says its end is */
} Later;

/* Calls run once, on a later turn, in the order of these calls. Only while it does not wait already. */
void later_call(uv_loop_t *loop, Later *later, void (*run)(Later *later));

/* The call does not come. Harmless where it does not wait. */
void later_cancel(Later *later);

static inline bool later_is_waiting(const Later *later)
{
    return later->place != NULL;
}
