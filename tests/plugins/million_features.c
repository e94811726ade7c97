/* SPDX-License-Identifier: MIT */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    if (is_triggered(query))
        for (int i = 0; i < 1000000; i++)
            emit(call, "one of many", 0, 1);
    return emit_first_word(call, query) == RPMD_DONE || is_triggered(query) ? RPMD_DONE : RPMD_FAILED;
}
