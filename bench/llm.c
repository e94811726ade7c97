/* SPDX-License-Identifier: MIT */

/*
 * What rpmd adds to an LLM: time to the first piece and whole answers a second through Respond, against the
 * same scripted server asked directly, in one run; and the daemon's memory for each of many answers that are
 * being streamed. Usage: llm BUILD-DIRECTORY
 */

#include "client/channel.h"
#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/base/memory.h"

#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/history.pb-c.h"
#include "rpmd/v1/models.pb-c.h"
#include "rpmd/v1/personalizer.pb-c.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASK "movie_tagging"
#define USER "ada"
#define ITEMS 30
#define ROUNDS 60 /* answers for each figure */
#define FLIGHTS_LIMIT 8
#define STREAMS 1000 /* of which the memory is measured */
#define CANCELS 20
#define STREAMS_OF_CHANNEL 90 /* a connection takes 100 */

typedef struct Bench {
    const char *build;
    char place[64];
    char socket[96];
    char llm_socket[96];
    pid_t daemon;
    pid_t llm;
    Channel *channel;
    Buffer body; /* of a direct request */
} Bench;

/* When an answer's first piece and its end came. */
typedef struct Times {
    double first;
    double whole;
} Times;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what, const Status *status)
{
    fprintf(stderr, "bench: %s: %s\n", what, status ? status->message : "failed");
    exit(1);
}

static void write_file(const Bench *bench, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", bench->place, name);
    FILE *file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        fail(path, NULL);
}

static pid_t start(const char *const *words)
{
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(1);
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(1);
    }
    return child;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 500; i++) {
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        usleep(10000);
    }
    fail(path, NULL);
}

static void start_all(Bench *bench)
{
    static const char settings[] =
        "[llm]\nreply_bytes = 0\n[method]\nrespond = scripted\n[backend scripted]\n"
        "base_url = http://llm/v1\nunix_socket = %s\nmodel = m\nconcurrency = 1000\n"
        "first_seconds = 600\nidle_seconds = 600\ntotal_seconds = 3000\n";
    char config[128], script[128], log[128];
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    snprintf(bench->place, sizeof(bench->place), "/tmp/rpmd-bench.%d", (int)getpid());
    snprintf(bench->socket, sizeof(bench->socket), "%s/rpmd.sock", bench->place);
    snprintf(bench->llm_socket, sizeof(bench->llm_socket), "%s/llm.sock", bench->place);
    snprintf(config, sizeof(config), "%s/rpmd.conf", bench->place);
    snprintf(script, sizeof(script), "%s/script.json", bench->place);
    snprintf(log, sizeof(log), "/dev/null");
    char *const state[] = {(char *)"mkdir", (char *)"-p", bench->place, NULL};
    waitpid(start((const char *const *)state), NULL, 0);
    buffer_append_format(&text, settings, bench->llm_socket);
    write_file(bench, "rpmd.conf", buffer_string(&text));
    write_file(
        bench, "script.json",
        "[{\"match\": \"slowly\", \"text\": \"Reasoning: It goes on and on and on and on.\\nTag: "
        "classic\", \"piece\": 30, "
        "\"pause\": 60}, {\"text\": \"It is about that: this movie description speaks of a war, which this "
        "user likes.\\n"
        "Tag: classic\", \"piece\": 4, \"pause\": 0.004}]");
    const char *const llm[] = {"python3", "tests/llm/scripted_server.py", bench->llm_socket, script, log,
                               NULL};
    bench->llm = start(llm);
    char program[128], plugins[128];
    snprintf(program, sizeof(program), "%s/rpmd", bench->build);
    snprintf(plugins, sizeof(plugins), "%s/plugins", bench->build);
    const char *const daemon[] = {program,       "--config",   config,         "--socket", bench->socket,
                                  "--state-dir", bench->place, "--plugin-dir", plugins,    NULL};
    bench->daemon = start(daemon);
    close(connect_to(bench->llm_socket));
    close(connect_to(bench->socket));
    Status status = STATUS_INIT;
    if (channel_open(&bench->channel, bench->socket, &status))
        fail("connecting", &status);
}

static void make_model(Bench *bench)
{
    Status status = STATUS_INIT;
    for (int i = 0; i < ITEMS; i++) {
        char query[256];
        snprintf(query, sizeof(query),
                 "A soldier number %d comes home from the war to a small town in winter and finds love.", i);
        Rpmd__V1__HistoryItem item = RPMD__V1__HISTORY_ITEM__INIT;
        Rpmd__V1__AppendRequest append = RPMD__V1__APPEND_REQUEST__INIT;
        ProtobufCMessage *response = NULL;
        item.query = query;
        item.response = i % 3 ? "classic" : "romance";
        append.task = TASK;
        append.user = USER;
        append.item = &item;
        if (channel_call_unary(bench->channel, "/rpmd.v1.History/Append", &append.base,
                               &rpmd__v1__append_response__descriptor, &response, &status))
            fail("append", &status);
        protobuf_c_message_free_unpacked(response, NULL);
    }
    Rpmd__V1__BuildRequest build = RPMD__V1__BUILD_REQUEST__INIT;
    ChannelStream *stream = NULL;
    ProtobufCMessage *message = NULL;
    build.task = TASK;
    build.user = USER;
    if (channel_stream_open(bench->channel, "/rpmd.v1.Models/Build", &stream, &status) ||
        channel_stream_send(stream, &build.base, &status) || channel_stream_close_send(stream, &status))
        fail("build", &status);
    while (channel_stream_receive(stream, &rpmd__v1__build_response__descriptor, &message, &status) == 0 &&
           message)
        protobuf_c_message_free_unpacked(message, NULL);
    channel_stream_free(stream);
}

