/* SPDX-License-Identifier: MIT */

/*
 * Measures a whole daemon from outside, over its socket:
 *   start-up to READY, resident memory when idle, of the daemon and of a worker, import and build rates,
 *   ConstructPrompt by size of the history and with many in flight, the time from a new plugin file to its
 *   first reply, and start-up with many stored items (BENCH_ITEMS, default 1,000,000).
 * Usage: daemon BUILD-DIRECTORY
 */

#include "bench/common/calls.h"
#include "bench/common/flights.h"
#include "bench/common/report.h"
#include "lib/base/memory.h"

#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/plugins.pb-c.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUERIES 1000
#define WARM_UP_QUERIES 20
#define IN_FLIGHT 16
#define THROUGHPUT_SECONDS 6.0
#define SETTLE_SECONDS 0.2 /* daemon/plugins/watching.c waits so long for a file to rest */
#define SWAPS 10
#define MANY_USERS_ITEMS 100

typedef struct Bench {
    const char *build;
    char place[64];
    char socket[96];
    char notify[96];
    int notify_fd;
    pid_t daemon;
    Channel *channel;
} Bench;

static void open_notify_socket(Bench *bench)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", bench->notify);
    bench->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bench->notify_fd < 0 || bind(bench->notify_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        bench_fail("notify socket", NULL);
}

static void wait_ready(Bench *bench)
{
    char message[512];
    for (;;) {
        ssize_t length = recv(bench->notify_fd, message, sizeof(message) - 1, 0);
        if (length <= 0)
            bench_fail("waiting for READY", NULL);
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
        bench_fail("connecting", &status);
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
        bench_fail("GetStatus", &status);
    uint64_t bytes = ((Rpmd__V1__GetStatusResponse *)message)->resident_bytes;
    protobuf_c_message_free_unpacked(message, NULL);
    return bytes;
}

static void measure_prompts(Bench *bench, uint64_t items)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_times_ Times times = TIMES_INIT;
    char *group = arena_format(&arena, "u%lu", (unsigned long)items), *user = user_name(&arena, group, 0);
    char *what = arena_format(&arena, "%lu items", (unsigned long)items);
    import_users(bench->channel, group, 0, 1, items);
    report("build", what, "%.0f items/s", (double)items / build_user(bench->channel, user));
    for (uint64_t film = 0; film < WARM_UP_QUERIES; film++)
        call_prompt(bench->channel, user, items + film);
    for (uint64_t film = 0; film < QUERIES; film++)
        times_add(&times, call_prompt(bench->channel, user, items + WARM_UP_QUERIES + film));
    report_times("ConstructPrompt", what, &times);
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
        bench_fail("List", &status);
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

static const ProtobufCMessage *next_prompt(Arena *arena, uint64_t number, void *context)
{
    return make_prompt(arena, context, MANY_USERS_ITEMS + number);
}

static void measure_throughput(Bench *bench, char *user)
{
    FlightPlan plan = {.socket = bench->socket,
                       .method = "/rpmd.v1.Personalizer/ConstructPrompt",
                       .in_flight = IN_FLIGHT,
                       .seconds = THROUGHPUT_SECONDS,
                       .make = next_prompt,
                       .context = user};
    report("ConstructPrompt", "100 items, 16 in flight", "%.0f a second", fly(&plan));
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
        bench_fail("List", &status);
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
    _cleanup_times_ Times times = TIMES_INIT;
    char command[512];
    for (int i = -1; i < SWAPS; i++) {
        int version = 1 + (i + 1) % 2;
        snprintf(command, sizeof(command),
                 "install -m 644 %s/tests/plugins/good%s.so %s/new && mv %s/new %s/plugins/f.so",
                 bench->build, version == 2 ? "_v2" : "", bench->place, bench->place, bench->place);
        if (system(command) != 0)
            bench_fail("a new plugin file", NULL);
        double begin = now_seconds();
        while (served_version(bench) != version)
            ;
        if (i >= 0)
            times_add(&times, now_seconds() - begin - SETTLE_SECONDS);
    }
    printf("from mv to serving the new version, settle time excluded: %.1f ms\n", times_median(&times) * 1e3);
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
        bench_fail("the scratch directory", NULL);
    char swapped[96];
    snprintf(swapped, sizeof(swapped), "%s/plugins", bench.place);
    if (mkdir(swapped, 0755) < 0)
        bench_fail("the scratch directory", NULL);
    open_notify_socket(&bench);
    printf("start-up to READY, empty: %.1f ms\n", start_daemon(&bench) * 1e3);
    printf("resident, idle, four plugins: %.1f MB\n", (double)resident_bytes(&bench) / 1e6);
    for (uint64_t items = 10; items <= 10000; items *= 10)
        measure_prompts(&bench, items);
    char hundred[] = "u100-0";
    measure_throughput(&bench, hundred);
    measure_workers(&bench);
    measure_swaps(&bench);
    double begin = now_seconds();
    import_users(bench.channel, "many", 0, stored / MANY_USERS_ITEMS, MANY_USERS_ITEMS);
    printf("import: %.0f items/s (%lu items)\n", (double)stored / (now_seconds() - begin),
           (unsigned long)stored);
    stop_daemon(&bench);
    printf("start-up to READY with %lu stored items: %.1f ms\n", (unsigned long)stored,
           start_daemon(&bench) * 1e3);
    stop_daemon(&bench);
    char command[96];
    snprintf(command, sizeof(command), "rm -rf %s", bench.place);
    return system(command) != 0;
}
