/* SPDX-License-Identifier: MIT */
#include "lib/llm/retry.h"

#include "lib/base/macros.h"

bool llm_status_is_temporary(long status)
{
    static const long temporary[] = {408, 425, 429, 500, 502, 503, 504, 529};
    for (size_t i = 0; i < ARRAY_SIZE(temporary); i++)
        if (temporary[i] == status)
            return true;
    return false;
}

uint64_t llm_retry_delay_ms(unsigned attempt, uint64_t retry_after_seconds, uint32_t random)
{
    uint64_t span = MIN((uint64_t)LLM_RETRY_LIMIT_MS, (uint64_t)LLM_RETRY_BEGIN_MS << MIN(attempt, 16u));
    return MAX(random % (span + 1), MIN(retry_after_seconds, (uint64_t)LLM_RETRY_AFTER_LIMIT_S) * 1000);
}
