/* SPDX-License-Identifier: MIT */

/* How a file becomes a generation that serves: one change at a time, its steps on the pool. */

#include "daemon/plugins/internal.h"
#include "lib/base/memory.h"
#include "lib/plugin/self_test.h"

#include <stdio.h>

#define SELF_TEST_SECONDS 10 /* longer is a hang, and would keep all other changes waiting */

/* ---- the queue ---------------------------------------------------------------------------------------- */

static Change *change_new(PluginRegistry *registry, ChangeKind kind, const char *file, const char *name)
{
    Change *change = NEW(Change);
    *change = (Change){.registry = registry, .kind = kind};
    change->file = file ? memory_copy_text(file, strlen(file)) : NULL;
    change->name = name ? memory_copy_text(name, strlen(name)) : NULL;
    return change;
}

static void change_free(Change *change)
{
    plugin_vet_finish(&change->vetted);
    plugin_image_free(change->image);
    free(change->copy);
    free(change->file);
    free(change->name);
    free(change);
}

/* Tells who asked, and lets the next change begin. */
static void finish(Change *change, const PluginTask *task)
{
    PluginRegistry *registry = change->registry;
    registry->change = NULL;
    if (change->done)
        change->done(&change->status, status_is_ok(&change->status) ? task : NULL, change->data);
    if (change->mark)
        change->mark(change->data);
    change_free(change);
    registry_remove_copies(registry);
    uv_async_send(&registry->wake);
}

static void enqueue(Change *change)
{
    PluginRegistry *registry = change->registry;
    if (registry->closing)
        status_refuse(&change->status, STATUS_UNAVAILABLE,
                      "the daemon is stopping; try again when it is back");
    TAILQ_INSERT_TAIL(&registry->changes, change, link);
    uv_async_send(&registry->wake);
}

void changes_refuse(PluginRegistry *registry)
{
    Change *change;
    TAILQ_FOREACH(change, &registry->changes, link)
    {
        if (change->kind != CHANGE_MARK)
            status_refuse(&change->status, STATUS_UNAVAILABLE,
                          "the daemon is stopping; try again when it is back");
    }
}

/* ---- the steps, on libuv's pool or in a worker
 * ---------------------------------------------------------------------------- */

static void run_step(uv_work_t *work)
{
    Change *change = CONTAINER_OF(work, Change, work);
    const char *file = change->generation->file;
    switch (change->generation->state) {
    case PLUGIN_VETTING:
        if (plugin_vet(&change->vetted, file, &change->status) == 0)
            plugin_copy(&change->vetted, file, change->registry->copies, &change->copy, &change->status);
        break;
    case PLUGIN_LOADING:
        plugin_image_open(&change->image, change->generation->copy, file, &change->status);
        break;
    default: {
        PluginEnvironment environment = {.deadline_ns = uv_hrtime() + SELF_TEST_SECONDS * 1000000000ull};
        plugin_self_test(&change->generation->image->descriptor.plugin, file, &environment, &change->status);
    }
    }
}

static void on_step(uv_work_t *work, int result);

/* A worker's step is over. */
static void on_worker_step(const Status *status, const rpmd_plugin *plugin, Arena *texts, void *data)
{
    Change *change = data;
    change->status = *status;
    if (status_is_ok(status) && change->generation->state == PLUGIN_LOADING)
        plugin_image_describe(&change->image, plugin, texts, change->generation->file, &change->status);
    on_step(&change->work, 0);
}

static void start_step(Change *change)
{
    PluginGeneration *generation = change->generation;
    if (generation->state == PLUGIN_VETTING || change->registry->settings.in_process) {
        uv_queue_work(change->registry->loop, &change->work, run_step, on_step);
    } else if (generation->state == PLUGIN_LOADING) {
        generation->pool = pool_new(change->registry, generation);
        pool_load(generation->pool, on_worker_step, change);
    } else {
        pool_self_test(generation->pool, on_worker_step, change);
    }
}

/* ---- what the loop makes of them ---------------------------------------------------------------------- */

