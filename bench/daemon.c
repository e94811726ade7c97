/* SPDX-License-Identifier: MIT */

/*
 * Measures a whole daemon from outside, over its socket:
 *   start-up to READY, resident memory when idle, of the daemon and of a worker, import and build rates,
 *   ConstructPrompt by size of the history and with many in flight, the time from a new plugin file to its
 *   first reply, and start-up with many stored items (BENCH_ITEMS, default 1,000,000).
 * Usage: daemon BUILD-DIRECTORY
 */

#include "client/channel.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"

#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/history.pb-c.h"
#include "rpmd/v1/models.pb-c.h"
#include "rpmd/v1/personalizer.pb-c.h"
#include "rpmd/v1/plugins.pb-c.h"

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
#define IN_FLIGHT 16
#define THROUGHPUT_SECONDS 6.0
#define SETTLE_SECONDS 0.2 /* daemon/plugins/watching.c waits so long for a file to rest */
#define SWAPS 10

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
    char program[160], state[96], plugins[160], swapped[96];
    Status status = STATUS_INIT;
    snprintf(program, sizeof(program), "%s/rpmd", bench->build);
    snprintf(state, sizeof(state), "%s/state", bench->place);
    snprintf(plugins, sizeof(plugins), "%s/plugins", bench->build);
    snprintf(swapped, sizeof(swapped), "%s/plugins", bench->place);
    double begin = now_seconds();
    bench->daemon = fork();
    if (bench->daemon == 0) {
        setenv("NOTIFY_SOCKET", bench->notify, 1);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        execl(program, program, "--socket", bench->socket, "--state-dir", state, "--plugin-dir", plugins,
              "--plugin-dir", swapped, NULL);
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

/* Resident and proportional memory of one worker, in bytes; the latter shares pages between all that use
 * them. */
static void measure_workers(Bench *bench)
{
    Rpmd__V1__ListPluginsRequest request = RPMD__V1__LIST_PLUGINS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    if (channel_call_unary(bench->channel, "/rpmd.v1.Plugins/List", &request.base,
                           &rpmd__v1__list_plugins_response__descriptor, &message, &status))
        fail("List", &status);
    const Rpmd__V1__ListPluginsResponse *list = (const Rpmd__V1__ListPluginsResponse *)message;
    for (size_t i = 0; i < list->n_plugins; i++) {
        const Rpmd__V1__PluginGeneration *generation = list->plugins[i]->generations[0];
        char path[64], line[128];
        long resident = 0, proportional = 0;
        if (generation->n_worker_pids == 0)
            continue;
        snprintf(path, sizeof(path), "/proc/%u/smaps_rollup", generation->worker_pids[0]);
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof(line), file)) {
            sscanf(line, "Rss: %ld", &resident);
            sscanf(line, "Pss: %ld", &proportional);
        }
        if (file)
            fclose(file);
        printf("worker of %-16s resident %.1f MB, proportional %.1f MB\n", list->plugins[i]->name,
               (double)resident / 1e3, (double)proportional / 1e3);
    }
    protobuf_c_message_free_unpacked(message, NULL);
}

static ChannelStream *begin_prompt(Bench *bench, char *user, unsigned number)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
    Rpmd__V1__ConstructPromptRequest request = RPMD__V1__CONSTRUCT_PROMPT_REQUEST__INIT;
    ChannelStream *stream = NULL;
    Status status = STATUS_INIT;
    query.task = TASK;
    query.user = user;
    query.text = description(&arena, 2000000011u + number);
    request.query = &query;
    if (channel_stream_open(bench->channel, "/rpmd.v1.Personalizer/ConstructPrompt", &stream, &status) ||
        channel_stream_send(stream, &request.base, &status) || channel_stream_close_send(stream, &status))
        fail("ConstructPrompt", &status);
    return stream;
}

static void end_prompt(ChannelStream *stream)
{
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    if (channel_stream_receive(stream, &rpmd__v1__construct_prompt_response__descriptor, &message, &status) ||
        !message)
        fail("ConstructPrompt", &status);
    protobuf_c_message_free_unpacked(message, NULL);
    channel_stream_free(stream);
}

static void measure_throughput(Bench *bench, char *user)
{
    ChannelStream *streams[IN_FLIGHT];
    unsigned done = 0;
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        streams[i] = begin_prompt(bench, user, i);
    double begin = now_seconds();
    for (; now_seconds() - begin < THROUGHPUT_SECONDS; done++) {
        end_prompt(streams[done % IN_FLIGHT]);
        streams[done % IN_FLIGHT] = begin_prompt(bench, user, done + IN_FLIGHT);
    }
    double rate = done / (now_seconds() - begin);
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        end_prompt(streams[(done + i) % IN_FLIGHT]);
    printf("ConstructPrompt, 100 items, %d in flight: %.0f a second\n", IN_FLIGHT, rate);
}

/* The version that serves the fixture's task; 0: none. */
static int served_version(Bench *bench)
{
    Rpmd__V1__ListPluginsRequest request = RPMD__V1__LIST_PLUGINS_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    int version = 0;
    if (channel_call_unary(bench->channel, "/rpmd.v1.Plugins/List", &request.base,
                           &rpmd__v1__list_plugins_response__descriptor, &message, &status))
        fail("List", &status);
    const Rpmd__V1__ListPluginsResponse *list = (const Rpmd__V1__ListPluginsResponse *)message;
    for (size_t i = 0; i < list->n_plugins; i++) {
        const Rpmd__V1__Plugin *plugin = list->plugins[i];
        if (strcmp(plugin->name, "fixture") != 0)
            continue;
        for (size_t g = 0; g < plugin->n_generations && version == 0; g++)
            if (plugin->generations[g]->state == RPMD__V1__PLUGIN_STATE__PLUGIN_STATE_SERVING)
                version = atoi(plugin->generations[g]->version);
    }
    protobuf_c_message_free_unpacked(message, NULL);
    return version;
}

/* Moves the other version of a small plugin over the file until it serves; the median of some. */
static void measure_swaps(Bench *bench)
{
    double times[SWAPS];
    char command[512];
    for (int i = -1; i < SWAPS; i++) {
        int version = 1 + (i + 1) % 2;
        snprintf(command, sizeof(command),
                 "install -m 644 %s/tests/plugins/good%s.so %s/new && mv %s/new %s/plugins/f.so",
                 bench->build, version == 2 ? "_v2" : "", bench->place, bench->place, bench->place);
        if (system(command) != 0)
            fail("a new plugin file", NULL);
        double begin = now_seconds();
        while (served_version(bench) != version)
            ;
        if (i >= 0)
            times[i] = now_seconds() - begin - SETTLE_SECONDS;
    }
    qsort(times, SWAPS, sizeof(times[0]), compare_times);
    printf("from mv to serving the new version, settle time excluded: %.1f ms\n", times[SWAPS / 2] * 1e3);
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
    char swapped[96];
    snprintf(swapped, sizeof(swapped), "%s/plugins", bench.place);
    if (mkdir(swapped, 0755) < 0)
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
        if (items == 100)
            measure_throughput(&bench, user);
    }
    measure_workers(&bench);
    measure_swaps(&bench);
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
