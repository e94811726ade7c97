/* SPDX-License-Identifier: MIT */
#pragma once

/* The daemon's core between the simulated doors: begun, stopped, crashed, begun again over what is stored. */

#include "daemon/query/query.h"
#include "daemon/users/users.h"

#include "daemon/users/operation.h"
#include "daemon/users/rebuild.h"
#include "tests/simulation/plugins.h"
#include "tests/simulation/store.h"

/* How a world is; drawn once. */
typedef struct Profile {
    size_t users;
    size_t clients; /* at once */
    size_t steps;
    size_t store_failure; /* one request of so many; 0: none */
    size_t plugin_failure;
    size_t plugin_hanging;
    size_t llm_failure;
    bool stages[STAGE_COUNT]; /* that run on an LLM */
    bool keeps_replies;
    bool has_bulk; /* many items of one user are imported once */
    bool rebuilds; /* stale models by themselves */
    size_t cancel; /* a client leaves in one step of so many, */
    size_t stop;   /* the daemon stops, */
    size_t crash;
    uint64_t cache_bytes;
} Profile;

typedef struct Core {
    Config config;
    Store *store;
    PluginRegistry *plugins;
    Llm *llm;
    Stages *stages;
    Users *users;
    Queries *queries;
    Rebuild *rebuild;
} Core;

extern Core core;

void core_begin(const Profile *profile);

/* Whether features are found by an LLM: they are then not what the extractor finds. */
bool core_has_llm(void);

/* Ends everything; the clients' calls are over then. */
void core_stop(bool is_crash);

/* Lets everything happen that waits, whenever it is due. */
void core_settle(void);
