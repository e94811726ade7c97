/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/encoding.h"
#include "lib/grpc/fields.h"
#include "lib/grpc/server_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static bool takes_stream(const GrpcMethod *method)
{
    return method->kind == GRPC_CLIENT_STREAM || method->kind == GRPC_BIDI_STREAM;
}

/* ---- life ---- */

GrpcCall *call_new(GrpcServerSession *session, int32_t stream)
{
    GrpcCall *call = NEW(GrpcCall);
    call->server = session->server;
    call->session = session;
    call->peer = session->peer;
    call->stream = stream;
    call->entry = &session->server->unknown;
    call->request.http_status = 200;
    call->next = session->calls;
    if (call->next)
        call->next->previous = call;
    session->calls = call;
    session->call_count++;
    return call;
}

static void free_message(GrpcCall *call)
{
    void *message = TAKE_PTR(call->message);
    if (message && call->method->request)
        protobuf_c_message_free_unpacked(message, NULL);
    else
        free(message);
}

static void free_when_done(GrpcCall *call)
{
    if (call->session || (call->is_handled && !call->is_finished))
        return;
    assert(call->heap_index == 0);
    free_message(call);
    grpc_reader_finish(&call->reader);
    grpc_writer_finish(&call->writer);
    grpc_metadata_finish(&call->metadata);
    grpc_metadata_finish(&call->headers);
    grpc_metadata_finish(&call->trailers);
    free(call->request.refusal);
    free(call->unknown_path);
    free(call->status_message);
    free(call);
}

/* ---- the reply's way out ---- */

/* The client must know that it need not compress. */
static bool must_tell_encoding(const GrpcCall *call)
{
    return call->is_over && call->code == STATUS_UNIMPLEMENTED && call->method;
}

static void add_status(GrpcCall *call, GrpcFields *fields, char number[static 4], Buffer *message)
{
    int length = snprintf(number, 4, "%d", (int)call->code);
    rpmd_text text = {.data = number, .length = (size_t)length};
    grpc_fields_add(fields, grpc_field(text_of("grpc-status"), text));
    if (call->status_message) {
        grpc_percent_encode(message, text_of(call->status_message));
        text = (rpmd_text){.data = buffer_string(message), .length = message->length};
        grpc_fields_add(fields, grpc_field(text_of("grpc-message"), text));
    }
    grpc_fields_add_metadata(fields, &call->trailers);
}

static void submit_trailers(GrpcCall *call)
{
    _cleanup_grpc_fields_ GrpcFields fields;
    _cleanup_buffer_ Buffer message = BUFFER_INIT;
    char number[4];
    grpc_fields_init(&fields, &call->trailers);
    add_status(call, &fields, number, &message);
    nghttp2_submit_trailer(call->session->http, call->stream, fields.list, fields.count);
}

/* nghttp2 asks for bytes of the reply. */
static ssize_t read_reply(nghttp2_session *http, int32_t stream, uint8_t *out, size_t length, uint32_t *flags,
                          nghttp2_data_source *source, void *userdata)
{
    GrpcCall *call = source->ptr;
    size_t taken = grpc_writer_take(&call->writer, out, length);
    size_t pending = grpc_writer_pending(&call->writer);
    if (call->is_full && pending <= call->server->limits.write_low_bytes) {
        call->is_full = false;
        if (!call->is_over && !call->is_writable_due && call->method->on_writable) {
            call->is_writable_due = true;
            call->session->writable_count++;
        }
    }
    if (pending > 0)
        return (ssize_t)taken;
    if (call->is_over) {
        /* The trailers end the stream, not the data. */
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        submit_trailers(call);
        return (ssize_t)taken;
    }
    return taken > 0 ? (ssize_t)taken : NGHTTP2_ERR_DEFERRED;
}