/* ---- directly ----------------------------------------------------------------------------------------- */

static void make_body(Bench *bench)
{
    buffer_append_string(&bench->body,
                         "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (int i = 0; i < 60; i++)
        buffer_append_string(&bench->body, "A prompt of some kilobytes, as long as the others. ");
    buffer_append_string(&bench->body, "\"}]}");
}

typedef struct Direct {
    int fd;
    double begun;
    bool has_first;
    Buffer received;
} Direct;

static void direct_begin(const Bench *bench, Direct *direct)
{
    _cleanup_buffer_ Buffer request = BUFFER_INIT;
    buffer_append_format(&request,
                         "POST /v1/chat/completions HTTP/1.1\r\nHost: llm\r\nContent-Length: %zu\r\n\r\n",
                         bench->body.length);
    buffer_append(&request, bench->body.data, bench->body.length);
    *direct = (Direct){.begun = now_seconds()};
    direct->fd = connect_to(bench->llm_socket);
    if (write(direct->fd, request.data, request.length) != (ssize_t)request.length)
        fail("writing to the server", NULL);
}

/* Whether it has ended. */
static bool direct_read(Direct *direct, Times *times)
{
    ssize_t length = read(direct->fd, buffer_reserve(&direct->received, 65536), 65536);
    if (length > 0) {
        direct->received.length += (size_t)length;
        direct->received.data[direct->received.length] = '\0';
        if (!direct->has_first && strstr(direct->received.data, "\"content\": \"")) {
            direct->has_first = true;
            times->first += now_seconds() - direct->begun;
        }
        return false;
    }
    times->whole += now_seconds() - direct->begun;
    close(direct->fd);
    buffer_finish(&direct->received);
    return true;
}

static double measure_directly(const Bench *bench, unsigned in_flight, Times *times)
{
    Direct flights[FLIGHTS_LIMIT];
    struct pollfd polls[FLIGHTS_LIMIT];
    unsigned begun = 0, ended = 0;
    double start_time = now_seconds();
    *times = (Times){0};
    for (; begun < in_flight; begun++)
        direct_begin(bench, &flights[begun]);
    while (ended < ROUNDS) {
        for (unsigned i = 0; i < in_flight; i++)
            polls[i] = (struct pollfd){flights[i].fd, POLLIN, 0};
        poll(polls, in_flight, -1);
        for (unsigned i = 0; i < in_flight; i++) {
            if (flights[i].fd < 0 || !polls[i].revents || !direct_read(&flights[i], times))
                continue;
            ended++;
            flights[i].fd = -1;
            if (begun++ < ROUNDS)
                direct_begin(bench, &flights[i]);
        }
    }
    return ROUNDS / (now_seconds() - start_time);
}

/* ---- through rpmd ------------------------------------------------------------------------------------- */

typedef struct Flight {
    ChannelStream *stream;
    double begun;
    bool has_first;
} Flight;

static void flight_begin(Channel *channel, Flight *flight, unsigned number, const char *what)
{
    Status status = STATUS_INIT;
    char text[128];
    Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
    Rpmd__V1__RespondRequest request = RPMD__V1__RESPOND_REQUEST__INIT;
    snprintf(text, sizeof(text), "A general writes letter number %u %s from the front in winter.", number,
             what);
    query.task = TASK;
    query.user = USER;
    query.text = text;
    request.query = &query;
    *flight = (Flight){.begun = now_seconds()};
    if (channel_stream_open(channel, "/rpmd.v1.Personalizer/Respond", &flight->stream, &status) ||
        channel_stream_send(flight->stream, &request.base, &status) ||
        channel_stream_close_send(flight->stream, &status))
        fail("respond", &status);
}

/* The next message of the flight; whether it was the last one. */
static bool flight_receive(Flight *flight, Times *times)
{
    Status status = STATUS_INIT;
    ProtobufCMessage *message = NULL;
    if (channel_stream_receive(flight->stream, &rpmd__v1__respond_response__descriptor, &message, &status))
        fail("respond", &status);
    if (message && !flight->has_first) {
        flight->has_first = true;
        times->first += now_seconds() - flight->begun;
    }
    if (message) {
        protobuf_c_message_free_unpacked(message, NULL);
        return false;
    }
    times->whole += now_seconds() - flight->begun;
    channel_stream_free(flight->stream);
    return true;
}

static double measure_through(const Bench *bench, unsigned in_flight, Times *times)
{
    static unsigned number;
    Flight flights[FLIGHTS_LIMIT] = {0};
    unsigned begun = 0, ended = 0;
    double start_time = now_seconds();
    *times = (Times){0};
    for (; begun < in_flight; begun++)
        flight_begin(bench->channel, &flights[begun], number++, "home");
    /* A message of each in turn: they come at the same pace. */
    while (ended < ROUNDS) {
        for (unsigned i = 0; i < in_flight; i++) {
            if (!flights[i].stream || !flight_receive(&flights[i], times))
                continue;
            ended++;
            flights[i].stream = NULL;
            if (begun++ < ROUNDS)
                flight_begin(bench->channel, &flights[i], number++, "home");
        }
    }
    return ROUNDS / (now_seconds() - start_time);
}

static void compare(const Bench *bench, unsigned in_flight)
{
    Times directly, through;
    double direct_rate = measure_directly(bench, in_flight, &directly);
    double through_rate = measure_through(bench, in_flight, &through);
    printf("%u in flight: first piece after %.2f ms directly, %.2f ms through rpmd (%+.2f ms); %.1f and %.1f "
           "answers/s "
           "(%.0f%%)\n",
           in_flight, directly.first / ROUNDS * 1e3, through.first / ROUNDS * 1e3,
           (through.first - directly.first) / ROUNDS * 1e3, direct_rate, through_rate,
           through_rate / direct_rate * 100);
}

/* ---- many streams ------------------------------------------------------------------------------------- */

static double resident(const Bench *bench)
{
    char path[64];
    unsigned long pages = 0, in_memory = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)bench->daemon);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%lu %lu", &pages, &in_memory) != 2)
        fail(path, NULL);
    fclose(file);
    return (double)in_memory * (double)sysconf(_SC_PAGESIZE);
}

