/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/grpc/server_internal.h"

#include <assert.h>

#define NANOSECONDS_PER_MILLISECOND 1000000U

/* Opaque data of our pings: which of them came back. */
#define PING_SIZE 8
static const uint8_t drain_ping[PING_SIZE] = "drain";
static const uint8_t alive_ping[PING_SIZE] = "alive";

/* ---- from nghttp2 ---- */

static GrpcCall *call_of(GrpcServerSession *session, int32_t stream)
{
    return stream > 0 ? nghttp2_session_get_stream_user_data(session->http, stream) : NULL;
}

static bool is_request(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *http, const nghttp2_frame *frame, void *userdata)
{
    GrpcServerSession *session = userdata;
    session->headers_since = session->now;
    if (is_request(frame))
        nghttp2_session_set_stream_user_data(http, frame->hd.stream_id,
                                             call_new(session, frame->hd.stream_id));
    return 0;
}

static int on_header(nghttp2_session *http, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *userdata)
{
    GrpcCall *call = call_of(userdata, frame->hd.stream_id);
    if (call && is_request(frame))
        request_header(call, (rpmd_text){.data = (const char *)name, .length = name_length},
                       (rpmd_text){.data = (const char *)value, .length = value_length});
    return 0;
}

static int on_data(nghttp2_session *http, uint8_t flags, int32_t stream, const uint8_t *data, size_t length,
                   void *userdata)
{
    GrpcCall *call = call_of(userdata, stream);
    if (call)
        call_receive(call, data, length);
    else
        nghttp2_session_consume(http, stream, length);
    return 0;
}

static void receive_ping(GrpcServerSession *session, const nghttp2_ping *ping)
{
    if (!(ping->hd.flags & NGHTTP2_FLAG_ACK))
        return;
    session->ping_sent = 0;
    if (session->drain == DRAIN_NOTICED && memcmp(ping->opaque_data, drain_ping, PING_SIZE) == 0) {
        session->drain = DRAIN_FINAL;
        nghttp2_submit_goaway(session->http, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session->http), NGHTTP2_NO_ERROR, NULL,
                              0);
    }
}

static int on_frame(nghttp2_session *http, const nghttp2_frame *frame, void *userdata)
{
    GrpcServerSession *session = userdata;
    GrpcCall *call = call_of(session, frame->hd.stream_id);
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        session->is_settled = true;
        break;
    case NGHTTP2_PING:
        receive_ping(session, &frame->ping);
        break;
    case NGHTTP2_HEADERS:
        session->headers_since = 0;
        if (call && is_request(frame))
            call_dispatch(call, session->now);
        else if (call && !ends)
            nghttp2_submit_rst_stream(http, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
        if (call && ends)
            call_half_close(call);
        break;
    case NGHTTP2_DATA:
        if (call && ends)
            call_half_close(call);
        break;
    default:
        break;
    }
    return 0;
}

/* A reply that is complete before the request: the client need not send the rest. */
static int on_frame_sent(nghttp2_session *http, const nghttp2_frame *frame, void *userdata)
{
    if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    GrpcCall *call = call_of(userdata, frame->hd.stream_id);
    if (call && !call->has_half_close)
        nghttp2_submit_rst_stream(http, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
}

static int on_stream_close(nghttp2_session *http, int32_t stream, uint32_t error, void *userdata)
{
    GrpcCall *call = call_of(userdata, stream);
    if (call) {
        nghttp2_session_set_stream_user_data(http, stream, NULL);
        call_stream_closed(call, STATUS_CANCELLED);
    }
    return 0;
}

nghttp2_session_callbacks *session_callbacks_new(void)
{
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    return callbacks;
}

/* ---- to the driver ---- */

void session_wake(GrpcServerSession *session)
{
    if (session->is_woken)
        return;
    session->is_woken = true;
    session->wake(session, session->wake_context);
}

static void submit_settings(GrpcServerSession *session)
{
    const GrpcLimits *limits = &session->server->limits;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)limits->max_streams_per_connection},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)limits->stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, (uint32_t)limits->max_frame_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->max_header_bytes},
    };
    nghttp2_submit_settings(session->http, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
    nghttp2_session_set_local_window_size(session->http, NGHTTP2_FLAG_NONE, 0,
                                          (int32_t)limits->connection_window_bytes);
}

GrpcServerSession *grpc_server_session_new(GrpcServer *server, GrpcPeer peer, GrpcWake wake, void *context,
                                           uint64_t now)
{
    GrpcServerSession *session = NEW(GrpcServerSession);
    *session = (GrpcServerSession){
        .server = server,
        .peer = peer,
        .wake = wake,
        .wake_context = context,
        .now = now,
        .created = now,
        .last_receive = now,
        .idle_since = now,
    };
    if (nghttp2_session_server_new2(&session->http, server->callbacks, session, server->options) != 0)
        abort();
    server->sessions++;
    submit_settings(session);
    session_wake(session);
    return session;
}

