/* SPDX-License-Identifier: MIT */
#include "daemon/daemon.h"

#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/service_manager.h"
#include "daemon/services/health.h"
#include "daemon/services/reflection.h"
#include "daemon/services/services.h"
#include "daemon/users/rebuild.h"
#include "lib/base/error.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define SERVICE_COUNT 5

/* The serialized descriptors of proto/, made by the build. */
extern const char descriptor_set_begin[], descriptor_set_end[];

typedef struct Daemon {
    uv_loop_t loop;
    const Config *config;
    Store *store;
    PluginRegistry *plugins;
    Llm *llm; /* NULL: no backend is configured */
    Stages *stages;
    Users *users;
    Queries *queries;
    Rebuild *rebuild;
    GrpcServer *grpc;
    NetServer *net;
    Health *health;
    Reflection *reflection;
    ServiceContext context;
    GrpcService services[SERVICE_COUNT];
    ServiceManager manager;
    uv_signal_t terminate;
    uv_signal_t interrupt;
    uv_signal_t hangup;
    bool is_ending;
    bool has_signals;
    bool has_manager;
    Status *status; /* where a refusal at start goes */
    bool failed;
} Daemon;

/* ---- the end: net, users, LLM, plugins, store, one after the other ---- */

static void on_store_closed(void *data)
{
    Daemon *daemon = data;
    daemon->store = NULL;
    loop_close(&daemon->loop);
    if (daemon->has_manager)
        service_manager_close(&daemon->manager);
    if (daemon->has_signals) {
        uv_close((uv_handle_t *)&daemon->terminate, NULL);
        uv_close((uv_handle_t *)&daemon->interrupt, NULL);
        uv_close((uv_handle_t *)&daemon->hangup, NULL);
    }
}

static void on_plugins_closed(void *data)
{
    Daemon *daemon = data;
    daemon->plugins = NULL;
    if (daemon->store)
        store_close(daemon->store, on_store_closed, daemon);
    else
        on_store_closed(daemon);
}

static void on_llm_closed(void *data)
{
    Daemon *daemon = data;
    daemon->llm = NULL;
    plugin_registry_close(daemon->plugins, on_plugins_closed, daemon);
}

static void on_users_closed(void *data)
{
    Daemon *daemon = data;
    daemon->users = NULL;
    stages_close(daemon->stages);
    llm_close(daemon->llm, on_llm_closed, daemon);
}

static void on_net_closed(void *data)
{
    Daemon *daemon = data;
    daemon->net = NULL;
    rebuild_close(daemon->rebuild);
    daemon->rebuild = NULL;
    if (daemon->users)
        users_close(daemon->users, on_users_closed, daemon);
    else
        on_users_closed(daemon);
}

static void end(Daemon *daemon)
{
    daemon->is_ending = true;
    if (daemon->health)
        health_stop(daemon->health);
    if (daemon->net)
        net_server_drain(daemon->net, on_net_closed, daemon);
    else
        on_net_closed(daemon);
}

static void on_signal(uv_signal_t *signal, int number)
{
    Daemon *daemon = signal->data;
    if (daemon->is_ending) {
        log_notice("a second signal: calls in flight are cut");
        if (daemon->net)
            net_server_close(daemon->net, on_net_closed, daemon);
        return;
    }
    log_notice("%s: no new calls, those in flight go on", number == SIGTERM ? "SIGTERM" : "SIGINT");
    service_manager_stopping("finishing the calls in flight");
    end(daemon);
}

static void on_hangup(uv_signal_t *signal, int number)
{
    (void)number;
    Daemon *daemon = signal->data;
    if (daemon->is_ending)
        return;
    log_notice("SIGHUP: all plugins are loaded anew");
    plugin_registry_refresh(daemon->plugins);
}

/* ---- the beginning ---- */

static void on_notice(void *context, const char *sentence)
{
    (void)context;
    log_notice("%s", sentence);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void add_services(Daemon *daemon)
{
    void (*const inits[SERVICE_COUNT])(GrpcService *, ServiceContext *) = {
        personalizer_service_init, history_service_init, models_service_init,
        plugins_service_init,      admin_service_init,
    };
    daemon->context = (ServiceContext){
        .loop = &daemon->loop,
        .config = daemon->config,
        .store = daemon->store,
        .plugins = daemon->plugins,
        .users = daemon->users,
        .queries = daemon->queries,
        .stages = daemon->stages,
        .llm = daemon->llm,
        .grpc = daemon->grpc,
        .started_us = now_us(),
    };
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        inits[i](&daemon->services[i], &daemon->context);
        grpc_server_add(daemon->grpc, &daemon->services[i]);
    }
    size_t set_length = (size_t)(descriptor_set_end - descriptor_set_begin);
    daemon->health = health_new();
    daemon->reflection = reflection_new((rpmd_text){descriptor_set_begin, set_length}, daemon->grpc);
    grpc_server_add(daemon->grpc, health_service(daemon->health));
    grpc_server_add(daemon->grpc, reflection_service_v1(daemon->reflection));
    grpc_server_add(daemon->grpc, reflection_service_v1alpha(daemon->reflection));
    health_set(daemon->health, "", true);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        health_set(daemon->health, daemon->services[i].name, true);
}

