/* SPDX-License-Identifier: MIT */
#include "daemon/plugins/generation.h"

#include "daemon/plugins/registry.h"
#include "lib/base/memory.h"

#include <assert.h>

#define TO(state) (1u << (state))

/*
 *               load, reload
 *                    |
 *                    v
 *                VETTING -----------+   vet and copy, on libuv's pool; RETIRED at once when a file that
 *                    |              |   was touched has the content that serves already
 *                    v              |
 *                LOADING -----------+   entry and descriptor, in the first worker
 *                    |              |
 *                    v              |   a step refuses
 *              SELF_TESTING --------+   the plugin's own cases, in the first worker
 *                    |              |
 *                    v              v
 *                 SERVING        FAILED     (end)
 *                    |
 *                    |  a newer generation took over, unload, or the daemon stops
 *                    v
 *                DRAINING               calls that had begun go on
 *                    |
 *                    v  the last call ended
 *                 RETIRED                   (end; its workers are ended)
 *
 * With isolation = none there are no workers: the steps run on libuv's pool, and the code stays mapped.
 *
 * transitions[from]: the states that may follow.
 */
static const unsigned transitions[] = {
    [PLUGIN_VETTING] = TO(PLUGIN_LOADING) | TO(PLUGIN_FAILED) | TO(PLUGIN_RETIRED),
    [PLUGIN_LOADING] = TO(PLUGIN_SELF_TESTING) | TO(PLUGIN_FAILED),
    [PLUGIN_SELF_TESTING] = TO(PLUGIN_SERVING) | TO(PLUGIN_FAILED),
    [PLUGIN_SERVING] = TO(PLUGIN_DRAINING),
    [PLUGIN_DRAINING] = TO(PLUGIN_RETIRED),
    [PLUGIN_RETIRED] = 0,
    [PLUGIN_FAILED] = 0,
};

/* What holds in every state, and in this one. */
static bool invariant(const PluginGeneration *generation)
{
    const PluginTask *task = generation->task;
    bool is_current = task && task->current == generation;
    bool has_calls = generation->calls_in_flight > 0;
    if (generation->calls_running + generation_waiting(generation) != generation->calls_in_flight ||
        generation->background_running > generation->calls_running)
        return false;
    switch (generation->state) {
    case PLUGIN_VETTING:
        return !is_current && !has_calls && !generation->image;
    case PLUGIN_LOADING:
        return !is_current && !has_calls && !generation->image && generation->copy;
    case PLUGIN_SELF_TESTING:
        return !is_current && !has_calls && generation->image && task;
    case PLUGIN_SERVING:
        return is_current && generation->image && generation->number > 0;
    case PLUGIN_DRAINING:
        return !is_current && generation->image;
    case PLUGIN_RETIRED:
        return !is_current && !has_calls && !generation->pool;
    case PLUGIN_FAILED:
        return !is_current && !has_calls && !generation->pool && !status_is_ok(&generation->last_error);
    }
    return false;
}

PluginGeneration *generation_new(PluginRegistry *registry, const char *file)
{
    PluginGeneration *generation = NEW(PluginGeneration);
    generation->registry = registry;
    generation->state = PLUGIN_VETTING;
    generation->file = memory_copy_text(file, strlen(file));
    for (size_t i = 0; i < PLUGIN_URGENCIES; i++)
        TAILQ_INIT(&generation->waiting[i].jobs);
    assert(invariant(generation));
    return generation;
}

void generation_free(PluginGeneration *generation)
{
    if (!generation)
        return;
    assert(generation_waiting(generation) == 0 && generation->calls_running == 0 && !generation->is_ready);
    assert(!generation->pool);
    plugin_image_free(generation->image);
    free(generation->copy);
    free(generation->file);
    free(generation);
}

void generation_move(PluginGeneration *generation, PluginState to)
{
    assert(transitions[generation->state] & TO(to));
    generation->state = to;
    assert(invariant(generation));
}

const char *plugin_state_name(PluginState state)
{
    static const char *const names[] = {
        [PLUGIN_VETTING] = "vetting", [PLUGIN_LOADING] = "loading",   [PLUGIN_SELF_TESTING] = "self-testing",
        [PLUGIN_SERVING] = "serving", [PLUGIN_DRAINING] = "draining", [PLUGIN_RETIRED] = "retired",
        [PLUGIN_FAILED] = "failed",
    };
    return state >= PLUGIN_VETTING && state <= PLUGIN_FAILED ? names[state] : "new";
}
