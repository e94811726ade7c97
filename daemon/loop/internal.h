/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/loop: what hangs on loop->data. */

#include "daemon/loop/later.h"
#include "daemon/loop/work.h"

typedef struct Background Background;

typedef struct LoopState {
    uv_idle_t idle; /* active while something waits: the loop then does not sleep */
    Later *first;
    Later **end;
    Background *background; /* NULL: no thread of it runs */
} LoopState;

/* Makes it where there is none. */
LoopState *loop_state(uv_loop_t *loop);

/* work.c: ends the threads. NULL is fine. */
void background_close(Background *background);
