/* SPDX-License-Identifier: MIT */
#include "tests/unit/grpc/pair.h"

static uint64_t ended(const Pair *pair, const char *method, StatusCode code)
{
    for (size_t i = 0; i < grpc_server_method_count(pair->grpc); i++) {
        GrpcMethodCount count = grpc_server_method(pair->grpc, i);
        if (strcmp(count.method, method) == 0)
            return count.ended[code];
    }
    ck_abort_msg("no method %s", method);
}

START_TEST(a_unary_call_is_answered)
{
    Pair pair;
    Reply reply;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Echo", "hello");
    pair_run(&pair);
    reply_assert_text(&reply, "hello");
    ck_assert_uint_eq(reply.messages, 1);
    ck_assert_uint_eq(grpc_server_total_calls(pair.grpc), 1);
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 0);
    ck_assert_uint_eq(ended(&pair, "Echo", STATUS_OK), 1);
    ck_assert_uint_eq(grpc_server_session_calls(pair.server), 0);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(protobuf_messages_go_both_ways)
{
    Pair pair;
    Reply reply = {0};
    Rpmd__V1__DeleteRequest request = RPMD__V1__DELETE_REQUEST__INIT;
    char id[] = "seventeen letters";
    request.id = id;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Item", NULL);
    grpc_client_call_send(reply.call, &request.base);
    grpc_client_call_half_close(reply.call);
    pair_run(&pair);
    ck_assert_int_eq(reply.status.code, STATUS_OK);
    Rpmd__V1__DeleteResponse *response = rpmd__v1__delete_response__unpack(
        NULL, reply.text.length, (const uint8_t *)buffer_string(&reply.text));
    ck_assert_ptr_nonnull(response);
    ck_assert_uint_eq(response->model_version, sizeof(id) - 1);
    rpmd__v1__delete_response__free_unpacked(response, NULL);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(streams_of_requests_and_replies_work)
{
    Pair pair;
    Reply collect, count, chat;
    pair_init(&pair, NULL);
    reply_open(&collect, &pair, "Collect", NULL);
    reply_open(&count, &pair, "Count", "3");
    reply_open(&chat, &pair, "Chat", NULL);
    for (int i = 0; i < 5; i++) {
        grpc_client_call_send_bytes(collect.call, text_of("12345"));
        pair_run(&pair);
    }
    grpc_client_call_half_close(collect.call);
    for (size_t i = 1; i <= 3; i++) {
        grpc_client_call_send_bytes(chat.call, text_of("ping"));
        pair_run(&pair);
        ck_assert_uint_eq(chat.messages, i);
        ck_assert(!chat.has_ended);
    }
    grpc_client_call_half_close(chat.call);
    pair_run(&pair);
    reply_assert_text(&collect, "5 messages, 25 bytes");
    ck_assert_uint_eq(count.messages, 3);
    ck_assert_int_eq(strtol(buffer_string(&count.text), NULL, 10), 2);
    reply_assert_text(&chat, "ping");
    ck_assert_uint_eq(pair.released, 3);
    reply_finish(&collect);
    reply_finish(&count);
    reply_finish(&chat);
    pair_finish(&pair);
}
END_TEST

START_TEST(streams_without_messages_end_well)
{
    Pair pair;
    Reply collect, count, chat;
    pair_init(&pair, NULL);
    reply_open(&collect, &pair, "Collect", NULL);
    grpc_client_call_half_close(collect.call);
    reply_open(&count, &pair, "Count", "0");
    reply_open(&chat, &pair, "Chat", NULL);
    grpc_client_call_half_close(chat.call);
    pair_run(&pair);
    reply_assert_text(&collect, "0 messages, 0 bytes");
    reply_assert_status(&count, STATUS_OK, "");
    ck_assert_uint_eq(count.messages, 0);
    reply_assert_status(&chat, STATUS_OK, "");
    reply_finish(&collect);
    reply_finish(&count);
    reply_finish(&chat);
    pair_finish(&pair);
}
END_TEST

START_TEST(statuses_arrive_with_any_message)
{
    static const char *const sentences[] = {"", "plain", "100 %", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                                            "two\nlines\t"};
    Pair pair;
    pair_init(&pair, NULL);
    for (int code = 1; code < STATUS_CODE_COUNT; code++) {
        const char *sentence = sentences[(size_t)code % ARRAY_SIZE(sentences)];
        char request[64];
        Reply reply;
        snprintf(request, sizeof(request), "%d %s", code, sentence);
        reply_open(&reply, &pair, "Fail", request);
        pair_run(&pair);
        reply_assert_status(&reply, (StatusCode)code, sentence);
        ck_assert_uint_eq(ended(&pair, "Fail", (StatusCode)code), 1);
        reply_finish(&reply);
    }
    pair_finish(&pair);
}
END_TEST

START_TEST(metadata_goes_both_ways)
{
    Pair pair;
    Reply reply = {0};
    Status status = STATUS_INIT;
    _cleanup_grpc_metadata_ GrpcMetadata metadata = GRPC_METADATA_INIT;
    rpmd_text binary = {.data = "\0\xff\x80 \n", .length = 5};
    pair_init(&pair, NULL);
    ck_assert_int_eq(grpc_metadata_add(&metadata, text_of("x-echo"), text_of("some value"), &status), 0);
    ck_assert_int_eq(grpc_metadata_add(&metadata, text_of("x-echo-bin"), binary, &status), 0);
    reply.call = grpc_client_call_new(pair.client, "/test.Test/Echo", &metadata, 0, &reply_handler, &reply);
    grpc_client_call_send_bytes(reply.call, text_of("hello"));
    grpc_client_call_half_close(reply.call);
    pair_run(&pair);
    reply_assert_text(&reply, "hello");
    const GrpcMetadata *headers = grpc_client_call_headers(reply.call);
    const GrpcMetadata *trailers = grpc_client_call_trailers(reply.call);
    ck_assert_uint_eq(headers->count, 1);
    ck_assert(text_equal_string(*grpc_metadata_find(headers, "x-echo"), "some value"));
    ck_assert_uint_eq(trailers->count, 2);
    ck_assert(text_equal_string(*grpc_metadata_find(trailers, "x-echoed"), "some value"));
    ck_assert(text_equal(*grpc_metadata_find(trailers, "x-echo-bin"), binary));
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

/* Both sides of a conversation, recorded as bytes. */
static void record(Buffer *to_server, Buffer *to_client)
{
    Pair pair;
    Reply reply;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Echo", "hello");
    for (size_t before = SIZE_MAX; before != to_server->length + to_client->length;) {
        before = to_server->length + to_client->length;
        size_t server_from = to_server->length, client_from = to_client->length;
        grpc_client_session_output(pair.client, to_server, SIZE_MAX);
        grpc_server_session_receive(pair.server, buffer_string(to_server) + server_from,
                                    to_server->length - server_from, pair.now);
        grpc_server_session_output(pair.server, to_client, SIZE_MAX);
        grpc_client_session_receive(pair.client, buffer_string(to_client) + client_from,
                                    to_client->length - client_from);
    }
    reply_assert_text(&reply, "hello");
    reply_finish(&reply);
    pair_finish(&pair);
}

START_TEST(the_bytes_may_be_cut_anywhere)
{
    _cleanup_buffer_ Buffer to_server = BUFFER_INIT;
    _cleanup_buffer_ Buffer to_client = BUFFER_INIT;
    record(&to_server, &to_client);
    ck_assert_uint_gt(to_server.length, 100);
    for (size_t cut = 0; cut <= to_server.length; cut++) {
        Pair pair;
        _cleanup_buffer_ Buffer output = BUFFER_INIT;
        pair_init(&pair, NULL);
        grpc_server_session_receive(pair.server, to_server.data, cut, pair.now);
        grpc_server_session_output(pair.server, &output, SIZE_MAX);
        grpc_server_session_receive(pair.server, to_server.data + cut, to_server.length - cut, pair.now);
        grpc_server_session_output(pair.server, &output, SIZE_MAX);
        ck_assert_uint_eq(ended(&pair, "Echo", STATUS_OK), 1);
        ck_assert_uint_eq(grpc_server_session_calls(pair.server), 0);
        ck_assert(!grpc_server_session_is_done(pair.server));
        pair_finish(&pair);
    }
    for (size_t cut = 0; cut <= to_client.length; cut++) {
        Pair pair;
        Reply reply;
        _cleanup_buffer_ Buffer output = BUFFER_INIT;
        pair_init(&pair, NULL);
        reply_open(&reply, &pair, "Echo", "hello");
        grpc_client_session_output(pair.client, &output, SIZE_MAX);
        grpc_client_session_receive(pair.client, to_client.data, cut);
        grpc_client_session_receive(pair.client, to_client.data + cut, to_client.length - cut);
        reply_assert_text(&reply, "hello");
        reply_finish(&reply);
        pair_finish(&pair);
    }
}
END_TEST

START_TEST(bytes_may_come_one_by_one)
{
    _cleanup_buffer_ Buffer to_server = BUFFER_INIT;
    _cleanup_buffer_ Buffer to_client = BUFFER_INIT;
    Pair pair;
    record(&to_server, &to_client);
    pair_init(&pair, NULL);
    for (size_t i = 0; i < to_server.length; i++) {
        _cleanup_buffer_ Buffer output = BUFFER_INIT;
        grpc_server_session_receive(pair.server, to_server.data + i, 1, pair.now);
        grpc_server_session_output(pair.server, &output, 1);
    }
    ck_assert_uint_eq(ended(&pair, "Echo", STATUS_OK), 1);
    pair_finish(&pair);
}
END_TEST

/* ---- answers that come later ---- */

START_TEST(a_late_answer_wakes_the_driver)
{
    Pair pair;
    Reply reply;
    Status status = STATUS_INIT;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Late", "");
    pair_run(&pair);
    ck_assert_ptr_nonnull(pair.late);
    ck_assert_int_eq(grpc_call_peer(pair.late).pid, 17);
    ck_assert_str_eq(grpc_call_path(pair.late), "/test.Test/Late");
    ck_assert_uint_eq(grpc_call_deadline(pair.late), 0);
    ck_assert(!grpc_call_is_over(pair.late));
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 1);
    unsigned wakes = pair.wakes;
    grpc_call_send_bytes(pair.late, text_of("at last"));
    grpc_call_finish(pair.late, &status);
    ck_assert_uint_eq(pair.wakes, wakes + 1);
    ck_assert_uint_eq(pair.released, 1);
    pair_run(&pair);
    reply_assert_text(&reply, "at last");
    ck_assert_uint_eq(pair.cancels, 0);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_cancelled_call_waits_for_its_handler)
{
    Pair pair;
    Reply reply;
    Status status = STATUS_INIT;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Late", "");
    pair_run(&pair);
    status_refuse(&status, STATUS_CANCELLED, "no more interest");
    grpc_client_call_cancel(reply.call, &status);
    reply_assert_status(&reply, STATUS_CANCELLED, "no more interest");
    pair_run(&pair);
    ck_assert_uint_eq(pair.cancels, 1);
    ck_assert_int_eq(grpc_call_ended(pair.late), STATUS_CANCELLED);
    ck_assert_uint_eq(grpc_server_session_calls(pair.server), 0);
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 1);
    ck_assert(!grpc_call_send_bytes(pair.late, text_of("nobody reads this")));
    grpc_call_finish(pair.late, &STATUS_INIT);
    ck_assert_uint_eq(pair.released, 1);
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 0);
    ck_assert_uint_eq(ended(&pair, "Late", STATUS_CANCELLED), 1);
    ck_assert_uint_eq(ended(&pair, "Late", STATUS_OK), 0);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_call_outlives_its_connection)
{
    Pair pair;
    Reply reply, chat;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Late", "");
    reply_open(&chat, &pair, "Chat", NULL);
    grpc_client_call_send_bytes(chat.call, text_of("ping"));
    pair_run(&pair);
    ck_assert_uint_eq(chat.messages, 1);
    grpc_server_session_free(pair.server);
    pair.server = NULL;
    ck_assert_uint_eq(pair.cancels, 2);
    ck_assert_ptr_null(pair.stream);
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 1);
    grpc_call_send_bytes(pair.late, text_of("nobody reads this"));
    grpc_call_finish(pair.late, &STATUS_INIT);
    grpc_client_session_disconnect(pair.client, "the line is dead");
    reply_assert_status(&reply, STATUS_UNAVAILABLE, "the line is dead");
    reply_finish(&reply);
    reply_finish(&chat);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_freed_client_call_is_cancelled)
{
    Pair pair;
    Reply early, reply;
    pair_init(&pair, NULL);
    reply_open(&early, &pair, "Late", ""); /* not even sent */
    reply_finish(&early);
    reply_open(&reply, &pair, "Late", "");
    pair_run(&pair);
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 1);
    reply_finish(&reply);
    pair_run(&pair);
    ck_assert_uint_eq(pair.cancels, 1);
    grpc_call_finish(pair.late, &STATUS_INIT);
    pair_finish(&pair);
}
END_TEST

