/* SPDX-License-Identifier: MIT */

/* Slow readers on either side: what waits stays within its limits, and nothing is lost. */
#include "tests/unit/grpc/pair.h"

#define REPLIES 20000

static void assert_counted(const Reply *reply, size_t wanted)
{
    ck_assert(reply->has_ended);
    ck_assert_int_eq(reply->status.code, STATUS_OK);
    ck_assert_uint_eq(reply->messages, wanted);
    ck_assert_uint_eq(strtoul(buffer_string(&reply->text), NULL, 10), wanted - 1);
}

START_TEST(a_client_that_does_not_read_stops_its_handler)
{
    Pair pair;
    Reply reply;
    char wanted[16];
    GrpcLimits limits = grpc_limits_default();
    snprintf(wanted, sizeof(wanted), "%d", REPLIES);
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Count", wanted);
    pair_to_server(&pair);
    /* Nothing was written yet: the handler filled its allowance and waits. */
    PairStream *stream = grpc_call_context(pair.stream);
    ck_assert_uint_gt(grpc_call_pending_bytes(pair.stream), limits.write_high_bytes);
    ck_assert_uint_lt(grpc_call_pending_bytes(pair.stream), limits.write_high_bytes + 2 * COUNT_REPLY_SIZE);
    ck_assert_uint_lt(stream->messages, REPLIES);
    /* The driver writes into a full socket's place: as far as the client's window goes. */
    _cleanup_buffer_ Buffer output = BUFFER_INIT;
    for (size_t before = 1; before != output.length;) {
        before = output.length;
        grpc_server_session_output(pair.server, &output, output.length + pair.batch);
    }
    ck_assert_uint_le(output.length, limits.stream_window_bytes + limits.stream_window_bytes / 8);
    ck_assert_uint_gt(pair.writables, 0);
    ck_assert_uint_lt(grpc_call_pending_bytes(pair.stream), limits.write_high_bytes + 2 * COUNT_REPLY_SIZE);
    ck_assert_uint_lt(stream->messages, REPLIES);
    /* It reads again. */
    grpc_client_session_receive(pair.client, output.data, output.length);
    pair_run(&pair);
    assert_counted(&reply, REPLIES);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(small_batches_lose_nothing)
{
    Pair pair;
    Reply replies[5];
    pair_init(&pair, NULL);
    pair.batch = 1;
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
        reply_open(&replies[i], &pair, "Count", "1500");
    pair_run(&pair);
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        assert_counted(&replies[i], 1500);
        reply_finish(&replies[i]);
    }
    pair_finish(&pair);
}
END_TEST

