/* SPDX-License-Identifier: MIT */
#include "tests/unit/backends/llm_fixture.h"
#include "tests/unit/unit.h"

static const LlmTurn silence = {.status = 0}, yes = {.status = 200, .text = "yes"},
                     busy = {.status = 503, .text = "busy"},
                     begun = {.status = 200, .text = "ye", .is_left_open = true},
                     broken = {.status = 200, .text = "ye", .breaks_off = true};

static uint64_t in_ms(uint64_t milliseconds)
{
    return uv_hrtime() + milliseconds * 1000000;
}

static Heard *ask_until(Fixture *fixture, uint64_t deadline_ns, const LlmHandlers *handlers)
{
    Heard *heard = heard_new(fixture);
    ask_with(heard, &(LlmRequest){.backend = "local", .prompt = text_of("x"), .deadline_ns = deadline_ns},
             handlers);
    return heard;
}

/* ---- to the end ---- */

START_TEST(a_call_is_answered)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *heard = ask(&fixture, "is it \"so\"?");
    run_until(&fixture, &heard->has_ended);
    ck_assert_ptr_nonnull(strstr(buffer_string(&fixture.server.last_body), "is it \\\"so\\\"?"));
    ck_assert_int_eq(heard->finish, LLM_FINISH_STOP);
    ck_assert_uint_eq(heard->spent.attempts, 1);
    ck_assert_uint_eq(heard->spent.usage.prompt_tokens, 7);
    ck_assert_uint_eq(heard->spent.usage.completion_tokens, 3);
    expect_text(heard, "yes");
    const BackendCounts *counts = &backend_of(&fixture)->counts;
    ck_assert_uint_eq(counts->calls, 1);
    ck_assert_uint_eq(counts->failures, 0);
    ck_assert_uint_eq(counts->usage.prompt_tokens, 7);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(text_comes_in_pieces)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *heard = ask_for_pieces(&fixture, "x");
    run_until(&fixture, &heard->has_text);
    ck_assert_str_eq(buffer_string(&heard->pieces), "ye|");
    llm_server_text(fixture.server.last_request, "s, ");
    while (!strstr(buffer_string(&heard->pieces), "s, "))
        uv_run(&fixture.loop, UV_RUN_ONCE);
    llm_server_text(fixture.server.last_request, "it is");
    llm_server_finish(fixture.server.last_request);
    run_until(&fixture, &heard->has_ended);
    ck_assert_str_eq(buffer_string(&heard->pieces), "ye|s, |it is|");
    expect_text(heard, "yes, it is");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_reply_that_is_no_stream_is_one_piece)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 200, .text = "all of it", .is_whole = true});
    Heard *heard = ask_for_pieces(&fixture, "x");
    run_until(&fixture, &heard->has_ended);
    ck_assert_str_eq(buffer_string(&heard->pieces), "all of it|");
    ck_assert_uint_eq(heard->spent.usage.completion_tokens, strlen("all of it") / 4 + 1);
    expect_text(heard, "all of it");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_failure_that_may_pass_is_tried_again)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, busy);
    llm_server_add(&fixture.server, yes);
    Heard *heard = ask(&fixture, "x");
    run_until(&fixture, &heard->has_ended);
    ck_assert_uint_eq(heard->spent.attempts, 2);
    expect_text(heard, "yes");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(nothing_is_asked_again_once_text_came)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, broken);
    llm_server_add(&fixture.server, yes);
    Heard *heard = ask_for_pieces(&fixture, "x");
    run_until(&fixture, &heard->has_ended);
    ck_assert_str_eq(buffer_string(&heard->pieces), "ye|");
    ck_assert_uint_eq(heard->spent.attempts, 1);
    expect(heard, STATUS_UNAVAILABLE, "backend local broke off in the middle of its answer");
    /* One that wants the whole is answered, and pays for both. */
    llm_server_set(&fixture.server, broken);
    llm_server_add(&fixture.server, yes);
    heard = ask(&fixture, "x");
    run_until(&fixture, &heard->has_ended);
    ck_assert_uint_eq(heard->spent.attempts, 2);
    ck_assert_uint_eq(heard->spent.usage.completion_tokens, 3 + 1);
    expect_text(heard, "yes");
    fixture_stop(&fixture);
}
END_TEST

