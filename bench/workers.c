/* SPDX-License-Identifier: MIT */

/*
 * Measures what a worker process costs: the same call of the same plugin through the registry, in the
 * daemon's process and in a worker, in turns, one in flight. Usage: workers BUILD-DIRECTORY
 */

#include "daemon/log.h"
#include "daemon/plugins/registry.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CALLS 2000
#define ROUNDS 5

typedef struct Side {
    const char *name;
    uv_loop_t loop;
    PluginRegistry *registry;
    char place[64];
    bool done;
    double times[CALLS * ROUNDS]; /* microseconds */
    size_t count;
} Side;

static _Noreturn void fail(const char *sentence)
{
    fprintf(stderr, "bench: %s\n", sentence);
    exit(1);
}

static void wait_until_done(Side *side)
{
    while (!side->done)
        uv_run(&side->loop, UV_RUN_ONCE);
    side->done = false;
}

static void on_loaded(const Status *status, const PluginTask *task, void *data)
{
    (void)task;
    if (!status_is_ok(status))
        fail(status->message);
    ((Side *)data)->done = true;
}

static void on_closed(void *data)
{
    ((Side *)data)->done = true;
}

static void on_analyzed(PluginBatch *batch, void *data)
{
    if (!status_is_ok(&batch->status))
        fail(batch->status.message);
    ((Side *)data)->done = true;
}

static void open_side(Side *side, const char *build, bool in_process)
{
    char worker[160], file[160];
    Status status = STATUS_INIT;
    side->name = in_process ? "in the process" : "in a worker";
    snprintf(worker, sizeof(worker), "%s/rpmd-worker", build);
    snprintf(file, sizeof(file), "%s/plugins/movie_tagging.so", build);
    snprintf(side->place, sizeof(side->place), "/tmp/rpmd-bench-XXXXXX");
    uv_loop_init(&side->loop);
    const PluginSettings settings = {.in_process = in_process,
                                     .workers = 1,
                                     .workers_limit = 1,
                                     .worker_memory = 256 * 1024 * 1024,
                                     .worker_program = worker};
    if (!mkdtemp(side->place) ||
        plugin_registry_open(&side->registry, &side->loop, side->place, &settings, &status))
        fail(status.message);
    plugin_registry_load(side->registry, file, on_loaded, side);
    wait_until_done(side);
}

static void close_side(Side *side)
{
    char command[96];
    plugin_registry_close(side->registry, on_closed, side);
    wait_until_done(side);
    uv_run(&side->loop, UV_RUN_DEFAULT);
    uv_loop_close(&side->loop);
    snprintf(command, sizeof(command), "rm -rf %s", side->place);
    if (system(command) != 0)
        fail(command);
}

static void measure(Side *side)
{
    const AnalysisRequest request = {
        .query = text_of(
            "A retired detective hunts a serial killer in a small town, falls in love with a stranger, "
            "and must save the world from an ancient evil before midnight.")};
    for (int i = 0; i < CALLS; i++) {
        uint64_t begin = uv_hrtime();
        plugin_registry_analyze(side->registry, "movie_tagging", &request, 1, PLUGIN_URGENT, 0, on_analyzed,
                                side);
        wait_until_done(side);
        side->times[side->count++] = (double)(uv_hrtime() - begin) / 1e3;
    }
}

static int compare_times(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

int main(int count, char **words)
{
    static Side sides[2];
    const char *build = count > 1 ? words[1] : "build";
    for (int i = 0; i < 2; i++)
        open_side(&sides[i], build, i == 0);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < 2; i++)
            measure(&sides[i]);
    for (int i = 0; i < 2; i++) {
        Side *side = &sides[i];
        qsort(side->times, side->count, sizeof(double), compare_times);
        printf("extract %-15s p50 %6.1f us, p99 %6.1f us\n", side->name, side->times[side->count / 2],
               side->times[side->count * 99 / 100]);
    }
    printf("a worker costs %.1f us more at p50\n",
           sides[1].times[sides[1].count / 2] - sides[0].times[sides[0].count / 2]);
    for (int i = 0; i < 2; i++)
        close_side(&sides[i]);
    return 0;
}
