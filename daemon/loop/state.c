/* SPDX-License-Identifier: MIT */
#include "daemon/loop/internal.h"
#include "lib/base/memory.h"

LoopState *loop_state(uv_loop_t *loop)
{
    if (loop->data)
        return loop->data;
    LoopState *state = NEW(LoopState);
    uv_idle_init(loop, &state->idle);
    state->idle.data = state;
    state->end = &state->first;
    loop->data = state;
    return state;
}
