/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A limit such as "60 requests a minute": the generic cell rate algorithm (ITU-T I.371), in which the only
 * state is the time at which everything that was let through so far would have been due, had it come evenly.
 */

#include <stdint.h>

typedef struct LlmRate {
    uint64_t per_minute; /* 0: no limit */
    uint64_t due_ns;     /* on any clock that does not go back */
} LlmRate;

#define LLM_RATE_BURST_NS                                                                                    \
    6000000000ull /* what may come at once: a tenth of a minute's worth, at least one                        \
                   */

/* Nanoseconds until the next may begin; 0: now. */
uint64_t llm_rate_wait_ns(const LlmRate *rate, uint64_t now_ns);

/* Counts so many as begun (or, once it is known how many they were, more of them). */
void llm_rate_take(LlmRate *rate, uint64_t count, uint64_t now_ns);
