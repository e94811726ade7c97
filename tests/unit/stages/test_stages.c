/* SPDX-License-Identifier: MIT */
#include "tests/unit/stages/stages_fixture.h"
#include "tests/unit/unit.h"

static const LlmTurn silence = {.status = 0}, yes = {.status = 200, .text = "yes"},
                     begun = {.status = 200, .text = "ye", .is_left_open = true};

/* ---- kept replies ---- */

START_TEST(a_reply_is_paid_for_once)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *first = ask(&fixture, "x");
    run_until(&fixture, &first->has_ended);
    ck_assert(!first->was_cached);
    ck_assert_uint_eq(first->cost_micros, COST_OF_ANSWER);
    expect_text(first, "yes");
    settle(&fixture);
    Heard *second = ask(&fixture, "x");
    run_until(&fixture, &second->has_ended);
    ck_assert(second->was_cached);
    ck_assert_uint_eq(second->cost_micros, 0);
    expect_text(second, "yes");
    expect_text(ask(&fixture, "another"), "yes");
    ck_assert_uint_eq(fixture.server.requests, 2);
    expect_usage(&fixture, "ann", 2, 1, 2 * COST_OF_ANSWER);
    const StageCounts *counts = stage_counts(fixture.stages, STAGE_RESPOND);
    ck_assert_uint_eq(counts->calls, 2);
    ck_assert_uint_eq(counts->cached_replies, 1);
    ck_assert_uint_eq(counts->cost_micros, 2 * COST_OF_ANSWER);
    fixture_stop(&fixture);
}
END_TEST

/* The store does not find yet what it is being told. */
START_TEST(a_reply_that_is_being_kept_is_found)
{
    Fixture fixture;
    fixture_start(&fixture);
    uint64_t bob = add_user(&fixture, "bob");
    Heard *first = ask(&fixture, "x");
    run_until(&fixture, &first->has_ended);
    for (unsigned i = 0; i < 3; i++) {
        Heard *second = heard_new(&fixture);
        ask_as(second, "bob", bob, "x", i == 1 ? &heard_pieces : &heard_whole);
        if (i == 2) { /* who is told from there can leave as well */
            cancel(second);
            heard_free(second);
            continue;
        }
        run_until(&fixture, &second->has_ended);
        ck_assert(second->was_cached);
        ck_assert_str_eq(buffer_string(&second->pieces), i == 1 ? "yes|" : "");
        expect_text(second, "yes");
    }
    expect_text(first, "yes");
    ck_assert_uint_eq(fixture.server.requests, 1);
    expect_usage(&fixture, "ann", 1, 0, COST_OF_ANSWER);
    /* Who left was told, and counts, where the reply was still on its way into the store. */
    uint64_t told = stage_counts(fixture.stages, STAGE_RESPOND)->cached_replies;
    ck_assert(told == 2 || told == 3);
    expect_usage(&fixture, "bob", 0, told, 0);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_kept_reply_is_one_piece)
{
    Fixture fixture;
    fixture_start(&fixture);
    expect_text(ask(&fixture, "x"), "yes");
    settle(&fixture);
    Heard *heard = ask_for_pieces(&fixture, "x");
    run_until(&fixture, &heard->has_ended);
    ck_assert_str_eq(buffer_string(&heard->pieces), "yes|");
    expect_text(heard, "yes");
    /* Who has enough of it is not told the end. */
    heard = ask_for_pieces(&fixture, "x");
    heard->other = heard;
    heard->on_text = cancel_other;
    run_until(&fixture, &heard->has_text);
    settle(&fixture);
    ck_assert(!heard->has_ended);
    heard_free(heard);
    ck_assert_uint_eq(fixture.server.requests, 1);
    fixture_stop(&fixture);
}
END_TEST

/* The user of the request is gone; one of the same name is not the same user. */
START_TEST(nothing_is_kept_or_accounted_for_another_user_of_that_name)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *late = heard_new(&fixture);
    ask_as(late, "ann", fixture.ann + 1000, "x", &heard_whole);
    expect_text(late, "yes");
    expect_usage(&fixture, "ann", 0, 0, 0);
    expect_usage(&fixture, "", 1, 0, COST_OF_ANSWER);
    expect_text(ask(&fixture, "x"), "yes"); /* is not found */
    ck_assert_uint_eq(fixture.server.requests, 2);
    expect_usage(&fixture, "ann", 1, 0, COST_OF_ANSWER);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_failure_is_told_and_not_kept)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 400, .text = "too long"});
    expect_refused(ask(&fixture, "x"), STATUS_INVALID_ARGUMENT, "answered HTTP 400: too long");
    llm_server_set(&fixture.server, yes);
    expect_text(ask(&fixture, "x"), "yes");
    StoreUsage usage = usage_of(&fixture, "ann");
    ck_assert_uint_eq(usage.calls, 2);
    ck_assert_uint_eq(usage.failures, 1);
    fixture_stop(&fixture);
}
END_TEST

