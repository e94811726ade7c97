/* SPDX-License-Identifier: MIT */
#pragma once

#include "rpmd/plugin.h"

#include <stdbool.h>

/* What stands between a token and the one before it. */
typedef enum Gap {
    GAP_NONE = 0,
    GAP_SPACE = 1,
    GAP_BREAK = 2, /* a blank line or its like: ends any sentence */
} Gap;

/*
 * Numbers the sentences and sets RPMD_TOKEN_SENTENCE_START on their first word or number. gaps[i] is what
 * stands before tokens[i]; spans, lower and the other flags are set.
 */
void sentence_number(rpmd_token *tokens, const unsigned char *gaps, size_t count);
