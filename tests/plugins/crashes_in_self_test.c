/* SPDX-License-Identifier: MIT */
/* Crashes for every query. */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    (void)call;
    (void)query;
    crash();
    return RPMD_DONE;
}