/* ---- leaving ---- */

START_TEST(who_leaves_while_the_store_looks_costs_nothing)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *heard = ask(&fixture, "x");
    cancel(heard);
    settle(&fixture);
    ck_assert(!heard->has_ended);
    ck_assert_uint_eq(fixture.server.requests, 0);
    expect_usage(&fixture, "ann", 0, 0, 0);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(who_leaves_before_the_request_began_costs_nothing)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.concurrency = 1;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *first = ask(&fixture, "x"), *second = ask(&fixture, "y");
    run_until_requests(&fixture, 1);
    settle(&fixture);
    cancel(second);
    llm_server_answer(fixture.server.last_request, &yes);
    expect_text(first, "yes");
    settle(&fixture);
    ck_assert(!second->has_ended);
    ck_assert_uint_eq(fixture.server.requests, 1);
    StoreUsage usage = usage_of(&fixture, "ann");
    ck_assert_uint_eq(usage.calls, 1);
    ck_assert_uint_eq(usage.failures, 0);
    ck_assert_uint_eq(stage_counts(fixture.stages, STAGE_RESPOND)->calls, 1);
    heard_free(second);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(what_was_written_before_its_caller_left_is_paid_for)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *heard = ask_for_pieces(&fixture, "a prompt of some length");
    run_until(&fixture, &heard->has_text);
    cancel(heard);
    while (fixture.server.last_request) /* the server sees that nobody listens any more */
        uv_run(&fixture.loop, UV_RUN_ONCE);
    ck_assert(!heard->has_ended);
    StoreUsage usage = usage_of(&fixture, "ann");
    ck_assert_uint_eq(usage.calls, 1);
    ck_assert_uint_eq(usage.failures, 1);
    ck_assert_uint_eq(usage.prompt_tokens, strlen("a prompt of some length") / 4 + 1);
    ck_assert_uint_eq(usage.completion_tokens, 1);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

/* ---- one request for several ---- */

START_TEST(a_request_that_is_at_work_is_not_made_twice)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *first = ask(&fixture, "x"), *second = ask(&fixture, "x");
    run_until_requests(&fixture, 1);
    settle(&fixture);
    Heard *third = ask(&fixture, "x");
    settle(&fixture);
    llm_server_answer(fixture.server.last_request, &yes);
    run_until(&fixture, &first->has_ended);
    run_until(&fixture, &third->has_ended);
    ck_assert(!first->was_cached);
    ck_assert(second->was_cached && third->was_cached);
    expect_text(first, "yes");
    expect_text(second, "yes");
    expect_text(third, "yes");
    ck_assert_uint_eq(fixture.server.requests, 1);
    expect_usage(&fixture, "ann", 1, 2, COST_OF_ANSWER);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(who_stays_is_answered_and_pays)
{
    Fixture fixture;
    fixture_start(&fixture);
    uint64_t bob = add_user(&fixture, "bob");
    llm_server_set(&fixture.server, silence);
    Heard *first = ask(&fixture, "x"), *second = heard_new(&fixture);
    run_until_requests(&fixture, 1);
    ask_as(second, "bob", bob, "x", &heard_whole);
    settle(&fixture);
    cancel(first);
    settle(&fixture);
    llm_server_answer(fixture.server.last_request, &yes);
    run_until(&fixture, &second->has_ended);
    ck_assert(!second->was_cached);
    expect_text(second, "yes");
    ck_assert(!first->has_ended);
    heard_free(first);
    expect_usage(&fixture, "ann", 0, 0, 0);
    expect_usage(&fixture, "bob", 1, 0, COST_OF_ANSWER);
    ck_assert_uint_eq(fixture.server.requests, 1);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_request_that_nobody_waits_for_is_ended)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *first = ask(&fixture, "x"), *second = ask(&fixture, "x");
    run_until_requests(&fixture, 1);
    settle(&fixture);
    cancel(second);
    settle(&fixture);
    ck_assert_ptr_nonnull(fixture.server.last_request);
    cancel(first);
    while (fixture.server.last_request)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    expect_usage(&fixture, "ann", 1, 0, 1 * PRICE_PROMPT + 1 * PRICE_COMPLETION);
    /* The next one asks anew. */
    llm_server_set(&fixture.server, yes);
    expect_text(ask(&fixture, "x"), "yes");
    ck_assert_uint_eq(fixture.server.requests, 2);
    heard_free(first);
    heard_free(second);
    fixture_stop(&fixture);
}
END_TEST

