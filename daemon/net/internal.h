/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/net. */

#include "daemon/net/server.h"

#include <sys/stat.h>

#define READ_SIZE ((size_t)64 * 1024) /* one read; what a Unix socket holds is not much more */

typedef struct Listener Listener;
typedef struct Connection Connection;

typedef enum NetState {
    NET_SERVING,
    NET_DRAINING, /* no listeners; calls go on */
    NET_CUT,      /* no connections; handlers finish */
    NET_CLOSING   /* libuv closes our own handles */
} NetState;

struct NetServer {
    uv_loop_t *loop;
    GrpcServer *grpc;
    NetServerOptions options;
    NetState state;
    Listener *listeners;
    Connection *connections;
    size_t connection_count;
    uint64_t total_connections;
    Connection *dirty;    /* have output; written before the loop sleeps */
    uv_prepare_t prepare; /* the last thing before the loop sleeps */
    uv_timer_t deadline_timer;
    uv_timer_t check_timer; /* silent and idle connections */
    uv_timer_t drain_timer;
    uv_idle_t spin; /* active: the loop does not sleep */
    uint64_t last_read;
    uint64_t armed_deadline; /* of deadline_timer */
    unsigned open_handles;   /* of everything above, listeners and connections included */
    void (*closed)(void *context);
    void *closed_context;
    char input[READ_SIZE]; /* shared: a read is used up before the next one */
};

/* server.c */
void net_handle_closed(NetServer *server);
void net_notice(NetServer *server, const char *format, ...) _printf_(2, 3);
uint64_t net_milliseconds_until(uint64_t deadline);

/* listener.c */
void listener_close_all(NetServer *server);

/* connection.c */
void connection_accept(NetServer *server, uv_stream_t *listener);
void connection_flush_dirty(NetServer *server);
void connection_close(Connection *connection);
void connection_drain_all(NetServer *server);
void connection_close_all(NetServer *server);

/* Looks at silent connections and returns when to look again. */
uint64_t connection_check_all(NetServer *server, uint64_t now);
