/* SPDX-License-Identifier: MIT */
#include "tests/unit/backends/llm_fixture.h"
#include "tests/unit/unit.h"

static const LlmTurn yes = {.status = 200, .text = "yes"};
static const char schema[] = "{\"type\":\"object\"}";

static bool last_body_has(const Fixture *fixture, const char *part)
{
    return strstr(buffer_string(&fixture->server.last_body), part) != NULL;
}

static Heard *ask_for_json(Fixture *fixture)
{
    Heard *heard = heard_new(fixture);
    ask_with(heard, &(LlmRequest){.backend = "local", .prompt = text_of("x"), .schema = schema},
             &heard_whole);
    return heard;
}

START_TEST(a_form_that_is_refused_is_not_asked_for_again)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 400, .text = "no response_format"});
    llm_server_add(&fixture.server, (LlmTurn){.status = 422, .text = "no json_object"});
    llm_server_add(&fixture.server, yes);
    Heard *heard = ask_for_json(&fixture);
    run_until(&fixture, &heard->has_ended);
    ck_assert_uint_eq(heard->spent.attempts, 3);
    expect_text(heard, "yes");
    ck_assert(!last_body_has(&fixture, "response_format"));
    ck_assert_int_eq(backend_of(&fixture)->form, LLM_FORM_TEXT);
    expect_text(ask_for_json(&fixture), "yes");
    ck_assert_uint_eq(fixture.server.requests, 4);
    fixture_stop(&fixture);
}
END_TEST

/* What was refused was the request, not its form: nothing is learnt. */
START_TEST(a_refusal_in_every_form_is_the_request_s)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 400, .text = "too long"});
    expect(ask_for_json(&fixture), STATUS_INVALID_ARGUMENT, "backend local answered HTTP 400: too long");
    ck_assert_uint_eq(fixture.server.requests, 3);
    ck_assert_int_eq(backend_of(&fixture)->form, LLM_FORM_SCHEMA);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(the_newer_name_of_the_limit_is_learnt)
{
    Fixture fixture;
    fixture_start(&fixture);
    llm_server_set(&fixture.server,
                   (LlmTurn){.status = 400, .text = "use max_completion_tokens, not max_tokens"});
    llm_server_add(&fixture.server, yes);
    expect_text(ask(&fixture, "x"), "yes");
    ck_assert(last_body_has(&fixture, "\"max_completion_tokens\""));
    expect_text(ask(&fixture, "x"), "yes");
    ck_assert_uint_eq(fixture.server.requests, 3);
    fixture_stop(&fixture);
}
END_TEST

START_TEST(what_is_no_event_is_no_answer)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.retry_seconds = 0;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 200, .text = "[1]", .is_strange = true});
    expect(ask(&fixture, "x"), STATUS_UNAVAILABLE,
           "backend local sent something that is no event of its shape; check its shape");
    llm_server_set(&fixture.server, (LlmTurn){.status = 200,
                                              .text = "{\"error\":{\"message\":\"the model fell over\"}}",
                                              .is_strange = true});
    expect(ask(&fixture, "x"), STATUS_UNAVAILABLE, "backend local broke off: the model fell over");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_server_that_says_nothing_is_not_waited_for)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.retry_seconds = 0;
    fixture.backend.first_seconds = 1;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 0});
    expect(ask(&fixture, "x"), STATUS_UNAVAILABLE, "backend local sent nothing for first_seconds = 1");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_server_that_falls_silent_is_not_waited_for)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.retry_seconds = 0;
    fixture.backend.idle_seconds = 1;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 200, .text = "ye", .is_left_open = true});
    expect(ask(&fixture, "x"), STATUS_UNAVAILABLE, "backend local sent nothing for idle_seconds = 1");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(an_answer_may_take_so_long_only)
{
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.retry_seconds = 0;
    fixture.backend.total_seconds = 1;
    fixture_open(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 200, .text = "ye", .is_left_open = true});
    expect(ask(&fixture, "x"), STATUS_UNAVAILABLE,
           "backend local needs more than total_seconds = 1 for its answer");
    fixture_stop(&fixture);
}
END_TEST

START_TEST(refusals_say_what_to_do)
{
    static const struct {
        int status;
        StatusCode code;
        const char *sentence;
    } cases[] = {
        {401, STATUS_FAILED_PRECONDITION, "answered HTTP 401: no; check its key"},
        {403, STATUS_FAILED_PRECONDITION, "answered HTTP 403: no; check its key"},
        {404, STATUS_FAILED_PRECONDITION, "answered HTTP 404: no; check its base_url and model"},
        {413, STATUS_INVALID_ARGUMENT, "answered HTTP 413: no"},
        {429, STATUS_RESOURCE_EXHAUSTED,
         "answered HTTP 429: no; try again later, or set requests_per_minute"},
        {505, STATUS_UNAVAILABLE, "answered HTTP 505: no"},
    };
    Fixture fixture;
    fixture_begin(&fixture);
    fixture.backend.retry_seconds = 0;
    fixture_open(&fixture);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        llm_server_set(&fixture.server,
                       (LlmTurn){.status = cases[i].status, .text = "no", .head = "Retry-After: 1\r\n"});
        expect(ask(&fixture, "x"), cases[i].code, cases[i].sentence);
        ck_assert_str_ne(backend_of(&fixture)->trouble, "");
    }
    ck_assert_uint_eq(fixture.server.requests, ARRAY_SIZE(cases));
    fixture_stop(&fixture);
}
END_TEST

START_TEST(a_key_that_a_server_repeats_is_not_shown)
{
    Fixture fixture;
    fixture_begin(&fixture);
    setenv("RPMD_TEST_KEY", "sk-very-secret", 1);
    fixture.backend.key_variable = "RPMD_TEST_KEY";
    fixture_open(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 401, .text = "wrong: sk-very-secret"});
    expect(ask(&fixture, "x"), STATUS_FAILED_PRECONDITION, "answered HTTP 401: wrong: [key]; check its key");
    fixture_stop(&fixture);
}
END_TEST

UNIT_TESTS("attempt", a_form_that_is_refused_is_not_asked_for_again, a_refusal_in_every_form_is_the_request_s,
           the_newer_name_of_the_limit_is_learnt, what_is_no_event_is_no_answer,
           a_server_that_says_nothing_is_not_waited_for, a_server_that_falls_silent_is_not_waited_for,
           an_answer_may_take_so_long_only, refusals_say_what_to_do, a_key_that_a_server_repeats_is_not_shown)