START_TEST(thousands_of_cancels_are_no_attack)
{
    Pair pair;
    pair_init(&pair, NULL);
    for (int i = 0; i < 5000; i++) {
        Reply reply;
        reply_open(&reply, &pair, "Chat", NULL);
        grpc_client_call_send_bytes(reply.call, text_of("ping"));
        pair_run(&pair);
        ck_assert_uint_eq(reply.messages, 1);
        reply_finish(&reply);
    }
    pair_run(&pair);
    ck_assert_uint_eq(pair.cancels, 5000);
    ck_assert(!grpc_client_session_is_closing(pair.client));
    pair_finish(&pair);
}
END_TEST

/* ---- deadlines ---- */

static void open_with_timeout(Reply *reply, Pair *pair, const char *path, uint64_t timeout)
{
    *reply = (Reply){0};
    reply->call = grpc_client_call_new(pair->client, path, NULL, timeout, &reply_handler, reply);
    grpc_client_call_send_bytes(reply->call, text_of(""));
}

START_TEST(a_deadline_ends_the_call_for_both_sides)
{
    Pair pair;
    Reply reply;
    pair_init(&pair, NULL);
    open_with_timeout(&reply, &pair, "/test.Test/Late", 2 * SECOND);
    grpc_client_call_half_close(reply.call);
    pair_run(&pair);
    ck_assert_uint_eq(grpc_call_deadline(pair.late), pair.now + 2 * SECOND);
    ck_assert_uint_eq(grpc_server_next_deadline(pair.grpc), pair.now + 2 * SECOND);
    grpc_server_advance(pair.grpc, pair.now + 2 * SECOND - 1);
    ck_assert_uint_eq(pair.cancels, 0);
    grpc_server_advance(pair.grpc, pair.now + 2 * SECOND);
    ck_assert_uint_eq(pair.cancels, 1);
    ck_assert_int_eq(grpc_call_ended(pair.late), STATUS_DEADLINE_EXCEEDED);
    ck_assert_uint_eq(grpc_server_next_deadline(pair.grpc), 0);
    pair_run(&pair);
    reply_assert_status(&reply, STATUS_DEADLINE_EXCEEDED,
                        "the deadline of the call passed before it was answered");
    grpc_call_finish(pair.late, &STATUS_INIT);
    ck_assert_uint_eq(ended(&pair, "Late", STATUS_DEADLINE_EXCEEDED), 1);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(deadlines_pass_in_their_order)
{
    enum { CALLS = 100 };
    Pair pair;
    Reply replies[CALLS];
    pair_init(&pair, NULL);
    /* 37 and 100 have no common divisor: every second from 1 to 100 once, in disorder. */
    for (unsigned i = 0; i < CALLS; i++)
        open_with_timeout(&replies[i], &pair, "/test.Test/Chat", ((i * 37) % CALLS + 1) * SECOND);
    pair_run(&pair);
    for (unsigned i = 0; i < CALLS; i += 3) { /* some end before */
        grpc_client_call_half_close(replies[i].call);
        pair_run(&pair);
        ck_assert(replies[i].has_ended);
    }
    for (uint64_t second = 1; second <= CALLS; second++) {
        grpc_server_advance(pair.grpc, pair.now + second * SECOND);
        pair_run(&pair);
        for (unsigned i = 0; i < CALLS; i++)
            ck_assert_int_eq(replies[i].has_ended, i % 3 == 0 || (i * 37) % CALLS + 1 <= second);
        uint64_t next = grpc_server_next_deadline(pair.grpc);
        ck_assert(next == 0 || next > pair.now + second * SECOND);
    }
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 0);
    for (unsigned i = 0; i < CALLS; i++)
        reply_finish(&replies[i]);
    pair_finish(&pair);
}
END_TEST

