/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/status.h"

#define INPUT_LIMIT ((size_t)4 * 1024 * 1024) /* what one message can carry; the daemon takes less */

/* Appends a query: all of standard input, without the line breaks at its end. STATUS_REFUSED when it cannot
 * be read, is longer than INPUT_LIMIT, or has a NUL. */
int input_read(Buffer *text, Status *status);
