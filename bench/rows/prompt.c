/* SPDX-License-Identifier: MIT */
#include "bench/rows/rows.h"

#include "bench/common/flights.h"
#include "lib/base/hash.h"

#include <stdio.h>

#define IN_FLIGHT 16
#define WARM_UP_SECONDS 5.0
#define MISSES 200
#define LARGE_CALLS 200
#define LARGE_SECONDS 8.0
#define CPU_CALLS 4000

typedef struct Prompts {
    Bench *bench;
    uint64_t users;
    bool in_turn; /* else drawn */
} Prompts;

static const ProtobufCMessage *next_prompt(Arena *arena, uint64_t number, void *context)
{
    Prompts *prompts = context;
    uint64_t user = prompts->in_turn ? number : hash_bytes(&number, sizeof(number));
    return make_prompt(arena, user_name(arena, "crowd", user % prompts->users), prompts->bench->next_film++);
}

/* Prompts a second for so many users, after each was asked about once. calls: 0 for the time of a throughput.
 */
static double prompt_rate(Bench *bench, uint64_t users, uint64_t calls)
{
    Prompts prompts = {bench, users, true};
    FlightPlan plan = {.socket = crowd_daemon(bench)->socket,
                       .method = "/rpmd.v1.Personalizer/ConstructPrompt",
                       .in_flight = IN_FLIGHT,
                       .calls = MAX(users, (uint64_t)IN_FLIGHT),
                       .seconds = WARM_UP_SECONDS,
                       .make = next_prompt,
                       .context = &prompts};
    fly(&plan);
    prompts.in_turn = false;
    plan.calls = calls;
    plan.seconds = calls > 0 ? 0 : bench->sizes.throughput_seconds;
    return fly(&plan);
}

void measure_prompt_rate(Bench *bench, const char *name)
{
    static const uint64_t active[] = {1, 200, 700, 5000};
    char user[] = "crowd-0", what[64];
    Channel *channel = open_channel(crowd_daemon(bench)->socket);
    size_t bytes = prompt_reply_bytes(channel, user, bench->next_film++);
    channel_free(channel);
    for (size_t i = 0; i < ARRAY_SIZE(active); i++) {
        if (active[i] > bench->sizes.crowd_users)
            continue;
        snprintf(what, sizeof(what), "16 in flight, %lu active users of 100 items", (unsigned long)active[i]);
        report(name, what, "%.0f prompts/s", prompt_rate(bench, active[i], 0));
    }
    report(name, "floor: memcpy of a reply", "%.2f us (%zu bytes)", memcpy_seconds(bytes) * 1e6, bytes);
}

void measure_miss(Bench *bench, const char *name)
{
    _cleanup_times_ Times misses = TIMES_INIT, hits = TIMES_INIT;
    PrivateDaemon *daemon = crowd_daemon(bench);
    daemon_restart(daemon, "");
    Channel *channel = open_channel(daemon->socket);
    uint64_t users = MIN((uint64_t)MISSES, bench->sizes.crowd_users - 1);
    for (uint64_t number = 0; number <= users; number++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        char *user = user_name(&arena, "crowd", number);
        double seconds = call_prompt(channel, user, bench->next_film++);
        double again = call_prompt(channel, user, bench->next_film++);
        if (number == 0) {
            report(name, "the first prompt after a restart", "%.1f ms", seconds * 1e3);
            continue;
        }
        times_add(&misses, seconds);
        times_add(&hits, again);
    }
    report_times(name, "prompt for a user of 100 items, not cached", &misses);
    report_times(name, "the next prompt for the same user", &hits);
    channel_free(channel);
}

void measure_large_prompt(Bench *bench, const char *name)
{
    _cleanup_times_ Times times = TIMES_INIT;
    char what[64], large[] = "large-0";
    Channel *channel = open_channel(large_daemon(bench)->socket);
    call_prompt(channel, large, bench->next_film++);
    double begin = now_seconds();
    while (times.count < LARGE_CALLS && now_seconds() - begin < LARGE_SECONDS)
        times_add(&times, call_prompt(channel, large, bench->next_film++));
    snprintf(what, sizeof(what), "user of %lu items, default settings",
             (unsigned long)bench->sizes.large_items);
    report_times(name, what, &times);
    channel_free(channel);
}

static void report_cpu(const char *name, const char *what, DaemonCpu before, DaemonCpu after)
{
    report(name, what, "daemon %.0f + worker %.0f us a prompt",
           (after.daemon - before.daemon) * 1e6 / CPU_CALLS,
           (after.workers - before.workers) * 1e6 / CPU_CALLS);
}

void measure_cpu(Bench *bench, const char *name)
{
    char user[] = "crowd-0";
    PrivateDaemon *daemon = crowd_daemon(bench);
    Channel *channel = open_channel(daemon->socket);
    call_prompt(channel, user, bench->next_film++);
    DaemonCpu before = daemon_cpu(daemon);
    for (int i = 0; i < CPU_CALLS; i++)
        call_prompt(channel, user, bench->next_film++);
    report_cpu(name, "100 items, one at a time", before, daemon_cpu(daemon));
    prompt_rate(bench, 1, IN_FLIGHT);
    before = daemon_cpu(daemon);
    prompt_rate(bench, 1, CPU_CALLS - IN_FLIGHT);
    report_cpu(name, "100 items, 16 in flight", before, daemon_cpu(daemon));
    channel_free(channel);
}