/* With replies kept and with none: then a call is in its flight before it has been made. */
START_TEST(who_joins_late_gets_what_was_written_before)
{
    for (unsigned keeps = 0; keeps < 2; keeps++) {
        Fixture fixture;
        fixture_begin(&fixture);
        fixture.config.reply_bytes *= keeps;
        fixture_open(&fixture);
        llm_server_set(&fixture.server, begun);
        Heard *first = ask_for_pieces(&fixture, "x");
        run_until(&fixture, &first->has_text);
        Heard *second = ask_for_pieces(&fixture, "x");
        run_until(&fixture, &second->has_text);
        ck_assert_str_eq(buffer_string(&second->pieces), "ye|");
        llm_server_text(fixture.server.last_request, "s");
        llm_server_finish(fixture.server.last_request);
        run_until(&fixture, &first->has_ended);
        run_until(&fixture, &second->has_ended);
        ck_assert_str_eq(buffer_string(&first->pieces), "ye|s|");
        ck_assert_str_eq(buffer_string(&second->pieces), "ye|s|");
        expect_text(first, "yes");
        expect_text(second, "yes");
        ck_assert_uint_eq(fixture.server.requests, 1);
        fixture_stop(&fixture);
    }
}
END_TEST

/* Those who want pieces and those who wait for the whole have a request each, whoever asks next. */
START_TEST(pieces_and_wholes_are_asked_for_apart)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *pieces = ask_for_pieces(&fixture, "x"), *whole = ask(&fixture, "x");
    run_until_requests(&fixture, 2);
    Heard *more_pieces = ask_for_pieces(&fixture, "x"), *more_wholes = ask(&fixture, "x");
    settle(&fixture);
    ck_assert_uint_eq(fixture.server.requests, 2);
    for (size_t i = 0; i < 2; i++)
        llm_server_answer(fixture.server.all[i], &yes);
    expect_text(pieces, "yes");
    expect_text(whole, "yes");
    expect_text(more_pieces, "yes");
    expect_text(more_wholes, "yes");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_callback_can_end_another_call_of_its_request)
{
    for (unsigned from_text = 0; from_text < 2; from_text++) {
        Fixture fixture;
        fixture_start(&fixture);
        llm_server_set(&fixture.server, from_text ? begun : silence);
        Heard *one = ask_for_pieces(&fixture, "x"), *two = ask_for_pieces(&fixture, "x");
        one->other = two;
        two->other = one;
        if (from_text)
            one->on_text = two->on_text = cancel_other;
        else
            one->on_reply = two->on_reply = cancel_other;
        run_until_requests(&fixture, 1);
        if (from_text)
            while (one->call && two->call)
                uv_run(&fixture.loop, UV_RUN_ONCE);
        settle(&fixture);
        if (from_text)
            llm_server_finish(fixture.server.last_request);
        else
            llm_server_answer(fixture.server.last_request, &yes);
        while (one->call || two->call)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        settle(&fixture);
        ck_assert_int_eq(one->has_ended + two->has_ended, 1);
        const Heard *told = one->has_ended ? one : two;
        ck_assert_str_eq(buffer_string(&told->text), from_text ? "ye" : "yes");
        heard_free(one);
        heard_free(two);
        fixture_stop(&fixture);
    }
}
END_TEST

START_TEST(the_only_caller_can_leave_from_its_text)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *heard = ask_for_pieces(&fixture, "x");
    heard->other = heard;
    heard->on_text = cancel_other;
    run_until(&fixture, &heard->has_text);
    settle(&fixture);
    ck_assert(!heard->has_ended);
    expect_usage(&fixture, "ann", 1, 0, usage_of(&fixture, "ann").cost_micros);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

static void ask_the_same(Heard *heard)
{
    ask_as(heard->other, "ann", heard->fixture->ann, "x", &heard_whole);
}

START_TEST(a_callback_can_ask_the_same_again)
{
    Fixture fixture;
    fixture_start(&fixture);
    Heard *first = ask(&fixture, "x"), *second = heard_new(&fixture);
    first->on_reply = ask_the_same;
    first->other = second;
    expect_text(first, "yes");
    expect_text(second, "yes");
    ck_assert_uint_eq(fixture.server.requests, 1);
    fixture_stop(&fixture);
}
END_TEST

/* ---- caps ---- */

