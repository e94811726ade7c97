/* SPDX-License-Identifier: MIT */
#include "daemon/log.h"
#include "daemon/plugins/internal.h"
#include "lib/base/memory.h"
#include "lib/worker/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- tasks -------------------------------------------------------------------------------------------- */

PluginTask *registry_find_task(const PluginRegistry *registry, const char *name)
{
    for (PluginTask *task = registry->tasks; task; task = task->next)
        if (strcmp(task->name, name) == 0)
            return task;
    return NULL;
}

PluginTask *registry_add_task(PluginRegistry *registry, const char *name)
{
    PluginTask *known = registry_find_task(registry, name);
    if (known)
        return known;
    PluginTask **place = &registry->tasks;
    while (*place && strcmp((*place)->name, name) < 0)
        place = &(*place)->next;
    PluginTask *task = NEW(PluginTask);
    task->name = memory_copy_text(name, strlen(name));
    task->next = *place;
    *place = task;
    return task;
}

static void remove_task(PluginRegistry *registry, PluginTask *task)
{
    PluginTask **place = &registry->tasks;
    while (*place != task)
        place = &(*place)->next;
    *place = task->next;
    free(task->name);
    free(task->file);
    free(task);
}

void registry_attach(PluginTask *task, PluginGeneration *generation)
{
    generation->task = task;
    generation->number = ++task->last_number;
    generation->older = task->generations;
    task->generations = generation;
}

int registry_refuse_unknown(const PluginRegistry *registry, const char *name, Status *status)
{
    char list[STATUS_MESSAGE_SIZE / 2] = "";
    size_t length = 0;
    for (const PluginTask *task = registry->tasks; task && length < sizeof(list) - 1; task = task->next)
        if (task->current)
            length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "",
                                       task->name);
    if (length == 0)
        return status_refuse(
            status, STATUS_NOT_FOUND,
            "no plugin serves the task \"%.64s\": no plugin is loaded; put one into a plugin "
            "directory, or load its file",
            name);
    return status_refuse(status, STATUS_NOT_FOUND, "no plugin serves the task \"%.64s\"; the tasks are: %s%s",
                         name, list, length >= sizeof(list) ? "…" : "");
}

const rpmd_plugin *plugin_registry_find(const PluginRegistry *registry, const char *name, Status *status)
{
    const PluginTask *task = registry_find_task(registry, name);
    if (task && task->current)
        return &task->current->image->descriptor.plugin;
    if (status)
        registry_refuse_unknown(registry, name, status);
    return NULL;
}

const PluginTask *plugin_registry_tasks(const PluginRegistry *registry)
{
    return registry->tasks;
}

/* ---- moves and who watches them ----------------------------------------------------------------------- */

static void tell(PluginRegistry *registry, const PluginGeneration *generation, PluginState from,
                 const char *reason)
{
    const char *slash = strrchr(generation->file, '/');
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    PluginEvent event = {
        .time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
        .name = generation->task ? generation->task->name
                : slash          ? slash + 1
                                 : generation->file,
        .generation = generation->number,
        .from = from,
        .to = generation->state,
        .reason = reason,
    };
    LogLevel level = event.to == PLUGIN_FAILED                                  ? LOG_LEVEL_WARNING
                     : event.to == PLUGIN_SERVING || event.to == PLUGIN_RETIRED ? LOG_LEVEL_NOTICE
                                                                                : LOG_LEVEL_DEBUG;
    if (event.generation > 0)
        log_write(level, "plugin %s, generation %llu: %s: %s", event.name,
                  (unsigned long long)event.generation, plugin_state_name(event.to), reason);
    else
        log_write(level, "plugin file %s: %s: %s", event.name, plugin_state_name(event.to), reason);
    PluginWatcher *next;
    for (PluginWatcher *watcher = registry->watchers; watcher; watcher = next) {
        next = watcher->next;
        watcher->callback(&event, watcher->data);
    }
}

void registry_announce(PluginRegistry *registry, const PluginGeneration *generation, const char *reason)
{
    tell(registry, generation, (PluginState)0, reason);
}

void registry_move(PluginRegistry *registry, PluginGeneration *generation, PluginState to, const char *reason)
{
    PluginState from = generation->state;
    generation_move(generation, to);
    tell(registry, generation, from, reason);
}

void plugin_registry_watch(PluginRegistry *registry, PluginWatcher *watcher)
{
    watcher->next = registry->watchers;
    registry->watchers = watcher;
}

void plugin_registry_unwatch(PluginRegistry *registry, PluginWatcher *watcher)
{
    for (PluginWatcher **place = &registry->watchers; *place; place = &(*place)->next) {
        if (*place == watcher) {
            *place = watcher->next;
            return;
        }
    }
}

/* ---- the end of a generation -------------------------------------------------------------------------- */

static bool has_ended(const PluginGeneration *generation)
{
    return generation->state == PLUGIN_RETIRED || generation->state == PLUGIN_FAILED;
}