/* ---- drain, silence ---- */

START_TEST(a_drained_session_ends_its_calls_and_takes_no_more)
{
    Pair pair;
    Reply reply, crossing, later;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Late", "");
    pair_run(&pair);
    grpc_server_session_drain(pair.server);
    grpc_server_session_drain(pair.server); /* once is enough */
    reply_open(&crossing, &pair, "Echo", "crossed the notice");
    pair_to_server(&pair);
    pair_run(&pair);
    reply_assert_text(&crossing, "crossed the notice");
    ck_assert(grpc_client_session_is_closing(pair.client));
    ck_assert(!grpc_server_session_is_done(pair.server));
    reply_open(&later, &pair, "Echo", "");
    pair_run(&pair);
    reply_assert_status(&later, STATUS_UNAVAILABLE,
                        "the call could not be sent: request HEADERS is not allowed");
    grpc_call_send_bytes(pair.late, text_of("done"));
    grpc_call_finish(pair.late, &STATUS_INIT);
    pair_run(&pair);
    reply_assert_text(&reply, "done");
    ck_assert(grpc_server_session_is_done(pair.server));
    reply_finish(&reply);
    reply_finish(&crossing);
    reply_finish(&later);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_session_that_never_spoke_is_drained_at_once)
{
    Pair pair;
    _cleanup_buffer_ Buffer output = BUFFER_INIT;
    pair_init(&pair, NULL);
    grpc_server_session_drain(pair.server);
    ck_assert(!grpc_server_session_is_done(pair.server));
    grpc_server_session_output(pair.server, &output, SIZE_MAX);
    ck_assert(grpc_server_session_is_done(pair.server));
    pair_finish(&pair);
}
END_TEST

