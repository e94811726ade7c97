/* SPDX-License-Identifier: MIT */

/*
 * Measures a whole daemon from outside, over its socket:
 *   start-up to READY, resident memory when idle, import and build rates, ConstructPrompt by size of the
 * history, and start-up with many stored items (BENCH_ITEMS, default 1,000,000). Usage: daemon
 * BUILD-DIRECTORY
 */

#include "client/channel.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"

#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/history.pb-c.h"
#include "rpmd/v1/models.pb-c.h"
#include "rpmd/v1/personalizer.pb-c.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASK "movie_tagging"
#define BATCH 1000
#define QUERIES 1000

typedef struct Bench {
    const char *build;
    char place[64];
    char socket[96];
    char notify[96];
    int notify_fd;
    pid_t daemon;
    Channel *channel;
} Bench;

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

static void open_notify_socket(Bench *bench)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", bench->notify);
    bench->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bench->notify_fd < 0 || bind(bench->notify_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("notify socket", NULL);
}

static void wait_ready(Bench *bench)
{
    char message[512];
    for (;;) {
        ssize_t length = recv(bench->notify_fd, message, sizeof(message) - 1, 0);
        if (length <= 0)
            fail("waiting for READY", NULL);
        message[length] = '\0';
        if (strstr(message, "READY=1"))
            return;
    }
}

/* Starts rpmd and returns the seconds until it said READY. */
static double start_daemon(Bench *bench)
{
    char program[160], state[96], plugins[160];
    Status status = STATUS_INIT;
    snprintf(program, sizeof(program), "%s/rpmd", bench->build);
    snprintf(state, sizeof(state), "%s/state", bench->place);
    snprintf(plugins, sizeof(plugins), "%s/plugins", bench->build);
    double begin = now_seconds();
    bench->daemon = fork();
    if (bench->daemon == 0) {
        setenv("NOTIFY_SOCKET", bench->notify, 1);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        execl(program, program, "--socket", bench->socket, "--state-dir", state, "--plugin-dir", plugins,
              NULL);
        _exit(1);
    }
    wait_ready(bench);
    double took = now_seconds() - begin;
    if (channel_open(&bench->channel, bench->socket, &status))
        fail("connecting", &status);
    return took;
}

static void stop_daemon(Bench *bench)
{
    channel_free(bench->channel);
    kill(bench->daemon, SIGTERM);
    waitpid(bench->daemon, NULL, 0);
}

static uint64_t resident_bytes(Bench *bench)
{
    Rpmd__V1__GetStatusRequest request = RPMD__V1__GET_STATUS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    if (channel_call_unary(bench->channel, "/rpmd.v1.Admin/GetStatus", &request.base,
                           &rpmd__v1__get_status_response__descriptor, &message, &status))
        fail("GetStatus", &status);
    uint64_t bytes = ((Rpmd__V1__GetStatusResponse *)message)->resident_bytes;
    protobuf_c_message_free_unpacked(message, NULL);
    return bytes;
}

/* A description of a film that nobody made, different for each number. */
static char *description(Arena *arena, uint64_t number)
{
    static const char *const who[] = {
        "A detective", "A robot",      "A young pianist", "A retired soldier", "Two sisters",
        "A thief",     "An astronaut", "A widow",         "A shy student",     "A corrupt judge"};
    static const char *const does[] = {"falls in love with",
                                       "hunts",
                                       "is betrayed by",
                                       "protects",
                                       "travels through time to save",
                                       "investigates the murder of",
                                       "is haunted by",
                                       "competes against"};
    static const char *const whom[] = {"a stranger",
                                       "a serial killer",
                                       "an alien",
                                       "the king",
                                       "a ghost",
                                       "a childhood friend",
                                       "an artificial intelligence",
                                       "the mafia",
                                       "a dragon"};
    static const char *const where[] = {
        "in a small town",    "on a distant planet", "during the Second World War", "in New York",
        "in a haunted house", "at high school",      "in a dystopian future"};
    uint64_t n = number * 2654435761u;
    return arena_format(arena, "%s %s %s %s, and story number %lu begins.", who[n % ARRAY_SIZE(who)],
                        does[n / 16 % ARRAY_SIZE(does)], whom[n / 256 % ARRAY_SIZE(whom)],
                        where[n / 4096 % ARRAY_SIZE(where)], (unsigned long)number);
}

