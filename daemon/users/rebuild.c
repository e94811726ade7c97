/* SPDX-License-Identifier: MIT */
#include "daemon/users/rebuild.h"

#include "daemon/log.h"
#include "daemon/users/task.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#define PARALLEL_REBUILDS 2 /* of a task: calls and builds that somebody asked for come first */

/* One task whose models are looked through. */
typedef struct Pass {
    struct Pass *next;
    Rebuild *rebuild;
    char *task;   /* owned */
    Intern stale; /* names of the users */
    uint32_t begun;
    uint32_t running;
    uint32_t failed;
    Arena last_user;
    StoreListUsers request;
} Pass;

struct Rebuild {
    UsersContext context;
    Users *users;
    PluginWatcher watcher;
    Pass *passes;
    bool is_stopped;
};

static void pass_release(Pass *pass)
{
    intern_finish(&pass->stale);
    arena_finish(&pass->last_user);
    free(pass->task);
    free(pass);
}

static void pass_free(Pass *pass)
{
    Pass **place = &pass->rebuild->passes;
    while (*place != pass)
        place = &(*place)->next;
    *place = pass->next;
    pass_release(pass);
}

static void build_more(Pass *pass);

static void on_built(const UserReply *reply, void *data)
{
    Pass *pass = data;
    pass->running--;
    if (!status_is_ok(&reply->status)) {
        pass->failed++;
        log_warning("task %s: a stale model could not be built again: %s", pass->task, reply->status.message);
    }
    build_more(pass);
}

/* Begins what may begin; frees the pass when nothing is left. */
static void build_more(Pass *pass)
{
    bool is_stopped = pass->rebuild->is_stopped;
    pass->running++; /* until the end of this function: a build may call back at once and come here again */
    while (!is_stopped && pass->running <= PARALLEL_REBUILDS && pass->begun < pass->stale.count) {
        UserName name = {text_of(pass->task), pass->stale.texts[pass->begun++]};
        pass->running++;
        users_build(pass->rebuild->users, &name, &(BuildRequest){.pool = USERS_POOL_KEEP}, on_built, pass);
    }
    if (--pass->running > 0)
        return;
    if (!is_stopped)
        log_notice("task %s: %u stale models are built again, %u failed", pass->task,
                   pass->stale.count - pass->failed, pass->failed);
    pass_free(pass);
}

static void on_listed(StoreReply *reply, void *data)
{
    Pass *pass = data;
    const rpmd_plugin *plugin = plugin_registry_find(pass->rebuild->context.plugins, pass->task, NULL);
    /* NOT_FOUND: a task without histories. */
    if (!status_is_ok(&reply->status) || !plugin || pass->rebuild->is_stopped) {
        pass_free(pass);
        return;
    }
    _cleanup_arena_ Arena arena = ARENA_INIT;
    rpmd_text wanted =
        task_extractor_version(&arena, plugin, pass->rebuild->context.config, pass->rebuild->context.stages);
    for (size_t i = 0; i < reply->users.count; i++) {
        const StoreUser *user = &reply->users.users[i];
        if (user->model_version > 0 && !text_equal(user->extractor_version, wanted))
            intern_add(&pass->stale, user->user);
    }
    if (reply->users.more) {
        arena_finish(&pass->last_user);
        pass->request.after = arena_text(&pass->last_user, reply->users.users[reply->users.count - 1].user);
        store_list_users(pass->rebuild->context.store, &pass->request, on_listed, pass);
        return;
    }
    if (pass->stale.count == 0) {
        pass_free(pass);
        return;
    }
    log_notice("task %s: %u models were made by another version of the extractor; they are built again",
               pass->task, pass->stale.count);
    build_more(pass);
}

static void on_event(const PluginEvent *event, void *data)
{
    Rebuild *rebuild = data;
    if (event->to != PLUGIN_SERVING || rebuild->is_stopped ||
        !config_task(rebuild->context.config, event->name)->rebuild)
        return;
    Pass *pass = NEW(Pass);
    pass->rebuild = rebuild;
    pass->task = memory_copy_text(event->name, strlen(event->name));
    pass->request = (StoreListUsers){.task = text_of(pass->task)};
    pass->next = rebuild->passes;
    rebuild->passes = pass;
    store_list_users(rebuild->context.store, &pass->request, on_listed, pass);
}

Rebuild *rebuild_new(const UsersContext *context, Users *users)
{
    Rebuild *rebuild = NEW(Rebuild);
    rebuild->context = *context;
    rebuild->users = users;
    rebuild->watcher = (PluginWatcher){.callback = on_event, .data = rebuild};
    plugin_registry_watch(context->plugins, &rebuild->watcher);
    return rebuild;
}

void rebuild_stop(Rebuild *rebuild)
{
    if (!rebuild || rebuild->is_stopped)
        return;
    rebuild->is_stopped = true;
    plugin_registry_unwatch(rebuild->context.plugins, &rebuild->watcher);
}

void rebuild_free(Rebuild *rebuild)
{
    if (!rebuild)
        return;
    while (rebuild->passes) {
        Pass *pass = rebuild->passes;
        rebuild->passes = pass->next;
        pass_release(pass);
    }
    free(rebuild);
}
