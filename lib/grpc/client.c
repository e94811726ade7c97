/* SPDX-License-Identifier: MIT */
#include "lib/grpc/client.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/encoding.h"
#include "lib/grpc/fields.h"
#include "lib/grpc/frame.h"
#include "lib/grpc/limits.h"

#include <stdio.h>

struct GrpcClientSession {
    nghttp2_session *http; /* owned */
    GrpcClientCall *calls; /* all that are not freed */
    size_t max_message_bytes;
    bool is_broken;
    bool is_going_away;
    bool has_stillborn; /* calls for which no stream was left */
};

struct GrpcClientCall {
    GrpcClientSession *session;
    GrpcClientCall *previous;
    GrpcClientCall *next;
    const GrpcClientHandler *handler;
    void *context;
    int32_t stream; /* 0: closed */
    GrpcReader reader;
    GrpcWriter writer;
    GrpcMetadata headers;
    GrpcMetadata trailers;
    unsigned http_status;
    bool has_half_closed;
    bool has_ended;
    bool has_grpc_status; /* in result */
    bool in_trailers;     /* the header block that is arriving is the last */
    Status result;
};

/* ---- the end of a call ---- */

static void end_call(GrpcClientCall *call, const Status *status)
{
    if (call->has_ended)
        return;
    call->has_ended = true;
    call->handler->on_end(call, status, call->context);
}

static void reset_stream(GrpcClientCall *call, uint32_t error)
{
    if (call->stream)
        nghttp2_submit_rst_stream(call->session->http, NGHTTP2_FLAG_NONE, call->stream, error);
}

void grpc_client_call_cancel(GrpcClientCall *call, const Status *status)
{
    if (call->has_ended)
        return;
    reset_stream(call, NGHTTP2_CANCEL);
    end_call(call, status);
}

/* What a status that is none of gRPC's means (grpc/grpc, doc/http-grpc-status-mapping.md). */
static StatusCode code_of_http_status(unsigned http_status)
{
    switch (http_status) {
    case 401:
        return STATUS_UNAUTHENTICATED;
    case 403:
        return STATUS_PERMISSION_DENIED;
    case 404:
        return STATUS_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return STATUS_UNAVAILABLE;
    default:
        return STATUS_UNKNOWN;
    }
}

/* What a reset without a status means (grpc/grpc, doc/PROTOCOL-HTTP2.md, "Errors"). */
static StatusCode code_of_reset(uint32_t error)
{
    switch (error) {
    case NGHTTP2_REFUSED_STREAM:
        return STATUS_UNAVAILABLE;
    case NGHTTP2_CANCEL:
        return STATUS_CANCELLED;
    case NGHTTP2_ENHANCE_YOUR_CALM:
        return STATUS_RESOURCE_EXHAUSTED;
    case NGHTTP2_INADEQUATE_SECURITY:
        return STATUS_PERMISSION_DENIED;
    default:
        return STATUS_INTERNAL;
    }
}

static void end_closed_call(GrpcClientCall *call, uint32_t error)
{
    if (!call->has_grpc_status && call->http_status != 0 && call->http_status != 200)
        status_refuse(&call->result, code_of_http_status(call->http_status),
                      "the server answered with HTTP status %u", call->http_status);
    else if (!call->has_grpc_status && error == NGHTTP2_NO_ERROR)
        status_refuse(&call->result, STATUS_INTERNAL, "the server ended the call without a gRPC status");
    else if (!call->has_grpc_status)
        status_refuse(&call->result, code_of_reset(error), "the server reset the call: %s",
                      nghttp2_http2_strerror(error));
    else if (call->result.code == STATUS_OK && grpc_reader_held(&call->reader) > 0)
        status_refuse(&call->result, STATUS_INTERNAL, "the server ended the call in the middle of a message");
    end_call(call, &call->result);
}

/* ---- from nghttp2 ---- */