/* Imports `count` items, `per_user` for each user. Returns items a second. */
static double import_items(Bench *bench, const char *prefix, uint64_t count, uint64_t per_user)
{
    static const char *const tags[] = {"sci-fi", "romance", "action", "comedy", "classic"};
    ChannelStream *stream = NULL;
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    double begin = now_seconds();
    if (channel_stream_open(bench->channel, "/rpmd.v1.History/Import", &stream, &status))
        fail("Import", &status);
    for (uint64_t done = 0; done < count;) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        Rpmd__V1__ImportRequest request = RPMD__V1__IMPORT_REQUEST__INIT;
        request.task = TASK;
        request.items = ARENA_ARRAY(&arena, Rpmd__V1__ImportItem *, BATCH);
        for (; request.n_items < BATCH && done < count; done++) {
            Rpmd__V1__ImportItem *entry = ARENA_NEW(&arena, Rpmd__V1__ImportItem);
            Rpmd__V1__HistoryItem *item = ARENA_NEW(&arena, Rpmd__V1__HistoryItem);
            rpmd__v1__import_item__init(entry);
            rpmd__v1__history_item__init(item);
            entry->user = arena_format(&arena, "%s%lu", prefix, (unsigned long)(done / per_user));
            item->id = arena_format(&arena, "i%lu", (unsigned long)done);
            item->query = description(&arena, done);
            item->response = arena_format(&arena, "%s", tags[done * 7919 % ARRAY_SIZE(tags)]);
            entry->item = item;
            request.items[request.n_items++] = entry;
        }
        if (channel_stream_send(stream, &request.base, &status))
            fail("Import", &status);
    }
    if (channel_stream_close_send(stream, &status) ||
        channel_stream_receive(stream, &rpmd__v1__import_response__descriptor, &message, &status) || !message)
        fail("Import", &status);
    protobuf_c_message_free_unpacked(message, NULL);
    channel_stream_free(stream);
    return (double)count / (now_seconds() - begin);
}

static double build_model(Bench *bench, char *user, uint64_t items)
{
    Rpmd__V1__BuildRequest request = RPMD__V1__BUILD_REQUEST__INIT;
    ChannelStream *stream = NULL;
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    request.task = TASK;
    request.user = user;
    double begin = now_seconds();
    int r = channel_stream_open(bench->channel, "/rpmd.v1.Models/Build", &stream, &status);
    r = r ? r : channel_stream_send(stream, &request.base, &status);
    r = r ? r : channel_stream_close_send(stream, &status);
    while (r == 0 &&
           (r = channel_stream_receive(stream, &rpmd__v1__build_response__descriptor, &message, &status)) ==
               0 &&
           message)
        protobuf_c_message_free_unpacked(TAKE_PTR(message), NULL);
    channel_stream_free(stream);
    if (r)
        fail("Build", &status);
    return (double)items / (now_seconds() - begin);
}

static int compare_times(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static void measure_prompts(Bench *bench, char *user, uint64_t items, double build_rate)
{
    static double times[QUERIES];
    Status status = STATUS_INIT;
    for (int i = -20; i < QUERIES; i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
        Rpmd__V1__ConstructPromptRequest request = RPMD__V1__CONSTRUCT_PROMPT_REQUEST__INIT;
        ProtobufCMessage *message = NULL;
        query.task = TASK;
        query.user = user;
        query.text = description(&arena, 1000000007u + (unsigned)(i + 20));
        request.query = &query;
        double begin = now_seconds();
        if (channel_call_unary(bench->channel, "/rpmd.v1.Personalizer/ConstructPrompt", &request.base,
                               &rpmd__v1__construct_prompt_response__descriptor, &message, &status))
            fail("ConstructPrompt", &status);
        if (i >= 0)
            times[i] = now_seconds() - begin;
        protobuf_c_message_free_unpacked(message, NULL);
    }
    qsort(times, QUERIES, sizeof(times[0]), compare_times);
    printf("%8lu items: model built at %7.0f items/s; ConstructPrompt p50 %6.0f us, p99 %6.0f us\n",
           (unsigned long)items, build_rate, times[QUERIES / 2] * 1e6, times[QUERIES * 99 / 100] * 1e6);
}

int main(int argc, char **argv)
{
    Bench bench = {.build = argc > 1 ? argv[1] : "build"};
    const char *wanted = getenv("BENCH_ITEMS");
    uint64_t stored = wanted ? strtoull(wanted, NULL, 10) : 1000000;
    snprintf(bench.place, sizeof(bench.place), "/tmp/rpmd-bench.%d", (int)getpid());
    snprintf(bench.socket, sizeof(bench.socket), "%s/rpmd.sock", bench.place);
    snprintf(bench.notify, sizeof(bench.notify), "%s/notify", bench.place);
    if (mkdir(bench.place, 0700) < 0)
        fail("the scratch directory", NULL);
    open_notify_socket(&bench);
    printf("start-up to READY, empty: %.1f ms\n", start_daemon(&bench) * 1e3);
    printf("resident, idle, four plugins: %.1f MB\n", (double)resident_bytes(&bench) / 1e6);
    for (uint64_t items = 10; items <= 10000; items *= 10) {
        char prefix[32], user[40];
        snprintf(prefix, sizeof(prefix), "u%lu-", (unsigned long)items);
        snprintf(user, sizeof(user), "%s0", prefix);
        import_items(&bench, prefix, items, items);
        double rate = build_model(&bench, user, items);
        measure_prompts(&bench, user, items, rate);
    }
    printf("import: %.0f items/s (%lu items)\n", import_items(&bench, "many", stored, 100),
           (unsigned long)stored);
    stop_daemon(&bench);
    printf("start-up to READY with %lu stored items: %.1f ms\n", (unsigned long)stored,
           start_daemon(&bench) * 1e3);
    stop_daemon(&bench);
    char command[96];
    snprintf(command, sizeof(command), "rm -rf %s", bench.place);
    return system(command) != 0;
}