static void submit_response(GrpcCall *call, bool has_data)
{
    _cleanup_grpc_fields_ GrpcFields fields;
    _cleanup_buffer_ Buffer message = BUFFER_INIT;
    char number[4], http_status[4];
    GrpcMetadata *metadata = has_data ? &call->headers : &call->trailers;
    grpc_fields_init(&fields, metadata);
    if (call->request.http_status == 200) {
        grpc_fields_add(&fields, GRPC_FIELD_STATIC(":status", "200"));
    } else {
        snprintf(http_status, sizeof(http_status), "%u", call->request.http_status);
        grpc_fields_add(&fields, grpc_field(text_of(":status"), text_of(http_status)));
    }
    grpc_fields_add(&fields, GRPC_FIELD_STATIC("content-type", "application/grpc"));
    if (must_tell_encoding(call))
        grpc_fields_add(&fields, GRPC_FIELD_STATIC("grpc-accept-encoding", "identity"));
    if (has_data)
        grpc_fields_add_metadata(&fields, &call->headers);
    else
        add_status(call, &fields, number, &message);
    nghttp2_data_provider provider = {.source.ptr = call, .read_callback = read_reply};
    nghttp2_submit_response(call->session->http, call->stream, fields.list, fields.count,
                            has_data ? &provider : NULL);
    call->has_response = true;
}

/* There is something new to send. */
static void push_reply(GrpcCall *call)
{
    if (call->has_response)
        nghttp2_session_resume_data(call->session->http, call->stream);
    else
        submit_response(call, true);
    session_wake(call->session);
}

/* ---- the end ---- */

/* Gives the client new window for what was read, or will never be. */
static void give_window(GrpcCall *call, size_t length)
{
    if (length == 0)
        return;
    call->unconsumed -= length;
    nghttp2_session_consume(call->session->http, call->stream, length);
    session_wake(call->session);
}

static void drop_input(GrpcCall *call)
{
    grpc_reader_finish(&call->reader);
    if (call->session)
        give_window(call, call->unconsumed);
}

/* The call has its status: counted, no more input. */
static void call_end(GrpcCall *call, StatusCode code, const char *message)
{
    assert(!call->is_over && (unsigned)code < STATUS_CODE_COUNT);
    call->is_over = true;
    call->code = code;
    if (message && *message)
        call->status_message = memory_copy_text(message, strlen(message));
    call->entry->ended[code]++;
    server_deadline_remove(call->server, call);
    if (!call->is_pumping)
        drop_input(call);
}

static void send_end(GrpcCall *call)
{
    bool has_data = call->has_response || grpc_writer_pending(&call->writer) > 0 || call->headers.count > 0;
    if (has_data) {
        push_reply(call);
    } else {
        submit_response(call, false);
        session_wake(call->session);
    }
}

static void reset_stream(GrpcCall *call, uint32_t error)
{
    nghttp2_submit_rst_stream(call->session->http, NGHTTP2_FLAG_NONE, call->stream, error);
    session_wake(call->session);
}

/* The handler hears that the call is over; it may finish, and so free, the call. */
static void tell_cancelled(GrpcCall *call)
{
    if (call->is_handled && !call->is_finished && call->method->on_cancel)
        call->method->on_cancel(call);
}

void call_abort(GrpcCall *call, const Status *status)
{
    bool is_late = status->code == STATUS_DEADLINE_EXCEEDED && grpc_writer_pending(&call->writer) > 0;
    if (call->is_over)
        return;
    call_end(call, status->code, status->message);
    if (is_late && call->has_response)
        reset_stream(call, NGHTTP2_CANCEL); /* a status behind half a message would not be understood */
    else
        send_end(call);
    tell_cancelled(call);
}

static void _printf_(3, 4) abort_with(GrpcCall *call, StatusCode code, const char *format, ...)
{
    Status status = {.code = code};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(status.message, sizeof(status.message), format, arguments);
    va_end(arguments);
    call_abort(call, &status);
}

void call_stream_closed(GrpcCall *call, StatusCode code)
{
    GrpcServerSession *session = call->session;
    drop_input(call);
    call->session = NULL;
    if (call->previous)
        call->previous->next = call->next;
    else
        session->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    if (call->is_writable_due)
        session->writable_count--;
    if (--session->call_count == 0)
        session->idle_since = session->now;
    grpc_writer_finish(&call->writer);
    if (call->is_dispatched && !call->is_over) {
        call_end(call, code, NULL);
        if (call->is_handled) {
            tell_cancelled(call);
            return;
        }
    }
    free_when_done(call);
}

void grpc_call_finish(GrpcCall *call, const Status *status)
{
    assert(call->is_handled && !call->is_finished);
    call->is_finished = true;
    call->server->live_calls--;
    if (!call->is_over) {
        call_end(call, status->code, status->message);
        send_end(call);
    }
    if (call->release)
        call->release(call->context);
    if (!call->is_pumping)
        free_message(call);
    free_when_done(call);
}