static void fail(Change *change)
{
    PluginRegistry *registry = change->registry;
    PluginGeneration *generation = change->generation;
    PluginTask *task = generation->task;
    if (task && task->current && change->kind == CHANGE_RELOAD) {
        Status status = change->status;
        status_refuse(&change->status, status.code, "%s (generation %llu of %s goes on serving)",
                      status.message, (unsigned long long)task->current->number, task->name);
    }
    if (change->found)
        registry_remember_refusal(registry, change->file, &change->status);
    generation->last_error = change->status;
    registry_close_pool(generation);
    registry_move(registry, generation, PLUGIN_FAILED, change->status.message);
    registry_discard_copy(registry, TAKE_PTR(generation->copy));
    if (task)
        registry_settle(registry, generation);
    else
        generation_free(generation);
    finish(change, NULL);
}

/* The generation knows its task now. Refuses a task that another file serves, or another task than before. */
static int claim_task(Change *change)
{
    PluginRegistry *registry = change->registry;
    PluginGeneration *generation = change->generation;
    const char *name = generation->image->descriptor.plugin.name;
    if (change->kind == CHANGE_RELOAD) {
        if (strcmp(name, generation->task->name) == 0)
            return 0;
        return status_refuse(&change->status, STATUS_FAILED_PRECONDITION,
                             "%s: load: its task is %s now, expected %s; unload %s and load the file",
                             generation->file, name, generation->task->name, generation->task->name);
    }
    PluginTask *task = registry_find_task(registry, name);
    if (task && task->current)
        return status_refuse(&change->status, STATUS_ALREADY_EXISTS,
                             "%s: load: task %s is served by %s; reload %s, or unload it first",
                             generation->file, name, task->file, name);
    task = registry_add_task(registry, name);
    if (!task->file)
        task->file = memory_copy_text(generation->file, strlen(generation->file));
    registry_attach(task, generation);
    return 0;
}

static void serve(Change *change)
{
    PluginRegistry *registry = change->registry;
    PluginGeneration *generation = change->generation;
    PluginTask *task = generation->task;
    char reason[128];
    snprintf(reason, sizeof(reason), "version %.64s serves", generation->image->descriptor.plugin.version);
    PluginGeneration *before = task->current;
    task->current = generation;
    free(task->file);
    task->file = memory_copy_text(generation->file, strlen(generation->file));
    registry_forget_refusal(registry, task->file);
    registry_move(registry, generation, PLUGIN_SERVING, reason);
    if (before)
        registry_drain(registry, before, "a newer generation serves");
    finish(change, task);
}

static bool serves_already(const PluginGeneration *generation)
{
    const PluginTask *task = generation->task;
    return task && task->current && strcmp(task->current->sha256, generation->sha256) == 0;
}

/* Touched, or written again as it was. */
static void stop_early(Change *change)
{
    PluginRegistry *registry = change->registry;
    PluginTask *task = change->generation->task;
    registry_forget_refusal(registry, task->file);
    registry_move(registry, change->generation, PLUGIN_RETIRED, "its content is what serves already");
    registry_discard_copy(registry, TAKE_PTR(change->generation->copy));
    registry_settle(registry, change->generation);
    finish(change, task);
}

static void on_step(uv_work_t *work, int result)
{
    (void)result; /* work is never cancelled: uv_cancel is not used */
    Change *change = CONTAINER_OF(work, Change, work);
    PluginGeneration *generation = change->generation;
    /* What the step made is the generation's from here on, also when it fails. */
    if (change->copy)
        generation->copy = TAKE_PTR(change->copy);
    if (status_is_ok(&change->status) && change->registry->closing)
        status_refuse(&change->status, STATUS_UNAVAILABLE, "%s: the daemon is stopping", generation->file);
    if (!status_is_ok(&change->status)) {
        fail(change);
        return;
    }
    switch (generation->state) {
    case PLUGIN_VETTING:
        memcpy(generation->sha256, change->vetted.sha256, sizeof(generation->sha256));
        plugin_vet_finish(&change->vetted);
        if (change->found && serves_already(generation)) {
            stop_early(change);
            return;
        }
        registry_move(change->registry, generation, PLUGIN_LOADING, "vetted and copied");
        break;
    case PLUGIN_LOADING:
        generation->image = TAKE_PTR(change->image);
        if (claim_task(change) != 0) {
            fail(change);
            return;
        }
        registry_move(change->registry, generation, PLUGIN_SELF_TESTING, "loaded, its descriptor is right");
        break;
    default:
        serve(change);
        return;
    }
    start_step(change);
}