static GrpcClientCall *call_of(nghttp2_session *http, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(http, stream);
}

static int on_begin_headers(nghttp2_session *http, const nghttp2_frame *frame, void *userdata)
{
    GrpcClientCall *call = call_of(http, frame->hd.stream_id);
    if (call)
        call->in_trailers = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    return 0;
}

static unsigned read_number(rpmd_text text, unsigned limit)
{
    unsigned number = 0;
    for (size_t i = 0; i < text.length && number <= limit; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return limit + 1;
        number = number * 10 + (unsigned)(text.data[i] - '0');
    }
    return text.length > 0 ? number : limit + 1;
}

static void read_grpc_status(GrpcClientCall *call, rpmd_text value)
{
    unsigned code = read_number(value, STATUS_CODE_COUNT - 1);
    call->result.code = code < STATUS_CODE_COUNT ? (StatusCode)code : STATUS_UNKNOWN;
    call->has_grpc_status = true;
}

static void read_grpc_message(GrpcClientCall *call, rpmd_text value)
{
    _cleanup_buffer_ Buffer message = BUFFER_INIT;
    StatusCode code = call->result.code;
    grpc_percent_decode(&message, value);
    status_refuse(&call->result, code, "%s", buffer_string(&message));
}

static int on_header(nghttp2_session *http, const nghttp2_frame *frame, const uint8_t *name_data,
                     size_t name_length, const uint8_t *value_data, size_t value_length, uint8_t flags,
                     void *userdata)
{
    GrpcClientCall *call = call_of(http, frame->hd.stream_id);
    rpmd_text name = {.data = (const char *)name_data, .length = name_length};
    rpmd_text value = {.data = (const char *)value_data, .length = value_length};
    if (!call)
        return 0;
    if (text_equal_string(name, ":status"))
        call->http_status = read_number(value, 999);
    else if (text_equal_string(name, "grpc-status"))
        read_grpc_status(call, value);
    else if (text_equal_string(name, "grpc-message"))
        read_grpc_message(call, value);
    else if (!grpc_metadata_is_reserved(name) &&
             !grpc_metadata_receive(call->in_trailers ? &call->trailers : &call->headers, name, value))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static void refuse_input(GrpcClientCall *call, StatusCode code, const char *sentence)
{
    Status status;
    status_refuse(&status, code, "%s", sentence);
    grpc_client_call_cancel(call, &status);
}

/* A handler may end its call, but not free it, inside on_message. */
static int on_data(nghttp2_session *http, uint8_t flags, int32_t stream, const uint8_t *data, size_t length,
                   void *userdata)
{
    GrpcClientCall *call = call_of(http, stream);
    GrpcRead read = GRPC_READ_MORE;
    rpmd_text message;
    if (!call || call->has_ended)
        return 0;
    grpc_reader_begin(&call->reader, (rpmd_text){.data = (const char *)data, .length = length});
    while (!call->has_ended && (read = grpc_reader_next(&call->reader, call->session->max_message_bytes,
                                                        &message)) == GRPC_READ_MESSAGE)
        call->handler->on_message(call, message, call->context);
    grpc_reader_end(&call->reader);
    if (read == GRPC_READ_COMPRESSED)
        refuse_input(call, STATUS_INTERNAL, "the server sent a compressed message, which nobody asked for");
    if (read == GRPC_READ_TOO_LONG)
        refuse_input(call, STATUS_RESOURCE_EXHAUSTED, "the server's reply is longer than this client takes");
    return 0;
}

static int on_frame(nghttp2_session *http, const nghttp2_frame *frame, void *userdata)
{
    GrpcClientSession *session = userdata;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        session->is_going_away = true;
    return 0;
}

static int on_stream_close(nghttp2_session *http, int32_t stream, uint32_t error, void *userdata)
{
    GrpcClientCall *call = call_of(http, stream);
    if (call) {
        nghttp2_session_set_stream_user_data(http, stream, NULL);
        call->stream = 0;
        end_closed_call(call, error);
    }
    return 0;
}

/* A request that could not be sent (the server is going away, no stream is left). */
static int on_frame_not_sent(nghttp2_session *http, const nghttp2_frame *frame, int error, void *userdata)
{
    GrpcClientCall *call = frame->hd.type == NGHTTP2_HEADERS ? call_of(http, frame->hd.stream_id) : NULL;
    if (call) {
        call->has_grpc_status = true;
        status_refuse(&call->result, STATUS_UNAVAILABLE, "the call could not be sent: %s",
                      nghttp2_strerror(error));
    }
    return 0;
}

static nghttp2_session_callbacks *callbacks_new(void)
{
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    return callbacks;
}

/* ---- the session ---- */

static void submit_settings(GrpcClientSession *session)
{
    GrpcLimits limits = grpc_limits_default();
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)limits.stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, (uint32_t)limits.max_frame_bytes},
    };
    nghttp2_submit_settings(session->http, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
    nghttp2_session_set_local_window_size(session->http, NGHTTP2_FLAG_NONE, 0,
                                          (int32_t)limits.connection_window_bytes);
}

