/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/server_internal.h"

#include <assert.h>

/* nghttp2's own bound on answers that a client makes us queue (SETTINGS, PING) stays. */
static nghttp2_option *options_new(const GrpcLimits *limits)
{
    nghttp2_option *options = NULL;
    if (nghttp2_option_new(&options) != 0)
        abort();
    /* Stock clients send authorities that nghttp2 refuses (a socket's path, none): request_header checks
     * instead. */
    nghttp2_option_set_no_http_messaging(options, 1);
    /* Window is given back when the handler took the bytes, not when they arrived. */
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_stream_reset_rate_limit(options, limits->stream_reset_burst,
                                               limits->stream_resets_per_second);
    return options;
}

GrpcServer *grpc_server_new(const GrpcLimits *limits)
{
    GrpcServer *server = NEW(GrpcServer);
    server->limits = *limits;
    server->options = options_new(limits);
    server->callbacks = session_callbacks_new();
    return server;
}

void grpc_server_free(GrpcServer *server)
{
    if (!server)
        return;
    assert(server->sessions == 0 && server->live_calls == 0);
    for (size_t i = 0; i < server->method_count; i++)
        free(server->methods[i].path);
    nghttp2_option_del(server->options);
    nghttp2_session_callbacks_del(server->callbacks);
    free(server->methods);
    free(server->services);
    free(server->deadlines);
    free(server);
}

static void add_method(GrpcServer *server, const GrpcService *service, const GrpcMethod *method)
{
    bool takes_stream = method->kind == GRPC_CLIENT_STREAM || method->kind == GRPC_BIDI_STREAM;
    assert(method->on_message && (!takes_stream || (method->on_half_close && method->on_cancel)));
    Buffer path = BUFFER_INIT;
    buffer_append_format(&path, "/%s/%s", service->name, method->name);
    GROW(server->methods, server->method_count, server->method_capacity);
    size_t at = server->method_count++;
    for (; at > 0 && strcmp(server->methods[at - 1].path, buffer_string(&path)) > 0; at--)
        server->methods[at] = server->methods[at - 1];
    server->methods[at] = (MethodEntry){.path = buffer_take(&path), .service = service, .method = method};
}

void grpc_server_add(GrpcServer *server, const GrpcService *service)
{
    assert(server->sessions == 0);
    GROW(server->services, server->service_count, server->service_capacity);
    server->services[server->service_count++] = service;
    for (size_t i = 0; i < service->method_count; i++)
        add_method(server, service, &service->methods[i]);
}

const GrpcLimits *grpc_server_limits(const GrpcServer *server)
{
    return &server->limits;
}

size_t grpc_server_service_count(const GrpcServer *server)
{
    return server->service_count;
}

const GrpcService *grpc_server_service(const GrpcServer *server, size_t index)
{
    return server->services[index];
}

MethodEntry *server_find_method(GrpcServer *server, rpmd_text path)
{
    size_t low = 0, high = server->method_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = text_compare(path, text_of(server->methods[middle].path));
        if (order == 0)
            return &server->methods[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t grpc_server_live_calls(const GrpcServer *server)
{
    return server->live_calls;
}

uint64_t grpc_server_total_calls(const GrpcServer *server)
{
    return server->total_calls;
}

size_t grpc_server_method_count(const GrpcServer *server)
{
    return server->method_count + 1;
}

GrpcMethodCount grpc_server_method(const GrpcServer *server, size_t index)
{
    bool known = index < server->method_count;
    const MethodEntry *entry = known ? &server->methods[index] : &server->unknown;
    GrpcMethodCount count = {
        .service = known ? entry->service->name : "",
        .method = known ? entry->method->name : "",
    };
    memcpy(count.ended, entry->ended, sizeof(count.ended));
    return count;
}

/* ---- deadlines: a binary heap over [1 .. deadline_count] ---- */

static void heap_put(GrpcServer *server, size_t index, GrpcCall *call)
{
    server->deadlines[index] = call;
    call->heap_index = index;
}

/* Moves the call that stands at index to where it belongs. */
static void heap_settle(GrpcServer *server, size_t index)
{
    GrpcCall **heap = server->deadlines;
    GrpcCall *call = heap[index];
    for (; index > 1 && heap[index / 2]->deadline > call->deadline; index /= 2)
        heap_put(server, index, heap[index / 2]);
    for (;;) {
        size_t child = index * 2;
        if (child + 1 <= server->deadline_count && heap[child + 1]->deadline < heap[child]->deadline)
            child++;
        if (child > server->deadline_count || heap[child]->deadline >= call->deadline)
            break;
        heap_put(server, index, heap[child]);
        index = child;
    }
    heap_put(server, index, call);
}

void server_deadline_add(GrpcServer *server, GrpcCall *call)
{
    size_t index = ++server->deadline_count;
    if (index >= server->deadline_capacity)
        GROW(server->deadlines, server->deadline_capacity, server->deadline_capacity);
    heap_put(server, index, call);
    heap_settle(server, index);
}

void server_deadline_remove(GrpcServer *server, GrpcCall *call)
{
    size_t index = call->heap_index;
    if (index == 0)
        return;
    call->heap_index = 0;
    GrpcCall *last = server->deadlines[server->deadline_count--];
    if (last != call) {
        heap_put(server, index, last);
        heap_settle(server, index);
    }
}

uint64_t grpc_server_next_deadline(const GrpcServer *server)
{
    return server->deadline_count > 0 ? server->deadlines[1]->deadline : 0;
}

void grpc_server_advance(GrpcServer *server, uint64_t now)
{
    while (server->deadline_count > 0 && server->deadlines[1]->deadline <= now) {
        Status status;
        status_refuse(&status, STATUS_DEADLINE_EXCEEDED,
                      "the deadline of the call passed before it was answered");
        call_abort(server->deadlines[1], &status);
    }
}
