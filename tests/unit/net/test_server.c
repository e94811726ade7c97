/* SPDX-License-Identifier: MIT */
#include "tests/unit/net/server_thread.h"

#include <poll.h>

static int connect_raw(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Reads until the other side closes. */
static void wait_for_close(int fd)
{
    char bytes[4096];
    ssize_t length;
    while ((length = read(fd, bytes, sizeof(bytes))) > 0)
        ;
    ck_assert(length == 0 || errno == ECONNRESET);
    close(fd);
}

START_TEST(calls_are_answered_over_a_socket)
{
    ServerThread server;
    server_thread_start(&server, NULL);
    Channel *channel = server_thread_connect(&server);
    for (int i = 0; i < 100; i++)
        assert_called(channel, "Check");
    assert_called(channel, "Slow");
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_int_eq(server.peer_pid, getpid());
    ck_assert_uint_eq(server.connections, 1);
    ck_assert_str_eq(server.notices, "");
}
END_TEST

START_TEST(long_streams_pass_in_both_directions)
{
    ServerThread server;
    ChannelStream *stream = NULL;
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    char text[1001] = {0};
    memset(text, 'x', sizeof(text) - 1);
    request.service = text;
    server_thread_start(&server, NULL);
    Channel *channel = server_thread_connect(&server);
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Sum", &stream, &status), 0);
    for (size_t i = 0; i < SUM; i++)
        ck_assert_int_eq(channel_stream_send(stream, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(stream, &status), 0);
    int r = channel_stream_receive(stream, &grpc__health__v1__health_check_response__descriptor, &message,
                                   &status);
    ck_assert_msg(r == 0 && message, "%s", status.message);
    protobuf_c_message_free_unpacked(message, NULL);
    channel_stream_free(stream);

    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Many", &stream, &status), 0);
    ck_assert_int_eq(channel_stream_send(stream, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(stream, &status), 0);
    size_t count = 0;
    while ((r = channel_stream_receive(stream, &grpc__health__v1__health_check_response__descriptor, &message,
                                       &status)) == 0 &&
           message) {
        protobuf_c_message_free_unpacked(message, NULL);
        count++;
    }
    ck_assert_int_eq(r, 0);
    ck_assert_uint_eq(count, MANY);
    channel_stream_free(stream);
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
}
END_TEST

START_TEST(a_stream_that_is_given_up_is_cancelled)
{
    ServerThread server;
    ChannelStream *stream = NULL;
    Status status = STATUS_INIT;
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    server_thread_start(&server, NULL);
    Channel *channel = server_thread_connect(&server);
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Many", &stream, &status), 0);
    ck_assert_int_eq(channel_stream_send(stream, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(stream, &status), 0);
    assert_called(channel, "Check");
    channel_stream_free(stream);
    assert_called(channel, "Check");
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Sum", &stream, &status), 0);
    assert_called(channel, "Check");
    channel_stream_free(stream);
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_uint_eq(server.cancels, 2);
}
END_TEST

START_TEST(errors_come_with_their_sentence)
{
    ServerThread server;
    Status status;
    server_thread_start(&server, NULL);
    Channel *channel = server_thread_connect(&server);
    ck_assert_int_eq(call_method(channel, "Nothing", &status), STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_UNIMPLEMENTED);
    ck_assert_str_eq(status.message, "the service test.Net has no method 'Nothing'");
    channel_set_timeout(channel, 30000000);
    ck_assert_int_eq(call_method(channel, "Never", &status), STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_DEADLINE_EXCEEDED);
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_uint_eq(server.cancels, 1);
}
END_TEST

START_TEST(the_server_keeps_deadlines_itself)
{
    ServerThread server;
    GrpcLimits limits = grpc_limits_default();
    Status status;
    server_thread_start(&server, &limits);
    Channel *channel = server_thread_connect(&server);
    /* The client's own watch comes later than the server's word when it is asked to wait for another call
     * first. */
    ChannelStream *stream = NULL;
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    channel_set_timeout(channel, 20000000);
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Never", &stream, &status), 0);
    ck_assert_int_eq(channel_stream_send(stream, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(stream, &status), 0);
    channel_set_timeout(channel, 0);
    assert_called(channel, "Slow");
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(channel_stream_receive(stream, &grpc__health__v1__health_check_response__descriptor,
                                            &message, &status),
                     STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_DEADLINE_EXCEEDED);
    ck_assert_str_eq(status.message, "the deadline of the call passed before it was answered");
    channel_stream_free(stream);
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
}
END_TEST

/* ---- stop ---- */

static void *slow_client(void *context)
{
    Channel *channel = server_thread_connect(context);
    assert_called(channel, "Check");
    assert_called(channel, "Slow");
    channel_free(channel);
    return NULL;
}

START_TEST(a_drain_lets_calls_end)
{
    ServerThread server;
    Status status = STATUS_INIT;
    ChannelStream *slow = NULL;
    ProtobufCMessage *message = NULL;
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    server_thread_start(&server, NULL);
    Channel *channel = server_thread_connect(&server);
    Channel *idle = server_thread_connect(&server);
    assert_called(idle, "Check");
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Slow", &slow, &status), 0);
    ck_assert_int_eq(channel_stream_send(slow, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(slow, &status), 0);
    assert_called(channel, "Check");
    server_thread_stop(&server, false);
    int r =
        channel_stream_receive(slow, &grpc__health__v1__health_check_response__descriptor, &message, &status);
    ck_assert_msg(r == 0 && message, "%s", status.message);
    protobuf_c_message_free_unpacked(message, NULL);
    channel_stream_free(slow);
    channel_free(channel);
    channel_free(idle);
    server_thread_join(&server);
    ck_assert_str_eq(server.notices, "");
}
END_TEST

START_TEST(a_drain_is_cut_when_its_time_is_over)
{
    ServerThread server;
    Status status;
    GrpcLimits limits = grpc_limits_default();
    limits.drain_timeout_ms = 50;
    server_thread_start(&server, &limits);
    Channel *channel = server_thread_connect(&server);
    ChannelStream *never = NULL;
    ProtobufCMessage *message = NULL;
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Never", &never, &status), 0);
    ck_assert_int_eq(channel_stream_send(never, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(never, &status), 0);
    assert_called(channel, "Check");
    server_thread_stop(&server, false);
    ck_assert_int_eq(channel_stream_receive(never, &grpc__health__v1__health_check_response__descriptor,
                                            &message, &status),
                     STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(status.message, "was lost: the daemon closed it"));
    ck_assert_int_eq(call_method(channel, "Check", &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(strstr(status.message, "is stopping: try again when it is back"));
    channel_stream_free(never);
    channel_free(channel);
    server_thread_join(&server);
    ck_assert_uint_eq(server.cancels, 1);
    ck_assert_str_eq(
        server.notices,
        "1 connections with calls in flight were cut: the time to stop is over (drain_timeout_ms)");
}
END_TEST

START_TEST(a_close_waits_for_handlers_at_work)
{
    ServerThread server;
    Status status;
    server_thread_start(&server, NULL);
    Channel *channel = server_thread_connect(&server);
    ChannelStream *slow = NULL;
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Slow", &slow, &status), 0);
    ck_assert_int_eq(channel_stream_send(slow, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(slow, &status), 0);
    assert_called(channel, "Check");
    server_thread_stop(&server, true);
    server_thread_join(&server);
    channel_stream_free(slow);
    channel_free(channel);
}
END_TEST

START_TEST(clients_may_come_and_go_at_once)
{
    enum { CLIENTS = 12 };
    ServerThread server;
    pthread_t clients[CLIENTS];
    server_thread_start(&server, NULL);
    for (size_t i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(pthread_create(&clients[i], NULL, slow_client, &server), 0);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_uint_eq(server.connections, CLIENTS);
}
END_TEST

/* ---- limits ---- */

START_TEST(connections_over_the_limit_are_refused)
{
    ServerThread server;
    Status status;
    GrpcLimits limits = grpc_limits_default();
    limits.max_connections = 2;
    server_thread_start(&server, &limits);
    Channel *one = server_thread_connect(&server), *two = server_thread_connect(&server);
    assert_called(one, "Check");
    assert_called(two, "Check");
    Channel *three = server_thread_connect(&server);
    ck_assert_int_eq(call_method(three, "Check", &status), STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_UNAVAILABLE);
    channel_free(one);
    channel_free(two);
    channel_free(three);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_str_eq(server.notices, "a connection was refused: 2 are open (limit max_connections)");
}
END_TEST

START_TEST(a_client_that_says_nothing_is_thrown_out)
{
    ServerThread server;
    GrpcLimits limits = grpc_limits_default();
    limits.header_timeout_ms = 20;
    server_thread_start(&server, &limits);
    wait_for_close(connect_raw(server.path));
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_ptr_nonnull(strstr(server.notices, "was disconnected: it has been silent for too long"));
}
END_TEST

START_TEST(an_idle_client_is_sent_away)
{
    ServerThread server;
    GrpcLimits limits = grpc_limits_default();
    limits.idle_timeout_ms = 20;
    limits.ping_timeout_ms = 1000;
    server_thread_start(&server, &limits);
    Channel *channel = server_thread_connect(&server);
    assert_called(channel, "Check");
    Status status;
    poll(NULL, 0, 100);
    assert_called(channel, "Check"); /* crossed the notice: served */
    ck_assert_int_eq(call_method(channel, "Check", &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(strstr(status.message, "is stopping: try again when it is back"));
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_str_eq(server.notices, "");
}
END_TEST

START_TEST(a_client_that_does_not_answer_pings_is_thrown_out)
{
    ServerThread server;
    Status status = STATUS_INIT;
    ChannelStream *never = NULL;
    ProtobufCMessage *message = NULL;
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    GrpcLimits limits = grpc_limits_default();
    limits.ping_interval_ms = 20;
    limits.ping_timeout_ms = 20;
    server_thread_start(&server, &limits);
    Channel *channel = server_thread_connect(&server);
    ck_assert_int_eq(channel_stream_open(channel, "/test.Net/Never", &never, &status), 0);
    ck_assert_int_eq(channel_stream_send(never, &request.base, &status), 0);
    ck_assert_int_eq(channel_stream_close_send(never, &status), 0);
    poll(NULL, 0, 300); /* reads nothing meanwhile */
    ck_assert_int_eq(channel_stream_receive(never, &grpc__health__v1__health_check_response__descriptor,
                                            &message, &status),
                     STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_UNAVAILABLE);
    channel_stream_free(never);
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_uint_eq(server.cancels, 1);
    ck_assert_ptr_nonnull(strstr(server.notices, "was disconnected: it has been silent for too long"));
}
END_TEST

START_TEST(a_client_that_answers_pings_may_wait)
{
    ServerThread server;
    GrpcLimits limits = grpc_limits_default();
    limits.ping_interval_ms = 10;
    limits.ping_timeout_ms = 10000;
    server_thread_start(&server, &limits);
    Channel *channel = server_thread_connect(&server);
    for (int i = 0; i < 3; i++)
        assert_called(channel, "Slow");
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
    ck_assert_str_eq(server.notices, "");
}
END_TEST

START_TEST(noise_ends_the_connection)
{
    ServerThread server;
    server_thread_start(&server, NULL);
    int fd = connect_raw(server.path);
    ck_assert_int_gt(write(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35), 0);
    wait_for_close(fd);
    Channel *channel = server_thread_connect(&server);
    assert_called(channel, "Check");
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
}
END_TEST

UNIT_TESTS("server", calls_are_answered_over_a_socket, long_streams_pass_in_both_directions,
           a_stream_that_is_given_up_is_cancelled, errors_come_with_their_sentence,
           the_server_keeps_deadlines_itself, a_drain_lets_calls_end, a_drain_is_cut_when_its_time_is_over,
           a_close_waits_for_handlers_at_work, clients_may_come_and_go_at_once,
           connections_over_the_limit_are_refused, a_client_that_says_nothing_is_thrown_out,
           an_idle_client_is_sent_away, a_client_that_does_not_answer_pings_is_thrown_out,
           a_client_that_answers_pings_may_wait, noise_ends_the_connection)
