/* SPDX-License-Identifier: MIT */
#include "tests/unit/query/query_fixture.h"
#include "tests/unit/unit.h"

/* Who answers, what is streamed, and what stands in for an LLM that does not answer. */

static const LlmTurn down = {.status = 503, .text = "down"},
                     wrong = {.status = 200, .text = "Reasoning: Who knows.\\nAnswer:perhaps"},
                     held = {.status = 200, .text = "{\\\"answer\\\": \\\"no\\\"}"};

START_TEST(the_statistics_answer_where_no_llm_is_configured)
{
    QueryFixture fixture;
    query_fixture_open(&fixture, "good", false);
    Heard *heard = respond(&fixture, "Robots dream of what?");
    run_until(&fixture.base, &heard->is_done);
    const char *deltas = buffer_string(&heard->deltas), *answer = strstr(deltas, "|=");
    ck_assert_msg(answer && answer > deltas, "first the reasoning, then the answer: %s", deltas);
    ck_assert_ptr_nonnull(strstr(buffer_string(&heard->reply), ", native, \"\", 0 calls"));
    ck_assert_uint_eq(fixture.server.requests, 0);
    heard_free(heard);
    query_fixture_close(&fixture);
}
END_TEST

START_TEST(an_llm_s_reasoning_is_streamed_as_it_comes)
{
    QueryFixture fixture;
    query_fixture_open(&fixture, "good", true);
    Heard *heard = respond(&fixture, "Robots dream of what?");
    run_until(&fixture.base, &heard->is_done);
    ck_assert_str_eq(buffer_string(&heard->reply), "no, LLM, \"\", 1 calls");
    const char *deltas = buffer_string(&heard->deltas);
    ck_assert_msg(strncmp(deltas, "It follows", 10) == 0, "%s", deltas);
    ck_assert_msg(strcmp(deltas + strlen(deltas) - strlen("|=no|"), "|=no|") == 0, "%s", deltas);
    heard_free(heard);
    /* What was asked before is answered from the store, the same way. */
    expect_reply(respond(&fixture, "Robots dream of what?"), NULL, "no, LLM, \"\", 0 calls");
    ck_assert_uint_eq(fixture.server.requests, 1);
    query_fixture_close(&fixture);
}
END_TEST

START_TEST(a_server_that_is_down_leaves_the_answer_to_the_statistics)
{
    QueryFixture fixture;
    query_fixture_begin(&fixture);
    llm_server_set(&fixture.server, down);
    query_fixture_start(&fixture, "good", true);
    Heard *heard = respond(&fixture, "Robots dream of what?");
    run_until(&fixture.base, &heard->is_done);
    ck_assert_msg(status_is_ok(&heard->status), "%s", heard->status.message);
    ck_assert_ptr_nonnull(strstr(buffer_string(&heard->reply), "answered HTTP 503: down; answered from the "
                                                               "statistics alone"));
    ck_assert_ptr_nonnull(strstr(buffer_string(&heard->reply), ", native, "));
    heard_free(heard);
    query_fixture_close(&fixture);
}
END_TEST

START_TEST(what_was_streamed_is_not_taken_back)
{
    QueryFixture fixture;
    query_fixture_begin(&fixture);
    llm_server_set(&fixture.server,
                   (LlmTurn){.status = 200, .text = "Reasoning: It follows ", .breaks_off = true});
    query_fixture_start(&fixture, "good", true);
    Heard *heard = respond(&fixture, "Robots dream of what?");
    expect_refusal(heard, STATUS_UNAVAILABLE, "broke off in the middle of its answer");
    query_fixture_close(&fixture);
}
END_TEST

/* Its server was asked in a way that it does not take: that is to be known, not made up for. */
START_TEST(a_request_that_is_refused_is_no_answer)
{
    QueryFixture fixture;
    query_fixture_begin(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 400, .text = "too long"});
    query_fixture_start(&fixture, "good", true);
    expect_refusal(respond(&fixture, "Robots dream of what?"), STATUS_INVALID_ARGUMENT, "too long");
    query_fixture_close(&fixture);
}
END_TEST

START_TEST(an_answer_of_no_use_is_asked_for_once_more)
{
    QueryFixture fixture;
    query_fixture_begin(&fixture);
    llm_server_set(&fixture.server, wrong);
    llm_server_add(&fixture.server, held);
    query_fixture_start(&fixture, "good", true);
    expect_reply(respond(&fixture, "Robots dream of what?"), "Who knows.\n|=no|", "no, LLM, \"\", 2 calls");
    ck_assert_uint_eq(fixture.server.requests, 2);
    ck_assert_ptr_nonnull(strstr(buffer_string(&fixture.server.last_body), "Who knows."));
    query_fixture_close(&fixture);
}
END_TEST

START_TEST(twice_of_no_use_leaves_the_answer_to_the_statistics)
{
    QueryFixture fixture;
    query_fixture_begin(&fixture);
    llm_server_set(&fixture.server, wrong);
    query_fixture_start(&fixture, "good", true);
    Heard *heard = respond(&fixture, "Robots dream of what?");
    run_until(&fixture.base, &heard->is_done);
    ck_assert_msg(status_is_ok(&heard->status), "%s", heard->status.message);
    ck_assert_ptr_nonnull(strstr(buffer_string(&heard->reply),
                                 ", native, \"the LLM wrote no answer of the task, nor when it was asked "
                                 "again; answered from the statistics alone\", 2 calls"));
    heard_free(heard);
    query_fixture_close(&fixture);
}
END_TEST

UNIT_TESTS("response", the_statistics_answer_where_no_llm_is_configured,
           an_llm_s_reasoning_is_streamed_as_it_comes,
           a_server_that_is_down_leaves_the_answer_to_the_statistics, what_was_streamed_is_not_taken_back,
           a_request_that_is_refused_is_no_answer, an_answer_of_no_use_is_asked_for_once_more,
           twice_of_no_use_leaves_the_answer_to_the_statistics)
