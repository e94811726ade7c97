/* SPDX-License-Identifier: MIT */
#include "bench/rows/rows.h"

#include "bench/common/flights.h"

#include <stdio.h>

#define CALLS 60
#define IN_FLIGHT 64

/* Appends to one user after the other; the first one, which may load what all users need, does not count. */
static void append_to_crowd(Bench *bench, const char *name, const char *what, Channel *channel,
                            bool is_cached)
{
    _cleanup_times_ Times times = TIMES_INIT;
    uint64_t users = MIN((uint64_t)CALLS, bench->sizes.crowd_users - 1);
    for (uint64_t number = 0; number <= users; number++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        char *user = user_name(&arena, "crowd", number);
        if (is_cached)
            call_prompt(channel, user, bench->next_film++);
        double seconds = call_append(channel, user, bench->next_film++);
        if (number > 0)
            times_add(&times, seconds);
    }
    report_times(name, what, &times);
}

static void append_to_middle(Bench *bench, const char *name)
{
    _cleanup_times_ Times times = TIMES_INIT;
    char middle[] = "middle-0";
    Channel *channel = open_channel(large_daemon(bench)->socket);
    call_prompt(channel, middle, bench->next_film++);
    for (int i = 0; i < CALLS; i++)
        times_add(&times, call_append(channel, middle, bench->next_film++));
    report_times(name, "user with a middle-sized history", &times);
    channel_free(channel);
}

void measure_append(Bench *bench, const char *name)
{
    PrivateDaemon *daemon = crowd_daemon(bench);
    daemon_restart(daemon, "");
    Channel *channel = open_channel(daemon->socket);
    append_to_crowd(bench, name, "user of 100 items, not cached", channel, false);
    append_to_crowd(bench, name, "user of 100 items, cached", channel, true);
    channel_free(channel);
    append_to_middle(bench, name);
    report(name, "floor: fdatasync of one page in the same place", "%.2f ms",
           fdatasync_seconds(daemon->place) * 1e3);
}

typedef struct Appends {
    Bench *bench;
    uint64_t users;
} Appends;

static const ProtobufCMessage *next_append(Arena *arena, uint64_t number, void *context)
{
    Appends *appends = context;
    return make_append(arena, user_name(arena, "crowd", number % appends->users),
                       appends->bench->next_film++);
}

static double append_rate(Bench *bench, uint64_t users)
{
    Appends appends = {bench, users};
    FlightPlan plan = {.socket = crowd_daemon(bench)->socket,
                       .method = "/rpmd.v1.History/Append",
                       .in_flight = IN_FLIGHT,
                       .seconds = bench->sizes.throughput_seconds,
                       .make = next_append,
                       .context = &appends};
    return fly(&plan);
}

void measure_append_rate(Bench *bench, const char *name)
{
    char what[64];
    uint64_t users = bench->sizes.crowd_users;
    snprintf(what, sizeof(what), "64 in flight, over %lu users", (unsigned long)users);
    report(name, what, "%.0f appends/s", append_rate(bench, users));
    report(name, "64 in flight, over 64 users", "%.0f appends/s", append_rate(bench, IN_FLIGHT));
    report(name, "64 in flight, all for one user", "%.0f appends/s", append_rate(bench, 1));
}
