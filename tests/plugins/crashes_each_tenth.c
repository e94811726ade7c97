/* SPDX-License-Identifier: MIT */
/* Crashes for queries that end with "0". */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    if (query->text.data[query->text.length - 1] == '0')
        crash();
    return emit_first_word(call, query);
}
