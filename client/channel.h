/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A connection to the daemon that waits: one request after the other, on the caller's thread (poll).
 *
 * Functions that can fail return 0, or STATUS_REFUSED with a status that says what to do.
 */

#include "lib/base/status.h"
#include "lib/grpc/metadata.h"

#include <protobuf-c/protobuf-c.h>

typedef struct Channel Channel;
typedef struct ChannelStream ChannelStream;

/* Connects to a daemon's Unix socket. */
int channel_open(Channel **channel, const char *socket, Status *status);

/* Its streams must be freed before. */
void channel_free(Channel *channel);

/* Calls begun from now on are given up after this time with DEADLINE_EXCEEDED; 0: never (the beginning). */
void channel_set_timeout(Channel *channel, uint64_t timeout_ns);

/*
 * One request, one reply. 0 with *response of the given type, for the caller to free with
 * protobuf_c_message_free_unpacked(…, NULL).
 */
int channel_call_unary(Channel *channel, const char *method, const ProtobufCMessage *request,
                       const ProtobufCMessageDescriptor *type, ProtobufCMessage **response, Status *status);

/* Begins a call of any kind. Several streams of a channel may be open at once. */
int channel_stream_open(Channel *channel, const char *method, ChannelStream **stream, Status *status);

/* Gives the call up when it has not ended. NULL is fine. */
void channel_stream_free(ChannelStream *stream);

/* Sends one request; waits while the daemon is not ready for more. Refused when the daemon ended the call. */
int channel_stream_send(ChannelStream *stream, const ProtobufCMessage *message, Status *status);

/* No more requests. */
int channel_stream_close_send(ChannelStream *stream, Status *status);

/* Waits for the next reply: 0 with *message (the caller's), 0 with NULL after the last one, or
 * STATUS_REFUSED. */
int channel_stream_receive(ChannelStream *stream, const ProtobufCMessageDescriptor *type,
                           ProtobufCMessage **message, Status *status);

/* What the daemon sent behind the replies; complete when channel_stream_receive said that there are no more.
 */
const GrpcMetadata *channel_stream_trailers(const ChannelStream *stream);
