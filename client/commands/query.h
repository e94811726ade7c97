/* SPDX-License-Identifier: MIT */
#pragma once

/* The query that prompt, respond and explain are asked about. */

#include "client/arguments.h"
#include "client/session.h"
#include "rpmd/v1/personalizer.pb-c.h"

/* More than any daemon takes; keeps a mistaken redirection from filling the memory. */

/*
 * Fills *query from the command line; the text comes from standard input where it is `-` or missing.
 * *text is for the caller to free. 0, or STATUS_REFUSED after saying why.
 */
int query_read(Session *session, const Arguments *arguments, Rpmd__V1__Query *query, char **text);
