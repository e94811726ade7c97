/* SPDX-License-Identifier: MIT */
#include "lib/grpc/frame.h"

#include "lib/base/macros.h"

#include <string.h>

#define KEPT_CAPACITY ((size_t)64 * 1024) /* an emptied buffer that grew larger gives its memory back */

static void empty(Buffer *buffer)
{
    if (buffer->capacity > KEPT_CAPACITY)
        buffer_finish(buffer);
    else
        buffer_clear(buffer);
}

void grpc_reader_finish(GrpcReader *reader)
{
    buffer_finish(&reader->held);
    *reader = GRPC_READER_INIT;
}

void grpc_reader_begin(GrpcReader *reader, rpmd_text piece)
{
    reader->is_held = reader->held.length > 0;
    if (reader->is_held) {
        buffer_append(&reader->held, piece.data, piece.length);
        piece = (rpmd_text){.data = reader->held.data, .length = reader->held.length};
    }
    reader->rest = piece;
}

GrpcRead grpc_reader_next(GrpcReader *reader, size_t limit, rpmd_text *message)
{
    const unsigned char *head = (const unsigned char *)reader->rest.data;
    if (reader->rest.length > 0 && head[0] != 0)
        return GRPC_READ_COMPRESSED;
    if (reader->rest.length < GRPC_FRAME_HEAD)
        return GRPC_READ_MORE;
    size_t length = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
    if (length > limit)
        return GRPC_READ_TOO_LONG;
    if (reader->rest.length - GRPC_FRAME_HEAD < length)
        return GRPC_READ_MORE;
    *message = (rpmd_text){.data = reader->rest.data + GRPC_FRAME_HEAD, .length = length};
    reader->rest.data += GRPC_FRAME_HEAD + length;
    reader->rest.length -= GRPC_FRAME_HEAD + length;
    return GRPC_READ_MESSAGE;
}

void grpc_reader_end(GrpcReader *reader)
{
    if (!reader->is_held && reader->rest.length > 0)
        buffer_append(&reader->held, reader->rest.data, reader->rest.length);
    else if (reader->is_held)
        buffer_drop(&reader->held, reader->held.length - reader->rest.length);
    if (reader->is_held && reader->held.length == 0)
        empty(&reader->held);
    reader->rest = (rpmd_text){0};
}

void grpc_writer_finish(GrpcWriter *writer)
{
    buffer_finish(&writer->bytes);
    *writer = GRPC_WRITER_INIT;
}

/* Appends the head and returns where the message goes; its length is already counted. */
static char *add_frame(GrpcWriter *writer, size_t length)
{
    if (writer->sent > writer->bytes.length / 2) {
        buffer_drop(&writer->bytes, writer->sent);
        writer->sent = 0;
    }
    unsigned char *head = (unsigned char *)buffer_reserve(&writer->bytes, GRPC_FRAME_HEAD + length);
    head[0] = 0;
    for (int i = 0; i < 4; i++)
        head[1 + i] = (unsigned char)(length >> (24 - 8 * i));
    writer->bytes.length += GRPC_FRAME_HEAD + length;
    return (char *)head + GRPC_FRAME_HEAD;
}

void grpc_writer_add(GrpcWriter *writer, rpmd_text message)
{
    char *out = add_frame(writer, message.length);
    if (message.length > 0)
        memcpy(out, message.data, message.length);
}

void grpc_writer_add_message(GrpcWriter *writer, const ProtobufCMessage *message)
{
    size_t length = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, (uint8_t *)add_frame(writer, length));
}

size_t grpc_writer_take(GrpcWriter *writer, void *out, size_t length)
{
    length = MIN(length, grpc_writer_pending(writer));
    if (length > 0)
        memcpy(out, writer->bytes.data + writer->sent, length);
    writer->sent += length;
    if (writer->sent == writer->bytes.length) {
        empty(&writer->bytes);
        writer->sent = 0;
    }
    return length;
}
