/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A server and a client session wired back to back in memory, with a service whose methods do one thing each.
 *
 *      /test.Test/Echo       unary: the request comes back, with the metadata x-echo and x-echo-bin
 *      /test.Test/Item       unary with protobuf messages: DeleteRequest.id's length comes back as
 * model_version /test.Test/Late       unary: the test answers, by pair->late /test.Test/Collect    stream of
 * requests: their number and bytes come back as "N messages, M bytes" /test.Test/Count      stream of
 * replies: as many as the request's number says, each of it padded to 1,000 bytes /test.Test/Chat       both:
 * each request comes back /test.Test/Fail       unary: the status of the request's text "CODE message"
 */
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/client.h"
#include "lib/grpc/server.h"
#include "rpmd/v1/history.pb-c.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define COUNT_REPLY_SIZE 1000
#define SECOND UINT64_C(1000000000)

typedef struct Pair {
    GrpcServer *grpc;
    GrpcServerSession *server;
    GrpcClientSession *client;
    uint64_t now;
    size_t batch;     /* bytes of one output */
    GrpcCall *late;   /* the call of Late that waits */
    GrpcCall *stream; /* the last Collect, Count or Chat that began and has not ended */
    unsigned wakes;
    unsigned cancels;
    unsigned released;
    unsigned writables;
    bool is_paused; /* Collect does not read */
} Pair;

/* ---- the service ---- */

static inline Pair *pair_of(const GrpcCall *call)
{
    return grpc_call_service(call);
}

static inline void pair_on_echo(GrpcCall *call, const void *message)
{
    const rpmd_text *echo = grpc_call_header(call, "x-echo");
    const rpmd_text *echo_binary = grpc_call_header(call, "x-echo-bin");
    if (echo) {
        grpc_call_add_header(call, "x-echo", *echo);
        grpc_call_add_trailer(call, "x-echoed", *echo);
    }
    if (echo_binary)
        grpc_call_add_trailer(call, "x-echo-bin", *echo_binary);
    grpc_call_send_bytes(call, *(const rpmd_text *)message);
    grpc_call_finish(call, &STATUS_INIT);
}

static inline void pair_on_item(GrpcCall *call, const void *message)
{
    const Rpmd__V1__DeleteRequest *request = message;
    Rpmd__V1__DeleteResponse response = RPMD__V1__DELETE_RESPONSE__INIT;
    response.model_version = strlen(request->id);
    grpc_call_reply(call, &response.base);
}

static inline void pair_release(void *context)
{
    ((Pair *)context)->released++;
}

static inline void pair_on_late(GrpcCall *call, const void *message)
{
    grpc_call_set_context(call, pair_of(call), pair_release);
    pair_of(call)->late = call;
}

static inline void pair_on_late_cancel(GrpcCall *call)
{
    pair_of(call)->cancels++;
}

static inline void pair_on_fail(GrpcCall *call, const void *message)
{
    const char *text = ((const rpmd_text *)message)->data;
    char *sentence = NULL;
    long code = strtol(text, &sentence, 10);
    grpc_call_refuse(call, (StatusCode)code, "%s", *sentence ? sentence + 1 : "");
}

typedef struct PairStream {
    Pair *pair;
    size_t messages;
    size_t bytes;
    size_t wanted;
} PairStream;

static inline void pair_release_stream(void *context)
{
    PairStream *stream = context;
    stream->pair->released++;
    stream->pair->stream = NULL;
    free(stream);
}

static inline void pair_on_start(GrpcCall *call)
{
    PairStream *stream = NEW(PairStream);
    stream->pair = pair_of(call);
    stream->pair->stream = call;
    grpc_call_set_context(call, stream, pair_release_stream);
    if (stream->pair->is_paused)
        grpc_call_pause(call);
}

static inline void pair_on_collect(GrpcCall *call, const void *message)
{
    PairStream *stream = grpc_call_context(call);
    stream->messages++;
    stream->bytes += ((const rpmd_text *)message)->length;
}

static inline void pair_on_collected(GrpcCall *call)
{
    PairStream *stream = grpc_call_context(call);
    char text[64];
    snprintf(text, sizeof(text), "%zu messages, %zu bytes", stream->messages, stream->bytes);
    grpc_call_send_bytes(call, text_of(text));
    grpc_call_finish(call, &STATUS_INIT);
}

static inline void pair_on_stream_cancel(GrpcCall *call)
{
    pair_of(call)->cancels++;
    grpc_call_finish(call, &STATUS_INIT);
}

static inline void pair_count_on(GrpcCall *call)
{
    PairStream *stream = grpc_call_context(call);
    char text[COUNT_REPLY_SIZE + 1];
    bool has_room = true;
    while (has_room && stream->messages < stream->wanted) {
        snprintf(text, sizeof(text), "%-*zu", COUNT_REPLY_SIZE, stream->messages++);
        has_room = grpc_call_send_bytes(call, text_of(text));
    }
    if (stream->messages == stream->wanted)
        grpc_call_finish(call, &STATUS_INIT);
}

static inline void pair_on_count(GrpcCall *call, const void *message)
{
    pair_on_start(call);
    ((PairStream *)grpc_call_context(call))->wanted = strtoul(((const rpmd_text *)message)->data, NULL, 10);
    pair_count_on(call);
}

static inline void pair_on_writable(GrpcCall *call)
{
    pair_of(call)->writables++;
    pair_count_on(call);
}

static inline void pair_on_chat(GrpcCall *call, const void *message)
{
    if (!grpc_call_send_bytes(call, *(const rpmd_text *)message))
        grpc_call_pause(call);
}

