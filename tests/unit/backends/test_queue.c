/* SPDX-License-Identifier: MIT */
#include "daemon/llm/queue.h"

#include "tests/unit/backends/llm_fixture.h"
#include "tests/unit/unit.h"

static const LlmTurn silence = {.status = 0}, yes = {.status = 200, .text = "yes"},
                     down = {.status = 505, .text = "down"};

/* Calls that fail, one after the other. */
static void fail_times(Fixture *fixture, unsigned failures)
{
    llm_server_set(&fixture->server, down);
    for (unsigned i = 0; i < failures; i++)
        expect(ask(fixture, "x"), STATUS_UNAVAILABLE, "backend local answered HTTP 505: down");
}

START_TEST(as_many_calls_as_are_configured_are_at_work)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 2;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *calls[4];
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        calls[i] = ask(&fixture, "x");
    run_until_requests(&fixture, 2);
    run_for_a_while(&fixture);
    ck_assert_uint_eq(fixture.server.requests, 2);
    ck_assert_uint_eq(backend_of(&fixture)->active_count, 2);
    ck_assert_uint_eq(backend_of(&fixture)->waiting_count, 2);
    /* One that leaves makes room for the one that came next. */
    llm_server_set(&fixture.server, yes);
    cancel(calls[1]);
    expect_text(calls[2], "yes");
    expect_text(calls[3], "yes");
    cancel(calls[0]);
    ck_assert_uint_eq(backend_of(&fixture)->active_count, 0);
    heard_free(calls[0]);
    heard_free(calls[1]);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_call_that_waits_can_leave)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 1;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *first = ask(&fixture, "x"), *second = ask(&fixture, "x"), *third = ask(&fixture, "x");
    run_until_requests(&fixture, 1);
    llm_server_set(&fixture.server, yes);
    cancel(second);
    ck_assert_uint_eq(second->spent.attempts, 0);
    cancel(first);
    ck_assert_uint_eq(first->spent.attempts, 1);
    expect_text(third, "yes");
    ck_assert_uint_eq(fixture.server.requests, 2);
    heard_free(first);
    heard_free(second);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(the_queue_has_a_limit)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 1;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard **calls = NEW_ARRAY(Heard *, QUEUE_LIMIT);
    for (size_t i = 0; i < QUEUE_LIMIT; i++)
        calls[i] = ask(&fixture, "x");
    expect(ask(&fixture, "x"), STATUS_RESOURCE_EXHAUSTED,
           "too many calls of the LLM wait; try again later, or raise the backend's concurrency");
    run_for_a_while(&fixture);
    Heard *last = ask(&fixture, "x"); /* the first one has begun */
    run_for_a_while(&fixture);
    ck_assert(!last->has_ended);
    llm_close(TAKE_PTR(fixture.llm), note_closed, &fixture);
    fixture_stop(&fixture);
    for (size_t i = 0; i < QUEUE_LIMIT; i++)
        heard_free(calls[i]);
    free(calls);
    heard_free(last);
}
END_TEST

START_TEST(requests_a_minute_are_kept_to)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.requests_per_minute = 1;
    fixture_open(&fixture);
    Heard *first = ask(&fixture, "x"), *second = ask(&fixture, "x");
    expect_text(first, "yes");
    run_for_a_while(&fixture);
    ck_assert_uint_eq(fixture.server.requests, 1);
    ck_assert_uint_eq(backend_of(&fixture)->waiting_count, 1);
    /* The alarm does not see the clock go forward; one more that comes does. */
    put_clock_forward(61);
    Heard *third = ask(&fixture, "x");
    expect_text(second, "yes");
    run_for_a_while(&fixture);
    ck_assert(!third->has_ended);
    ck_assert_uint_eq(fixture.server.requests, 2);
    cancel(third);
    heard_free(third);
    fixture_stop(&fixture);
}
END_TEST

