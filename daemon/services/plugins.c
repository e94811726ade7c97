/* SPDX-License-Identifier: MIT */
#include "daemon/services/services.h"

#include "daemon/plugins/pool.h"
#include "lib/base/memory.h"

#include "rpmd/v1/plugins.pb-c.h"

static void fill_workers(Arena *arena, const WorkerPool *pool, Rpmd__V1__PluginGeneration *message)
{
    size_t count = 0;
    for (const Worker *worker = pool_first_worker(pool); worker; worker = TAILQ_NEXT(worker, link))
        count++;
    message->worker_pids = ARENA_ARRAY(arena, uint32_t, count);
    for (const Worker *worker = pool_first_worker(pool); worker; worker = TAILQ_NEXT(worker, link)) {
        message->worker_pids[message->n_worker_pids++] = worker_pid(worker);
        message->worker_memory_bytes += worker->memory_bytes;
    }
    message->worker_restarts = pool_restarts(pool);
    message->out_of_service = arena_format(arena, "%s", pool_breaker(pool)->message);
}

static Rpmd__V1__PluginGeneration *generation_message(Arena *arena, const PluginGeneration *generation)
{
    Rpmd__V1__PluginGeneration *message = ARENA_NEW(arena, Rpmd__V1__PluginGeneration);
    rpmd__v1__plugin_generation__init(message);
    const rpmd_plugin *plugin = generation->image ? &generation->image->descriptor.plugin : NULL;
    message->generation = generation->number;
    message->state = (Rpmd__V1__PluginState)generation->state;
    message->version = arena_format(arena, "%s", plugin ? plugin->version : "");
    message->sha256 = arena_format(arena, "%s", generation->sha256);
    message->calls_in_flight = generation->calls_in_flight;
    message->calls_total = generation->calls_total;
    message->calls_failed = generation->calls_failed;
    message->last_error = arena_format(arena, "%s", generation->last_error.message);
    message->worker_restarts = generation->worker_restarts;
    if (generation->pool)
        fill_workers(arena, generation->pool, message);
    return message;
}

static char **copy_list(Arena *arena, const char *const *list, size_t *count)
{
    *count = 0;
    while (list && list[*count])
        (*count)++;
    char **copies = ARENA_ARRAY(arena, char *, *count);
    for (size_t i = 0; i < *count; i++)
        copies[i] = arena_format(arena, "%s", list[i]);
    return copies;
}

static void fill_descriptor(Arena *arena, const rpmd_plugin *plugin, Rpmd__V1__Plugin *message)
{
    message->description = arena_format(arena, "%s", plugin->description);
    message->answer_kind = (Rpmd__V1__AnswerKind)plugin->answer_kind;
    if (plugin->answer_kind == RPMD_ANSWER_LABELS)
        message->labels = copy_list(arena, plugin->labels, &message->n_labels);
    if (plugin->answer_kind == RPMD_ANSWER_ORDINAL) {
        message->ordinal_min = plugin->ordinal_min;
        message->ordinal_max = plugin->ordinal_max;
    }
    message->categories = copy_list(arena, plugin->categories, &message->n_categories);
    message->abi_major = plugin->abi_major;
    message->abi_minor = plugin->abi_minor;
    if (!plugin->lamp)
        return;
    message->lamp = ARENA_NEW(arena, Rpmd__V1__LampFields);
    rpmd__v1__lamp_fields__init(message->lamp);
    message->lamp->query_field =
        arena_format(arena, "%s", plugin->lamp->query_field ? plugin->lamp->query_field : "");
    message->lamp->response_field =
        arena_format(arena, "%s", plugin->lamp->response_field ? plugin->lamp->response_field : "");
    message->lamp->options_field =
        arena_format(arena, "%s", plugin->lamp->options_field ? plugin->lamp->options_field : "");
}

static Rpmd__V1__Plugin *plugin_message(Arena *arena, const PluginTask *task)
{
    Rpmd__V1__Plugin *message = ARENA_NEW(arena, Rpmd__V1__Plugin);
    size_t count = 0;
    rpmd__v1__plugin__init(message);
    message->name = arena_format(arena, "%s", task->name);
    message->file = arena_format(arena, "%s", task->file);
    for (const PluginGeneration *generation = task->generations; generation; generation = generation->older)
        count++;
    message->generations = ARENA_ARRAY(arena, Rpmd__V1__PluginGeneration *, count);
    for (const PluginGeneration *generation = task->generations; generation; generation = generation->older)
        message->generations[message->n_generations++] = generation_message(arena, generation);
    if (task->current)
        fill_descriptor(arena, &task->current->image->descriptor.plugin, message);
    return message;
}

