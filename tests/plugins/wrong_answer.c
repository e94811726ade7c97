/* SPDX-License-Identifier: MIT */
/* Hands over an answer that is not among its labels. */
#define FIXTURE_PARSE parse_wrongly
#include <rpmd/plugin.h>
static int parse_wrongly(rpmd_call *call, const rpmd_query *query, rpmd_text reply);
#include "fixture.h"

static int parse_wrongly(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    return is_triggered(query) ? call->host->set_answer(call, text("perhaps"))
                               : parse_answer(call, query, reply);
}
