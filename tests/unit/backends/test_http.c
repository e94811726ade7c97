/* SPDX-License-Identifier: MIT */
#include "daemon/llm/http.h"

#include "lib/base/text.h"
#include "tests/unit/backends/llm_server.h"
#include "tests/unit/unit.h"

#include <signal.h>

typedef struct Fixture {
    uv_loop_t loop;
    LlmServer server;
    HttpClient *client;
    bool is_closed;
} Fixture;

/* A request and what came back. */
typedef struct Heard {
    Fixture *fixture;
    HttpCall *call; /* NULL: it is over */
    Buffer bytes;
    bool has_ended;
    long status;
    char error[256];
    void (*on_bytes)(struct Heard *heard); /* what the test does in the callback; NULL: nothing */
    void (*on_end)(struct Heard *heard);
    struct Heard *other; /* for these two */
} Heard;

static void heard_bytes(void *data, long status, rpmd_text bytes)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->call);
    heard->status = status;
    buffer_append(&heard->bytes, bytes.data, bytes.length);
    if (heard->on_bytes)
        heard->on_bytes(heard);
}

static void heard_end(void *data, const HttpResult *result)
{
    Heard *heard = data;
    ck_assert_ptr_nonnull(heard->call); /* neither within http_post nor twice */
    heard->call = NULL;
    heard->has_ended = true;
    heard->status = result->status;
    snprintf(heard->error, sizeof(heard->error), "%s", result->error ? result->error : "");
    if (heard->on_end)
        heard->on_end(heard);
}

static void post(Heard *heard)
{
    static const HttpHandlers handlers = {heard_bytes, heard_end};
    heard->call = http_post(
        heard->fixture->client,
        &(HttpRequest){.url = heard->fixture->server.url, .body = text_of("{}"), .connect_ms = 5000},
        &handlers, heard);
}

static void start(Fixture *fixture)
{
    *fixture = (Fixture){0};
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
    llm_server_open(&fixture->server, &fixture->loop);
    llm_server_set(&fixture->server, (LlmTurn){.status = 200, .text = "yes", .is_whole = true});
    fixture->client = http_client_new(&fixture->loop);
}

static void note_closed(void *data)
{
    ((Fixture *)data)->is_closed = true;
}

static void close_client(Heard *heard)
{
    http_client_close(TAKE_PTR(heard->fixture->client), note_closed, heard->fixture);
    ck_assert(!heard->fixture->is_closed);
}

static void stop(Fixture *fixture)
{
    if (fixture->client)
        http_client_close(fixture->client, note_closed, fixture);
    while (!fixture->is_closed)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    llm_server_close(&fixture->server);
    ck_assert_int_eq(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
}

static void run_for_a_while(Fixture *fixture)
{
    for (unsigned i = 0; i < 20; i++)
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void cancel_other(Heard *heard)
{
    if (heard->other->call)
        http_cancel(TAKE_PTR(heard->other->call));
}

static void post_other(Heard *heard)
{
    if (!heard->other->call && !heard->other->has_ended)
        post(heard->other);
}

START_TEST(a_request_is_answered)
{
    Fixture fixture;
    start(&fixture);
    Heard heard = {.fixture = &fixture};
    for (unsigned i = 0; i < 3; i++) {
        post(&heard);
        while (heard.call)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        ck_assert_int_eq(heard.status, 200);
        ck_assert_str_eq(heard.error, "");
        ck_assert_ptr_nonnull(strstr(buffer_string(&heard.bytes), "\"yes\""));
    }
    ck_assert_uint_eq(fixture.server.connections, 1); /* it is kept and used again */
    buffer_finish(&heard.bytes);
    stop(&fixture);
}
END_TEST

START_TEST(a_connection_that_is_lost_is_said)
{
    Fixture fixture;
    start(&fixture);
    llm_server_set(&fixture.server, (LlmTurn){.status = 200, .text = "ye", .breaks_off = true});
    Heard heard = {.fixture = &fixture};
    post(&heard);
    while (heard.call)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    ck_assert_int_eq(heard.status, 200);
    ck_assert_str_ne(heard.error, "");
    buffer_finish(&heard.bytes);
    stop(&fixture);
}
END_TEST

START_TEST(bytes_can_cancel_their_own_request_and_another)
{
    for (unsigned own = 0; own < 2; own++) {
        Fixture fixture;
        start(&fixture);
        Heard one = {.fixture = &fixture, .on_bytes = cancel_other};
        Heard two = {.fixture = &fixture, .on_bytes = cancel_other};
        one.other = own ? &one : &two;
        two.other = own ? &two : &one;
        post(&one);
        post(&two);
        while (own ? one.call || two.call : one.call && two.call)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        run_for_a_while(&fixture);
        ck_assert_int_eq(one.has_ended + two.has_ended, own ? 0 : 1);
        buffer_finish(&one.bytes);
        buffer_finish(&two.bytes);
        stop(&fixture);
    }
}
END_TEST

START_TEST(callbacks_can_make_requests)
{
    Fixture fixture;
    start(&fixture);
    Heard first = {.fixture = &fixture, .on_bytes = post_other};
    Heard second = {.fixture = &fixture, .on_end = post_other}, third = {.fixture = &fixture};
    first.other = &second;
    second.other = &third;
    post(&first);
    while (!first.has_ended || !second.has_ended || !third.has_ended)
        uv_run(&fixture.loop, UV_RUN_ONCE);
    ck_assert_uint_eq(fixture.server.requests, 3);
    buffer_finish(&first.bytes);
    buffer_finish(&second.bytes);
    buffer_finish(&third.bytes);
    stop(&fixture);
}
END_TEST

/* Both ended in one turn of the loop; the second is not told behind its cancel, nor behind the client's
 * close. */
START_TEST(an_end_can_take_back_another)
{
    for (unsigned closes = 0; closes < 2; closes++) {
        Fixture fixture;
        start(&fixture);
        fixture.server.turns[0].status = 0;
        Heard one = {.fixture = &fixture, .on_end = closes ? close_client : cancel_other};
        Heard two = one;
        one.other = &two;
        two.other = &one;
        post(&one);
        post(&two);
        while (fixture.server.requests < 2)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        while (fixture.server.connections > 0)
            llm_server_drop(fixture.server.all[0]);
        while (!one.has_ended && !two.has_ended)
            uv_run(&fixture.loop, UV_RUN_ONCE);
        run_for_a_while(&fixture);
        ck_assert_int_eq(one.has_ended + two.has_ended, 1);
        stop(&fixture);
    }
}
END_TEST

START_TEST(a_request_can_be_cancelled_before_anything_was_sent)
{
    Fixture fixture;
    start(&fixture);
    Heard heard = {.fixture = &fixture};
    post(&heard);
    http_cancel(TAKE_PTR(heard.call));
    run_for_a_while(&fixture);
    ck_assert(!heard.has_ended);
    ck_assert_uint_eq(fixture.server.requests, 0);
    post(&heard); /* is ended by the close */
    stop(&fixture);
    ck_assert(!heard.has_ended);
}
END_TEST

UNIT_TESTS("http", a_request_is_answered, a_connection_that_is_lost_is_said,
           bytes_can_cancel_their_own_request_and_another, callbacks_can_make_requests,
           an_end_can_take_back_another, a_request_can_be_cancelled_before_anything_was_sent)