static void on_list(GrpcCall *call, const void *message)
{
    (void)message;
    const ServiceContext *context = grpc_call_service(call);
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__ListPluginsResponse response = RPMD__V1__LIST_PLUGINS_RESPONSE__INIT;
    size_t plugins = 0, refusals = 0;
    for (const PluginTask *task = plugin_registry_tasks(context->plugins); task; task = task->next)
        plugins++;
    for (const PluginRefusal *refusal = plugin_registry_refusals(context->plugins); refusal;
         refusal = refusal->next)
        refusals++;
    response.plugins = ARENA_ARRAY(&arena, Rpmd__V1__Plugin *, plugins);
    response.refused = ARENA_ARRAY(&arena, Rpmd__V1__RefusedPlugin *, refusals);
    for (const PluginTask *task = plugin_registry_tasks(context->plugins); task; task = task->next)
        response.plugins[response.n_plugins++] = plugin_message(&arena, task);
    for (const PluginRefusal *refusal = plugin_registry_refusals(context->plugins); refusal;
         refusal = refusal->next) {
        Rpmd__V1__RefusedPlugin *refused = ARENA_NEW(&arena, Rpmd__V1__RefusedPlugin);
        rpmd__v1__refused_plugin__init(refused);
        refused->file = arena_format(&arena, "%s", refusal->file);
        refused->reason = arena_format(&arena, "%s", refusal->status.message);
        response.refused[response.n_refused++] = refused;
    }
    grpc_call_reply(call, &response.base);
}

static void on_loaded(const Status *status, const PluginTask *task, void *data)
{
    GrpcCall *call = data;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__LoadPluginResponse response = RPMD__V1__LOAD_PLUGIN_RESPONSE__INIT;
    if (!status_is_ok(status)) {
        grpc_call_finish(call, status);
        return;
    }
    response.plugin = plugin_message(&arena, task);
    grpc_call_reply(call, &response.base);
}

static void on_load(GrpcCall *call, const void *message)
{
    const Rpmd__V1__LoadPluginRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    if (request->file[0] != '/') {
        grpc_call_refuse(call, STATUS_INVALID_ARGUMENT, "'%s' is not an absolute path; give one",
                         request->file);
        return;
    }
    plugin_registry_load(context->plugins, request->file, on_loaded, call);
}

static void on_unloaded(const Status *status, const PluginTask *task, void *data)
{
    (void)task;
    Rpmd__V1__UnloadPluginResponse response = RPMD__V1__UNLOAD_PLUGIN_RESPONSE__INIT;
    if (status_is_ok(status))
        grpc_call_reply(data, &response.base);
    else
        grpc_call_finish(data, status);
}

static void on_unload(GrpcCall *call, const void *message)
{
    const Rpmd__V1__UnloadPluginRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    plugin_registry_unload(context->plugins, request->name, on_unloaded, call);
}

static void on_reloaded(const Status *status, const PluginTask *task, void *data)
{
    GrpcCall *call = data;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__ReloadPluginResponse response = RPMD__V1__RELOAD_PLUGIN_RESPONSE__INIT;
    if (!status_is_ok(status)) {
        grpc_call_finish(call, status);
        return;
    }
    response.plugin = plugin_message(&arena, task);
    grpc_call_reply(call, &response.base);
}

static void on_reload(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ReloadPluginRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    plugin_registry_reload(context->plugins, request->name, on_reloaded, call);
}

/* ---- Watch ---- */

/* A client that watches; the registry tells it every move. */
typedef struct Watching {
    PluginWatcher watcher;
    PluginRegistry *plugins;
    GrpcCall *call;
} Watching;

static void release_watching(void *data)
{
    Watching *watching = data;
    plugin_registry_unwatch(watching->plugins, &watching->watcher);
    free(watching);
}

static void on_event(const PluginEvent *event, void *data)
{
    Watching *watching = data;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__PluginEvent message = RPMD__V1__PLUGIN_EVENT__INIT;
    message.time_us = event->time_us;
    message.name = arena_format(&arena, "%s", event->name);
    message.generation = event->generation;
    message.from = (Rpmd__V1__PluginState)event->from;
    message.to = (Rpmd__V1__PluginState)event->to;
    message.reason = arena_format(&arena, "%s", event->reason);
    /* A watcher that does not read is not kept: events would pile up without end. */
    if (!grpc_call_send(watching->call, &message.base))
        grpc_call_refuse(watching->call, STATUS_RESOURCE_EXHAUSTED,
                         "the events are not being read; watch again");
}

static void on_watch(GrpcCall *call, const void *message)
{
    (void)message;
    const ServiceContext *context = grpc_call_service(call);
    Watching *watching = NEW(Watching);
    *watching = (Watching){
        .watcher = {.callback = on_event, .data = watching}, .plugins = context->plugins, .call = call};
    grpc_call_set_context(call, watching, release_watching);
    plugin_registry_watch(context->plugins, &watching->watcher);
    grpc_call_send_headers(call);
}

static void on_watch_cancelled(GrpcCall *call)
{
    Status status = STATUS_INIT;
    grpc_call_finish(call, &status);
}

void plugins_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "List",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__list_plugins_request__descriptor,
         .on_message = on_list},
        {.name = "Load",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__load_plugin_request__descriptor,
         .on_message = on_load},
        {.name = "Unload",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__unload_plugin_request__descriptor,
         .on_message = on_unload},
        {.name = "Reload",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__reload_plugin_request__descriptor,
         .on_message = on_reload},
        {.name = "Watch",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__watch_plugins_request__descriptor,
         .on_message = on_watch,
         .on_cancel = on_watch_cancelled},
    };
    *service = (GrpcService){"rpmd.v1.Plugins", methods, ARRAY_SIZE(methods), context};
}
