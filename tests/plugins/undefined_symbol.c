/* SPDX-License-Identifier: MIT */
#define OWN_EXTRACT
#include "fixture.h"

int missing_from_everywhere(void);

static int extract(rpmd_call *call, const rpmd_query *query)
{
    return missing_from_everywhere() ? RPMD_FAILED : emit_first_word(call, query);
}
