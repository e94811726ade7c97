/* SPDX-License-Identifier: MIT */
#include "lib/llm/rate.h"

#include "tests/unit/unit.h"

#define SECOND 1000000000ull

/* How many begin in a time, when the next one always begins as soon as it may. */
static unsigned begun(LlmRate *rate, uint64_t span_ns)
{
    uint64_t now = 5 * SECOND, end = now + span_ns;
    unsigned count = 0;
    while ((now += llm_rate_wait_ns(rate, now)) < end) {
        llm_rate_take(rate, 1, now);
        count++;
    }
    return count;
}

START_TEST(test_no_limit)
{
    LlmRate rate = {0};
    llm_rate_take(&rate, 1000000, 1);
    ck_assert_uint_eq(llm_rate_wait_ns(&rate, 1), 0);
}
END_TEST

START_TEST(test_even_stream_behind_a_burst)
{
    LlmRate rate = {.per_minute = 60};
    /* One a second, and what may come at once in the beginning. */
    ck_assert_uint_eq(begun(&rate, 60 * SECOND), 60 + LLM_RATE_BURST_NS / SECOND + 1 - 1);
}
END_TEST

START_TEST(test_a_slow_rate_lets_one_through)
{
    LlmRate rate = {.per_minute = 1};
    ck_assert_uint_eq(llm_rate_wait_ns(&rate, SECOND), 0);
    llm_rate_take(&rate, 1, SECOND);
    ck_assert_uint_eq(llm_rate_wait_ns(&rate, SECOND), 60 * SECOND - LLM_RATE_BURST_NS);
    ck_assert_uint_eq(llm_rate_wait_ns(&rate, 61 * SECOND), 0);
}
END_TEST

START_TEST(test_what_was_not_known_before_is_made_up_for)
{
    LlmRate rate = {.per_minute = 6000};
    llm_rate_take(&rate, 100, SECOND);
    ck_assert_uint_eq(llm_rate_wait_ns(&rate, SECOND), 0);
    llm_rate_take(&rate, 1000, SECOND); /* the answer had so many */
    ck_assert_uint_eq(llm_rate_wait_ns(&rate, SECOND), 11 * SECOND - LLM_RATE_BURST_NS);
}
END_TEST

UNIT_TESTS("rate", test_no_limit, test_even_stream_behind_a_burst, test_a_slow_rate_lets_one_through,
           test_what_was_not_known_before_is_made_up_for)
