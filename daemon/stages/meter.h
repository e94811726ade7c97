/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What calls of LLMs cost, and the caps on it. Sums of today (UTC) are in memory, so that a cap refuses
 * before a call; the store has them by user, task, stage, backend and day.
 */

#include "daemon/config.h"
#include "daemon/llm/llm.h"
#include "daemon/store/store.h"
#include "lib/llm/stages/stage.h"

typedef struct Meter Meter;

/* Reads today's sums: until they are there, nothing is refused. */
Meter *meter_new(const Config *config, Store *store);

/* When the store is closed. NULL is fine. */
void meter_free(Meter *meter);

/* What is accounted. */
typedef struct MeterEntry {
    Stage stage;
    rpmd_text task;
    rpmd_text user;
    uint64_t user_number; /* StoreUser.number; 0: not known */
    const char *backend;
    bool was_cached;
    bool is_failure;
    bool is_repair;
    LlmUsage usage;
    uint64_t cost_micros;
    uint64_t milliseconds;
} MeterEntry;

void meter_add(Meter *meter, const MeterEntry *entry);

/* STATUS_REFUSED (RESOURCE_EXHAUSTED, naming the cap) where a call of the user may not be made today. */
int meter_check(Meter *meter, rpmd_text task, rpmd_text user, Status *status);
