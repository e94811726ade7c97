/* SPDX-License-Identifier: MIT */
#include "daemon/loop/internal.h"
#include "lib/base/memory.h"

#include <assert.h>

static void on_idle(uv_idle_t *idle)
{
    LoopState *state = idle->data;
    /* What these calls ask for comes on the turn after this one. */
    Later *due = state->first;
    if (due)
        due->place = &due;
    state->first = NULL;
    state->end = &state->first;
    while (due) {
        Later *later = due;
        later_cancel(later);
        later->run(later);
    }
    if (!state->first)
        uv_idle_stop(idle);
}

void later_call(uv_loop_t *loop, Later *later, void (*run)(Later *later))
{
    LoopState *state = loop_state(loop);
    assert(!later_is_waiting(later));
    *later = (Later){.run = run, .place = state->end, .end = &state->end};
    *state->end = later;
    state->end = &later->next;
    uv_idle_start(&state->idle, on_idle);
}

void later_cancel(Later *later)
{
    if (!later->place)
        return;
    *later->place = later->next;
    if (later->next)
        later->next->place = later->place;
    else if (*later->end == &later->next)
        *later->end = later->place;
    later->place = NULL;
    later->next = NULL;
}