/* ---- the changes -------------------------------------------------------------------------------------- */

/* Who asked is told from the queue: this may run in the middle of other work. */
static void on_unloaded(void *data)
{
    Change *change = data;
    change->kind = CHANGE_MARK;
    TAILQ_INSERT_HEAD(&change->registry->changes, change, link);
    uv_async_send(&change->registry->wake);
}

/* Lets the next change begin at once; who asked is told when the last call has ended. */
static void unload(Change *change, PluginTask *task)
{
    PluginRegistry *registry = change->registry;
    PluginGeneration *generation = TAKE_PTR(task->current);
    generation->on_retired = on_unloaded;
    generation->on_retired_data = change;
    registry->change = NULL;
    registry_drain(registry, generation, change->found ? "its file is gone" : "unloaded");
    uv_async_send(&registry->wake);
}

static void begin_loading(Change *change, PluginTask *task)
{
    change->generation = generation_new(change->registry, task ? task->file : change->file);
    if (task)
        registry_attach(task, change->generation);
    static const char *const reasons[2][2] = {{"load", "reload"}, {"a new file", "its file changed"}};
    registry_announce(change->registry, change->generation, reasons[change->found][task != NULL]);
    start_step(change);
}

static void begin(Change *change)
{
    bool names_task = change->kind == CHANGE_RELOAD || change->kind == CHANGE_UNLOAD;
    PluginTask *task = names_task ? registry_find_task(change->registry, change->name) : NULL;
    if (names_task && status_is_ok(&change->status) && (!task || !task->current))
        registry_refuse_unknown(change->registry, change->name, &change->status);
    if (!status_is_ok(&change->status) || change->kind == CHANGE_MARK || (names_task && !task))
        finish(change, NULL);
    else if (change->kind == CHANGE_UNLOAD)
        unload(change, task);
    else
        begin_loading(change, task);
}

void changes_run(PluginRegistry *registry)
{
    Change *change;
    while (!registry->change && (change = TAILQ_FIRST(&registry->changes))) {
        TAILQ_REMOVE(&registry->changes, change, link);
        registry->change = change;
        begin(change);
    }
}

static void ask(Change *change, PluginDone done, void *data)
{
    change->done = done;
    change->data = data;
    enqueue(change);
}

void plugin_registry_load(PluginRegistry *registry, const char *file, PluginDone done, void *data)
{
    ask(change_new(registry, CHANGE_LOAD, file, NULL), done, data);
}

void plugin_registry_reload(PluginRegistry *registry, const char *name, PluginDone done, void *data)
{
    ask(change_new(registry, CHANGE_RELOAD, NULL, name), done, data);
}

void plugin_registry_unload(PluginRegistry *registry, const char *name, PluginDone done, void *data)
{
    ask(change_new(registry, CHANGE_UNLOAD, NULL, name), done, data);
}

/* ---- what the directories ask for --------------------------------------------------------------------- */

void changes_add_found(PluginRegistry *registry, const char *file, const char *task)
{
    Change *change = change_new(registry, task ? CHANGE_RELOAD : CHANGE_LOAD, file, task);
    change->found = true;
    enqueue(change);
}

void changes_add_vanished(PluginRegistry *registry, const char *task)
{
    Change *change = change_new(registry, CHANGE_UNLOAD, NULL, task);
    change->found = true;
    enqueue(change);
}

void changes_add_mark(PluginRegistry *registry, void (*mark)(void *data), void *data)
{
    Change *change = change_new(registry, CHANGE_MARK, NULL, NULL);
    change->mark = mark;
    change->data = data;
    enqueue(change);
}