START_TEST(a_client_that_leaves_a_full_stream_is_told_to_the_handler)
{
    Pair pair;
    Reply reply;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Count", "20000");
    pair_to_server(&pair);
    pair_to_client(&pair);
    reply_finish(&reply);
    pair_run(&pair);
    ck_assert_uint_eq(pair.cancels, 1);
    ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 0);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_deadline_in_the_middle_of_a_full_stream_resets_it)
{
    Pair pair;
    Reply reply = {0};
    pair_init(&pair, NULL);
    reply.call = grpc_client_call_new(pair.client, "/test.Test/Count", NULL, SECOND, &reply_handler, &reply);
    grpc_client_call_send_bytes(reply.call, text_of("20000"));
    grpc_client_call_half_close(reply.call);
    pair_to_server(&pair);
    pair_to_client(&pair);
    grpc_server_advance(pair.grpc, pair.now + SECOND);
    ck_assert_uint_eq(pair.cancels, 1);
    pair_run(&pair);
    reply_assert_status(&reply, STATUS_CANCELLED, "the server reset the call: CANCEL");
    ck_assert_uint_eq(grpc_server_session_calls(pair.server), 0);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

/* ---- the other direction ---- */

#define UPLOAD_MESSAGE ((size_t)100 * 1000)
#define UPLOAD_MESSAGES 100

static void upload(Reply *reply, size_t count)
{
    char *bytes = memory_allocate(UPLOAD_MESSAGE, 1);
    for (size_t i = 0; i < count; i++)
        grpc_client_call_send_bytes(reply->call, (rpmd_text){.data = bytes, .length = UPLOAD_MESSAGE});
    free(bytes);
}

START_TEST(a_paused_handler_stops_its_client)
{
    Pair pair;
    Reply reply, other;
    GrpcLimits limits = grpc_limits_default();
    pair_init(&pair, NULL);
    pair.is_paused = true;
    reply_open(&reply, &pair, "Collect", NULL);
    upload(&reply, UPLOAD_MESSAGES);
    grpc_client_call_half_close(reply.call);
    pair_run(&pair);
    PairStream *stream = grpc_call_context(pair.stream);
    size_t taken = UPLOAD_MESSAGES * (UPLOAD_MESSAGE + 5) - grpc_client_call_pending_bytes(reply.call);
    ck_assert_uint_eq(stream->messages, 0);
    ck_assert_uint_eq(taken, limits.stream_window_bytes);
    /* Others of the connection go on. */
    reply_open(&other, &pair, "Echo", "hello");
    pair_run(&pair);
    reply_assert_text(&other, "hello");
    reply_finish(&other);
    grpc_call_resume(pair.stream);
    ck_assert_uint_eq(stream->messages, limits.stream_window_bytes / (UPLOAD_MESSAGE + 5));
    pair_run(&pair);
    reply_assert_text(&reply, "100 messages, 10000000 bytes");
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_paused_call_that_is_given_up_returns_its_window)
{
    Pair pair;
    GrpcLimits limits = grpc_limits_default();
    size_t rounds = limits.connection_window_bytes / limits.stream_window_bytes * 2;
    pair_init(&pair, NULL);
    pair.is_paused = true;
    for (size_t i = 0; i < rounds; i++) {
        Reply reply;
        reply_open(&reply, &pair, "Collect", NULL);
        upload(&reply, 12);
        pair_run(&pair);
        reply_finish(&reply);
        pair_run(&pair);
    }
    ck_assert_uint_eq(pair.cancels, rounds);
    pair.is_paused = false;
    Reply reply;
    reply_open(&reply, &pair, "Collect", NULL);
    upload(&reply, UPLOAD_MESSAGES);
    grpc_client_call_half_close(reply.call);
    pair_run(&pair);
    reply_assert_text(&reply, "100 messages, 10000000 bytes");
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_message_may_be_larger_than_the_window)
{
    Pair pair;
    Reply reply;
    GrpcLimits limits = grpc_limits_default();
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Echo", NULL);
    char *bytes = memory_allocate(limits.max_message_bytes, 1);
    grpc_client_call_send_bytes(reply.call, (rpmd_text){.data = bytes, .length = limits.max_message_bytes});
    grpc_client_call_half_close(reply.call);
    pair_run(&pair);
    ck_assert_int_eq(reply.status.code, STATUS_OK);
    ck_assert_uint_eq(reply.text.length, limits.max_message_bytes);
    free(bytes);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_refused_upload_returns_its_window)
{
    Pair pair;
    GrpcLimits limits = grpc_limits_default();
    limits.max_message_bytes = UPLOAD_MESSAGE - 1;
    pair_init(&pair, &limits);
    for (size_t i = 0; i < 300; i++) { /* 30 MB through a window of 16 */
        Reply reply;
        reply_open(&reply, &pair, "Collect", NULL);
        upload(&reply, 1);
        pair_run(&pair);
        reply_assert_status(&reply, STATUS_RESOURCE_EXHAUSTED,
                            "the request message is longer than 99999 bytes (limit max_message_bytes)");
        reply_finish(&reply);
    }
    ck_assert_uint_eq(pair.cancels, 300);
    pair_finish(&pair);
}
END_TEST

START_TEST(a_chat_with_a_slow_reader_stops_its_client)
{
    Pair pair;
    Reply reply;
    GrpcLimits limits = grpc_limits_default();
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Chat", NULL);
    upload(&reply, UPLOAD_MESSAGES);
    grpc_client_call_half_close(reply.call);
    while (pair_to_server(&pair))
        ; /* no reply leaves the server */
    ck_assert_uint_le(grpc_call_pending_bytes(pair.stream), limits.write_high_bytes + UPLOAD_MESSAGE + 5);
    pair_run(&pair);
    ck_assert(reply.has_ended);
    ck_assert_uint_eq(reply.messages, UPLOAD_MESSAGES);
    reply_finish(&reply);
    pair_finish(&pair);
}
END_TEST

UNIT_TESTS("flow", a_client_that_does_not_read_stops_its_handler, small_batches_lose_nothing,
           a_client_that_leaves_a_full_stream_is_told_to_the_handler,
           a_deadline_in_the_middle_of_a_full_stream_resets_it, a_paused_handler_stops_its_client,
           a_paused_call_that_is_given_up_returns_its_window, a_message_may_be_larger_than_the_window,
           a_refused_upload_returns_its_window, a_chat_with_a_slow_reader_stops_its_client)
