/* SPDX-License-Identifier: MIT */

/*
 * Serves grpc.testing.TestService, the far side of gRPC's interoperability tests, on a Unix socket: the proof
 * that stock clients and daemon/net understand each other.
 *
 *      interop_server SOCKET       until SIGTERM, which drains
 */
#include "daemon/net/server.h"
#include "daemon/services/health.h"
#include "daemon/services/reflection.h"
#include "interop.pb-c.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <signal.h>
#include <stdio.h>

#define LARGEST_REPLY (16 * 1024 * 1024) /* what a request may ask for */

extern const char descriptor_set_begin[];
extern const char descriptor_set_end[];

typedef struct Interop {
    uv_loop_t loop;
    uv_signal_t terminate;
    GrpcServer *grpc;
    NetServer *net;
    Health *health;
    Reflection *reflection;
} Interop;

/* ---- what every method does ---- */

/* The metadata that the custom_metadata case wants back. */
static void echo_metadata(GrpcCall *call)
{
    const rpmd_text *initial = grpc_call_header(call, "x-grpc-test-echo-initial");
    const rpmd_text *trailing = grpc_call_header(call, "x-grpc-test-echo-trailing-bin");
    if (initial)
        grpc_call_add_header(call, "x-grpc-test-echo-initial", *initial);
    if (trailing)
        grpc_call_add_trailer(call, "x-grpc-test-echo-trailing-bin", *trailing);
}

/* Whether the request asked for a status, with which the call was then ended. */
static bool end_as_asked(GrpcCall *call, const Grpc__Testing__EchoStatus *asked)
{
    if (!asked || asked->code == 0)
        return false;
    StatusCode code =
        asked->code > 0 && asked->code < STATUS_CODE_COUNT ? (StatusCode)asked->code : STATUS_UNKNOWN;
    grpc_call_refuse(call, code, "%s", asked->message);
    return true;
}

static bool is_size(int32_t size)
{
    return size >= 0 && size <= LARGEST_REPLY;
}

/* Zeros, for the caller to free. */
static ProtobufCBinaryData make_body(int32_t size)
{
    return (ProtobufCBinaryData){.len = (size_t)size, .data = memory_allocate((size_t)size + 1, 1)};
}

static void on_cancel(GrpcCall *call)
{
    grpc_call_refuse(call, STATUS_CANCELLED, "the client gave up");
}

/* ---- unary ---- */

static void on_empty_call(GrpcCall *call, const void *message)
{
    Grpc__Testing__Empty reply = GRPC__TESTING__EMPTY__INIT;
    echo_metadata(call);
    grpc_call_reply(call, &reply.base);
}

static void on_unary_call(GrpcCall *call, const void *message)
{
    const Grpc__Testing__SimpleRequest *request = message;
    echo_metadata(call);
    if (end_as_asked(call, request->response_status))
        return;
    if (!is_size(request->response_size)) {
        grpc_call_refuse(call, STATUS_INVALID_ARGUMENT, "the response_size is out of range");
        return;
    }
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__SimpleResponse reply = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    payload.body = make_body(request->response_size);
    reply.payload = &payload;
    grpc_call_reply(call, &reply.base);
    free(payload.body.data);
}

/* ---- a stream of requests ---- */

typedef struct Aggregate {
    size_t bytes;
} Aggregate;

static void on_input_start(GrpcCall *call)
{
    echo_metadata(call);
    grpc_call_set_context(call, NEW(Aggregate), free);
}

static void on_input_message(GrpcCall *call, const void *message)
{
    const Grpc__Testing__StreamingInputCallRequest *request = message;
    Aggregate *aggregate = grpc_call_context(call);
    if (request->payload)
        aggregate->bytes += request->payload->body.len;
}

static void on_input_half_close(GrpcCall *call)
{
    const Aggregate *aggregate = grpc_call_context(call);
    Grpc__Testing__StreamingInputCallResponse reply = GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
    reply.aggregated_payload_size = (int32_t)aggregate->bytes;
    grpc_call_reply(call, &reply.base);
}

/* ---- streams of replies: each with its size, after its interval ---- */

typedef struct Reply {
    struct Reply *next;
    int32_t size;
    int32_t interval_us;
} Reply;

typedef struct Output {
    uv_timer_t timer;
    GrpcCall *call; /* NULL: ended */
    Reply *first;   /* owned */
    Reply **end;
    bool is_last_known; /* no more requests */
    bool is_waiting;    /* for the timer */
} Output;

static void on_output_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void release_output(void *context)
{
    Output *output = context;
    while (output->first) {
        Reply *next = output->first->next;
        free(output->first);
        output->first = next;
    }
    uv_close((uv_handle_t *)&output->timer, on_output_closed);
}

static void start_output(GrpcCall *call)
{
    Interop *interop = grpc_call_service(call);
    Output *output = NEW(Output);
    output->call = call;
    output->end = &output->first;
    uv_timer_init(&interop->loop, &output->timer);
    output->timer.data = output;
    grpc_call_set_context(call, output, release_output);
    echo_metadata(call);
}

static void go_on(Output *output);

static void on_interval(uv_timer_t *timer)
{
    Output *output = timer->data;
    output->is_waiting = false;
    output->first->interval_us = 0;
    go_on(output);
}

static bool send_reply(GrpcCall *call, int32_t size)
{
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__StreamingOutputCallResponse reply = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    payload.body = make_body(size);
    reply.payload = &payload;
    bool has_room = grpc_call_send(call, &reply.base);
    free(payload.body.data);
    return has_room;
}

