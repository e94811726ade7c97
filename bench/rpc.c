/* SPDX-License-Identifier: MIT */

/*
 * What gRPC costs: unary calls a second through daemon/net and lib/grpc's client, beside two echoes of
 * length-prefixed messages on the same kind of socket, with the same sizes: one over libuv, and one that does
 * nothing but recv and send, which is the least that the kernel asks.
 *
 * The three take turns. Each ratio is of one round, since what else the machine does changes from one to the
 * next; the round whose ratio to the bare echo is the median is shown.
 */
#include "daemon/net/server.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/client.h"
#include "rpmd/v1/history.pb-c.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 * 1024)
#define RAW_HEAD 4
#define SPIN_NS 50000
#define ROUNDS 9
#define ROUND_NS UINT64_C(150000000)

/* What a measurement is of. */
typedef struct Setting {
    const char *name;
    size_t request_size;
    size_t reply_size;
    unsigned in_flight;
    bool one_core;
    uint64_t spin_ns;
} Setting;

typedef struct Result {
    double calls_per_second;
    double server_us; /* CPU of the server a call */
} Result;

static char socket_path[64];

static void die(const char *what)
{
    fprintf(stderr, "rpc: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0 && core == 0)
        die("sched_setaffinity");
}

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int attempt = 0; connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0; attempt++) {
        if (attempt == 1000)
            die("connect");
        usleep(1000);
    }
    return fd;
}

/* False: the other side has closed the connection. */
static bool send_all(int fd, Buffer *output)
{
    for (size_t sent = 0; sent < output->length;) {
        ssize_t length = send(fd, output->data + sent, output->length - sent, MSG_NOSIGNAL);
        if (length < 0)
            return false;
        sent += (size_t)length;
    }
    buffer_clear(output);
    return true;
}

static size_t receive_some(int fd, char *input)
{
    ssize_t length = recv(fd, input, READ_SIZE, 0);
    if (length <= 0)
        die("recv");
    return (size_t)length;
}

/* ---- the echo over libuv: a length in 4 bytes, then as many ---- */

typedef struct RawServer {
    uv_loop_t loop;
    uv_pipe_t listener;
    uv_pipe_t client;
    size_t request_size;
    size_t reply_size;
    Buffer input;
    Buffer output;
    Buffer writing; /* what uv_write has */
    uv_write_t write;
    char read[READ_SIZE];
} RawServer;

static void append_frame(Buffer *output, size_t size)
{
    uint32_t length = (uint32_t)size;
    char *end = buffer_reserve(output, RAW_HEAD + size);
    memcpy(end, &length, sizeof(length));
    memset(end + RAW_HEAD, 'x', size);
    output->length += RAW_HEAD + size;
}

/* The length of the frame at the front of the bytes; 0: it is not complete. */
static size_t frame_length(const char *bytes, size_t length)
{
    uint32_t size;
    if (length < RAW_HEAD)
        return 0;
    memcpy(&size, bytes, sizeof(size));
    return length < RAW_HEAD + size ? 0 : RAW_HEAD + size;
}

static void on_raw_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *bytes)
{
    RawServer *server = handle->data;
    *bytes = uv_buf_init(server->read, READ_SIZE);
}

static void write_raw(RawServer *server);

static void on_raw_written(uv_write_t *request, int error)
{
    RawServer *server = request->data;
    buffer_clear(&server->writing);
    if (error == 0)
        write_raw(server);
}

static void write_raw(RawServer *server)
{
    uv_stream_t *stream = (uv_stream_t *)&server->client;
    if (server->writing.length > 0 || server->output.length == 0)
        return;
    uv_buf_t out = uv_buf_init(server->output.data, (unsigned)server->output.length);
    int written = uv_try_write(stream, &out, 1);
    buffer_drop(&server->output, (size_t)MAX(written, 0));
    if (server->output.length == 0)
        return;
    Buffer empty = server->writing;
    server->writing = server->output;
    server->output = empty;
    out = uv_buf_init(server->writing.data, (unsigned)server->writing.length);
    server->write.data = server;
    uv_write(&server->write, stream, &out, 1, on_raw_written);
}

static void on_raw_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *bytes)
{
    RawServer *server = stream->data;
    size_t used = 0, frame;
    if (length < 0) {
        uv_stop(&server->loop);
        return;
    }
    buffer_append(&server->input, bytes->base, (size_t)length);
    while ((frame = frame_length(server->input.data + used, server->input.length - used)) > 0) {
        append_frame(&server->output, server->reply_size);
        used += frame;
    }
    buffer_drop(&server->input, used);
    write_raw(server);
}

static void on_raw_connection(uv_stream_t *stream, int error)
{
    RawServer *server = stream->data;
    uv_pipe_init(&server->loop, &server->client, 0);
    server->client.data = server;
    uv_accept(stream, (uv_stream_t *)&server->client);
    uv_read_start((uv_stream_t *)&server->client, on_raw_allocate, on_raw_read);
}

