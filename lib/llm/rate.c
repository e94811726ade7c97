/* SPDX-License-Identifier: MIT */
#include "lib/llm/rate.h"

#define NANOSECONDS_PER_MINUTE 60000000000ull

uint64_t llm_rate_wait_ns(const LlmRate *rate, uint64_t now_ns)
{
    if (rate->per_minute == 0 || rate->due_ns <= now_ns + LLM_RATE_BURST_NS)
        return 0;
    return rate->due_ns - now_ns - LLM_RATE_BURST_NS;
}

void llm_rate_take(LlmRate *rate, uint64_t count, uint64_t now_ns)
{
    if (rate->per_minute == 0)
        return;
    if (rate->due_ns < now_ns)
        rate->due_ns = now_ns;
    rate->due_ns += (uint64_t)((double)count * (double)NANOSECONDS_PER_MINUTE / (double)rate->per_minute);
}