/* The model has stopped, but the server keeps the stream open: the answer is there a moment later. */
START_TEST(an_answer_that_stops_is_whole)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *heard = ask_for_pieces(&fixture, "x");
    run_until(&fixture, &heard->has_text);
    llm_server_stop(fixture.server.last_request);
    expect_text(heard, "ye");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(it_is_tried_again_for_so_long_only)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.retry_seconds = 0;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 503, .text = "busy", .head = "Retry-After: 1\r\n"});
    expect(ask(&fixture, "x"), STATUS_UNAVAILABLE, "backend local answered HTTP 503: busy");
    ck_assert_uint_eq(fixture.server.requests, 1);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_server_that_is_not_there)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.retry_seconds = 0;
    fixture.backend.base_url = "http://127.0.0.1:1/v1";
    fixture_open(&fixture);
    Heard *heard = ask(&fixture, "x");
    /* The first delay may be none at all. */
    expect(heard, STATUS_UNAVAILABLE, "backend local cannot be reached at http://127.0.0.1:1/v1: ");
    fixture_stop(&fixture);
}
END_TEST

/* ---- deadlines ---- */

START_TEST(a_deadline_comes_during_an_attempt)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *heard = ask_until(&fixture, in_ms(500), &heard_pieces);
    run_until(&fixture, &heard->has_ended);
    ck_assert_str_eq(buffer_string(&heard->pieces), "ye|");
    ck_assert_uint_eq(heard->spent.usage.completion_tokens, 1);
    expect(heard, STATUS_DEADLINE_EXCEEDED, "the deadline came before backend local had answered");
    ck_assert_uint_eq(backend_of(&fixture)->active_count, 0);
    fixture_stop(&fixture);
}
END_TEST

/* Text came in the turn of the loop before: it is handed over, and then the end is told. */
START_TEST(a_deadline_comes_while_text_waits_to_be_handed_over)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *heard = ask_until(&fixture, in_ms(200), &heard_pieces);
    while (fixture.server.requests == 0 && heard->call)
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    uv_sleep(250);
    run_until(&fixture, &heard->has_ended);
    ck_assert_str_eq(buffer_string(&heard->pieces), heard->text.length ? "ye|" : "");
    expect(heard, STATUS_DEADLINE_EXCEEDED, "the deadline came before backend local had answered");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(nothing_is_begun_again_that_would_come_too_late)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 503, .text = "busy", .head = "Retry-After: 10\r\n"});
    expect(ask_until(&fixture, in_ms(5000), &heard_whole), STATUS_UNAVAILABLE, "answered HTTP 503: busy");
    ck_assert_uint_eq(fixture.server.requests, 1);
    fixture_stop(&fixture);
}
END_TEST

/* The clock jumps, as on a machine that slept. */
START_TEST(a_deadline_comes_between_attempts)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 503, .text = "busy", .head = "Retry-After: 1\r\n"});
    Heard *heard = ask_until(&fixture, in_ms(5000), &heard_whole);
    run_until_requests(&fixture, 1);
    run_for_a_while(&fixture);
    put_clock_forward(10);
    expect(heard, STATUS_DEADLINE_EXCEEDED, "; it was about to be tried again");
    ck_assert_uint_eq(fixture.server.requests, 1);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_deadline_can_be_moved_to_a_later_one)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *heard = ask_until(&fixture, in_ms(20), &heard_pieces);
    llm_prolong(heard->call, in_ms(10)); /* changes nothing */
    llm_prolong(heard->call, in_ms(10000));
    run_until(&fixture, &heard->has_text);
    uv_sleep(40);
    run_for_a_while(&fixture);
    ck_assert(!heard->has_ended);
    llm_prolong(heard->call, 0);
    llm_server_finish(fixture.server.last_request);
    expect_text(heard, "ye");
    fixture_stop(&fixture);
}
END_TEST

/* ---- leaving ---- */

