/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * gRPC's server side without sockets, loop or clock: bytes in, bytes out, the time given from outside.
 *
 * A GrpcServer holds what all connections share: the services, the limits, the calls' deadlines, the
 * counters. A GrpcServerSession is one connection. Whoever drives them (daemon/net):
 *
 *      bytes arrived           grpc_server_session_receive, then write what grpc_server_session_output gives
 *      a reply is due          the server's wake function says which session has output
 *      time passed             grpc_server_advance at grpc_server_next_deadline
 *      connection lost         grpc_server_session_free; calls still at work live on until their finish
 *
 * Times are monotonic nanoseconds. One thread.
 */

#include "lib/base/buffer.h"
#include "lib/grpc/limits.h"
#include "lib/grpc/method.h"

typedef struct GrpcServer GrpcServer;
typedef struct GrpcServerSession GrpcServerSession;

/* limits are copied. */
GrpcServer *grpc_server_new(const GrpcLimits *limits);

/* No session and no call may be left. */
void grpc_server_free(GrpcServer *server);

/* service is borrowed for the server's life. Before the first session. */
void grpc_server_add(GrpcServer *server, const GrpcService *service);

const GrpcLimits *grpc_server_limits(const GrpcServer *server);

/* `count` services, in the order of grpc_server_add. */
size_t grpc_server_service_count(const GrpcServer *server);
const GrpcService *grpc_server_service(const GrpcServer *server, size_t index);

/* When grpc_server_advance is due: 0 is never. */
uint64_t grpc_server_next_deadline(const GrpcServer *server);

/* Ends the calls whose deadline passed. */
void grpc_server_advance(GrpcServer *server, uint64_t now);

/* ---- counters ---- */

/* Calls that handlers have not finished. */
size_t grpc_server_live_calls(const GrpcServer *server);
uint64_t grpc_server_total_calls(const GrpcServer *server);

/* Calls ended, by method and status code. */
typedef struct GrpcMethodCount {
    const char *service;
    const char *method; /* "" with service "": calls of what does not exist */
    uint64_t ended[STATUS_CODE_COUNT];
} GrpcMethodCount;

size_t grpc_server_method_count(const GrpcServer *server);
GrpcMethodCount grpc_server_method(const GrpcServer *server, size_t index);

/* ---- one connection ---- */

/* The session has output that nobody asked for yet. Called at most once until grpc_server_session_output. */
typedef void (*GrpcWake)(GrpcServerSession *session, void *context);

GrpcServerSession *grpc_server_session_new(GrpcServer *server, GrpcPeer peer, GrpcWake wake, void *context,
                                           uint64_t now);

/* Its unfinished calls are told that they are over. */
void grpc_server_session_free(GrpcServerSession *session);

/* Takes all bytes. Wrong ones end the session: it says so in its output and is then done. */
void grpc_server_session_receive(GrpcServerSession *session, const void *data, size_t length, uint64_t now);

/*
 * Appends what is to be written, until at least `batch` bytes are there or nothing is left. Do not call it
 * while earlier output is not yet written: that is how a slow reader slows its calls.
 */
void grpc_server_session_output(GrpcServerSession *session, Buffer *output, size_t batch);

/* No more calls: GOAWAY; those in flight go on. */
void grpc_server_session_drain(GrpcServerSession *session);

/* Everything is said and done: when the output is written, close the connection. */
bool grpc_server_session_is_done(const GrpcServerSession *session);

/* Open calls. */
size_t grpc_server_session_calls(const GrpcServerSession *session);

/*
 * When the driver must look again at a silent connection (header time, idle time, pings): 0 is never. Valid
 * until anything happens to the session; asking again is cheap.
 */
uint64_t grpc_server_session_next_check(const GrpcServerSession *session);

typedef enum GrpcCheck {
    GRPC_CHECK_FINE,
    GRPC_CHECK_SILENT, /* no answer to a ping, or headers never completed: close the connection at once */
} GrpcCheck;

/* Does what is due at `now`: sends a ping, drains an idle connection. */
GrpcCheck grpc_server_session_check(GrpcServerSession *session, uint64_t now);