static bool copy_is_used(const PluginRegistry *registry, const char *path)
{
    for (const PluginTask *task = registry->tasks; task; task = task->next)
        for (const PluginGeneration *one = task->generations; one; one = one->older)
            if (!has_ended(one) && one->copy && strcmp(one->copy, path) == 0)
                return true;
    return false;
}

/* Removes the copies that no generation needs. Not while a change is at work: it may be about to load one. */
void registry_remove_copies(PluginRegistry *registry)
{
    while (registry->dead_copies && !registry->change) {
        DeadCopy *dead = registry->dead_copies;
        registry->dead_copies = dead->next;
        if (!copy_is_used(registry, dead->path))
            unlink(dead->path);
        free(dead->path);
        free(dead);
    }
}

void registry_discard_copy(PluginRegistry *registry, char *path)
{
    if (!path)
        return;
    DeadCopy *dead = NEW(DeadCopy);
    dead->path = path;
    dead->next = registry->dead_copies;
    registry->dead_copies = dead;
    registry_remove_copies(registry);
}

/* Forgets the oldest ended generations, and a task that is neither served nor drains. */
static void forget(PluginRegistry *registry, PluginTask *task)
{
    size_t ended = 0;
    bool alive = false;
    for (PluginGeneration **place = &task->generations; *place;) {
        PluginGeneration *generation = *place;
        alive |= !has_ended(generation);
        if (has_ended(generation) && ++ended > PLUGIN_ENDED_LIMIT) {
            *place = generation->older;
            generation_free(generation);
        } else {
            place = &generation->older;
        }
    }
    if (alive)
        return;
    while (task->generations) {
        PluginGeneration *generation = task->generations;
        task->generations = generation->older;
        generation_free(generation);
    }
    remove_task(registry, task);
}

void registry_close_pool(PluginGeneration *generation)
{
    WorkerPool *pool = TAKE_PTR(generation->pool);
    if (!pool)
        return;
    generation->worker_restarts = pool_restarts(pool);
    pool_close(pool);
}

void registry_settle(PluginRegistry *registry, PluginGeneration *generation)
{
    if (generation->state == PLUGIN_DRAINING && generation->calls_in_flight == 0) {
        bool had_workers = generation->pool;
        registry_close_pool(generation);
        registry_move(registry, generation, PLUGIN_RETIRED,
                      had_workers ? "its last call has ended, and so have its workers"
                                  : "its last call has ended; its code stays in memory");
        registry_discard_copy(registry, TAKE_PTR(generation->copy));
        if (generation->on_retired)
            generation->on_retired(generation->on_retired_data);
    }
    if (has_ended(generation) && generation->task)
        forget(registry, generation->task);
}

void registry_drain(PluginRegistry *registry, PluginGeneration *generation, const char *reason)
{
    registry_move(registry, generation, PLUGIN_DRAINING, reason);
    registry_settle(registry, generation);
}

/* ---- refused files ------------------------------------------------------------------------------------ */

static void drop_refusal(PluginRegistry *registry, PluginRefusal **place)
{
    PluginRefusal *refusal = *place;
    *place = refusal->next;
    registry->refusal_count--;
    free(refusal->file);
    free(refusal);
}

void registry_forget_refusal(PluginRegistry *registry, const char *file)
{
    for (PluginRefusal **place = &registry->refusals; *place; place = &(*place)->next) {
        if (strcmp((*place)->file, file) == 0) {
            drop_refusal(registry, place);
            return;
        }
    }
}

bool registry_remember_refusal(PluginRegistry *registry, const char *file, const Status *status)
{
    for (const PluginRefusal *known = registry->refusals; known; known = known->next)
        if (strcmp(known->file, file) == 0 && strcmp(known->status.message, status->message) == 0)
            return false;
    registry_forget_refusal(registry, file);
    if (registry->refusals && registry->refusal_count == PLUGIN_REFUSAL_LIMIT)
        drop_refusal(registry, &registry->refusals);
    PluginRefusal *refusal = NEW(PluginRefusal);
    refusal->file = memory_copy_text(file, strlen(file));
    refusal->status = *status;
    PluginRefusal **place = &registry->refusals;
    while (*place)
        place = &(*place)->next;
    *place = refusal;
    registry->refusal_count++;
    return true;
}

const PluginRefusal *plugin_registry_refusals(const PluginRegistry *registry)
{
    return registry->refusals;
}

/* ---- life --------------------------------------------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
    PluginRegistry *registry = wake->data;
    jobs_deliver(registry);
    changes_run(registry);
    registry_continue_closing(registry);
}

/* The copies of an earlier process: nobody maps them any more. */
static void remove_leftovers(const char *directory)
{
    DIR *entries = opendir(directory);
    if (!entries)
        return;
    for (struct dirent *entry; (entry = readdir(entries));)
        if (strstr(entry->d_name, ".so") || entry->d_name[0] == '.')
            unlinkat(dirfd(entries), entry->d_name, 0);
    closedir(entries);
}

