/* SPDX-License-Identifier: MIT */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    return is_triggered(query) ? 77 : emit_first_word(call, query);
}
