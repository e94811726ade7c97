/* SPDX-License-Identifier: MIT */
/* Evidence behind the query's end, empty, and inside a character. */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    if (is_triggered(query)) {
        emit(call, "outside", 0, (uint32_t)query->text.length + 1);
        emit(call, "reversed", 3, 2);
        emit(call, "half a character", 0, 9); /* "trigger" and a space, then one of two bytes */
    }
    return emit_first_word(call, query);
}