void grpc_call_reply(GrpcCall *call, const ProtobufCMessage *message)
{
    Status status = STATUS_INIT;
    grpc_call_send(call, message);
    grpc_call_finish(call, &status);
}

void grpc_call_refuse(GrpcCall *call, StatusCode code, const char *format, ...)
{
    Status status = {.code = code};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(status.message, sizeof(status.message), format, arguments);
    va_end(arguments);
    grpc_call_finish(call, &status);
}

/* ---- the request's way in ---- */

/* False: the call could not be handed to its handler and has ended. */
static bool reach_handler(GrpcCall *call)
{
    GrpcServer *server = call->server;
    if (server->live_calls >= server->limits.max_calls) {
        abort_with(call, STATUS_RESOURCE_EXHAUSTED,
                   "%lu calls are at work already (limit max_calls): try again in a moment",
                   (unsigned long)server->limits.max_calls);
        return false;
    }
    server->live_calls++;
    call->is_handled = true;
    return true;
}

void call_dispatch(GrpcCall *call, uint64_t now)
{
    RequestHeaders *request = &call->request;
    call->is_dispatched = true;
    call->server->total_calls++;
    request_complete(call);
    if (request->is_malformed) {
        call_end(call, STATUS_INTERNAL, NULL);
        reset_stream(call, NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    if (request->refusal) {
        call_abort(call, request->refusal);
        return;
    }
    if (request->has_timeout) {
        if (__builtin_add_overflow(now, request->timeout, &call->deadline))
            call->deadline = UINT64_MAX;
        server_deadline_add(call->server, call);
    }
    if (takes_stream(call->method) && reach_handler(call) && call->method->on_start)
        call->method->on_start(call);
}

/* The bytes as a message of the method's type, which the caller frees as free_message does; NULL: they are
 * none. */
static void *unpack(GrpcCall *call, rpmd_text bytes)
{
    if (call->method->request)
        return protobuf_c_message_unpack(call->method->request, NULL, bytes.length,
                                         (const uint8_t *)bytes.data);
    rpmd_text *raw = memory_allocate(1, sizeof(*raw) + bytes.length + 1);
    *raw = (rpmd_text){.data = (char *)(raw + 1), .length = bytes.length};
    memcpy(raw + 1, bytes.data, bytes.length);
    return raw;
}

static void take_message(GrpcCall *call, rpmd_text bytes)
{
    if (call->message) {
        abort_with(call, STATUS_INTERNAL, "%s takes one request message, not more", call->entry->path);
        return;
    }
    call->message = unpack(call, bytes);
    if (!call->message) {
        abort_with(call, STATUS_INTERNAL, "the request is no valid message of type %s",
                   call->method->request->name);
    } else if (takes_stream(call->method)) {
        call->method->on_message(call, call->message);
        free_message(call);
    }
}

/* Hands out the messages that are complete, as long as the handler wants them. */
static void pump(GrpcCall *call, rpmd_text piece)
{
    GrpcRead read = GRPC_READ_MESSAGE;
    rpmd_text message;
    uint64_t limit = call->server->limits.max_message_bytes;
    call->is_pumping = true;
    grpc_reader_begin(&call->reader, piece);
    while (!call->is_paused && !call->is_over &&
           (read = grpc_reader_next(&call->reader, limit, &message)) == GRPC_READ_MESSAGE)
        take_message(call, message);
    if (!call->is_over && read == GRPC_READ_COMPRESSED)
        abort_with(call, STATUS_UNIMPLEMENTED,
                   "the request is compressed; this server takes the grpc-encoding identity only");
    if (!call->is_over && read == GRPC_READ_TOO_LONG)
        abort_with(call, STATUS_RESOURCE_EXHAUSTED,
                   "the request message is longer than %lu bytes (limit max_message_bytes)",
                   (unsigned long)limit);
    grpc_reader_end(&call->reader);
    call->is_pumping = false;
    if (call->is_over) {
        drop_input(call);
        return;
    }
    /* A message that grows gets window until it is complete; what waits behind a pause gets none. */
    size_t waiting = call->is_paused ? grpc_reader_held(&call->reader) : 0;
    give_window(call, call->unconsumed - MIN(call->unconsumed, waiting));
}

void call_receive(GrpcCall *call, const uint8_t *data, size_t length)
{
    call->unconsumed += length;
    if (call->is_over || !call->is_dispatched)
        drop_input(call);
    else
        pump(call, (rpmd_text){.data = (const char *)data, .length = length});
}

/* Everything before the half-close was handed out: says so, or, where one request is taken, hands that out.
 */
static void tell_half_close(GrpcCall *call)
{
    if (call->is_over || call->is_paused || call->told_half_close)
        return;
    call->told_half_close = true;
    if (grpc_reader_held(&call->reader) > 0) {
        abort_with(call, STATUS_INTERNAL, "the request ended in the middle of a message");
    } else if (takes_stream(call->method)) {
        call->method->on_half_close(call);
    } else if (!call->message) {
        abort_with(call, STATUS_INTERNAL, "%s takes one request message, and none came", call->entry->path);
    } else if (reach_handler(call)) {
        call->is_pumping = true;
        call->method->on_message(call, call->message);
        call->is_pumping = false;
        if (call->is_finished)
            free_message(call);
    }
}

void call_half_close(GrpcCall *call)
{
    call->has_half_close = true;
    tell_half_close(call);
}

void grpc_call_pause(GrpcCall *call)
{
    assert(takes_stream(call->method));
    call->is_paused = true;
}

void grpc_call_resume(GrpcCall *call)
{
    if (!call->is_paused)
        return;
    call->is_paused = false;
    if (call->is_pumping || call->is_over)
        return;
    pump(call, (rpmd_text){0});
    if (call->has_half_close)
        tell_half_close(call);
}

/* ---- what a handler says ---- */

static bool after_send(GrpcCall *call)
{
    push_reply(call);
    if (grpc_writer_pending(&call->writer) > call->server->limits.write_high_bytes)
        call->is_full = true;
    return !call->is_full;
}

bool grpc_call_send(GrpcCall *call, const ProtobufCMessage *message)
{
    if (call->is_over)
        return false;
    grpc_writer_add_message(&call->writer, message);
    return after_send(call);
}

bool grpc_call_send_bytes(GrpcCall *call, rpmd_text message)
{
    if (call->is_over)
        return false;
    grpc_writer_add(&call->writer, message);
    return after_send(call);
}

void grpc_call_send_headers(GrpcCall *call)
{
    if (!call->is_over && !call->has_response)
        push_reply(call);
}

void grpc_call_add_header(GrpcCall *call, const char *name, rpmd_text value)
{
    Status status;
    assert(!call->has_response || call->is_over);
    int r = grpc_metadata_add(&call->headers, text_of(name), value, &status);
    assert(r == 0);
    (void)r;
}

void grpc_call_add_trailer(GrpcCall *call, const char *name, rpmd_text value)
{
    Status status;
    int r = grpc_metadata_add(&call->trailers, text_of(name), value, &status);
    assert(r == 0);
    (void)r;
}

void call_tell_writable(GrpcCall *call)
{
    call->is_writable_due = false;
    call->session->writable_count--;
    if (!call->is_over)
        call->method->on_writable(call);
}

/* ---- what a handler asks ---- */

void *grpc_call_service(const GrpcCall *call)
{
    return call->entry->service->context;
}

const GrpcMethod *grpc_call_method(const GrpcCall *call)
{
    return call->method;
}

const char *grpc_call_path(const GrpcCall *call)
{
    return call->entry->path;
}

GrpcPeer grpc_call_peer(const GrpcCall *call)
{
    return call->peer;
}

const rpmd_text *grpc_call_header(const GrpcCall *call, const char *name)
{
    return grpc_metadata_find(&call->metadata, name);
}

uint64_t grpc_call_deadline(const GrpcCall *call)
{
    return call->deadline;
}

StatusCode grpc_call_ended(const GrpcCall *call)
{
    return call->is_over ? call->code : STATUS_OK;
}

void grpc_call_set_context(GrpcCall *call, void *context, void (*release)(void *context))
{
    call->context = context;
    call->release = release;
}

void *grpc_call_context(const GrpcCall *call)
{
    return call->context;
}

const void *grpc_call_message(const GrpcCall *call)
{
    return call->message;
}

ProtobufCMessage *grpc_call_take_message(GrpcCall *call)
{
    assert(call->is_pumping && takes_stream(call->method) && call->method->request);
    return TAKE_PTR(call->message);
}

size_t grpc_call_pending_bytes(const GrpcCall *call)
{
    return grpc_writer_pending(&call->writer);
}
