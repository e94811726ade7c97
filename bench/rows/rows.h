/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The rows of bench/core: each measures one thing that a person or an operator waits for or pays for, against
 * a private daemon of the build folder that is measured.
 *
 * Two daemons are shared by the rows and started when first needed: `crowd` has many users of SMALL_ITEMS
 * items, `large` has two users with long histories ("middle" and "large") and a few small ones. Rows add
 * items to their users, but do not otherwise depend on each other.
 */

#include "bench/common/calls.h"
#include "bench/common/private_daemon.h"
#include "bench/common/report.h"

#define SMALL_ITEMS 100
#define STRANGERS 2 /* in each shared daemon: users whom no row's load is about */

/* How much is measured. */
typedef struct Sizes {
    uint64_t middle_items;
    uint64_t large_items;
    uint64_t crowd_users;  /* of SMALL_ITEMS items */
    uint64_t bystanders;   /* further users in the crowd's store, of BYSTANDER_ITEMS items */
    uint64_t erased_items; /* of each user that is erased */
    double throughput_seconds;
    double beside_seconds; /* a load is repeated until so much time has passed */
    bool waits;            /* for a minute, to see what memory is given back */
} Sizes;

#define BYSTANDER_ITEMS 5

typedef struct Bench {
    const char *build;
    Sizes sizes;
    PrivateDaemon crowd, large;
    double crowd_build_seconds; /* the first build of all users of the crowd */
    DaemonCpu crowd_build_cpu;  /* what it took */
    double middle_build_seconds, large_build_seconds;
    uint64_t next_film; /* so that no item is appended twice */
} Bench;

typedef struct Row {
    const char *name;
    const char *purpose;
    void (*run)(Bench *bench, const char *name);
} Row;

/* The shared daemons, filled and with all models built. */
PrivateDaemon *crowd_daemon(Bench *bench);
PrivateDaemon *large_daemon(Bench *bench);

/* What the kernel needs for the unavoidable part: medians of many. */
double fdatasync_seconds(const char *directory);
double memcpy_seconds(size_t bytes);

void measure_rebuild(Bench *bench, const char *name);
void measure_build_all(Bench *bench, const char *name);
void measure_beside_rebuild(Bench *bench, const char *name);
void measure_beside_build_all(Bench *bench, const char *name);
void measure_beside_erase(Bench *bench, const char *name);
void measure_append(Bench *bench, const char *name);
void measure_append_rate(Bench *bench, const char *name);
void measure_prompt_rate(Bench *bench, const char *name);
void measure_miss(Bench *bench, const char *name);
void measure_large_prompt(Bench *bench, const char *name);
void measure_cpu(Bench *bench, const char *name);
void measure_memory(Bench *bench, const char *name);
void measure_resident(Bench *bench, const char *name);
void measure_erase(Bench *bench, const char *name);
