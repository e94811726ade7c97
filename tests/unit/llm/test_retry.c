/* SPDX-License-Identifier: MIT */
#include "lib/llm/retry.h"

#include "tests/unit/unit.h"

START_TEST(statuses)
{
    static const long temporary[] = {408, 425, 429, 500, 502, 503, 504, 529},
                      lasting[] = {0, 200, 400, 401, 404, 501};
    for (size_t i = 0; i < sizeof(temporary) / sizeof(long); i++)
        ck_assert(llm_status_is_temporary(temporary[i]));
    for (size_t i = 0; i < sizeof(lasting) / sizeof(long); i++)
        ck_assert(!llm_status_is_temporary(lasting[i]));
}
END_TEST

START_TEST(delays)
{
    for (uint32_t random = 0; random < 100000; random += 977) {
        ck_assert_uint_le(llm_retry_delay_ms(1, 0, random), 2 * LLM_RETRY_BEGIN_MS);
        ck_assert_uint_le(llm_retry_delay_ms(100, 0, random), LLM_RETRY_LIMIT_MS);
        ck_assert_uint_ge(llm_retry_delay_ms(1, 3, random), 3000);
    }
    ck_assert_uint_eq(llm_retry_delay_ms(1, UINT64_MAX, 0), LLM_RETRY_AFTER_LIMIT_S * 1000ull);
}
END_TEST

UNIT_TESTS("llm/retry", statuses, delays)
