/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Inside lib/grpc: the server's structures.
 *
 * A GrpcCall is made with its stream and is freed when both are true: the stream is closed (session is NULL),
 * and its handler, if the call reached one, has finished.
 *
 *                      request headers           call_end                    stream closed
 *      stream opened -------------------> active ----------> over, replying ----------------> freed, or kept
 *                                            |                                    ^           for the handler
 *                                            '---- stream reset: call_end, -------'
 *                                                  on_cancel
 */

#include "lib/grpc/frame.h"
#include "lib/grpc/metadata.h"
#include "lib/grpc/server.h"

#include <nghttp2/nghttp2.h>

typedef struct MethodEntry {
    char *path; /* owned; NULL: the entry for what does not exist */
    const GrpcService *service;
    const GrpcMethod *method;
    uint64_t ended[STATUS_CODE_COUNT];
} MethodEntry;

struct GrpcServer {
    GrpcLimits limits;
    const GrpcService **services; /* owned array */
    size_t service_count;
    size_t service_capacity;
    MethodEntry *methods; /* owned, ordered by path */
    size_t method_count;
    size_t method_capacity;
    MethodEntry unknown;
    GrpcCall **deadlines; /* owned: a binary heap, the earliest first, without [0] */
    size_t deadline_count;
    size_t deadline_capacity;
    size_t live_calls;
    uint64_t total_calls;
    size_t sessions;
    nghttp2_option *options;              /* owned */
    nghttp2_session_callbacks *callbacks; /* owned */
};

typedef enum DrainState {
    DRAIN_NONE,
    DRAIN_NOTICED, /* GOAWAY for later calls and a ping: calls that crossed it are still taken */
    DRAIN_FINAL    /* the ping came back: GOAWAY with the last call taken */
} DrainState;

struct GrpcServerSession {
    GrpcServer *server;
    nghttp2_session *http; /* owned */
    GrpcPeer peer;
    GrpcWake wake;
    void *wake_context;
    GrpcCall *calls; /* all with an open stream */
    size_t call_count;
    size_t writable_count; /* of them, those with is_writable_due */
    uint64_t now;          /* as last told */
    uint64_t created;
    uint64_t last_receive;
    uint64_t idle_since;
    uint64_t headers_since; /* a request's headers are arriving; 0: none are */
    uint64_t ping_sent;     /* 0: no ping is out */
    DrainState drain;
    bool is_settled; /* the client's preface and SETTINGS came */
    bool is_broken;  /* nghttp2 gave up */
    bool is_woken;
};

/* What is read from the request's headers before the call is dispatched. */
typedef struct RequestHeaders {
    size_t bytes;
    unsigned seen; /* pseudo-headers */
    bool has_regular;
    bool has_te;
    bool has_content_type;
    bool is_malformed; /* against HTTP/2 itself */
    bool has_timeout;
    unsigned http_status; /* when not 200 */
    uint64_t timeout;
    Status *refusal; /* owned; the first reason to refuse the call */
} RequestHeaders;

struct GrpcCall {
    GrpcServer *server;
    GrpcServerSession *session; /* NULL: the stream is closed */
    GrpcCall *previous;
    GrpcCall *next;
    GrpcPeer peer;
    int32_t stream;
    StatusCode code; /* when is_over */
    MethodEntry *entry;
    const GrpcMethod *method; /* NULL: none is known yet, or none exists */
    char *unknown_path;       /* owned; when there is no method */
    RequestHeaders request;
    GrpcMetadata metadata;
    uint64_t deadline;
    size_t heap_index; /* in server->deadlines; 0: not there */

    GrpcReader reader;
    size_t unconsumed; /* received bytes for which the client got no new window */
    void *message; /* owned: the request of a unary call or server stream, the current one of the others */

    GrpcWriter writer;
    GrpcMetadata headers;
    GrpcMetadata trailers;
    char *status_message; /* owned; NULL when empty */

    void *context;
    void (*release)(void *context);

    bool is_dispatched;  /* headers are complete */
    bool is_handled;     /* reached its handler, which must finish it */
    bool is_finished;    /* by its handler */
    bool is_over;        /* ended, for whatever reason; code says how */
    bool has_half_close; /* the client sent its last byte */
    bool told_half_close;
    bool has_response; /* headers were submitted */
    bool is_paused;
    bool is_pumping; /* inside the loop that hands messages out */
    bool is_full;    /* the handler was told to wait */
    bool is_writable_due;
};

/* server.c */
MethodEntry *server_find_method(GrpcServer *server, rpmd_text path);
void server_deadline_add(GrpcServer *server, GrpcCall *call);
void server_deadline_remove(GrpcServer *server, GrpcCall *call);

/* server_session.c */
nghttp2_session_callbacks *session_callbacks_new(void);
void session_wake(GrpcServerSession *session);

/* server_request.c: one request header; then, when all are there, whether the call can be made. */
void request_header(GrpcCall *call, rpmd_text name, rpmd_text value);
void request_complete(GrpcCall *call);

/* call.c */
GrpcCall *call_new(GrpcServerSession *session, int32_t stream);

/* Headers are complete: refuses the call or hands it to its handler. */
void call_dispatch(GrpcCall *call, uint64_t now);
void call_receive(GrpcCall *call, const uint8_t *data, size_t length);
void call_half_close(GrpcCall *call);

/* Ends the call with a status for the client, and tells its handler. */
void call_abort(GrpcCall *call, const Status *status);

/* The stream is closed: the call may be freed. */
void call_stream_closed(GrpcCall *call, StatusCode code);

/* on_writable where it is due. */
void call_tell_writable(GrpcCall *call);