static void go_on(Output *output)
{
    bool has_room = true;
    while (has_room && output->first && !output->is_waiting) {
        Reply *reply = output->first;
        if (reply->interval_us > 0) {
            output->is_waiting = true;
            uv_timer_start(&output->timer, on_interval, (uint64_t)reply->interval_us / 1000 + 1, 0);
            return;
        }
        has_room = send_reply(output->call, reply->size);
        output->first = reply->next;
        if (!output->first)
            output->end = &output->first;
        free(reply);
    }
    if (!output->first && output->is_last_known)
        grpc_call_finish(output->call, &STATUS_INIT);
}

static void on_output_writable(GrpcCall *call)
{
    go_on(grpc_call_context(call));
}

static void on_output_message(GrpcCall *call, const void *message)
{
    const Grpc__Testing__StreamingOutputCallRequest *request = message;
    if (grpc_call_method(call)->kind == GRPC_SERVER_STREAM)
        start_output(call);
    Output *output = grpc_call_context(call);
    if (end_as_asked(call, request->response_status))
        return;
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        const Grpc__Testing__ResponseParameters *asked = request->response_parameters[i];
        if (!is_size(asked->size)) {
            grpc_call_refuse(call, STATUS_INVALID_ARGUMENT, "a size is out of range");
            return;
        }
        Reply *reply = NEW(Reply);
        *reply = (Reply){.size = asked->size, .interval_us = asked->interval_us};
        *output->end = reply;
        output->end = &reply->next;
    }
    output->is_last_known = grpc_call_method(call)->kind == GRPC_SERVER_STREAM;
    go_on(output);
}

static void on_output_half_close(GrpcCall *call)
{
    Output *output = grpc_call_context(call);
    output->is_last_known = true;
    go_on(output);
}

static const GrpcMethod methods[] = {
    {
        .name = "EmptyCall",
        .kind = GRPC_UNARY,
        .request = &grpc__testing__empty__descriptor,
        .on_message = on_empty_call,
    },
    {
        .name = "UnaryCall",
        .kind = GRPC_UNARY,
        .request = &grpc__testing__simple_request__descriptor,
        .on_message = on_unary_call,
    },
    {
        .name = "StreamingInputCall",
        .kind = GRPC_CLIENT_STREAM,
        .request = &grpc__testing__streaming_input_call_request__descriptor,
        .on_start = on_input_start,
        .on_message = on_input_message,
        .on_half_close = on_input_half_close,
        .on_cancel = on_cancel,
    },
    {
        .name = "StreamingOutputCall",
        .kind = GRPC_SERVER_STREAM,
        .request = &grpc__testing__streaming_output_call_request__descriptor,
        .on_message = on_output_message,
        .on_cancel = on_cancel,
        .on_writable = on_output_writable,
    },
    {
        .name = "FullDuplexCall",
        .kind = GRPC_BIDI_STREAM,
        .request = &grpc__testing__streaming_output_call_request__descriptor,
        .on_start = start_output,
        .on_message = on_output_message,
        .on_half_close = on_output_half_close,
        .on_cancel = on_cancel,
        .on_writable = on_output_writable,
    },
};

/* ---- the program ---- */

static void on_server_closed(void *context)
{
    Interop *interop = context;
    uv_close((uv_handle_t *)&interop->terminate, NULL);
}

static void on_terminate(uv_signal_t *signal, int number)
{
    Interop *interop = signal->data;
    health_stop(interop->health);
    net_server_drain(interop->net, on_server_closed, interop);
}

int main(int argument_count, char **arguments)
{
    static Interop interop;
    Status status = STATUS_INIT;
    if (argument_count != 2) {
        fprintf(stderr, "usage: interop_server SOCKET\n");
        return 2;
    }
    const GrpcService service = {
        .name = "grpc.testing.TestService",
        .methods = methods,
        .method_count = ARRAY_SIZE(methods),
        .context = &interop,
    };
    GrpcLimits limits = grpc_limits_default();
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&interop.loop);
    interop.grpc = grpc_server_new(&limits);
    interop.health = health_new();
    interop.reflection =
        reflection_new((rpmd_text){.data = descriptor_set_begin,
                                   .length = (size_t)(descriptor_set_end - descriptor_set_begin)},
                       interop.grpc);
    health_set(interop.health, "", true);
    health_set(interop.health, service.name, true);
    grpc_server_add(interop.grpc, &service);
    grpc_server_add(interop.grpc, health_service(interop.health));
    grpc_server_add(interop.grpc, reflection_service_v1(interop.reflection));
    grpc_server_add(interop.grpc, reflection_service_v1alpha(interop.reflection));
    interop.net = net_server_new(&interop.loop, interop.grpc, NULL);
    uv_signal_init(&interop.loop, &interop.terminate);
    interop.terminate.data = &interop;
    uv_signal_start(&interop.terminate, on_terminate, SIGTERM);
    if (net_server_listen_path(interop.net, arguments[1], 0600, &status)) {
        fprintf(stderr, "interop_server: %s\n", status.message);
        net_server_close(interop.net, on_server_closed, &interop);
    }
    uv_run(&interop.loop, UV_RUN_DEFAULT);
    int open_handles = uv_loop_close(&interop.loop);
    grpc_server_free(interop.grpc);
    health_free(interop.health);
    reflection_free(interop.reflection);
    return status_is_ok(&status) && open_handles == 0 ? 0 : 1;
}