START_TEST(who_cancels_during_an_attempt_is_told_what_it_took)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *heard = ask_for_pieces(&fixture, "a prompt of some length");
    run_until(&fixture, &heard->has_text);
    cancel(heard);
    ck_assert_uint_eq(heard->spent.attempts, 1);
    ck_assert_uint_eq(heard->spent.usage.prompt_tokens, strlen("a prompt of some length") / 4 + 1);
    ck_assert_uint_eq(heard->spent.usage.completion_tokens, 1);
    while (fixture.server.last_request) /* the server sees that nobody listens any more */
        uv_run(&fixture.loop, UV_RUN_ONCE);
    ck_assert(!heard->has_ended);
    ck_assert_uint_eq(backend_of(&fixture)->counts.calls, 1);
    ck_assert_uint_eq(backend_of(&fixture)->counts.failures, 1);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_call_can_be_cancelled_at_once)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *heard = ask(&fixture, "x");
    cancel(heard);
    run_for_a_while(&fixture);
    ck_assert(!heard->has_ended);
    ck_assert_uint_eq(heard->spent.attempts, 0);
    ck_assert_uint_eq(fixture.server.requests, 0);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_call_can_be_cancelled_between_attempts)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 503, .text = "busy", .head = "Retry-After: 2\r\n"});
    Heard *heard = ask(&fixture, "x");
    run_until_requests(&fixture, 1);
    run_for_a_while(&fixture);
    ck_assert_uint_eq(backend_of(&fixture)->active_count, 1);
    cancel(heard);
    ck_assert_uint_eq(backend_of(&fixture)->active_count, 0);
    ck_assert_uint_eq(heard->spent.attempts, 1);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

static void cancel_other(Heard *heard)
{
    if (heard->other->call)
        cancel(heard->other);
}

/* The deadlines of two calls come in one turn of the loop: the first cancels the second, which is about to be
 * told. */
START_TEST(a_call_can_be_cancelled_when_it_is_about_to_be_told)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *one = ask_until(&fixture, in_ms(30), &heard_whole);
    Heard *two = ask_until(&fixture, in_ms(30), &heard_whole);
    one->on_end = two->on_end = cancel_other;
    one->other = two;
    two->other = one;
    while (fixture.server.requests < 2 && one->call && two->call)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    uv_sleep(60);
    run_for_a_while(&fixture);
    ck_assert_int_eq(one->has_ended + two->has_ended, 1);
    ck_assert_ptr_null(one->call);
    ck_assert_ptr_null(two->call);
    ck_assert_uint_eq(backend_of(&fixture)->counts.calls, 2);
    heard_free(one);
    heard_free(two);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_call_can_be_cancelled_from_its_own_text)
{
    static const LlmTurn turns[] = {
        {.status = 200, .text = "a", .more = "b"},
        {.status = 200, .text = "a", .more = "b", .is_left_open = true},
        {.status = 200, .text = "a", .breaks_off = true},
        {.status = 200, .text = "a", .is_whole = true},
    };
    Fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
        llm_server_set(&fixture.server, turns[i]);
        Heard *heard = ask_for_pieces(&fixture, "x");
        heard->other = heard;
        heard->on_text = cancel_other;
        run_until(&fixture, &heard->has_text);
        run_for_a_while(&fixture);
        ck_assert(!heard->has_ended);
        ck_assert_uint_eq(backend_of(&fixture)->active_count, 0);
        heard_free(heard);
    }
    fixture_stop(&fixture);
}
END_TEST

static void cancel_at_the_limit(Heard *heard)
{
    if (heard->pieces.length > LLM_REPLY_LIMIT - 40000) /* a piece that would go over it is left out */
        cancel(heard);
}

/* A model that does not stop, until its caller has enough or the limit is reached. */
static Heard *ask_for_endless_text(Fixture *fixture, void (*on_text)(Heard *))
{
    char much[30001] = "";
    memset(much, 'x', sizeof(much) - 1);
    llm_server_set(&fixture->server, begun);
    Heard *heard = ask_for_pieces(fixture, "x");
    heard->on_text = on_text;
    run_until(fixture, &heard->has_text);
    while (heard->call) {
        if (fixture->server.last_request)
            llm_server_text(fixture->server.last_request, much);
        run_for_a_while(fixture);
    }
    return heard;
}

