/* SPDX-License-Identifier: MIT */
#include "daemon/users/rebuild.h"

#include "daemon/log.h"
#include "daemon/users/task.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#define PARALLEL_REBUILDS 2 /* of a task: calls and builds that somebody asked for come first */

/* A build at work. */
typedef struct PassBuild {
    struct Pass *pass;
    UserCall *call; /* NULL: none */
} PassBuild;

/* One task whose models are looked through. */
typedef struct Pass {
    struct Pass *next;
    Rebuild *rebuild;
    char *task;   /* owned */
    Intern stale; /* names of the users */
    uint32_t begun;
    uint32_t failed;
    StoreCall *listing;
    PassBuild builds[PARALLEL_REBUILDS];
} Pass;

struct Rebuild {
    UsersContext context;
    Users *users;
    PluginWatcher watcher;
    Pass *passes;
};

/* Ends what it asked of others. */
static void pass_free(Pass *pass)
{
    Pass **place = &pass->rebuild->passes;
    while (*place != pass)
        place = &(*place)->next;
    *place = pass->next;
    if (pass->listing)
        store_cancel(pass->listing);
    for (unsigned i = 0; i < PARALLEL_REBUILDS; i++)
        if (pass->builds[i].call)
            users_cancel(pass->builds[i].call);
    intern_finish(&pass->stale);
    free(pass->task);
    free(pass);
}

static void build_more(Pass *pass);

static void on_built(const UserReply *reply, void *data)
{
    PassBuild *build = data;
    Pass *pass = build->pass;
    build->call = NULL;
    if (!status_is_ok(&reply->status)) {
        pass->failed++;
        log_warning("task %s: a stale model could not be built again: %s", pass->task, reply->status.message);
    }
    build_more(pass);
}

/* Begins what may begin; frees the pass when nothing is left. */
static void build_more(Pass *pass)
{
    const Caller caller = CALLER_DAEMON;
    bool is_at_work = false;
    for (unsigned i = 0; i < PARALLEL_REBUILDS; i++) {
        PassBuild *build = &pass->builds[i];
        if (!build->call && pass->begun < pass->stale.count) {
            UserName name = {text_of(pass->task), pass->stale.texts[pass->begun++]};
            build->pass = pass;
            build->call = users_build(pass->rebuild->users, &name, &(BuildRequest){.pool = USERS_POOL_KEEP},
                                      &caller, on_built, build);
        }
        is_at_work |= build->call != NULL;
    }
    if (is_at_work)
        return;
    log_notice("task %s: %u stale models are built again, %u failed", pass->task,
               pass->stale.count - pass->failed, pass->failed);
    pass_free(pass);
}

static void list_users(Pass *pass, rpmd_text after);

static void on_listed(StoreReply *reply, void *data)
{
    Pass *pass = data;
    const rpmd_plugin *plugin = plugin_registry_find(pass->rebuild->context.plugins, pass->task, NULL);
    pass->listing = NULL;
    /* NOT_FOUND: a task without histories. */
    if (!status_is_ok(&reply->status) || !plugin) {
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
        list_users(pass, reply->users.users[reply->users.count - 1].user);
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

static void list_users(Pass *pass, rpmd_text after)
{
    const StoreListUsers request = {.task = text_of(pass->task), .after = after};
    pass->listing = store_list_users(pass->rebuild->context.store, &request, on_listed, pass);
}

static void on_event(const PluginEvent *event, void *data)
{
    Rebuild *rebuild = data;
    if (event->to != PLUGIN_SERVING || !config_task(rebuild->context.config, event->name)->rebuild)
        return;
    Pass *pass = NEW(Pass);
    pass->rebuild = rebuild;
    pass->task = memory_copy_text(event->name, strlen(event->name));
    pass->next = rebuild->passes;
    rebuild->passes = pass;
    list_users(pass, (rpmd_text){0});
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

void rebuild_close(Rebuild *rebuild)
{
    if (!rebuild)
        return;
    plugin_registry_unwatch(rebuild->context.plugins, &rebuild->watcher);
    while (rebuild->passes)
        pass_free(rebuild->passes); // NOLINT(clang-analyzer-unix.Malloc): it takes the pass out of the list
    free(rebuild);
}
