/* SPDX-License-Identifier: MIT */
#include "bench/common/flights.h"

#include "lib/base/memory.h"
#include "lib/grpc/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 * 1024)
#define MESSAGE_LIMIT ((size_t)1 << 20)

typedef struct Fleet {
    const FlightPlan *plan;
    GrpcClientSession *session;
    int socket;
    double end; /* when no further call begins; 0: never */
    uint64_t begun;
    uint64_t ended;
} Fleet;

static void begin_call(Fleet *fleet);

static void on_message(GrpcClientCall *call, rpmd_text message, void *context)
{
}

static void on_end(GrpcClientCall *call, const Status *status, void *context)
{
    Fleet *fleet = context;
    if (!status_is_ok(status))
        bench_fail(fleet->plan->method, status);
    fleet->ended++;
    grpc_client_call_free(call);
    begin_call(fleet);
}

static void begin_call(Fleet *fleet)
{
    static const GrpcClientHandler handler = {.on_message = on_message, .on_end = on_end};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    const FlightPlan *plan = fleet->plan;
    if ((plan->calls > 0 && fleet->begun >= plan->calls) || (fleet->end > 0 && now_seconds() > fleet->end))
        return;
    GrpcClientCall *call = grpc_client_call_new(fleet->session, plan->method, NULL, 0, &handler, fleet);
    grpc_client_call_send(call, plan->make(&arena, fleet->begun++, plan->context));
    grpc_client_call_half_close(call);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0)
        bench_fail("connecting", NULL);
    return descriptor;
}

/* Writes what the socket takes, then waits for it and reads what is there. */
static void exchange(Fleet *fleet, Buffer *output)
{
    static _Thread_local char input[READ_SIZE];
    grpc_client_session_output(fleet->session, output, SIZE_MAX);
    ssize_t sent = output->length > 0 ? send(fleet->socket, output->data, output->length, MSG_NOSIGNAL) : 0;
    buffer_drop(output, (size_t)MAX(sent, 0));
    struct pollfd ready = {.fd = fleet->socket, .events = output->length > 0 ? POLLIN | POLLOUT : POLLIN};
    poll(&ready, 1, -1);
    ssize_t length = recv(fleet->socket, input, sizeof(input), 0);
    if (length == 0 || (length < 0 && errno != EAGAIN))
        bench_fail("the daemon closed the connection", NULL);
    if (length > 0)
        grpc_client_session_receive(fleet->session, input, (size_t)length);
}

double fly(const FlightPlan *plan)
{
    _cleanup_buffer_ Buffer output = BUFFER_INIT;
    Fleet fleet = {.plan = plan, .session = grpc_client_session_new(MESSAGE_LIMIT)};
    fleet.socket = connect_to(plan->socket);
    double begin = now_seconds();
    fleet.end = plan->seconds > 0 ? begin + plan->seconds : 0;
    for (unsigned i = 0; i < plan->in_flight; i++)
        begin_call(&fleet);
    while (fleet.ended < fleet.begun)
        exchange(&fleet, &output);
    double seconds = now_seconds() - begin;
    grpc_client_session_free(fleet.session);
    close(fleet.socket);
    return (double)fleet.ended / seconds;
}
