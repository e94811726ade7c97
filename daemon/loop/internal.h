/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/loop: what hangs on loop->data. */

#include "daemon/loop/later.h"
#include "daemon/loop/work.h"

typedef struct Crew Crew;

typedef struct LoopState {
    uv_idle_t idle; /* active while something waits: the loop then does not sleep */
    Later *first;
    Later **end;
    Crew *crews[WORK_CLASSES]; /* NULL: no work of the class has come yet */
} LoopState;

/* Makes it where there is none. */
LoopState *loop_state(uv_loop_t *loop);

/* work.c: ends the threads. NULL is fine. */
void crew_close(Crew *crew);
