/* SPDX-License-Identifier: MIT */
#include "bench/rows/rows.h"

#include <stdio.h>

#define USERS 10
#define DELETIONS 60

static void measure_deletions(Channel *channel, const char *name, const char *what, char *user)
{
    _cleanup_times_ Times times = TIMES_INIT;
    call_prompt(channel, user, 0);
    for (uint64_t film = 0; film < DELETIONS; film++)
        times_add(&times, call_delete(channel, user, film));
    report_times(name, what, &times);
}

static void measure_erasures(Channel *channel, const char *name, const char *what, const char *group,
                             uint64_t users)
{
    _cleanup_times_ Times times = TIMES_INIT;
    for (uint64_t number = 0; number < users; number++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        times_add(&times, call_erase(channel, user_name(&arena, group, number)));
    }
    report_times(name, what, &times);
}

/* In the crowd's store, so that what an erasure looks through is not only the user's own. */
void measure_erase(Bench *bench, const char *name)
{
    char small[] = "small-0", long_lived[] = "long-0", what[64];
    Channel *channel = open_channel(crowd_daemon(bench)->socket);
    import_and_build(channel, "small", 0, USERS, 2 * SMALL_ITEMS);
    import_and_build(channel, "long", 0, 1, bench->sizes.middle_items);
    measure_deletions(channel, name, "delete of an item, user of 200 items", small);
    snprintf(what, sizeof(what), "delete of an item, user of %lu items",
             (unsigned long)bench->sizes.middle_items);
    measure_deletions(channel, name, what, long_lived);
    measure_erasures(channel, name, "erase of a user of 200 items", "small", USERS);
    snprintf(what, sizeof(what), "erase of a user of %lu items", (unsigned long)bench->sizes.middle_items);
    measure_erasures(channel, name, what, "long", 1);
    channel_free(channel);
}
