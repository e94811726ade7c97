/* SPDX-License-Identifier: MIT */
/* Allocates until it gets no more. */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    if (is_triggered(query)) {
        while (call->host->allocate(call, 1024 * 1024))
            ;
        call->host->fail(call, "the host gave no more memory");
        return RPMD_FAILED;
    }
    return emit_first_word(call, query);
}