static void serve_raw(const Setting *setting)
{
    static RawServer server;
    server.request_size = setting->request_size;
    server.reply_size = setting->reply_size;
    uv_loop_init(&server.loop);
    uv_pipe_init(&server.loop, &server.listener, 0);
    server.listener.data = &server;
    uv_pipe_bind(&server.listener, socket_path);
    uv_listen((uv_stream_t *)&server.listener, 1, on_raw_connection);
    uv_run(&server.loop, UV_RUN_DEFAULT);
}

static uint64_t drive_raw(const Setting *setting, uint64_t until)
{
    static char input[READ_SIZE];
    Buffer output = BUFFER_INIT, held = BUFFER_INIT;
    uint64_t calls = 0;
    int fd = connect_client();
    for (unsigned i = 0; i < setting->in_flight; i++)
        append_frame(&output, setting->request_size);
    while (uv_hrtime() < until) {
        size_t used = 0, frame;
        if (!send_all(fd, &output))
            die("send");
        buffer_append(&held, input, receive_some(fd, input));
        while ((frame = frame_length(held.data + used, held.length - used)) > 0) {
            used += frame;
            calls++;
            append_frame(&output, setting->request_size);
        }
        buffer_drop(&held, used);
    }
    close(fd);
    buffer_finish(&output);
    buffer_finish(&held);
    return calls;
}

/* ---- the bare echo: the same bytes, without libuv ---- */

