/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A server on a loop in a thread of its own, for clients that wait. Its service:
 *
 *      /test.Net/Check       unary (grpc.health.v1 messages): SERVING for "", the name's length in trailers
 * otherwise /test.Net/Slow        unary: answers after 50 ms /test.Net/Never       unary: ends when its
 * client does /test.Net/Many        stream of replies: 100,000 /test.Net/Sum         stream of requests:
 * their number comes back as SERVING when it is 20,000
 *
 * Fields of ServerThread are the loop's while it runs; the test reads them after server_thread_stop.
 */
#include "client/channel.h"
#include "daemon/net/server.h"
#include "grpc/health/v1/health.pb-c.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MANY 20000
#define MANY_SIZE 1000
#define SUM 20000

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;

typedef struct ServerThread {
    char folder[64];
    char path[96];
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    bool is_stop_hard;
    GrpcServer *grpc;
    GrpcService service;
    NetServer *net;
    int loop_close;
    unsigned cancels;
    int peer_pid;
    uint64_t connections;
    char notices[1024]; /* joined */
} ServerThread;

static inline void net_reply(GrpcCall *call)
{
    Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    grpc_call_reply(call, &response.base);
}

static inline void net_on_check(GrpcCall *call, const void *message)
{
    ServerThread *server = grpc_call_service(call);
    server->peer_pid = grpc_call_peer(call).pid;
    net_reply(call);
}

typedef struct SlowCall {
    uv_timer_t timer;
    GrpcCall *call;
} SlowCall;

static inline void net_on_slow_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static inline void net_on_slow_timer(uv_timer_t *timer)
{
    net_reply(((SlowCall *)timer->data)->call);
    uv_close((uv_handle_t *)timer, net_on_slow_closed);
}

/* It does not care whether its client still waits. */
static inline void net_on_slow(GrpcCall *call, const void *message)
{
    ServerThread *server = grpc_call_service(call);
    SlowCall *slow = NEW(SlowCall);
    slow->call = call;
    uv_timer_init(&server->loop, &slow->timer);
    slow->timer.data = slow;
    uv_timer_start(&slow->timer, net_on_slow_timer, 50, 0);
}

static inline void net_on_never(GrpcCall *call, const void *message)
{
}

static inline void net_on_cancel(GrpcCall *call)
{
    ((ServerThread *)grpc_call_service(call))->cancels++;
    grpc_call_finish(call, &STATUS_INIT);
}

static inline void net_go_on(GrpcCall *call)
{
    size_t *sent = grpc_call_context(call);
    /* A field that the message does not know: bytes, and how many of them. */
    char message[MANY_SIZE] = {'\x7a', (char)(0x80 | ((MANY_SIZE - 3) & 0x7f)), (MANY_SIZE - 3) >> 7};
    bool has_room = true;
    while (has_room && *sent < MANY) {
        (*sent)++;
        has_room = grpc_call_send_bytes(call, (rpmd_text){.data = message, .length = sizeof(message)});
    }
    if (*sent == MANY)
        grpc_call_finish(call, &STATUS_INIT);
}

static inline void net_on_many(GrpcCall *call, const void *message)
{
    grpc_call_set_context(call, NEW(size_t), free);
    net_go_on(call);
}

static inline void net_on_sum_start(GrpcCall *call)
{
    grpc_call_set_context(call, NEW(size_t), free);
}

static inline void net_on_sum(GrpcCall *call, const void *message)
{
    ++*(size_t *)grpc_call_context(call);
}

static inline void net_on_summed(GrpcCall *call)
{
    size_t sum = *(size_t *)grpc_call_context(call);
    if (sum == SUM)
        net_reply(call);
    else
        grpc_call_refuse(call, STATUS_OUT_OF_RANGE, "%zu messages", sum);
}

#define NET_REQUEST .request = &grpc__health__v1__health_check_request__descriptor
static const GrpcMethod net_methods[] = {
    {.name = "Check", .kind = GRPC_UNARY, NET_REQUEST, .on_message = net_on_check},
    {.name = "Slow", .kind = GRPC_UNARY, NET_REQUEST, .on_message = net_on_slow},
    {.name = "Never",
     .kind = GRPC_UNARY,
     NET_REQUEST,
     .on_message = net_on_never,
     .on_cancel = net_on_cancel},
    {.name = "Many",
     .kind = GRPC_SERVER_STREAM,
     NET_REQUEST,
     .on_message = net_on_many,
     .on_cancel = net_on_cancel,
     .on_writable = net_go_on},
    {.name = "Sum",
     .kind = GRPC_CLIENT_STREAM,
     NET_REQUEST,
     .on_start = net_on_sum_start,
     .on_message = net_on_sum,
     .on_half_close = net_on_summed,
     .on_cancel = net_on_cancel},
};