START_TEST(silence_is_noticed)
{
    Pair pair;
    Reply reply;
    GrpcLimits limits = grpc_limits_default();
    uint64_t header = limits.header_timeout_ms * 1000000, idle = limits.idle_timeout_ms * 1000000,
             interval = limits.ping_interval_ms * 1000000, patience = limits.ping_timeout_ms * 1000000;
    pair_init(&pair, NULL);
    /* nothing was ever said */
    ck_assert_uint_eq(grpc_server_session_next_check(pair.server), pair.now + header);
    ck_assert_int_eq(grpc_server_session_check(pair.server, pair.now + header - 1), GRPC_CHECK_FINE);
    ck_assert_int_eq(grpc_server_session_check(pair.server, pair.now + header), GRPC_CHECK_SILENT);
    /* an open call: a ping, and its answer */
    reply_open(&reply, &pair, "Late", "");
    pair_run(&pair);
    ck_assert_uint_eq(grpc_server_session_next_check(pair.server), pair.now + interval);
    ck_assert_int_eq(grpc_server_session_check(pair.server, pair.now + interval), GRPC_CHECK_FINE);
    ck_assert_uint_eq(grpc_server_session_next_check(pair.server), pair.now + interval + patience);
    pair.now += interval;
    pair_run(&pair);
    ck_assert_uint_eq(grpc_server_session_next_check(pair.server), pair.now + interval);
    /* a ping without an answer */
    ck_assert_int_eq(grpc_server_session_check(pair.server, pair.now + interval), GRPC_CHECK_FINE);
    ck_assert_int_eq(grpc_server_session_check(pair.server, pair.now + interval + patience),
                     GRPC_CHECK_SILENT);
    pair_run(&pair);
    /* no call for long: drained, and done when the client has said that it knows */
    grpc_call_finish(pair.late, &STATUS_INIT);
    pair_run(&pair);
    ck_assert_uint_eq(grpc_server_session_next_check(pair.server), pair.now + idle);
    ck_assert_int_eq(grpc_server_session_check(pair.server, pair.now + idle), GRPC_CHECK_FINE);
    pair_run(&pair);
    ck_assert(grpc_server_session_is_done(pair.server));
    ck_assert(grpc_client_session_is_closing(pair.client));
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

UNIT_TESTS("session", a_unary_call_is_answered, protobuf_messages_go_both_ways,
           streams_of_requests_and_replies_work, streams_without_messages_end_well,
           statuses_arrive_with_any_message, metadata_goes_both_ways, the_bytes_may_be_cut_anywhere,
           bytes_may_come_one_by_one, a_late_answer_wakes_the_driver, a_cancelled_call_waits_for_its_handler,
           a_call_outlives_its_connection, a_freed_client_call_is_cancelled,
           thousands_of_cancels_are_no_attack, a_deadline_ends_the_call_for_both_sides,
           deadlines_pass_in_their_order, a_drained_session_ends_its_calls_and_takes_no_more,
           a_session_that_never_spoke_is_drained_at_once, silence_is_noticed)
