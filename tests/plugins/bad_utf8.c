/* SPDX-License-Identifier: MIT */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    if (is_triggered(query))
        emit(call, "\xFF\xFE", 0, 1);
    return emit_first_word(call, query);
}