static inline void pair_on_chat_end(GrpcCall *call)
{
    grpc_call_finish(call, &STATUS_INIT);
}

static const GrpcMethod pair_methods[] = {
    {.name = "Echo", .kind = GRPC_UNARY, .on_message = pair_on_echo},
    {.name = "Item",
     .kind = GRPC_UNARY,
     .request = &rpmd__v1__delete_request__descriptor,
     .on_message = pair_on_item},
    {.name = "Late", .kind = GRPC_UNARY, .on_message = pair_on_late, .on_cancel = pair_on_late_cancel},
    {.name = "Fail", .kind = GRPC_UNARY, .on_message = pair_on_fail},
    {.name = "Collect",
     .kind = GRPC_CLIENT_STREAM,
     .on_start = pair_on_start,
     .on_message = pair_on_collect,
     .on_half_close = pair_on_collected,
     .on_cancel = pair_on_stream_cancel},
    {.name = "Count",
     .kind = GRPC_SERVER_STREAM,
     .on_message = pair_on_count,
     .on_cancel = pair_on_stream_cancel,
     .on_writable = pair_on_writable},
    {.name = "Chat",
     .kind = GRPC_BIDI_STREAM,
     .on_start = pair_on_start,
     .on_message = pair_on_chat,
     .on_half_close = pair_on_chat_end,
     .on_cancel = pair_on_stream_cancel,
     .on_writable = grpc_call_resume},
};

static inline GrpcService pair_service(Pair *pair)
{
    return (GrpcService){.name = "test.Test",
                         .methods = pair_methods,
                         .method_count = ARRAY_SIZE(pair_methods),
                         .context = pair};
}

/* ---- a call as the client sees it ---- */

typedef struct Reply {
    GrpcClientCall *call;
    Buffer text; /* of the last message */
    size_t messages;
    bool has_ended;
    Status status;
} Reply;

static inline void reply_on_message(GrpcClientCall *call, rpmd_text message, void *context)
{
    Reply *reply = context;
    buffer_clear(&reply->text);
    buffer_append(&reply->text, message.data, message.length);
    reply->messages++;
}

static inline void reply_on_end(GrpcClientCall *call, const Status *status, void *context)
{
    Reply *reply = context;
    ck_assert(!reply->has_ended);
    reply->has_ended = true;
    reply->status = *status;
}

static const GrpcClientHandler reply_handler = {.on_message = reply_on_message, .on_end = reply_on_end};

static inline void reply_finish(Reply *reply)
{
    grpc_client_call_free(reply->call);
    buffer_finish(&reply->text);
}

/* Begins a call; text NULL: nothing is sent yet. */
static inline void reply_open(Reply *reply, Pair *pair, const char *method, const char *text)
{
    char path[64];
    *reply = (Reply){0};
    snprintf(path, sizeof(path), "/test.Test/%s", method);
    reply->call = grpc_client_call_new(pair->client, path, NULL, 0, &reply_handler, reply);
    if (text) {
        grpc_client_call_send_bytes(reply->call, text_of(text));
        grpc_client_call_half_close(reply->call);
    }
}

#define reply_assert_text(reply, expected)                                                                   \
    do {                                                                                                     \
        ck_assert_msg((reply)->has_ended, "not ended");                                                      \
        ck_assert_msg((reply)->status.code == STATUS_OK, "%s", (reply)->status.message);                     \
        ck_assert_str_eq(buffer_string(&(reply)->text), (expected));                                         \
    } while (0)

#define reply_assert_status(reply, expected_code, expected_message)                                          \
    do {                                                                                                     \
        ck_assert_msg((reply)->has_ended, "not ended");                                                      \
        ck_assert_str_eq((reply)->status.message, (expected_message));                                       \
        ck_assert_int_eq((reply)->status.code, (expected_code));                                             \
    } while (0)

/* ---- the pair ---- */

static inline void pair_on_wake(GrpcServerSession *session, void *context)
{
    ((Pair *)context)->wakes++;
}

static GrpcService pair_current_service;

static inline void pair_init(Pair *pair, const GrpcLimits *limits)
{
    GrpcLimits defaults = grpc_limits_default();
    *pair = (Pair){.now = 1000 * SECOND, .batch = 16384};
    pair_current_service = pair_service(pair);
    pair->grpc = grpc_server_new(limits ? limits : &defaults);
    grpc_server_add(pair->grpc, &pair_current_service);
    pair->server = grpc_server_session_new(pair->grpc, (GrpcPeer){.known = true, .pid = 17}, pair_on_wake,
                                           pair, pair->now);
    pair->client = grpc_client_session_new(64 * 1024 * 1024);
}

static inline void pair_finish(Pair *pair)
{
    grpc_server_session_free(pair->server);
    grpc_server_free(pair->grpc);
    grpc_client_session_free(pair->client);
}

/* One direction, once. True: something moved. */
static inline bool pair_to_server(Pair *pair)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    grpc_client_session_output(pair->client, &bytes, pair->batch);
    if (bytes.length > 0)
        grpc_server_session_receive(pair->server, bytes.data, bytes.length, pair->now);
    return bytes.length > 0;
}

static inline bool pair_to_client(Pair *pair)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    grpc_server_session_output(pair->server, &bytes, pair->batch);
    if (bytes.length > 0)
        grpc_client_session_receive(pair->client, bytes.data, bytes.length);
    return bytes.length > 0;
}

/* Until nobody has anything to say. */
static inline void pair_run(Pair *pair)
{
    bool has_moved = true;
    while (has_moved) {
        has_moved = pair_to_server(pair);
        has_moved |= pair_to_client(pair);
    }
}