static int listen_for_clients(Daemon *daemon)
{
    int fd = -1;
    int r = service_manager_take_socket(&fd, daemon->status);
    if (r == 0 && fd >= 0)
        r = net_server_listen_fd(daemon->net, fd, daemon->status);
    else if (r == 0)
        r = net_server_listen_path(daemon->net, daemon->config->socket, (mode_t)daemon->config->socket_mode,
                                   daemon->status);
    return r;
}

/* The plugins are there: the socket may be seen. */
static void on_scanned(void *data)
{
    Daemon *daemon = data;
    char summary[128];
    size_t tasks = 0;
    for (const PluginTask *task = plugin_registry_tasks(daemon->plugins); task; task = task->next)
        tasks++;
    if (daemon->is_ending)
        return;
    if (listen_for_clients(daemon)) {
        daemon->failed = true;
        end(daemon);
        return;
    }
    snprintf(summary, sizeof(summary), "serving %zu tasks on %s", tasks, daemon->config->socket);
    log_notice("%s", summary);
    service_manager_ready(summary);
}

static int start(Daemon *daemon)
{
    const Config *config = daemon->config;
    /* The last folder of the path is made where it is missing; what else may be wrong, the store says. */
    mkdir(config->state_dir, 0700);
    int r = store_open(&daemon->store, &daemon->loop, config->state_dir, daemon->status);
    if (r)
        return r;
    const PluginSettings plugins = {
        .in_process = config->in_process,
        .workers = config->workers,
        .workers_limit = MAX(config->workers, config->workers_limit),
        .worker_memory = config->worker_memory,
    };
    r = plugin_registry_open(&daemon->plugins, &daemon->loop, config->state_dir, &plugins, daemon->status);
    if (r)
        return r;
    if (config->backend_count > 0)
        r = llm_open(&daemon->llm, &daemon->loop, config, daemon->status);
    if (r)
        return r;
    r = stages_open(&daemon->stages, &(StagesContext){&daemon->loop, config, daemon->store, daemon->llm},
                    daemon->status);
    if (r)
        return r;
    const UsersContext users = {&daemon->loop, daemon->store, daemon->plugins, daemon->stages, config};
    daemon->users = users_new(&users);
    daemon->rebuild = rebuild_new(&users, daemon->users);
    daemon->queries =
        queries_new(&(QueriesContext){&daemon->loop, config, daemon->plugins, daemon->users, daemon->stages});
    GrpcLimits limits = grpc_limits_default();
    limits.drain_timeout_ms = config->drain_seconds * 1000;
    daemon->grpc = grpc_server_new(&limits);
    add_services(daemon);
    daemon->net = net_server_new(&daemon->loop, daemon->grpc, &(NetServerOptions){.on_notice = on_notice});
    daemon->context.net = daemon->net;
    service_manager_init(&daemon->manager, &daemon->loop);
    daemon->has_manager = true;
    uv_signal_init(&daemon->loop, &daemon->terminate);
    uv_signal_init(&daemon->loop, &daemon->interrupt);
    uv_signal_init(&daemon->loop, &daemon->hangup);
    daemon->terminate.data = daemon->interrupt.data = daemon->hangup.data = daemon;
    daemon->has_signals = true;
    uv_signal_start(&daemon->terminate, on_signal, SIGTERM);
    uv_signal_start(&daemon->interrupt, on_signal, SIGINT);
    uv_signal_start(&daemon->hangup, on_hangup, SIGHUP);
    plugin_registry_scan(daemon->plugins, config->plugin_dirs, config->plugin_dir_count, on_scanned, daemon);
    return 0;
}

int daemon_run(const Config *config, Status *status)
{
    Daemon daemon = {.config = config, .status = status};
    int r = uv_loop_init(&daemon.loop);
    if (r < 0)
        return error_origin(r);
    r = start(&daemon);
    if (r) {
        daemon.failed = true;
        end(&daemon);
    }
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    loop_close(&daemon.loop);
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    queries_free(daemon.queries);
    stages_free(daemon.stages);
    health_free(daemon.health);
    reflection_free(daemon.reflection);
    if (daemon.grpc)
        grpc_server_free(daemon.grpc);
    r = uv_loop_close(&daemon.loop);
    if (r < 0)
        log_error("the loop still has handles: this is a mistake in rpmd");
    return daemon.failed ? STATUS_REFUSED : 0;
}
