/* SPDX-License-Identifier: MIT */
#pragma once

/* When a call of an LLM is made again, and how soon. */

#include <stdbool.h>
#include <stdint.h>

#define LLM_ATTEMPT_LIMIT 5 /* with the first; a server that loads a model answers after a few seconds */
#define LLM_RETRY_BEGIN_MS 250
#define LLM_RETRY_LIMIT_MS 8000
#define LLM_RETRY_AFTER_LIMIT_S 86400 /* a longer Retry-After is taken for this */

/* Whether an HTTP status may be another one soon: 408, 425, 429, 500, 502, 503, 504, 529. */
bool llm_status_is_temporary(long status);

/*
 * Milliseconds until the next attempt. attempt: 1 after the first one failed. Exponential with full jitter
 * (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015); never sooner than the server's
 * Retry-After, in seconds, 0: none. random: any 32 bits.
 */
uint64_t llm_retry_delay_ms(unsigned attempt, uint64_t retry_after_seconds, uint32_t random);