GrpcClientSession *grpc_client_session_new(size_t max_message_bytes)
{
    GrpcClientSession *session = NEW(GrpcClientSession);
    session->max_message_bytes = max_message_bytes;
    nghttp2_session_callbacks *callbacks = callbacks_new();
    if (nghttp2_session_client_new(&session->http, callbacks, session) != 0)
        abort();
    nghttp2_session_callbacks_del(callbacks);
    submit_settings(session);
    return session;
}

void grpc_client_session_free(GrpcClientSession *session)
{
    if (!session)
        return;
    nghttp2_session_del(session->http);
    free(session);
}

void grpc_client_session_disconnect(GrpcClientSession *session, const char *sentence)
{
    Status status;
    session->is_broken = true;
    status_refuse(&status, STATUS_UNAVAILABLE, "%s", sentence);
    GrpcClientCall *call = session->calls;
    while (call) {
        GrpcClientCall *next = call->next; /* on_end may free its call, and no other */
        end_call(call, &status);
        call = next;
    }
}

void grpc_client_session_receive(GrpcClientSession *session, const void *data, size_t length)
{
    if (session->is_broken)
        return;
    ssize_t r = nghttp2_session_mem_recv(session->http, data, length);
    if (r < 0)
        grpc_client_session_disconnect(session, "what the server sent is not HTTP/2");
}

static void end_stillborn(GrpcClientSession *session)
{
    GrpcClientCall *call = session->calls;
    session->has_stillborn = false;
    while (call) {
        GrpcClientCall *next = call->next;
        if (!call->stream)
            refuse_input(call, STATUS_UNAVAILABLE,
                         "this connection has no call left to give: open a new one");
        call = next;
    }
}

void grpc_client_session_output(GrpcClientSession *session, Buffer *output, size_t batch)
{
    if (session->has_stillborn)
        end_stillborn(session);
    while (!session->is_broken && output->length < batch) {
        const uint8_t *data = NULL;
        ssize_t length = nghttp2_session_mem_send(session->http, &data);
        if (length < 0)
            grpc_client_session_disconnect(session, "the connection's HTTP/2 state is broken");
        if (length <= 0)
            break;
        buffer_append(output, data, (size_t)length);
    }
}

bool grpc_client_session_is_closing(const GrpcClientSession *session)
{
    return session->is_broken || session->is_going_away;
}

/* ---- one call ---- */

