/* SPDX-License-Identifier: MIT */
#include "tests/simulation/core.h"

#include "lib/base/memory.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/llm.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/world.h"

#include <stdio.h>

/* Far more than any world needs: a world that does not come to rest has to end all the same. */
#define SETTLING_STEPS 200000

Core core;

static uv_loop_t loop; /* nobody runs it */

static char *copy(const char *text)
{
    return memory_copy_text(text, strlen(text));
}

static void configure(const Profile *profile)
{
    Config *config = &core.config;
    config_init(config);
    config->cache_bytes = profile->cache_bytes;
    config->call_seconds = 30;
    config->reply_bytes = profile->keeps_replies ? 1 << 20 : 0;
    config->method.rebuild = profile->rebuilds;
    config->backends = NEW(BackendSettings);
    config->backend_count = 1;
    config->backends[0] = (BackendSettings){.name = LLM_BACKEND,
                                            .base_url = copy("http://localhost/v1"),
                                            .model = copy("drawn"),
                                            .max_tokens = 100,
                                            .temperature = -1,
                                            .concurrency = 4,
                                            .price_prompt = 1,
                                            .price_cached = -1,
                                            .price_completion = 1};
    for (size_t i = 0; i < STAGE_COUNT; i++)
        if (profile->stages[i])
            snprintf(config->method.stages[i], CONFIG_NAME_SIZE, "%s", LLM_BACKEND);
}

void core_begin(const Profile *profile)
{
    Status status = STATUS_INIT;
    trace("the daemon starts");
    configure(profile);
    core.store = store_begin(profile->store_failure);
    core.plugins = plugins_begin(profile->plugin_failure, profile->plugin_hanging);
    core.llm = llm_begin(profile->llm_failure);
    const StagesContext stages = {&loop, &core.config, core.store, core.llm};
    HOLDS(stages_open(&core.stages, &stages, &status) == 0, "%s", status.message);
    const UsersContext users = {&loop, core.store, core.plugins, core.stages, &core.config};
    core.users = users_new(&users);
    core.queries = queries_new(&(QueriesContext){&loop, &core.config, core.plugins, core.users, core.stages});
    core.rebuild = rebuild_new(&users, core.users);
}

bool core_has_llm(void)
{
    for (size_t i = 0; i < STAGE_RESPOND; i++)
        if (config_backend(&core.config, core.config.method.stages[i]))
            return true;
    return false;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void note_closed(void *data)
{
    *(bool *)data = true;
}

static void run_until(const bool *is_done, const char *what)
{
    for (size_t steps = 0; !*is_done; steps++)
        HOLDS(steps < SETTLING_STEPS && (world_step() || world_pass_time_to_next()), "%s does not end", what);
}

void core_settle(void)
{
    for (size_t steps = 0; world_step() || world_pass_time_to_next(); steps++)
        HOLDS(steps < SETTLING_STEPS, "the world does not come to rest");
}

static void mark_crash(void)
{
    for (size_t i = 0; i < disk.user_count; i++) {
        const StoredUser *user = disk.users[i];
        const StoredVersion *version = stored_version(user, user->user.model_version);
        if (version && version->version.history_revision < user->user.history_revision)
            mark(MARK_CRASHED_BEHIND);
    }
}

void core_stop(bool is_crash)
{
    bool users_are_closed = false, store_is_closed = false;
    trace("the daemon %s", is_crash ? "crashes" : "stops");
    if (is_crash) {
        mark_crash();
        store_crash(core.store);
    }
    clients_leave(is_crash);
    rebuild_close(core.rebuild);
    users_close(core.users, note_closed, &users_are_closed);
    run_until(&users_are_closed, "closing the users");
    HOLDS(clients_at_work() == 0, "%zu calls were not answered when the daemon ended", clients_at_work());
    stages_close(core.stages);
    llm_end(core.llm);
    store_close(core.store, note_closed, &store_is_closed);
    run_until(&store_is_closed, "closing the store");
    core_settle(); /* threads end what they have at hand, as they do when a loop is closed */
    queries_free(core.queries);
    stages_free(core.stages);
    plugins_end(core.plugins);
    config_finish(&core.config);
    core = (Core){0};
}