/* The wait is for a minute; a call whose deadline is before that hears so then. */
START_TEST(a_deadline_comes_while_a_call_waits)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.requests_per_minute = 1;
    fixture_open(&fixture);
    expect_text(ask(&fixture, "x"), "yes");
    Heard *heard = heard_new(&fixture);
    ask_with(
        heard,
        &(LlmRequest){.backend = "local", .prompt = text_of("x"), .deadline_ns = uv_hrtime() + 20 * 1000000},
        &heard_whole);
    run_until(&fixture, &heard->has_ended);
    ck_assert_uint_eq(heard->spent.attempts, 0);
    expect(heard, STATUS_DEADLINE_EXCEEDED,
           "the deadline came before backend local had answered; the call waited for its turn");
    ck_assert_uint_eq(fixture.server.requests, 1);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_deadline_that_is_over_asks_nobody)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *heard = heard_new(&fixture);
    ask_with(heard, &(LlmRequest){.backend = "local", .prompt = text_of("x"), .deadline_ns = 1},
             &heard_whole);
    expect(heard, STATUS_DEADLINE_EXCEEDED, "the deadline came before backend local had answered");
    ck_assert_uint_eq(fixture.server.requests, 0);
    ck_assert_uint_eq(backend_of(&fixture)->counts.attempts, 0);
    fixture_stop(&fixture);
}
END_TEST

/* Its turn and its deadline come together. */
START_TEST(a_turn_that_comes_too_late_asks_nobody)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *heard = heard_new(&fixture);
    ask_with(
        heard,
        &(LlmRequest){.backend = "local", .prompt = text_of("x"), .deadline_ns = uv_hrtime() + 5000000000u},
        &heard_whole);
    put_clock_forward(10);
    expect(heard, STATUS_DEADLINE_EXCEEDED, "the deadline came before backend local had answered");
    ck_assert_uint_eq(backend_of(&fixture)->counts.attempts, 0);
    fixture_stop(&fixture);
}
END_TEST

/* ---- a server that is left alone ---- */

START_TEST(a_server_that_fails_is_left_alone_and_then_tried_by_one)
{
    Fixture fixture;
    fixture_start(&fixture);
    fail_times(&fixture, BACKEND_FAILURE_LIMIT);
    expect(ask(&fixture, "x"), STATUS_UNAVAILABLE,
           "backend local failed 5 times in a row and is tried again in 5 s: backend local answered HTTP "
           "505: down");
    ck_assert_uint_eq(fixture.server.requests, BACKEND_FAILURE_LIMIT);
    ck_assert_uint_eq(backend_of(&fixture)->counts.refused, 1);
    /* The one that finds out fails: the next rest is twice as long. */
    put_clock_forward(6);
    llm_server_set(&fixture.server, silence);
    Heard *one = ask(&fixture, "x"), *other = ask(&fixture, "x");
    expect(other, STATUS_UNAVAILABLE,
           "backend local failed 5 times in a row and is being tried again; try again later: backend local "
           "answered HTTP 505: down");
    run_until_requests(&fixture, BACKEND_FAILURE_LIMIT + 1);
    llm_server_answer(fixture.server.last_request, &down);
    expect(one, STATUS_UNAVAILABLE, "down");
    ck_assert_uint_eq(backend_of(&fixture)->rest_ms, 2 * BACKEND_REST_MS);
    /* The next one is answered, and the server is well. */
    put_clock_forward(11);
    llm_server_set(&fixture.server, yes);
    expect_text(ask(&fixture, "x"), "yes");
    expect_text(ask(&fixture, "x"), "yes");
    ck_assert_uint_eq(backend_of(&fixture)->rests_until_ns, 0);
    ck_assert_str_eq(backend_of(&fixture)->trouble, "");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(who_finds_out_may_leave)
{
    Fixture fixture;
    fixture_start(&fixture);
    fail_times(&fixture, BACKEND_FAILURE_LIMIT);
    put_clock_forward(6);
    llm_server_set(&fixture.server, silence);
    Heard *one = ask(&fixture, "x");
    run_until_requests(&fixture, BACKEND_FAILURE_LIMIT + 1);
    cancel(one);
    heard_free(one);
    llm_server_set(&fixture.server, yes);
    expect_text(ask(&fixture, "x"), "yes"); /* the next one finds out */
    fixture_stop(&fixture);
}
END_TEST

START_TEST(one_that_was_refused_its_request_finds_out_nothing)
{
    Fixture fixture;
    fixture_start(&fixture);
    fail_times(&fixture, BACKEND_FAILURE_LIMIT);
    put_clock_forward(6);
    llm_server_set(&fixture.server, (LlmTurn){.status = 401, .text = "no"});
    expect(ask(&fixture, "x"), STATUS_FAILED_PRECONDITION, "answered HTTP 401: no; check its key");
    ck_assert(!backend_of(&fixture)->is_tried);
    llm_server_set(&fixture.server, yes);
    expect_text(ask(&fixture, "x"), "yes");
    fixture_stop(&fixture);
}
END_TEST

/* Calls that were at work when the rest began make it no longer. */
START_TEST(a_rest_is_not_made_longer_by_calls_of_before)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 10;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *calls[10];
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        calls[i] = ask(&fixture, "x");
    run_until_requests(&fixture, ARRAY_SIZE(calls));
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        llm_server_answer(fixture.server.all[i], &down);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        expect(calls[i], STATUS_UNAVAILABLE, "down");
    ck_assert_uint_eq(backend_of(&fixture)->rest_ms, BACKEND_REST_MS);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(those_who_wait_are_refused_when_the_server_goes_down)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 1;
    fixture_open(&fixture);
    fail_times(&fixture, BACKEND_FAILURE_LIMIT - 1);
    Heard *calls[3];
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        calls[i] = ask(&fixture, "x");
    expect(calls[0], STATUS_UNAVAILABLE, "answered HTTP 505: down");
    expect(calls[1], STATUS_UNAVAILABLE, "failed 5 times in a row and is tried again in 5 s");
    expect(calls[2], STATUS_UNAVAILABLE, "failed 5 times in a row and is tried again in 5 s");
    ck_assert_uint_eq(fixture.server.requests, BACKEND_FAILURE_LIMIT);
    fixture_stop(&fixture);
}
END_TEST

