/* SPDX-License-Identifier: MIT */
#pragma once

/* What later.h and work.h have of a loop. */

#include "lib/base/macros.h" /* before uv.h, whose MIN would win */

#include <uv.h>

/*
 * Gives it back: threads end, handles close. Called once, when no call is waiting and no work is at hand; the
 * loop then has only handles of others. Harmless for a loop that never had any.
 */
void loop_close(uv_loop_t *loop);