START_TEST(a_model_that_does_not_stop_is_cut_off)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *heard = ask_for_endless_text(&fixture, NULL);
    expect_end(heard, STATUS_OK, "");
    ck_assert_int_eq(heard->finish, LLM_FINISH_LENGTH);
    ck_assert_uint_le(heard->text.length, LLM_REPLY_LIMIT);
    heard_free(heard);
    heard = ask_for_endless_text(&fixture, cancel_at_the_limit);
    ck_assert(!heard->has_ended);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_callback_can_cancel_another_call)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *one = ask_for_pieces(&fixture, "x"), *two = ask_for_pieces(&fixture, "x");
    one->on_text = two->on_text = cancel_other;
    one->other = two;
    two->other = one;
    while (one->call && two->call)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    run_for_a_while(&fixture);
    ck_assert_int_eq(one->has_text + two->has_text, 1);
    Heard *left = one->call ? one : two;
    llm_server_finish(fixture.server.last_request == NULL ? fixture.server.all[0]
                                                          : fixture.server.last_request);
    run_until(&fixture, &left->has_ended);
    expect_end(left, STATUS_OK, "");
    heard_free(one);
    heard_free(two);
    fixture_stop(&fixture);
}
END_TEST

static void ask_other(Heard *heard)
{
    ask_for(heard->other, "the next one");
}

START_TEST(a_callback_can_make_a_call)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 1;
    fixture_open(&fixture);
    Heard *first = ask_for_pieces(&fixture, "x"), *second = heard_new(&fixture), *third = heard_new(&fixture);
    first->other = second;
    first->on_text = ask_other;
    second->other = third;
    second->on_end = ask_other;
    run_until(&fixture, &third->has_ended);
    expect_text(first, "yes");
    expect_text(second, "yes");
    expect_text(third, "yes");
    ck_assert_uint_eq(fixture.server.requests, 3);
    fixture_stop(&fixture);
}
END_TEST

/* ---- closing ---- */

static void close_all(Heard *heard)
{
    llm_close(TAKE_PTR(heard->fixture->llm), note_closed, heard->fixture);
    ck_assert(!heard->fixture->is_closed);
}

/* One call in each state. */
START_TEST(closing_ends_what_is_at_work)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 2;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, begun);
    llm_server_add(&fixture.server, (LlmTurn){.status = 503, .text = "busy", .head = "Retry-After: 2\r\n"});
    Heard *attempting = ask_for_pieces(&fixture, "x");
    run_until(&fixture, &attempting->has_text);
    Heard *resting = ask(&fixture, "x");
    run_until_requests(&fixture, 2);
    run_for_a_while(&fixture);
    Heard *waiting = ask(&fixture, "x");
    run_for_a_while(&fixture);
    Heard *just_made = ask(&fixture, "x");
    close_all(attempting);
    fixture_stop(&fixture);
    Heard *calls[] = {attempting, resting, waiting, just_made};
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        ck_assert(!calls[i]->has_ended);
        heard_free(calls[i]);
    }
}
END_TEST

START_TEST(a_callback_can_close_everything)
{
    for (unsigned from_text = 0; from_text < 2; from_text++) {
        Fixture fixture;
        fixture_start(&fixture);
        Heard *one = ask_for_pieces(&fixture, "x"), *two = ask_for_pieces(&fixture, "x");
        if (from_text)
            one->on_text = two->on_text = close_all;
        else
            one->on_end = two->on_end = close_all;
        run_until(&fixture, &fixture.is_closed);
        ck_assert_int_eq(one->has_ended + two->has_ended, !from_text);
        fixture_stop(&fixture);
        heard_free(one);
        heard_free(two);
    }
}
END_TEST

UNIT_TESTS("call", a_call_is_answered, a_deadline_comes_while_text_waits_to_be_handed_over,
           text_comes_in_pieces, a_reply_that_is_no_stream_is_one_piece,
           a_failure_that_may_pass_is_tried_again, nothing_is_asked_again_once_text_came,
           an_answer_that_stops_is_whole, it_is_tried_again_for_so_long_only, a_server_that_is_not_there,
           a_deadline_comes_during_an_attempt, nothing_is_begun_again_that_would_come_too_late,
           a_deadline_comes_between_attempts, a_deadline_can_be_moved_to_a_later_one,
           who_cancels_during_an_attempt_is_told_what_it_took, a_call_can_be_cancelled_at_once,
           a_call_can_be_cancelled_between_attempts, a_call_can_be_cancelled_when_it_is_about_to_be_told,
           a_call_can_be_cancelled_from_its_own_text, a_model_that_does_not_stop_is_cut_off,
           a_callback_can_cancel_another_call, a_callback_can_make_a_call, closing_ends_what_is_at_work,
           a_callback_can_close_everything)
