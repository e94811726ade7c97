/* SPDX-License-Identifier: MIT */

/*
 * What changes and queries cost, and what users wait beside others' changes: each row against a private
 * daemon of any build folder, so that one program compares two builds.
 *
 *     core [--quick] [--scale] [--wait] BUILD-FOLDER [ROW...]
 *
 * The films are synthetic (bench/common/films.h). Prints figures, asserts nothing. The scratch directories
 * are made under TMPDIR: put it on the disk that is to be measured.
 */
#include "bench/rows/rows.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In this order: appends, which make histories longer, come behind what is measured on short ones. */
static const Row rows[] = {
    {"rebuild", "building a long history a second time, against the first", measure_rebuild},
    {"build-all", "building all users of a task", measure_build_all},
    {"beside-rebuild", "a stranger's calls beside a rebuild of a long history", measure_beside_rebuild},
    {"beside-build-all", "a stranger's calls beside a build of all users", measure_beside_build_all},
    {"beside-erase", "a stranger's calls beside erasures", measure_beside_erase},
    {"prompt-rate", "prompts in flight at once, by the number of active users", measure_prompt_rate},
    {"miss", "a prompt for a user whose model is not cached", measure_miss},
    {"large-prompt", "prompts for a user with a long history", measure_large_prompt},
    {"cpu", "CPU time of a prompt", measure_cpu},
    {"memory", "memory of cached models", measure_memory},
    {"append", "one append after the other", measure_append},
    {"append-rate", "appends in flight at once", measure_append_rate},
    {"resident", "memory after long histories were built and served", measure_resident},
    {"erase", "deleting an item, erasing a user", measure_erase},
};

/* The default takes two to three minutes on two cores. */
static const Sizes usual = {.middle_items = 10000,
                            .large_items = 30000,
                            .crowd_users = 700,
                            .erased_items = 1000,
                            .throughput_seconds = 3,
                            .beside_seconds = 4};
static const Sizes quick = {.middle_items = 2000,
                            .large_items = 5000,
                            .crowd_users = 201,
                            .erased_items = 300,
                            .throughput_seconds = 1,
                            .beside_seconds = 2};
/* A million items of a hundred thousand users. */
static const Sizes scale = {.middle_items = 10000,
                            .large_items = 30000,
                            .crowd_users = 5000,
                            .bystanders = 100000,
                            .erased_items = 1000,
                            .throughput_seconds = 5,
                            .beside_seconds = 10};

static int usage(void)
{
    fprintf(stderr, "usage: core [--quick | --scale] [--wait] BUILD-FOLDER [ROW...]\n"
                    "  --quick  small sizes, half a minute\n"
                    "  --scale  a million items of a hundred thousand users, many minutes\n"
                    "  --wait   look at the memory a minute later, too\n"
                    "rows:\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        fprintf(stderr, "  %-17s %s\n", rows[i].name, rows[i].purpose);
    return 2;
}

static bool is_wanted(const Row *row, char **names)
{
    if (!*names)
        return true;
    for (; *names; names++)
        if (strcmp(row->name, *names) == 0)
            return true;
    return false;
}

static bool is_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

int main(int count, char **words)
{
    static const struct option options[] = {{"quick", no_argument, NULL, 'q'},
                                            {"scale", no_argument, NULL, 's'},
                                            {"wait", no_argument, NULL, 'w'},
                                            {0}};
    Bench bench = {.sizes = usual, .next_film = 1000000};
    bool waits = false;
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;) {
        if (option == 'w')
            waits = true;
        else if (option == 'q' || option == 's')
            bench.sizes = option == 'q' ? quick : scale;
        else
            return usage();
    }
    if (optind == count)
        return usage();
    bench.build = words[optind++];
    bench.sizes.waits = waits;
    for (int i = optind; i < count; i++)
        if (!is_row(words[i]))
            return usage();
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (is_wanted(&rows[i], &words[optind]))
            rows[i].run(&bench, rows[i].name);
    daemon_stop(&bench.crowd);
    daemon_stop(&bench.large);
    return 0;
}