/* Keeps rpmd-worker open: a newer one that is installed meanwhile may speak otherwise. */
static int open_worker_program(PluginRegistry *registry, Status *status)
{
    _cleanup_buffer_ Buffer path = BUFFER_INIT;
    registry->worker_descriptor = -1;
    if (registry->settings.in_process)
        return 0;
    if (registry->settings.worker_program)
        buffer_append_string(&path, registry->settings.worker_program);
    else if (worker_find_program(&path, status))
        return STATUS_REFUSED;
    registry->worker_descriptor = open(path.data, O_PATH | O_CLOEXEC);
    if (registry->worker_descriptor < 0)
        return status_refuse(status, STATUS_FAILED_PRECONDITION, "%s cannot be opened: %s", path.data,
                             strerror(errno));
    snprintf(registry->worker_program, sizeof(registry->worker_program), "/proc/self/fd/%d",
             registry->worker_descriptor);
    return 0;
}

static void registry_release(PluginRegistry *registry)
{
    if (registry->worker_descriptor >= 0)
        close(registry->worker_descriptor);
    free(registry->copies);
    free(registry);
}

int plugin_registry_open(PluginRegistry **registry, uv_loop_t *loop, const char *state_directory,
                         const PluginSettings *settings, Status *status)
{
    *registry = NULL;
    _cleanup_buffer_ Buffer copies = BUFFER_INIT;
    buffer_append_format(&copies, "%s/plugins", state_directory);
    if (mkdir(copies.data, 0700) != 0 && errno != EEXIST)
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "%s cannot be made: %s; name a state directory that the daemon can write to",
                             copies.data, strerror(errno));
    /* Whoever could write here could exchange the code that runs. */
    if (chmod(copies.data, 0700) != 0)
        return status_refuse(status, STATUS_PERMISSION_DENIED, "%s cannot be made private: %s", copies.data,
                             strerror(errno));
    remove_leftovers(copies.data);
    PluginRegistry *opened = NEW(PluginRegistry);
    opened->loop = loop;
    opened->copies = buffer_take(&copies);
    opened->settings = *settings;
    if (open_worker_program(opened, status)) {
        registry_release(opened);
        return STATUS_REFUSED;
    }
    TAILQ_INIT(&opened->changes);
    TAILQ_INIT(&opened->jobs);
    TAILQ_INIT(&opened->ended);
    TAILQ_INIT(&opened->ready);
    int result = uv_async_init(loop, &opened->wake, on_wake);
    if (result != 0) {
        registry_release(opened);
        return status_refuse(status, STATUS_INTERNAL, "the plugin registry cannot start: %s",
                             uv_strerror(result));
    }
    uv_timer_init(loop, &opened->timer);
    uv_timer_init(loop, &opened->settle);
    uv_timer_init(loop, &opened->recheck);
    opened->wake.data = opened->timer.data = opened->settle.data = opened->recheck.data = opened;
    opened->open_handles = 4;
    *registry = opened;
    return 0;
}

static void registry_free(PluginRegistry *registry)
{
    while (registry->tasks) {
        PluginTask *task = registry->tasks;
        while (task->generations) {
            PluginGeneration *generation = task->generations;
            task->generations = generation->older;
            if (generation->copy)
                unlink(generation->copy);
            generation_free(generation);
        }
        remove_task(registry, task);
    }
    while (registry->refusals)
        drop_refusal(registry, &registry->refusals);
    watching_free(registry);
    registry_release(registry);
}

static void on_handle_closed(uv_handle_t *handle)
{
    PluginRegistry *registry = handle->data;
    if (--registry->open_handles > 0)
        return;
    PluginClosed closed = registry->closed;
    void *data = registry->closed_data;
    registry_free(registry);
    closed(data);
}

/* Everything that serves is drained; the last worker's end comes back here. */
void registry_continue_closing(PluginRegistry *registry)
{
    if (!registry->closing || registry->handles_closed || registry->change || registry->running > 0 ||
        !TAILQ_EMPTY(&registry->jobs) || !TAILQ_EMPTY(&registry->changes))
        return;
    registry->watchers = NULL;
    for (PluginTask *task = registry->tasks, *next; task; task = next) {
        next = task->next;
        PluginGeneration *current = TAKE_PTR(task->current);
        if (current)
            registry_drain(registry, current, "the daemon stops");
    }
    if (registry->open_pools > 0)
        return;
    registry->handles_closed = true;
    uv_close((uv_handle_t *)&registry->wake, on_handle_closed);
    uv_close((uv_handle_t *)&registry->timer, on_handle_closed);
    uv_close((uv_handle_t *)&registry->settle, on_handle_closed);
    uv_close((uv_handle_t *)&registry->recheck, on_handle_closed);
    watching_close(registry, on_handle_closed);
}

void plugin_registry_close(PluginRegistry *registry, PluginClosed closed, void *data)
{
    if (!registry) {
        closed(data);
        return;
    }
    registry->closing = true;
    registry->closed = closed;
    registry->closed_data = data;
    jobs_refuse(registry);
    changes_refuse(registry);
    uv_async_send(&registry->wake);
}
