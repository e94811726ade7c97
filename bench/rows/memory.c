/* SPDX-License-Identifier: MIT */
#include "bench/rows/rows.h"

#include <stdio.h>
#include <unistd.h>

#define CACHED_USERS 400
#define PROMPTS 20
#define MEGABYTE 1e6

/* A cache that holds them all; a restart, so that nothing but the loaded models makes the daemon grow. */
void measure_memory(Bench *bench, const char *name)
{
    PrivateDaemon *daemon = crowd_daemon(bench);
    uint64_t users = MIN((uint64_t)CACHED_USERS, bench->sizes.crowd_users - 1);
    daemon_restart(daemon, "[daemon]\ncache_bytes = 1G\n");
    Channel *channel = open_channel(daemon->socket);
    double resident = 0, counted = 0;
    for (uint64_t number = 0; number <= users; number++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        call_prompt(channel, user_name(&arena, "crowd", number), bench->next_film++);
        if (number == 0) {
            resident = (double)daemon_resident_bytes(daemon);
            counted = metric(channel, "models_cached_bytes");
        }
    }
    double items = (double)(users * SMALL_ITEMS);
    report(name, "a cached model of 100 items", "resident %.0f, models_cached_bytes %.0f bytes an item",
           ((double)daemon_resident_bytes(daemon) - resident) / items,
           (metric(channel, "models_cached_bytes") - counted) / items);
    channel_free(channel);
    daemon_restart(daemon, "");
}

static void build_and_serve(Bench *bench, Channel *channel, const char *group, uint64_t items)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    char *user = user_name(&arena, group, 0);
    import_and_build(channel, group, 0, 1, items);
    for (int i = 0; i < PROMPTS; i++)
        call_prompt(channel, user, bench->next_film++);
}

void measure_resident(Bench *bench, const char *name)
{
    PrivateDaemon daemon;
    daemon_start(&daemon, bench->build, "");
    Channel *channel = open_channel(daemon.socket);
    report(name, "idle, nothing stored", "%.0f MB", (double)daemon_resident_bytes(&daemon) / MEGABYTE);
    build_and_serve(bench, channel, "middle", bench->sizes.middle_items);
    build_and_serve(bench, channel, "large", bench->sizes.large_items);
    report(name, "after building and serving two long histories", "%.0f MB (models_cached_bytes %.0f MB)",
           (double)daemon_resident_bytes(&daemon) / MEGABYTE,
           metric(channel, "models_cached_bytes") / MEGABYTE);
    if (bench->sizes.waits) {
        sleep(60);
        report(name, "a minute later", "%.0f MB", (double)daemon_resident_bytes(&daemon) / MEGABYTE);
    }
    channel_free(channel);
    daemon_stop(&daemon);
}
