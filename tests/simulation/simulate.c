/* SPDX-License-Identifier: MIT */

/*
 * Runs worlds, one for each seed, and says which one failed. docs/simulation.md tells what a world is.
 *
 *     simulate --seed 7              one world
 *     simulate --seed 1 --count 200  so many, from this seed on
 *     simulate --seconds 60          worlds of seeds that are drawn, for that long
 *     simulate --seeds FILE          those that the file lists, a line each
 */

#include "lib/base/memory.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/core.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/llm.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/world.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/time.h>

typedef struct Options {
    uint64_t seed;
    uint64_t count;
    uint64_t seconds; /* 0: so many worlds as count says */
    uint64_t steps;   /* 0: as many as are drawn */
    const char *seeds;
    bool needs_marks; /* all marks have to be reached */
} Options;

/* ---- one world ------------------------------------------------------------------------------------------
 */

static size_t draw_one_of(size_t never, size_t one_of)
{
    return draw_chance(never) ? 0 : one_of;
}

/* Some worlds are quiet, some are full of faults, some are crowded. */
static Profile draw_profile(const Options *options)
{
    Profile profile = {
        .users = draw_between(1, 3),
        .clients = draw_between(2, 6),
        .steps = options->steps ? options->steps : draw_between(200, 900),
        .store_failure = draw_one_of(2, draw_between(20, 100)),
        .plugin_failure = draw_one_of(2, draw_between(10, 60)),
        .plugin_hanging = draw_one_of(2, draw_between(10, 60)),
        .llm_failure = draw_one_of(3, draw_between(4, 20)),
        .keeps_replies = draw_chance(2),
        .has_bulk = draw_chance(60),
        .rebuilds = draw_chance(2),
        .cancel = draw_one_of(4, draw_between(10, 60)),
        .stop = draw_one_of(2, draw_between(80, 300)),
        .crash = draw_one_of(2, draw_between(80, 300)),
        .cache_bytes = draw_chance(3) ? 1 : 64 << 20,
    };
    bool has_llm = draw_chance(2);
    for (size_t i = 0; i < STAGE_COUNT; i++)
        profile.stages[i] = has_llm && draw_chance(2);
    /* Who pays for what the daemon builds by itself is known to nobody here. */
    profile.rebuilds &= !has_llm;
    return profile;
}

/* The daemon ends in whatever way, and starts again. */
static void restart(const Profile *profile, bool is_crash)
{
    core_stop(is_crash);
    core_begin(profile);
}

static void step(const Profile *profile)
{
    if (clients_at_work() < profile->clients && draw_chance(6))
        clients_ask();
    else if (profile->cancel && draw_chance(profile->cancel))
        clients_cancel_one();
    else if (draw_chance(12))
        world_pass_time(draw_between(1, 3000) * MILLISECOND);
    else if (profile->stop && draw_chance(profile->stop))
        restart(profile, false);
    else if (profile->crash && draw_chance(profile->crash))
        restart(profile, true);
    else if (draw_chance(150))
        plugins_reload(core.plugins);
    else if (!world_step() && !world_pass_time_to_next())
        clients_ask();
    check_step();
}

static void run_world(uint64_t seed, const Options *options)
{
    world_begin(seed);
    stored_begin();
    ledger_begin();
    plugins_reset();
    const Profile profile = draw_profile(options);
    clients_begin(&profile);
    core_begin(&profile);
    for (size_t i = 0; i < profile.steps; i++) {
        step(&profile);
        if (draw_chance(200))
            check_rest();
    }
    check_rest();
    core_stop(draw_chance(4));
    clients_end();
    llm_reset();
    ledger_end();
    stored_end();
    world_end();
}

/* ---- many -----------------------------------------------------------------------------------------------
 */

/* The clock of the world stands still; this one does not. */
static uint64_t seconds_now(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec;
}

static uint64_t run_for(const Options *options)
{
    uint64_t until = seconds_now() + options->seconds, count = 0, seed;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = seconds_now();
    for (seed >>= 24; seconds_now() < until; count++)
        run_world(seed + count, options);
    return count;
}

/* A line is a number, followed by what there is to know about it. */
static uint64_t run_file(const Options *options)
{
    uint64_t count = 0;
    char line[512];
    FILE *file = fopen(options->seeds, "re");
    if (!file) {
        fprintf(stderr, "simulate: %s: %s\n", options->seeds, strerror(errno));
        exit(2);
    }
    while (fgets(line, sizeof(line), file)) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end == line)
            continue;
        run_world(seed, options);
        count++;
    }
    fclose(file);
    return count;
}

static uint64_t run_count(const Options *options)
{
    for (uint64_t i = 0; i < options->count; i++)
        run_world(options->seed + i, options);
    return options->count;
}

/* ---- options --------------------------------------------------------------------------------------------
 */

static const char usage[] =
    "usage: simulate [--seed N] [--count N] [--seconds N] [--seeds FILE] [--steps N] [--marks] [--verbose]\n";

static Options read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},    {"count", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 't'}, {"seeds", required_argument, NULL, 'f'},
        {"steps", required_argument, NULL, 'n'},   {"marks", no_argument, NULL, 'm'},
        {"verbose", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0}};
    Options options = {.seed = 1, .count = 1};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        uint64_t *const numbers[] = {
            ['s'] = &options.seed, ['c'] = &options.count, ['t'] = &options.seconds, ['n'] = &options.steps};
        switch (option) {
        case 'f':
            options.seeds = optarg;
            break;
        case 'm':
            options.needs_marks = true;
            break;
        case 'v':
            world_set_verbose(true);
            break;
        case 's':
        case 'c':
        case 't':
        case 'n':
            *numbers[option] = strtoull(optarg, NULL, 10);
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    return options;
}

int main(int argc, char **argv)
{
    const Options options = read_options(argc, argv);
    uint64_t count = 0;
    if (options.seeds)
        count += run_file(&options);
    count += options.seconds ? run_for(&options) : run_count(&options);
    printf("%lu worlds without a fault; reached:\n", (unsigned long)count);
    size_t missing = marks_print();
    if (!options.needs_marks || missing == 0)
        return 0;
    fprintf(stderr, "simulate: %zu marks were not reached\n", missing);
    return 1;
}
