/* SPDX-License-Identifier: MIT */
#pragma once

/* gRPC's framing of messages in a stream of bytes: a flag (compressed), the length in 4 bytes, the message.
 */

#include "lib/base/buffer.h"
#include "rpmd/plugin.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#define GRPC_FRAME_HEAD 5

/*
 * Finds messages in bytes that arrive in pieces. A message that lies in one piece is not copied.
 *
 *      grpc_reader_begin(reader, piece);
 *      while (grpc_reader_next(reader, limit, &message) == GRPC_READ_MESSAGE)
 *          ...
 *      grpc_reader_end(reader);
 *
 * Between begin and end nothing else may be done with it; to stop early is fine, the rest is kept.
 */
typedef struct GrpcReader {
    Buffer held;    /* what was not read yet */
    rpmd_text rest; /* between begin and end: what is to be read */
    bool is_held;   /* rest lies in held */
} GrpcReader;

#define GRPC_READER_INIT ((GrpcReader){0})

typedef enum GrpcRead {
    GRPC_READ_MESSAGE,
    GRPC_READ_MORE,       /* the next message is not complete */
    GRPC_READ_COMPRESSED, /* flagged as compressed, or an unknown flag */
    GRPC_READ_TOO_LONG    /* declares more than the limit */
} GrpcRead;

void grpc_reader_finish(GrpcReader *reader);
void grpc_reader_begin(GrpcReader *reader, rpmd_text piece);

/* message is borrowed until the end. */
GrpcRead grpc_reader_next(GrpcReader *reader, size_t limit, rpmd_text *message);
void grpc_reader_end(GrpcReader *reader);

/* Bytes that were received and not read, between end and begin. */
static inline size_t grpc_reader_held(const GrpcReader *reader)
{
    return reader->held.length;
}

/* What is to be sent, from `sent` on. */
typedef struct GrpcWriter {
    Buffer bytes;
    size_t sent;
} GrpcWriter;

#define GRPC_WRITER_INIT ((GrpcWriter){0})

void grpc_writer_finish(GrpcWriter *writer);
void grpc_writer_add(GrpcWriter *writer, rpmd_text message);
void grpc_writer_add_message(GrpcWriter *writer, const ProtobufCMessage *message);

/* Moves up to `length` bytes out and returns how many. */
size_t grpc_writer_take(GrpcWriter *writer, void *out, size_t length);

static inline size_t grpc_writer_pending(const GrpcWriter *writer)
{
    return writer->bytes.length - writer->sent;
}
