/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * lib/grpc on libuv: listeners on Unix sockets, connections, time, drain.
 *
 *      new ---> listening ---> draining (GOAWAY; calls go on) ---> closed (callback)
 *                   |               '--- after drain_timeout_ms: connections are cut --^
 *                   '--- net_server_close: connections are cut at once ----------------^
 *
 * Threads: the loop's.
 */

#include "lib/grpc/server.h"

#include <sys/types.h>
#include <uv.h>

typedef struct NetServer NetServer;

typedef struct NetServerOptions {
    /*
     * How long the loop looks for more bytes before it sleeps, in nanoseconds; 0: not at all. It halves the
     * time of a lone call on two idle cores and costs CPU.
     */
    uint64_t spin_ns;
    /* A client is thrown out or refused at the door: a sentence to be logged. May be NULL. */
    void (*on_notice)(void *context, const char *sentence);
    void *notice_context;
} NetServerOptions;

/*
 * grpc and its services are borrowed until the close callback. options may be NULL. The program ignores
 * SIGPIPE: libuv writes to clients that have gone.
 */
NetServer *net_server_new(uv_loop_t *loop, GrpcServer *grpc, const NetServerOptions *options);

/*
 * Listens on a socket file, made with these permissions. A file that a dead daemon left is replaced; one that
 * a living one listens on is refused, as is a path that is too long or no socket. The file is removed when
 * listening ends, if it is still ours.
 */
int net_server_listen_path(NetServer *server, const char *path, mode_t mode, Status *status);

/* Listens on an inherited listening socket, whose file is never touched. Takes the descriptor. */
int net_server_listen_fd(NetServer *server, int fd, Status *status);

size_t net_server_connections(const NetServer *server);
uint64_t net_server_total_connections(const NetServer *server);
GrpcServer *net_server_grpc(const NetServer *server);

/*
 * Stops listening, tells every client, lets calls in flight end, cuts what is left after drain_timeout_ms,
 * and waits until handlers have finished all calls. Then frees the server and calls closed.
 */
void net_server_drain(NetServer *server, void (*closed)(void *context), void *context);

/* The same without patience. May follow net_server_drain: without a callback of its own, that one's is
 * called. */
void net_server_close(NetServer *server, void (*closed)(void *context), void *context);