static void measure_streams(const Bench *bench)
{
    enum { CHANNELS = STREAMS / STREAMS_OF_CHANNEL + 1 };
    Channel *channels[CHANNELS];
    Flight *flights = NEW_ARRAY(Flight, STREAMS);
    Status status = STATUS_INIT;
    double before = resident(bench);
    Times ignored = {0};
    for (int c = 0; c < CHANNELS; c++)
        if (channel_open(&channels[c], bench->socket, &status))
            fail("connecting", &status);
    for (unsigned i = 0; i < STREAMS; i++)
        flight_begin(channels[i / STREAMS_OF_CHANNEL], &flights[i], i, "slowly");
    /* Each has its first piece. */
    for (unsigned i = 0; i < STREAMS; i++)
        flight_receive(&flights[i], &ignored);
    printf("%d streams at work: %.1f KiB of memory each\n", STREAMS,
           (resident(bench) - before) / STREAMS / 1024);
    for (unsigned i = 0; i < STREAMS; i++)
        channel_stream_free(flights[i].stream);
    for (int c = 0; c < CHANNELS; c++)
        channel_free(channels[c]);
    free(flights);
}

/* ---- a caller who leaves ------------------------------------------------------------------------------ */

static bool is_busy(const Bench *bench)
{
    Status status = STATUS_INIT;
    Rpmd__V1__GetStatusRequest request = RPMD__V1__GET_STATUS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    if (channel_call_unary(bench->channel, "/rpmd.v1.Admin/GetStatus", &request.base,
                           &rpmd__v1__get_status_response__descriptor, &message, &status))
        fail("status", &status);
    const Rpmd__V1__GetStatusResponse *reply = (const Rpmd__V1__GetStatusResponse *)message;
    bool is_busy = reply->backends[0]->active > 0;
    protobuf_c_message_free_unpacked(message, NULL);
    return is_busy;
}

static void measure_cancel(const Bench *bench)
{
    double sum = 0, longest = 0;
    for (unsigned i = 0; i < CANCELS; i++) {
        Flight flight;
        flight_begin(bench->channel, &flight, i, "slowly and for nobody");
        while (!is_busy(bench))
            continue;
        double begun = now_seconds();
        channel_stream_free(flight.stream);
        while (is_busy(bench))
            continue;
        double taken = now_seconds() - begun;
        sum += taken;
        longest = MAX(longest, taken);
    }
    printf("a caller leaves: the request of the LLM ends after %.2f ms, %.2f ms at most of %d\n",
           sum / CANCELS * 1e3, longest * 1e3, CANCELS);
}

int main(int count, char **words)
{
    Bench bench = {.build = count > 1 ? words[1] : "build"};
    setlinebuf(stdout);
    signal(SIGPIPE, SIG_IGN);
    start_all(&bench);
    make_model(&bench);
    make_body(&bench);
    compare(&bench, 1);
    compare(&bench, FLIGHTS_LIMIT);
    measure_cancel(&bench);
    measure_streams(&bench);
    channel_free(bench.channel);
    kill(bench.daemon, SIGKILL);
    kill(bench.llm, SIGKILL);
    waitpid(bench.daemon, NULL, 0);
    waitpid(bench.llm, NULL, 0);
    const char *const clean[] = {"rm", "-rf", bench.place, NULL};
    waitpid(start(clean), NULL, 0);
    buffer_finish(&bench.body);
    return 0;
}