/*
 * The rest is over and so is the wait for tokens: the call that waited goes first, and finds out whether the
 * server is well. Those behind it are refused, the one that is just being made too, but not before it has
 * been made.
 */
START_TEST(a_call_that_is_refused_at_once_has_been_made_before)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.tokens_per_minute = 1000;
    fixture_open(&fixture);
    char *long_prompt = memory_allocate(1, 8000); /* two minutes' tokens */
    memset(long_prompt, 'x', 7999);
    fail_times(&fixture, BACKEND_FAILURE_LIMIT - 1);
    Heard *fifth = ask(&fixture, long_prompt), *waiting = ask(&fixture, "x");
    expect(fifth, STATUS_UNAVAILABLE, "down");
    put_clock_forward(600);
    llm_server_set(&fixture.server, silence);
    Heard *late = ask(&fixture, "x"); /* checks that it was not told before */
    run_until(&fixture, &late->has_ended);
    expect_end(late, STATUS_UNAVAILABLE, "backend local failed 5 times in a row and is");
    fixture_stop(&fixture);
    heard_free(waiting);
    heard_free(late);
    free(long_prompt);
}
END_TEST

/* Asks again, for a server that nobody may ask, from within the callback that says so. */
static void ask_once_more(Heard *heard)
{
    heard->on_end = NULL;
    heard->has_ended = false;
    buffer_clear(&heard->text);
    ask_for(heard, "again");
}

START_TEST(who_is_refused_may_ask_at_once)
{
    Fixture fixture;
    fixture_start(&fixture);
    fail_times(&fixture, BACKEND_FAILURE_LIMIT);
    Heard *heard = ask(&fixture, "x");
    heard->on_end = ask_once_more;
    run_until(&fixture, &heard->has_ended);
    ck_assert_uint_eq(backend_of(&fixture)->counts.refused, 2);
    expect(heard, STATUS_UNAVAILABLE, "failed 5 times in a row and is tried again in");
    fixture_stop(&fixture);
}
END_TEST

UNIT_TESTS("queue", as_many_calls_as_are_configured_are_at_work, a_call_that_waits_can_leave,
           the_queue_has_a_limit, requests_a_minute_are_kept_to, a_deadline_comes_while_a_call_waits,
           a_deadline_that_is_over_asks_nobody, a_turn_that_comes_too_late_asks_nobody,
           a_server_that_fails_is_left_alone_and_then_tried_by_one, who_finds_out_may_leave,
           one_that_was_refused_its_request_finds_out_nothing, a_rest_is_not_made_longer_by_calls_of_before,
           those_who_wait_are_refused_when_the_server_goes_down,
           a_call_that_is_refused_at_once_has_been_made_before, who_is_refused_may_ask_at_once)
