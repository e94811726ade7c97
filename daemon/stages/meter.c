/* SPDX-License-Identifier: MIT */
#include "daemon/stages/meter.h"

#include "daemon/log.h"
#include "lib/base/buffer.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <time.h>

#define SECONDS_PER_DAY 86400

/* One row on its way to the store; it owns its texts. */
typedef struct Writing {
    Arena arena;
    StoreUsage usage;
} Writing;

struct Meter {
    const Config *config;
    Store *store;
    int64_t day;          /* that the sums are of */
    uint64_t cost;        /* of all users, today */
    Intern users;         /* "task\x1fuser" of those who spent something today */
    uint64_t *user_costs; /* user_costs[number] */
    size_t user_capacity;
    StoreListUsage request;
};

static int64_t today(void)
{
    return (int64_t)time(NULL) / SECONDS_PER_DAY;
}

/* A new day begins with nothing. */
static void turn_day(Meter *meter)
{
    int64_t day = today();
    if (meter->day == day)
        return;
    meter->day = day;
    meter->cost = 0;
    intern_finish(&meter->users);
}

static uint64_t *user_cost(Meter *meter, rpmd_text task, rpmd_text user)
{
    _cleanup_buffer_ Buffer name = BUFFER_INIT;
    buffer_append(&name, task.data, task.length);
    buffer_append(&name, "\x1f", 1);
    buffer_append(&name, user.data, user.length);
    uint32_t before = meter->users.count;
    uint32_t number = intern_add(&meter->users, (rpmd_text){buffer_string(&name), name.length});
    if (number >= meter->user_capacity) {
        meter->user_capacity = MAX(2 * meter->user_capacity, (size_t)64);
        meter->user_costs = memory_resize(meter->user_costs, meter->user_capacity, sizeof(uint64_t));
    }
    if (number == before)
        meter->user_costs[number] = 0;
    return &meter->user_costs[number];
}

/* ---- today's sums, after a restart -------------------------------------------------------------------- */

static void on_loaded(StoreReply *reply, void *data)
{
    Meter *meter = data;
    if (!status_is_ok(&reply->status))
        log_warning("what was spent today could not be read, the daily caps begin anew: %s",
                    reply->status.message);
    turn_day(meter);
    for (size_t i = 0; i < reply->usages.count; i++) {
        const StoreUsage *row = &reply->usages.rows[i];
        if (row->day != meter->day)
            continue;
        meter->cost += row->cost_micros;
        *user_cost(meter, row->task, row->user) += row->cost_micros;
    }
}

Meter *meter_new(const Config *config, Store *store)
{
    Meter *meter = NEW(Meter);
    *meter = (Meter){.config = config, .store = store, .day = today()};
    meter->request = (StoreListUsage){.from_day = meter->day, .by_user = true};
    store_usage_list(store, &meter->request, on_loaded, meter);
    return meter;
}

void meter_free(Meter *meter)
{
    if (!meter)
        return;
    intern_finish(&meter->users);
    free(meter->user_costs);
    free(meter);
}

/* ---- accounting --------------------------------------------------------------------------------------- */

static void on_written(StoreReply *reply, void *data)
{
    Writing *writing = data;
    if (!status_is_ok(&reply->status))
        log_warning("the cost of a call could not be written down: %s", reply->status.message);
    arena_finish(&writing->arena);
    free(writing);
}

void meter_add(Meter *meter, const MeterEntry *entry)
{
    Writing *writing = NEW(Writing);
    turn_day(meter);
    meter->cost += entry->cost_micros;
    if (entry->cost_micros > 0)
        *user_cost(meter, entry->task, entry->user) += entry->cost_micros;
    writing->usage = (StoreUsage){
        .task = arena_text(&writing->arena, entry->task),
        .user = arena_text(&writing->arena, entry->user),
        .user_number = entry->user_number,
        .stage = arena_text(&writing->arena, text_of(stage_name(entry->stage))),
        .backend = arena_text(&writing->arena, text_of(entry->backend)),
        .day = meter->day,
        .calls = !entry->was_cached,
        .cached_replies = entry->was_cached,
        .failures = entry->is_failure,
        .repairs = entry->is_repair,
        .prompt_tokens = entry->usage.prompt_tokens,
        .cached_tokens = entry->usage.cached_tokens,
        .completion_tokens = entry->usage.completion_tokens,
        .cost_micros = entry->cost_micros,
        .milliseconds = entry->milliseconds,
    };
    store_usage_add(meter->store, &writing->usage, on_written, writing);
}

int meter_check(Meter *meter, rpmd_text task, rpmd_text user, Status *status)
{
    const Config *config = meter->config;
    turn_day(meter);
    if (config->day_cost > 0 && (double)meter->cost >= config->day_cost * 1e6)
        return status_refuse(
            status, STATUS_RESOURCE_EXHAUSTED,
            "LLMs have cost %.4f today, and max_day_cost = %g is reached; wait for tomorrow (UTC), or raise "
            "it under [llm]",
            (double)meter->cost / 1e6, config->day_cost);
    uint64_t cost = config->user_day_cost > 0 ? *user_cost(meter, task, user) : 0;
    if (config->user_day_cost > 0 && (double)cost >= config->user_day_cost * 1e6)
        return status_refuse(
            status, STATUS_RESOURCE_EXHAUSTED,
            "LLMs have cost %.4f today for the user %.*s, and max_user_day_cost = %g is reached; wait for "
            "tomorrow (UTC), or raise it under [llm]",
            (double)cost / 1e6, (int)MIN(user.length, (size_t)100), user.data, config->user_day_cost);
    return 0;
}
