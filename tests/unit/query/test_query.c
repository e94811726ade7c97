/* SPDX-License-Identifier: MIT */
#include "tests/unit/query/query_fixture.h"
#include "tests/unit/unit.h"

/* A query's way, who leaves on it, and what that costs. query.c asserts its moves and its invariant. */

#define TRIES 20 /* a state that another thread ends within the loop's turn is met another time */

START_TEST(a_prompt_is_written_on_another_thread)
{
    QueryFixture fixture;
    query_fixture_open(&fixture, "good", false);
    Heard *heard = heard_new(&fixture);
    ask(heard, QUERY_PROMPT, "Robots dream of what?", 0);
    run_until(&fixture.base, &heard->is_done);
    ck_assert_msg(status_is_ok(&heard->status), "%s", heard->status.message);
    const char *prompt = buffer_string(&heard->reply);
    ck_assert_ptr_nonnull(strstr(prompt, "Answer as this user would."));
    ck_assert_ptr_nonnull(strstr(prompt, "Robots dream of what?"));
    ck_assert_uint_eq(heard->deltas.length, 0);
    heard_free(heard);
    query_fixture_close(&fixture);
}
END_TEST

START_TEST(what_cannot_be_done_is_refused_with_what_to_do)
{
    QueryFixture fixture;
    query_fixture_open(&fixture, "good", false);
    import(&fixture.base, "new", "n", 2);
    Heard *heard = heard_new(&fixture);
    const QueryRequest request = {
        .kind = QUERY_PROMPT, .name = named("new"), .query = T("x"), .caller = CALLER_DAEMON};
    heard->query = query_begin(fixture.queries, &request, &heard_handlers, heard);
    expect_refusal(heard, STATUS_FAILED_PRECONDITION, "rpmctl model build --task fixture --user new");
    heard = heard_new(&fixture);
    const QueryRequest unknown = {
        .kind = QUERY_PROMPT, .name = named("nobody"), .query = T("x"), .caller = CALLER_DAEMON};
    heard->query = query_begin(fixture.queries, &unknown, &heard_handlers, heard);
    expect_refusal(heard, STATUS_NOT_FOUND, "nobody");
    query_fixture_close(&fixture);
}
END_TEST

/* ---- leaving ---- */

static void settle_queries(QueryFixture *fixture)
{
    settle(&fixture->base);
    for (unsigned i = 0; i < 20; i++)
        uv_run(&fixture->base.loop, UV_RUN_NOWAIT);
}

START_TEST(a_caller_can_leave_in_every_state)
{
    for (QueryState state = QUERY_FINDING; state < QUERY_DONE; state++) {
        bool is_met = false;
        for (unsigned i = 0; i < TRIES && !is_met; i++) {
            QueryFixture fixture;
            query_fixture_open(&fixture, "good", true);
            restart_users(&fixture.base);
            fixture.queries->context.users = fixture.base.users;
            Heard *heard = respond(&fixture, "Robots dream of what?");
            is_met = cancel_in_state(heard, state);
            settle_queries(&fixture);
            if (is_met) {
                ck_assert(!heard->is_done);
                /* Nobody is asked for a caller who has left. */
                if (state < QUERY_ASKING)
                    ck_assert_uint_eq(fixture.server.requests, 0);
                ck_assert_uint_eq(fixture.server.connections == 0 || state > QUERY_ASKING, 1);
                /* The next one is answered. */
                expect_reply(respond(&fixture, "Robots dream of that?"), NULL, "no, LLM, \"\", 1 calls");
            }
            heard_free(heard);
            query_fixture_close(&fixture);
        }
        ck_assert_msg(is_met, "state %d was never met", (int)state);
    }
}
END_TEST

static void leave(Heard *heard)
{
    query_cancel(heard->query);
    heard->query = NULL;
}

/* From the first piece, and from the answer. */
START_TEST(a_caller_can_leave_from_a_delta)
{
    static const bool llms[] = {true, false};
    for (size_t i = 0; i < ARRAY_SIZE(llms); i++) {
        QueryFixture fixture;
        query_fixture_begin(&fixture);
        llm_server_set(&fixture.server,
                       (LlmTurn){.status = 200, .text = "Reasoning: It follows ", .is_left_open = true});
        query_fixture_start(&fixture, "good", llms[i]);
        Heard *heard = respond(&fixture, "Robots dream of what?");
        heard->on_delta = leave;
        while (heard->query)
            uv_run(&fixture.base.loop, UV_RUN_ONCE);
        /* The server sees that nobody listens any more. */
        while (fixture.server.last_request)
            uv_run(&fixture.base.loop, UV_RUN_ONCE);
        settle_queries(&fixture);
        ck_assert(!heard->is_done);
        ck_assert_uint_eq(fixture.server.requests, llms[i]);
        heard_free(heard);
        query_fixture_close(&fixture);
    }
}
END_TEST

START_TEST(a_deadline_ends_the_plugin_s_call_and_nobody_is_asked)
{
    QueryFixture fixture;
    query_fixture_open(&fixture, "slow", true);
    Heard *heard = heard_new(&fixture);
    ask(heard, QUERY_RESPOND, "trigger it", uv_hrtime() + 50000000);
    expect_refusal(heard, STATUS_DEADLINE_EXCEEDED, "");
    settle_queries(&fixture);
    ck_assert_uint_eq(fixture.server.requests, 0);
    query_fixture_close(&fixture);
}
END_TEST

START_TEST(an_erased_user_s_query_goes_on_with_the_model_it_has)
{
    QueryFixture fixture;
    query_fixture_begin(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 0});
    query_fixture_start(&fixture, "good", true);
    Heard *heard = respond(&fixture, "Robots dream of what?");
    while (fixture.server.requests == 0)
        uv_run(&fixture.base.loop, UV_RUN_ONCE);
    Asked erased = {.fixture = &fixture.base};
    ask_erase(&erased, "ann");
    expect_done(&erased);
    append(&fixture.base, "ann", "back");
    const LlmTurn late = {.status = 200, .text = "Reasoning: From the past.\\nAnswer:no"};
    llm_server_answer(fixture.server.last_request, &late);
    expect_reply(heard, "From the past.\n|=no|", "no, LLM, \"\", 1 calls");
    settle_queries(&fixture);
    /* Of the reply nothing is kept for whoever has the name now: the same question is paid anew. */
    store_usage_list(fixture.base.store, &(StoreListUsage){.by_user = true, .user = T("ann")}, note_answer,
                     &fixture.base);
    ck_assert_uint_eq(wait_for_store(&fixture.base)->usages.count, 0);
    query_fixture_close(&fixture);
}
END_TEST

UNIT_TESTS("query", a_prompt_is_written_on_another_thread, what_cannot_be_done_is_refused_with_what_to_do,
           a_caller_can_leave_in_every_state, a_caller_can_leave_from_a_delta,
           a_deadline_ends_the_plugin_s_call_and_nobody_is_asked,
           an_erased_user_s_query_goes_on_with_the_model_it_has)