static void serve_bare(const Setting *setting)
{
    static char input[READ_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    Buffer held = BUFFER_INIT, output = BUFFER_INIT;
    ssize_t length;
    strcpy(address.sun_path, socket_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
        die("listen");
    int fd = accept(listener, NULL, NULL);
    while ((length = recv(fd, input, READ_SIZE, 0)) > 0) {
        size_t used = 0, frame;
        buffer_append(&held, input, (size_t)length);
        while ((frame = frame_length(held.data + used, held.length - used)) > 0) {
            append_frame(&output, setting->reply_size);
            used += frame;
        }
        buffer_drop(&held, used);
        if (!send_all(fd, &output))
            break;
    }
    close(fd);
    close(listener);
    buffer_finish(&held);
    buffer_finish(&output);
}

/* ---- gRPC ---- */

typedef struct GrpcBench {
    char *id; /* of the reply */
} GrpcBench;

static void on_call(GrpcCall *call, const void *message)
{
    GrpcBench *bench = grpc_call_service(call);
    Rpmd__V1__AppendResponse response = RPMD__V1__APPEND_RESPONSE__INIT;
    response.id = bench->id;
    grpc_call_reply(call, &response.base);
}

static const GrpcMethod methods[] = {{.name = "Call",
                                      .kind = GRPC_UNARY,
                                      .request = &rpmd__v1__delete_request__descriptor,
                                      .on_message = on_call}};

static char *make_text(size_t size)
{
    char *text = memory_allocate(size + 1, 1);
    memset(text, 'x', size);
    return text;
}

static NetServer *running;

static void on_watch(uv_timer_t *timer)
{
    if (net_server_total_connections(running) > 0 && net_server_connections(running) == 0)
        uv_stop(timer->loop);
}

static void serve_grpc(const Setting *setting)
{
    GrpcBench bench = {.id = make_text(setting->reply_size)};
    GrpcService service = {.name = "bench.Bench", .methods = methods, .method_count = 1, .context = &bench};
    GrpcLimits limits = grpc_limits_default();
    NetServerOptions options = {.spin_ns = setting->spin_ns};
    Status status;
    uv_loop_t loop;
    uv_timer_t watch;
    uv_loop_init(&loop);
    GrpcServer *grpc = grpc_server_new(&limits);
    grpc_server_add(grpc, &service);
    running = net_server_new(&loop, grpc, &options);
    if (net_server_listen_path(running, socket_path, 0600, &status)) {
        fprintf(stderr, "rpc: %s\n", status.message);
        exit(1);
    }
    uv_timer_init(&loop, &watch);
    uv_timer_start(&watch, on_watch, 50, 50);
    uv_run(&loop, UV_RUN_DEFAULT);
}

typedef struct GrpcDriver {
    GrpcClientSession *session;
    ProtobufCMessage *request;
    uint64_t calls;
} GrpcDriver;

static void begin_call(GrpcDriver *driver);

static void on_message(GrpcClientCall *call, rpmd_text message, void *context)
{
    Rpmd__V1__AppendResponse *response =
        rpmd__v1__append_response__unpack(NULL, message.length, (const uint8_t *)message.data);
    rpmd__v1__append_response__free_unpacked(response, NULL);
}

static void on_end(GrpcClientCall *call, const Status *status, void *context)
{
    GrpcDriver *driver = context;
    if (status->code == STATUS_OK)
        driver->calls++;
    else if (status->code != STATUS_UNAVAILABLE)
        fprintf(stderr, "rpc: %s\n", status->message);
    grpc_client_call_free(call);
    if (status->code == STATUS_OK)
        begin_call(driver);
}

static void begin_call(GrpcDriver *driver)
{
    static const GrpcClientHandler handler = {.on_message = on_message, .on_end = on_end};
    GrpcClientCall *call =
        grpc_client_call_new(driver->session, "/bench.Bench/Call", NULL, 0, &handler, driver);
    grpc_client_call_send(call, driver->request);
    grpc_client_call_half_close(call);
}

static uint64_t drive_grpc(const Setting *setting, uint64_t until)
{
    static char input[READ_SIZE];
    Rpmd__V1__DeleteRequest request = RPMD__V1__DELETE_REQUEST__INIT;
    Buffer output = BUFFER_INIT;
    GrpcDriver driver = {.session = grpc_client_session_new(1 << 20), .request = &request.base};
    request.id = make_text(setting->request_size);
    int fd = connect_client();
    for (unsigned i = 0; i < setting->in_flight; i++)
        begin_call(&driver);
    while (uv_hrtime() < until) {
        grpc_client_session_output(driver.session, &output, SIZE_MAX);
        if (!send_all(fd, &output))
            die("send");
        grpc_client_session_receive(driver.session, input, receive_some(fd, input));
    }
    uint64_t calls = driver.calls;
    grpc_client_session_disconnect(driver.session, "measured");
    grpc_client_session_free(driver.session);
    close(fd);
    free(request.id);
    buffer_finish(&output);
    return calls;
}

/* ---- the run ---- */

static Result measure_round(const Setting *setting, void (*serve)(const Setting *setting),
                            uint64_t (*drive)(const Setting *setting, uint64_t until))
{
    struct rusage usage;
    int code;
    unlink(socket_path);
    pid_t server = fork();
    if (server == 0) {
        signal(SIGPIPE, SIG_IGN);
        pin(0);
        serve(setting);
        _exit(0);
    }
    pin(setting->one_core ? 0 : 1);
    uint64_t start = uv_hrtime();
    uint64_t calls = drive(setting, start + ROUND_NS);
    double elapsed = (double)(uv_hrtime() - start) / 1e9;
    wait4(server, &code, 0, &usage);
    double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return (Result){.calls_per_second = (double)calls / elapsed,
                    .server_us = cpu * 1e6 / (double)MAX(calls, 1)};
}

/* One after the other, on the same machine in the same state. */
typedef struct Round {
    Result bare, echo, grpc;
} Round;

static double ratio(const Round *round)
{
    return round->grpc.calls_per_second / round->bare.calls_per_second;
}

static int compare_rounds(const void *a, const void *b)
{
    double first = ratio(a), second = ratio(b);
    return (first > second) - (first < second);
}

static void measure(const Setting *setting)
{
    Round rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        rounds[i].bare = measure_round(setting, serve_bare, drive_raw);
        rounds[i].echo = measure_round(setting, serve_raw, drive_raw);
        rounds[i].grpc = measure_round(setting, serve_grpc, drive_grpc);
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_rounds);
    const Round *median = &rounds[ROUNDS / 2];
    printf("%-30s %9.0f %9.0f %9.0f   %.2f (%.2f-%.2f) %5.2f   %6.2f %6.2f %6.2f\n", setting->name,
           median->grpc.calls_per_second, median->echo.calls_per_second, median->bare.calls_per_second,
           ratio(median), ratio(&rounds[0]), ratio(&rounds[ROUNDS - 1]),
           median->grpc.calls_per_second / median->echo.calls_per_second, median->grpc.server_us,
           median->echo.server_us, median->bare.server_us);
    fflush(stdout);
}

int main(void)
{
    static const Setting settings[] = {
        {"64 in flight, two cores", 1024, 4096, 64, false, 0},
        {"64 in flight, one core", 1024, 4096, 64, true, 0},
        {"1 in flight, two cores", 1024, 4096, 1, false, 0},
        {"1 in flight, two cores, spin", 1024, 4096, 1, false, SPIN_NS},
        {"1 in flight, one core", 1024, 4096, 1, true, 0},
        {"64 in flight, two cores, 64 B", 64, 64, 64, false, 0},
        {"1 in flight, one core, 64 B", 64, 64, 1, true, 0},
    };
    snprintf(socket_path, sizeof(socket_path), "/tmp/rpmd-bench-%d.sock", (int)getpid());
    printf("%-30s %9s %9s %9s   %-16s %5s   %6s %6s %6s\n", "unary call, 1 KiB -> 4 KiB", "gRPC/s", "libuv/s",
           "bare/s", "gRPC/bare", "/libuv", "gRPC", "libuv", "bare");
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        measure(&settings[i]);
    unlink(socket_path);
    printf("libuv, bare: echoes of length-prefixed messages, with and without libuv. gRPC/bare: the median "
           "of %d "
           "rounds (least-greatest).\nThe last three columns: us of the server's CPU a call.\n",
           ROUNDS);
    return 0;
}
