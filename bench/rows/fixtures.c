/* SPDX-License-Identifier: MIT */
#include "bench/rows/rows.h"

#include "lib/base/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FLOOR_ROUNDS 201
#define PAGE_BYTES 4096
#define FILE_PAGES 64

PrivateDaemon *crowd_daemon(Bench *bench)
{
    if (bench->crowd.pid > 0)
        return &bench->crowd;
    daemon_start(&bench->crowd, bench->build, "");
    Channel *channel = open_channel(bench->crowd.socket);
    import_users(channel, "crowd", 0, bench->sizes.crowd_users, SMALL_ITEMS);
    if (bench->sizes.bystanders > 0)
        import_users(channel, "bystander", 0, bench->sizes.bystanders, BYSTANDER_ITEMS);
    DaemonCpu before = daemon_cpu(&bench->crowd);
    bench->crowd_build_seconds = build_all(channel, 0);
    bench->crowd_build_cpu = daemon_cpu(&bench->crowd);
    bench->crowd_build_cpu.daemon -= before.daemon;
    bench->crowd_build_cpu.workers -= before.workers;
    import_and_build(channel, "stranger", 0, STRANGERS, SMALL_ITEMS);
    channel_free(channel);
    return &bench->crowd;
}

PrivateDaemon *large_daemon(Bench *bench)
{
    char middle[] = "middle-0", large[] = "large-0";
    if (bench->large.pid > 0)
        return &bench->large;
    daemon_start(&bench->large, bench->build, "");
    Channel *channel = open_channel(bench->large.socket);
    import_and_build(channel, "stranger", 0, STRANGERS, SMALL_ITEMS);
    import_users(channel, "middle", 0, 1, bench->sizes.middle_items);
    bench->middle_build_seconds = build_user(channel, middle);
    import_users(channel, "large", 0, 1, bench->sizes.large_items);
    bench->large_build_seconds = build_user(channel, large);
    channel_free(channel);
    return &bench->large;
}

double fdatasync_seconds(const char *directory)
{
    _cleanup_times_ Times times = TIMES_INIT;
    static char page[PAGE_BYTES];
    char path[160];
    snprintf(path, sizeof(path), "%s/floor", directory);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int round = -FILE_PAGES; round < FLOOR_ROUNDS; round++) {
        page[0] = (char)round;
        double begin = now_seconds();
        if (pwrite(file, page, sizeof(page), (off_t)(round + FILE_PAGES) % FILE_PAGES * PAGE_BYTES) < 0 ||
            fdatasync(file) < 0)
            bench_fail(path, NULL);
        /* The first ones make the file longer, which costs a write more. */
        if (round >= 0)
            times_add(&times, now_seconds() - begin);
    }
    close(file);
    unlink(path);
    return times_median(&times);
}

double memcpy_seconds(size_t bytes)
{
    _cleanup_times_ Times times = TIMES_INIT;
    _cleanup_free_ char *from = memory_allocate(bytes, 1), *to = memory_allocate(bytes, 1);
    for (int round = 0; round < FLOOR_ROUNDS; round++) {
        double begin = now_seconds();
        memcpy(to, from, bytes);
        __asm__ volatile("" : : "r"(to) : "memory"); /* so that the copy is made */
        times_add(&times, now_seconds() - begin);
    }
    return times_median(&times);
}
