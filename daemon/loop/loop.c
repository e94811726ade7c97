/* SPDX-License-Identifier: MIT */
#include "daemon/loop/loop.h"

#include "daemon/loop/internal.h"
#include "lib/base/memory.h"

#include <assert.h>

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void loop_close(uv_loop_t *loop)
{
    LoopState *state = loop->data;
    if (!state)
        return;
    assert(!state->first);
    loop->data = NULL;
    for (unsigned i = 0; i < WORK_CLASSES; i++)
        crew_close(state->crews[i]);
    uv_close((uv_handle_t *)&state->idle, on_closed);
}