static ssize_t read_request(nghttp2_session *http, int32_t stream, uint8_t *out, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *userdata)
{
    GrpcClientCall *call = source->ptr;
    size_t taken = grpc_writer_take(&call->writer, out, length);
    if (call->has_half_closed && grpc_writer_pending(&call->writer) == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (taken == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)taken;
}

static void submit_request(GrpcClientCall *call, const char *path, const GrpcMetadata *metadata,
                           uint64_t timeout_ns)
{
    _cleanup_grpc_fields_ GrpcFields fields;
    char timeout[GRPC_TIMEOUT_SIZE];
    grpc_fields_init(&fields, metadata);
    grpc_fields_add(&fields, GRPC_FIELD_STATIC(":method", "POST"));
    grpc_fields_add(&fields, GRPC_FIELD_STATIC(":scheme", "http"));
    grpc_fields_add(&fields, grpc_field(text_of(":path"), text_of(path)));
    grpc_fields_add(&fields, GRPC_FIELD_STATIC(":authority", "localhost"));
    grpc_fields_add(&fields, GRPC_FIELD_STATIC("te", "trailers"));
    grpc_fields_add(&fields, GRPC_FIELD_STATIC("content-type", "application/grpc"));
    if (timeout_ns > 0) {
        grpc_timeout_format(timeout, timeout_ns);
        grpc_fields_add(&fields, grpc_field(text_of("grpc-timeout"), text_of(timeout)));
    }
    grpc_fields_add_metadata(&fields, metadata);
    nghttp2_data_provider provider = {.source.ptr = call, .read_callback = read_request};
    int32_t stream =
        nghttp2_submit_request(call->session->http, NULL, fields.list, fields.count, &provider, call);
    call->stream = stream > 0 ? stream : 0;
    if (stream < 0)
        call->session->has_stillborn = true;
}

GrpcClientCall *grpc_client_call_new(GrpcClientSession *session, const char *path,
                                     const GrpcMetadata *metadata, uint64_t timeout_ns,
                                     const GrpcClientHandler *handler, void *context)
{
    GrpcClientCall *call = NEW(GrpcClientCall);
    call->session = session;
    call->handler = handler;
    call->context = context;
    call->next = session->calls;
    if (call->next)
        call->next->previous = call;
    session->calls = call;
    submit_request(call, path, metadata, timeout_ns);
    return call;
}

void grpc_client_call_free(GrpcClientCall *call)
{
    if (!call)
        return;
    if (call->stream) {
        nghttp2_session_set_stream_user_data(call->session->http, call->stream, NULL);
        if (!call->has_ended)
            reset_stream(call, NGHTTP2_CANCEL);
    }
    if (call->previous)
        call->previous->next = call->next;
    else
        call->session->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    grpc_reader_finish(&call->reader);
    grpc_writer_finish(&call->writer);
    grpc_metadata_finish(&call->headers);
    grpc_metadata_finish(&call->trailers);
    free(call);
}

static void resume_sending(GrpcClientCall *call)
{
    if (call->stream)
        nghttp2_session_resume_data(call->session->http, call->stream);
}

void grpc_client_call_send(GrpcClientCall *call, const ProtobufCMessage *message)
{
    if (call->has_ended || call->has_half_closed)
        return;
    grpc_writer_add_message(&call->writer, message);
    resume_sending(call);
}

void grpc_client_call_send_bytes(GrpcClientCall *call, rpmd_text message)
{
    if (call->has_ended || call->has_half_closed)
        return;
    grpc_writer_add(&call->writer, message);
    resume_sending(call);
}

size_t grpc_client_call_pending_bytes(const GrpcClientCall *call)
{
    return grpc_writer_pending(&call->writer);
}

void grpc_client_call_half_close(GrpcClientCall *call)
{
    call->has_half_closed = true;
    resume_sending(call);
}

bool grpc_client_call_has_ended(const GrpcClientCall *call)
{
    return call->has_ended;
}

const GrpcMetadata *grpc_client_call_headers(const GrpcClientCall *call)
{
    return &call->headers;
}

const GrpcMetadata *grpc_client_call_trailers(const GrpcClientCall *call)
{
    return &call->trailers;
}
