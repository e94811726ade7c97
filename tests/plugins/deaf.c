/* SPDX-License-Identifier: MIT */
/* Works for half a second and never asks whether anybody waits. */
#define _GNU_SOURCE
#define OWN_EXTRACT
#include "fixture.h"

#include <time.h>

static int extract(rpmd_call *call, const rpmd_query *query)
{
    if (is_triggered(query)) {
        struct timespec half_a_second = {.tv_nsec = 500 * 1000 * 1000};
        nanosleep(&half_a_second, NULL);
    }
    return emit_first_word(call, query);
}
