/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a service implements: its methods, and what a handler does with a call.
 *
 * The life of a call, as its handler sees it:
 *
 *      on_start          streams of requests only: the headers are there
 *      on_message        GRPC_UNARY, GRPC_SERVER_STREAM: once, when the request is complete
 *                        GRPC_CLIENT_STREAM, GRPC_BIDI_STREAM: for each message
 *      on_half_close     streams of requests only: no more messages will come
 *      on_writable       the client took replies after grpc_call_send said to wait
 *      on_cancel         the client gave up, its deadline passed, or the connection is gone
 *
 * One rule: a handler ends every call that reached it (on_start or on_message) with exactly one
 * grpc_call_finish, grpc_call_reply or grpc_call_refuse, also after on_cancel, and does not touch the call
 * afterwards. It may do so inside any of these functions or later from the loop's thread. Until then the call
 * stays valid even when its client is long gone: sending is then a no-op. No function of the handler is
 * called after the finish.
 *
 * Where the library ends a call itself (bad message, deadline, connection lost), it tells the handler by
 * on_cancel.
 *
 * Threads: everything on the thread that drives the server (the loop).
 */

#include "lib/base/macros.h"
#include "lib/base/status.h"
#include "rpmd/plugin.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct GrpcCall GrpcCall;

typedef enum GrpcKind {
    GRPC_UNARY,         /* one request, one reply */
    GRPC_CLIENT_STREAM, /* many requests, one reply */
    GRPC_SERVER_STREAM, /* one request, many replies */
    GRPC_BIDI_STREAM    /* many of both */
} GrpcKind;

typedef struct GrpcMethod {
    const char *name; /* "Append" */
    GrpcKind kind;
    const ProtobufCMessageDescriptor *request; /* NULL: raw bytes; on_message gets a const rpmd_text * */

    /*
     * message: of type `request`. Unary and server streams: it stays valid until the finish. Streams of
     * requests: until on_message returns, unless grpc_call_take_message takes it.
     */
    void (*on_message)(GrpcCall *call, const void *message);

    void (*on_start)(GrpcCall *call);      /* may be NULL */
    void (*on_half_close)(GrpcCall *call); /* required for streams of requests */
    void (*on_cancel)(
        GrpcCall *call); /* required for streams of requests; NULL: the handler finishes anyway */
    void (*on_writable)(GrpcCall *call); /* may be NULL */
} GrpcMethod;

typedef struct GrpcService {
    const char *name; /* "rpmd.v1.History" */
    const GrpcMethod *methods;
    size_t method_count;
    void *context; /* the service's own state, for its handlers */
} GrpcService;

/* Who is at the other end of the socket, as the kernel says. */
typedef struct GrpcPeer {
    bool known;
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
} GrpcPeer;

/* ---- what a handler can ask ---- */

/* GrpcService.context */
void *grpc_call_service(const GrpcCall *call);

const GrpcMethod *grpc_call_method(const GrpcCall *call);

/* "/rpmd.v1.History/Append" */
const char *grpc_call_path(const GrpcCall *call);

GrpcPeer grpc_call_peer(const GrpcCall *call);

/* The value of the first request header of this name (lower case; -bin decoded), or NULL. Borrowed. */
const rpmd_text *grpc_call_header(const GrpcCall *call, const char *name);

/* When the client stops waiting: monotonic nanoseconds (CLOCK_MONOTONIC, uv_hrtime); 0: it waits forever. */
uint64_t grpc_call_deadline(const GrpcCall *call);

/* STATUS_OK while somebody waits for the reply; then CANCELLED, DEADLINE_EXCEEDED or whatever the call ended
 * with. */
StatusCode grpc_call_ended(const GrpcCall *call);

static inline bool grpc_call_is_over(const GrpcCall *call)
{
    return grpc_call_ended(call) != STATUS_OK;
}

/*
 * The handler's own state of this call. release (may be NULL) is called with it at the finish: nothing of a
 * call is left over then.
 */
void grpc_call_set_context(GrpcCall *call, void *context, void (*release)(void *context));
void *grpc_call_context(const GrpcCall *call);

/* The request of a call that takes one, for as long as the call lives; NULL before it is complete. */
const void *grpc_call_message(const GrpcCall *call);

/*
 * The message of this on_message becomes the caller's, who frees it with protobuf_c_message_free_unpacked.
 * Only inside on_message of a stream of requests that are not raw bytes.
 */
ProtobufCMessage *grpc_call_take_message(GrpcCall *call);

/* ---- what a handler can say ---- */

/* A header before the replies / behind them. Copied. Refused names and values, and headers after the first
 * reply, are a mistake of the program: they assert. */
void grpc_call_add_header(GrpcCall *call, const char *name, rpmd_text value);
void grpc_call_add_trailer(GrpcCall *call, const char *name, rpmd_text value);

/* Sends the headers now; otherwise they go with the first reply. */
void grpc_call_send_headers(GrpcCall *call);

/*
 * Sends a reply. True: go on; false: enough is waiting (write_high_bytes), send more when on_writable comes.
 * What is sent nevertheless is kept, and the memory is the handler's fault.
 */
bool grpc_call_send(GrpcCall *call, const ProtobufCMessage *message);
bool grpc_call_send_bytes(GrpcCall *call, rpmd_text message);

/* Bytes of replies that the client has not taken. */
size_t grpc_call_pending_bytes(const GrpcCall *call);

/* No on_message until grpc_call_resume: the client's sending stops when its window is full. Streams of
 * requests only. */
void grpc_call_pause(GrpcCall *call);
void grpc_call_resume(GrpcCall *call); /* may call on_message and on_half_close before it returns */

/* The last word: OK or an error. */
void grpc_call_finish(GrpcCall *call, const Status *status);

/* grpc_call_send and an OK finish. */
void grpc_call_reply(GrpcCall *call, const ProtobufCMessage *message);

/* A finish with an error: `grpc_call_refuse(call, STATUS_NOT_FOUND, "there is no task '%s'; …", …)`. */
void grpc_call_refuse(GrpcCall *call, StatusCode code, const char *format, ...) _printf_(3, 4);
