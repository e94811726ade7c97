/* SPDX-License-Identifier: MIT */

/*
 * What users wait whom a load is not about: one appends, one asks for prompts, each one call at a time at a
 * fixed pace on a connection and a thread of its own. A call that takes longer than the pace delays the next
 * one, and what is shown is how long each call took, not how late it came.
 */
#include "bench/rows/rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define APPEND_PACE 0.010
#define PROMPT_PACE 0.002
#define ERASED_USERS 6
#define WARM_UP_CALLS 20
#define TAIL_US 1000000 /* what a load leaves to be done later is measured too */
/* A build of all users is given up after so many seconds: it goes on as it began. */
#define BUILD_ALL_SECONDS 15.0

typedef double CallOf(Channel *channel, char *user, uint64_t film);

/* A user whom the load is not about. */
typedef struct Stranger {
    pthread_t thread;
    char user[32];
    const char *socket;
    CallOf *call;
    double pace;
    uint64_t film;
    const atomic_bool *stop;
    Times times;
} Stranger;

static void *call_at_pace(void *argument)
{
    Stranger *stranger = argument;
    Channel *channel = open_channel(stranger->socket);
    double due = now_seconds();
    while (!atomic_load(stranger->stop)) {
        times_add(&stranger->times, stranger->call(channel, stranger->user, stranger->film++));
        double now = now_seconds();
        due += stranger->pace;
        if (due > now)
            usleep((useconds_t)((due - now) * 1e6));
        else
            due = now;
    }
    channel_free(channel);
    return NULL;
}

static void stranger_start(Stranger *stranger, Bench *bench, const PrivateDaemon *daemon,
                           const atomic_bool *stop)
{
    Channel *channel = open_channel(daemon->socket);
    stranger->socket = daemon->socket;
    stranger->stop = stop;
    for (int i = 0; i < WARM_UP_CALLS; i++)
        stranger->call(channel, stranger->user, bench->next_film++);
    channel_free(channel);
    /* Two threads draw films: each has numbers of its own. */
    stranger->film = bench->next_film;
    bench->next_film += 1000000;
    if (pthread_create(&stranger->thread, NULL, call_at_pace, stranger) != 0)
        bench_fail("a thread", NULL);
}

/* The load is repeated for `seconds`, and runs at least once. */
static void measure_beside(Bench *bench, const char *name, const PrivateDaemon *daemon, double seconds,
                           void (*load)(Bench *bench, Channel *channel))
{
    atomic_bool stop = false;
    Stranger strangers[STRANGERS] = {
        {.user = "stranger-0", .call = call_append, .pace = APPEND_PACE},
        {.user = "stranger-1", .call = call_prompt, .pace = PROMPT_PACE},
    };
    Channel *channel = open_channel(daemon->socket);
    for (size_t i = 0; i < STRANGERS; i++)
        stranger_start(&strangers[i], bench, daemon, &stop);
    double begin = now_seconds();
    do
        load(bench, channel);
    while (now_seconds() - begin < seconds);
    double took = now_seconds() - begin;
    usleep(TAIL_US);
    atomic_store(&stop, true);
    for (size_t i = 0; i < STRANGERS; i++)
        pthread_join(strangers[i].thread, NULL);
    report_times(name, "a stranger's append", &strangers[0].times);
    report_times(name, "a stranger's prompt, cached", &strangers[1].times);
    report(name, "the load took", "%.1f s", took);
    for (size_t i = 0; i < STRANGERS; i++)
        times_finish(&strangers[i].times);
    channel_free(channel);
}

static void rebuild_large(Bench *bench, Channel *channel)
{
    char large[] = "large-0";
    build_user(channel, large);
}

void measure_beside_rebuild(Bench *bench, const char *name)
{
    measure_beside(bench, name, large_daemon(bench), bench->sizes.beside_seconds, rebuild_large);
}

static void build_everybody(Bench *bench, Channel *channel)
{
    build_all(channel, BUILD_ALL_SECONDS);
}

void measure_beside_build_all(Bench *bench, const char *name)
{
    measure_beside(bench, name, crowd_daemon(bench), bench->sizes.beside_seconds, build_everybody);
}

static void erase_some(Bench *bench, Channel *channel)
{
    for (uint64_t number = 0; number < ERASED_USERS; number++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        call_erase(channel, user_name(&arena, "erased", number));
    }
}

void measure_beside_erase(Bench *bench, const char *name)
{
    char what[64];
    PrivateDaemon *daemon = crowd_daemon(bench);
    Channel *channel = open_channel(daemon->socket);
    import_and_build(channel, "erased", 0, ERASED_USERS, bench->sizes.erased_items);
    channel_free(channel);
    snprintf(what, sizeof(what), "the load: %d users of %lu items, one by one", ERASED_USERS,
             (unsigned long)bench->sizes.erased_items);
    report(name, what, "and 1 s after the last");
    measure_beside(bench, name, daemon, 0, erase_some);
}
