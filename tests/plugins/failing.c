/* SPDX-License-Identifier: MIT */
#define OWN_EXTRACT
#include "fixture.h"

static int extract(rpmd_call *call, const rpmd_query *query)
{
    if (is_triggered(query)) {
        call->host->log(call, RPMD_LOG_WARNING, "about to fail");
        call->host->fail(call, "the word \"trigger\"\nis not liked \xFF");
        return RPMD_FAILED;
    }
    return emit_first_word(call, query);
}