START_TEST(a_cap_refuses_what_would_cost)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.config.day_cost = COST_OF_ANSWER / 1e6;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, silence);
    Heard *at_work = ask(&fixture, "at work");
    run_until_requests(&fixture, 1);
    llm_server_set(&fixture.server, yes);
    expect_text(ask(&fixture, "kept"), "yes");
    settle(&fixture);
    expect_refused(ask(&fixture, "new"), STATUS_RESOURCE_EXHAUSTED,
                   "and max_day_cost = 0.00037 is reached; wait for tomorrow (UTC), or raise it under [llm]");
    /* What costs nothing is had over the cap as well. */
    expect_text(ask(&fixture, "kept"), "yes");
    Heard *joined = ask(&fixture, "at work");
    settle(&fixture);
    ck_assert(!joined->has_ended);
    for (size_t i = 0; i < fixture.server.connections; i++)
        llm_server_answer(fixture.server.all[i], &yes);
    expect_text(at_work, "yes");
    expect_text(joined, "yes");
    ck_assert_uint_eq(fixture.server.requests, 2);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_user_s_cap_is_that_user_s)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.config.user_day_cost = COST_OF_ANSWER / 1e6;
    fixture.config.reply_bytes = 0;
    fixture_open(&fixture);
    uint64_t bob = add_user(&fixture, "bob");
    expect_text(ask(&fixture, "x"), "yes");
    expect_refused(ask(&fixture, "x"), STATUS_RESOURCE_EXHAUSTED,
                   "today for the user ann, and max_user_day_cost = 0.00037 is reached");
    Heard *other = heard_new(&fixture);
    ask_as(other, "bob", bob, "x", &heard_whole);
    expect_text(other, "yes");
    fixture_stop(&fixture);
}
END_TEST

/* A call that was refused is told on a later turn: its caller may have left by then. */
START_TEST(who_is_refused_may_have_left)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.config.day_cost = 1e-6;
    fixture.config.reply_bytes = 0;
    fixture_open(&fixture);
    expect_text(ask(&fixture, "x"), "yes");
    Heard *heard = ask(&fixture, "x");
    cancel(heard);
    settle(&fixture);
    ck_assert(!heard->has_ended);
    heard_free(heard);
    fixture_stop(&fixture);
}
END_TEST

/* ---- closing ---- */

START_TEST(closing_ends_what_is_at_work)
{
    Fixture fixture;
    fixture_start(&fixture);
    expect_text(ask(&fixture, "kept"), "yes");
    settle(&fixture);
    llm_server_set(&fixture.server, begun);
    Heard *flying = ask_for_pieces(&fixture, "x"), *with_it = ask_for_pieces(&fixture, "x");
    run_until(&fixture, &flying->has_text);
    Heard *ending = ask_for_pieces(&fixture, "kept");
    run_until(&fixture, &ending->has_text);
    Heard *finding = ask(&fixture, "y");
    Heard *calls[] = {flying, with_it, ending, finding};
    fixture_stop(&fixture);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        ck_assert(!calls[i]->has_ended);
        heard_free(calls[i]);
    }
}
END_TEST

static void close_stages(Heard *heard)
{
    stages_close(heard->fixture->stages);
}

START_TEST(a_callback_can_close_everything)
{
    for (unsigned from_text = 0; from_text < 2; from_text++) {
        Fixture fixture;
        fixture_start(&fixture);
        Heard *one = ask_for_pieces(&fixture, "x"), *two = ask_for_pieces(&fixture, "x");
        if (from_text)
            one->on_text = two->on_text = close_stages;
        else
            one->on_reply = two->on_reply = close_stages;
        while (from_text ? !one->has_text && !two->has_text : !one->has_ended && !two->has_ended)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        settle(&fixture);
        ck_assert_int_eq(one->has_ended + two->has_ended, !from_text);
        fixture_stop(&fixture);
        heard_free(one);
        heard_free(two);
    }
}
END_TEST

UNIT_TESTS("stages", a_reply_is_paid_for_once, a_reply_that_is_being_kept_is_found, a_kept_reply_is_one_piece,
           nothing_is_kept_or_accounted_for_another_user_of_that_name, a_failure_is_told_and_not_kept,
           who_leaves_while_the_store_looks_costs_nothing, who_leaves_before_the_request_began_costs_nothing,
           what_was_written_before_its_caller_left_is_paid_for, a_request_that_is_at_work_is_not_made_twice,
           who_stays_is_answered_and_pays, a_request_that_nobody_waits_for_is_ended,
           who_joins_late_gets_what_was_written_before, pieces_and_wholes_are_asked_for_apart,
           a_callback_can_end_another_call_of_its_request, the_only_caller_can_leave_from_its_text,
           a_callback_can_ask_the_same_again, a_cap_refuses_what_would_cost, a_user_s_cap_is_that_user_s,
           who_is_refused_may_have_left, closing_ends_what_is_at_work, a_callback_can_close_everything)