void grpc_server_session_free(GrpcServerSession *session)
{
    if (!session)
        return;
    session->is_woken = true; /* nobody will write what the calls still say */
    while (session->calls) {
        nghttp2_session_set_stream_user_data(session->http, session->calls->stream, NULL);
        call_stream_closed(session->calls, STATUS_CANCELLED);
    }
    session->server->sessions--;
    nghttp2_session_del(session->http);
    free(session);
}

void grpc_server_session_receive(GrpcServerSession *session, const void *data, size_t length, uint64_t now)
{
    session->now = now;
    session->last_receive = now;
    if (session->is_broken)
        return;
    if (nghttp2_session_mem_recv(session->http, data, length) < 0)
        session->is_broken = true;
    if (session->is_broken || nghttp2_session_want_write(session->http))
        session_wake(session);
}

static bool append_output(GrpcServerSession *session, Buffer *output, size_t batch)
{
    while (output->length < batch) {
        const uint8_t *data = NULL;
        ssize_t length = nghttp2_session_mem_send(session->http, &data);
        if (length < 0)
            session->is_broken = true;
        if (length <= 0)
            return false;
        buffer_append(output, data, (size_t)length);
    }
    return true;
}

/* Tells the handlers whose replies went out; they send more. */
static void tell_writable(GrpcServerSession *session)
{
    GrpcCall *call = session->calls;
    while (call && session->writable_count > 0) {
        GrpcCall *next = call->next;
        if (call->is_writable_due)
            call_tell_writable(call);
        call = next;
    }
}

void grpc_server_session_output(GrpcServerSession *session, Buffer *output, size_t batch)
{
    session->is_woken = true; /* what is said meanwhile is written here */
    while (!append_output(session, output, batch) && session->writable_count > 0)
        tell_writable(session);
    if (session->writable_count > 0)
        tell_writable(session);
    session->is_woken = false;
}

void grpc_server_session_drain(GrpcServerSession *session)
{
    if (session->drain != DRAIN_NONE)
        return;
    if (session->is_settled) {
        session->drain = DRAIN_NOTICED;
        session->ping_sent = session->now;
        nghttp2_submit_shutdown_notice(session->http);
        nghttp2_submit_ping(session->http, NGHTTP2_FLAG_NONE, drain_ping);
    } else {
        session->drain = DRAIN_FINAL;
        nghttp2_submit_goaway(session->http, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
    }
    session_wake(session);
}

bool grpc_server_session_is_done(const GrpcServerSession *session)
{
    if (session->is_broken)
        return true;
    if (nghttp2_session_want_write(session->http))
        return false;
    return (session->drain == DRAIN_FINAL && session->call_count == 0) ||
           !nghttp2_session_want_read(session->http);
}

size_t grpc_server_session_calls(const GrpcServerSession *session)
{
    return session->call_count;
}

static uint64_t after(uint64_t start, uint64_t milliseconds)
{
    return start + milliseconds * NANOSECONDS_PER_MILLISECOND;
}

/* When the client is taken for dead; 0: it is not suspected. */
static uint64_t silence_ends(const GrpcServerSession *session)
{
    const GrpcLimits *limits = &session->server->limits;
    if (session->ping_sent)
        return after(session->ping_sent, limits->ping_timeout_ms);
    if (!session->is_settled)
        return after(session->created, limits->header_timeout_ms);
    if (session->headers_since)
        return after(session->headers_since, limits->header_timeout_ms);
    if (session->drain == DRAIN_FINAL && session->call_count == 0)
        return after(MAX(session->last_receive, session->idle_since), limits->ping_timeout_ms);
    return 0;
}

static uint64_t next_duty(const GrpcServerSession *session)
{
    const GrpcLimits *limits = &session->server->limits;
    if (session->call_count > 0)
        return after(session->last_receive, limits->ping_interval_ms);
    return session->drain == DRAIN_NONE ? after(session->idle_since, limits->idle_timeout_ms) : 0;
}

uint64_t grpc_server_session_next_check(const GrpcServerSession *session)
{
    uint64_t silence = silence_ends(session);
    return silence ? silence : next_duty(session);
}

GrpcCheck grpc_server_session_check(GrpcServerSession *session, uint64_t now)
{
    session->now = now;
    uint64_t silence = silence_ends(session);
    if (silence)
        return now >= silence ? GRPC_CHECK_SILENT : GRPC_CHECK_FINE;
    uint64_t duty = next_duty(session);
    if (!duty || now < duty)
        return GRPC_CHECK_FINE;
    if (session->call_count == 0) {
        grpc_server_session_drain(session);
    } else {
        session->ping_sent = now;
        nghttp2_submit_ping(session->http, NGHTTP2_FLAG_NONE, alive_ping);
        session_wake(session);
    }
    return GRPC_CHECK_FINE;
}