static inline void net_on_notice(void *context, const char *sentence)
{
    ServerThread *server = context;
    strncat(server->notices, sentence, sizeof(server->notices) - strlen(server->notices) - 1);
}

static inline void net_on_stopped(void *context)
{
    ServerThread *server = context;
    uv_close((uv_handle_t *)&server->stop, NULL);
}

static inline void net_on_stop(uv_async_t *async)
{
    ServerThread *server = async->data;
    server->connections = net_server_total_connections(server->net);
    if (server->is_stop_hard)
        net_server_close(server->net, net_on_stopped, server);
    else
        net_server_drain(server->net, net_on_stopped, server);
}

static inline void *net_run(void *context)
{
    ServerThread *server = context;
    uv_run(&server->loop, UV_RUN_DEFAULT);
    server->loop_close = uv_loop_close(&server->loop);
    return NULL;
}

/* Everything but the listener and the thread. limits: NULL for the defaults. */
static inline void server_thread_init(ServerThread *server, const GrpcLimits *limits)
{
    GrpcLimits defaults = grpc_limits_default();
    NetServerOptions options = {.on_notice = net_on_notice, .notice_context = server};
    *server = (ServerThread){.folder = "/tmp/rpmd-net.XXXXXX"};
    signal(SIGPIPE, SIG_IGN);
    ck_assert_ptr_nonnull(mkdtemp(server->folder));
    snprintf(server->path, sizeof(server->path), "%s/socket", server->folder);
    uv_loop_init(&server->loop);
    uv_async_init(&server->loop, &server->stop, net_on_stop);
    server->stop.data = server;
    server->grpc = grpc_server_new(limits ? limits : &defaults);
    server->service = (GrpcService){.name = "test.Net",
                                    .methods = net_methods,
                                    .method_count = ARRAY_SIZE(net_methods),
                                    .context = server};
    grpc_server_add(server->grpc, &server->service);
    server->net = net_server_new(&server->loop, server->grpc, &options);
}

static inline void server_thread_run(ServerThread *server)
{
    ck_assert_int_eq(pthread_create(&server->thread, NULL, net_run, server), 0);
}

static inline void server_thread_start(ServerThread *server, const GrpcLimits *limits)
{
    Status status = STATUS_INIT;
    server_thread_init(server, limits);
    int r = net_server_listen_path(server->net, server->path, 0600, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    server_thread_run(server);
}

/* Waits for the end of the thread, and proves that no handle and no file is left. */
static inline void server_thread_join(ServerThread *server)
{
    ck_assert_int_eq(pthread_join(server->thread, NULL), 0);
    ck_assert_int_eq(server->loop_close, 0);
    ck_assert_uint_eq(grpc_server_live_calls(server->grpc), 0);
    grpc_server_free(server->grpc);
    ck_assert_msg(rmdir(server->folder) == 0, "%s: %s", server->folder, strerror(errno));
}

/* Asks for the end: drained, or cut. */
static inline void server_thread_stop(ServerThread *server, bool hard)
{
    server->is_stop_hard = hard;
    uv_async_send(&server->stop);
}

static inline Channel *server_thread_connect(const ServerThread *server)
{
    Channel *channel = NULL;
    Status status = STATUS_INIT;
    int r = channel_open(&channel, server->path, &status);
    ck_assert_msg(r == 0, "%s", status.message);
    return channel;
}

/* A unary call of the test's service. */
static inline int call_method(Channel *channel, const char *method, Status *status)
{
    char path[64];
    Request request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    ProtobufCMessage *response = NULL;
    *status = STATUS_INIT;
    snprintf(path, sizeof(path), "/test.Net/%s", method);
    int r = channel_call_unary(channel, path, &request.base,
                               &grpc__health__v1__health_check_response__descriptor, &response, status);
    ck_assert((r == 0) == (response != NULL));
    if (response)
        protobuf_c_message_free_unpacked(response, NULL);
    return r;
}

#define assert_called(channel, method)                                                                       \
    do {                                                                                                     \
        Status call_status;                                                                                  \
        int call_result = call_method((channel), (method), &call_status);                                    \
        ck_assert_msg(call_result == 0, "%s", call_status.message);                                          \
    } while (0)
