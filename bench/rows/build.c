/* SPDX-License-Identifier: MIT */
#include "bench/rows/rows.h"

#include <stdio.h>

static void report_rebuild(const char *row, Channel *channel, char *user, uint64_t items, double first)
{
    char what[64];
    double again = build_user(channel, user);
    snprintf(what, sizeof(what), "%lu items: first build, rebuild", (unsigned long)items);
    report(row, what, "%.0f, %.0f items/s; rebuild / first %.2f", (double)items / first,
           (double)items / again, first / again);
}

void measure_rebuild(Bench *bench, const char *name)
{
    char middle[] = "middle-0", large[] = "large-0";
    Channel *channel = open_channel(large_daemon(bench)->socket);
    report_rebuild(name, channel, middle, bench->sizes.middle_items, bench->middle_build_seconds);
    report_rebuild(name, channel, large, bench->sizes.large_items, bench->large_build_seconds);
    channel_free(channel);
}

void measure_build_all(Bench *bench, const char *name)
{
    char what[64];
    Channel *channel = open_channel(crowd_daemon(bench)->socket);
    uint64_t small = bench->sizes.crowd_users * SMALL_ITEMS;
    uint64_t items = small + bench->sizes.bystanders * BYSTANDER_ITEMS;
    uint64_t users = bench->sizes.crowd_users + bench->sizes.bystanders;
    snprintf(what, sizeof(what), "%lu users, first build", (unsigned long)users);
    report(name, what, "%.0f items/s", (double)items / bench->crowd_build_seconds);
    report(name, "the same, CPU time", "daemon %.0f, workers %.0f us an item",
           bench->crowd_build_cpu.daemon * 1e6 / (double)items,
           bench->crowd_build_cpu.workers * 1e6 / (double)items);
    snprintf(what, sizeof(what), "%lu users, rebuild", (unsigned long)users);
    report(name, what, "%.0f items/s", (double)items / build_all(channel, 0));
    channel_free(channel);
}
