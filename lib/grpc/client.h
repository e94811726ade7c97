/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * gRPC's client side without sockets, loop or clock: calls in, bytes out; bytes in, replies out.
 *
 * Threads: one at a time.
 */

#include "lib/base/buffer.h"
#include "lib/grpc/metadata.h"

#include <protobuf-c/protobuf-c.h>

typedef struct GrpcClientSession GrpcClientSession;
typedef struct GrpcClientCall GrpcClientCall;

typedef struct GrpcClientHandler {
    /* A reply; its bytes are borrowed. */
    void (*on_message)(GrpcClientCall *call, rpmd_text message, void *context);
    /* The last word: exactly once, unless the call is freed first. status is borrowed. */
    void (*on_end)(GrpcClientCall *call, const Status *status, void *context);
} GrpcClientHandler;

/* Replies longer than max_message_bytes end their call with RESOURCE_EXHAUSTED. */
GrpcClientSession *grpc_client_session_new(size_t max_message_bytes);

/* Ends open calls with UNAVAILABLE; calls must be freed before. */
void grpc_client_session_free(GrpcClientSession *session);

/* Takes all bytes. */
void grpc_client_session_receive(GrpcClientSession *session, const void *data, size_t length);

/* Appends what is to be written, until at least `batch` bytes are there or nothing is left. */
void grpc_client_session_output(GrpcClientSession *session, Buffer *output, size_t batch);

/* The connection is gone: ends all calls with UNAVAILABLE and this sentence. */
void grpc_client_session_disconnect(GrpcClientSession *session, const char *sentence);

/* No new call can be made: the server is stopping or the connection is broken. Calls under way may go on. */
bool grpc_client_session_is_closing(const GrpcClientSession *session);

/*
 * Begins a call. path: "/rpmd.v1.History/Append"; metadata: copied, may be NULL; timeout_ns: told to the
 * server, 0 for none (watching the clock is the driver's part). handler and context are borrowed for the
 * call's life. Never NULL; a call that cannot be made ends in the next grpc_client_session_output.
 */
GrpcClientCall *grpc_client_call_new(GrpcClientSession *session, const char *path,
                                     const GrpcMetadata *metadata, uint64_t timeout_ns,
                                     const GrpcClientHandler *handler, void *context);

/* Cancels the call when it has not ended. */
void grpc_client_call_free(GrpcClientCall *call);

/* Sends a request; a no-op when the call has ended. */
void grpc_client_call_send(GrpcClientCall *call, const ProtobufCMessage *message);
void grpc_client_call_send_bytes(GrpcClientCall *call, rpmd_text message);

/* Requests that the server has not taken: wait while this is large. */
size_t grpc_client_call_pending_bytes(const GrpcClientCall *call);

/* No more requests. */
void grpc_client_call_half_close(GrpcClientCall *call);

/* Ends the call with this status and tells the server that nobody waits any more. */
void grpc_client_call_cancel(GrpcClientCall *call, const Status *status);

bool grpc_client_call_has_ended(const GrpcClientCall *call);

/* Received headers and trailers (-bin decoded), for as long as the call lives. */
const GrpcMetadata *grpc_client_call_headers(const GrpcClientCall *call);
const GrpcMetadata *grpc_client_call_trailers(const GrpcClientCall *call);
