/* SPDX-License-Identifier: MIT */
#include "daemon/net/internal.h"
#include "lib/base/memory.h"

#include <stdarg.h>
#include <stdio.h>

#define NANOSECONDS_PER_MILLISECOND 1000000U
#define OWN_HANDLES 5
#define NOTICE_SIZE 256

void net_notice(NetServer *server, const char *format, ...)
{
    char sentence[NOTICE_SIZE];
    va_list arguments;
    if (!server->options.on_notice)
        return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    server->options.on_notice(server->options.notice_context, sentence);
}

uint64_t net_milliseconds_until(uint64_t deadline)
{
    uint64_t now = uv_hrtime();
    if (deadline <= now)
        return 0;
    return (deadline - now) / NANOSECONDS_PER_MILLISECOND + 1;
}

/* ---- time ---- */

/* libuv counts from when the loop last woke up. */
static void start_timer(uv_timer_t *timer, uv_timer_cb callback, uint64_t deadline)
{
    uv_update_time(timer->loop);
    uv_timer_start(timer, callback, net_milliseconds_until(deadline), 0);
}

static void on_deadline(uv_timer_t *timer)
{
    NetServer *server = timer->data;
    server->armed_deadline = 0;
    grpc_server_advance(server->grpc, uv_hrtime());
}

static void arm_deadline(NetServer *server)
{
    uint64_t next = grpc_server_next_deadline(server->grpc);
    if (next == server->armed_deadline)
        return;
    server->armed_deadline = next;
    if (next)
        start_timer(&server->deadline_timer, on_deadline, next);
    else
        uv_timer_stop(&server->deadline_timer);
}

/* Something may become due earlier than a session said (a call begins): no later than this is looked again.
 */
static uint64_t check_interval(const NetServer *server)
{
    const GrpcLimits *limits = grpc_server_limits(server->grpc);
    uint64_t shortest = MIN(limits->header_timeout_ms, limits->idle_timeout_ms);
    shortest = MIN(shortest, MIN(limits->ping_interval_ms, limits->ping_timeout_ms));
    return shortest * NANOSECONDS_PER_MILLISECOND;
}

static void on_check(uv_timer_t *timer)
{
    NetServer *server = timer->data;
    uint64_t now = uv_hrtime();
    uint64_t next = connection_check_all(server, now);
    if (server->connection_count > 0)
        start_timer(timer, on_check, MIN(next, now + check_interval(server)));
}

static void arm_check(NetServer *server)
{
    if (server->connection_count > 0 && !uv_is_active((uv_handle_t *)&server->check_timer))
        start_timer(&server->check_timer, on_check, uv_hrtime() + check_interval(server));
}

/* ---- close ---- */

static void on_own_handle_closed(uv_handle_t *handle)
{
    net_handle_closed(handle->data);
}

/* Nothing is left to serve: our own handles go. */
static void close_own_handles(NetServer *server)
{
    server->state = NET_CLOSING;
    uv_close((uv_handle_t *)&server->prepare, on_own_handle_closed);
    uv_close((uv_handle_t *)&server->deadline_timer, on_own_handle_closed);
    uv_close((uv_handle_t *)&server->check_timer, on_own_handle_closed);
    uv_close((uv_handle_t *)&server->drain_timer, on_own_handle_closed);
    uv_close((uv_handle_t *)&server->spin, on_own_handle_closed);
}

void net_handle_closed(NetServer *server)
{
    if (--server->open_handles > 0)
        return;
    void (*closed)(void *context) = server->closed;
    void *context = server->closed_context;
    free(server);
    if (closed)
        closed(context);
}

static void cut(NetServer *server)
{
    server->state = NET_CUT;
    connection_close_all(server);
}

static void on_drain_timeout(uv_timer_t *timer)
{
    NetServer *server = timer->data;
    if (server->state == NET_DRAINING) {
        net_notice(
            server,
            "%zu connections with calls in flight were cut: the time to stop is over (drain_timeout_ms)",
            server->connection_count);
        cut(server);
    }
}

/* Runs before the loop sleeps: whatever was answered since it woke up goes out in one write a connection. */
static void on_prepare(uv_prepare_t *handle)
{
    NetServer *server = handle->data;
    connection_flush_dirty(server);
    arm_deadline(server);
    arm_check(server);
    bool is_empty = server->connection_count == 0 && grpc_server_live_calls(server->grpc) == 0;
    if (is_empty && (server->state == NET_DRAINING || server->state == NET_CUT))
        close_own_handles(server);
}

void net_server_drain(NetServer *server, void (*closed)(void *context), void *context)
{
    if (server->state != NET_SERVING)
        return;
    uint64_t patience = grpc_server_limits(server->grpc)->drain_timeout_ms * NANOSECONDS_PER_MILLISECOND;
    server->state = NET_DRAINING;
    server->closed = closed;
    server->closed_context = context;
    listener_close_all(server);
    connection_drain_all(server);
    start_timer(&server->drain_timer, on_drain_timeout, uv_hrtime() + patience);
}

void net_server_close(NetServer *server, void (*closed)(void *context), void *context)
{
    if (closed) {
        server->closed = closed;
        server->closed_context = context;
    }
    if (server->state == NET_SERVING || server->state == NET_DRAINING) {
        listener_close_all(server);
        cut(server);
    }
}

/* ---- the server ---- */

NetServer *net_server_new(uv_loop_t *loop, GrpcServer *grpc, const NetServerOptions *options)
{
    NetServer *server = NEW(NetServer);
    server->loop = loop;
    server->grpc = grpc;
    if (options)
        server->options = *options;
    server->open_handles = OWN_HANDLES;
    uv_prepare_init(loop, &server->prepare);
    uv_timer_init(loop, &server->deadline_timer);
    uv_timer_init(loop, &server->check_timer);
    uv_timer_init(loop, &server->drain_timer);
    uv_idle_init(loop, &server->spin);
    server->prepare.data = server;
    server->deadline_timer.data = server;
    server->check_timer.data = server;
    server->drain_timer.data = server;
    server->spin.data = server;
    uv_prepare_start(&server->prepare, on_prepare);
    return server;
}

size_t net_server_connections(const NetServer *server)
{
    return server->connection_count;
}

uint64_t net_server_total_connections(const NetServer *server)
{
    return server->total_connections;
}

GrpcServer *net_server_grpc(const NetServer *server)
{
    return server->grpc;
}
