/* SPDX-License-Identifier: MIT */
#include "daemon/services/services.h"

#include "daemon/services/backends.h"
#include "daemon/services/call.h"
#include "daemon/services/limits.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include "rpmd/v1/admin.pb-c.h"

#include <stdio.h>
#include <unistd.h>

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &pages, &resident) != 2)
        resident = 0;
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void add_limits(ServiceCall *admin, Rpmd__V1__GetStatusResponse *response)
{
    Arena *arena = &admin->arena;
    size_t count = service_limits_count(admin->context);
    response->limits = ARENA_ARRAY(arena, Rpmd__V1__Limit *, count);
    for (size_t i = 0; i < count; i++) {
        GrpcLimit limit = service_limits_get(admin->context, i);
        Rpmd__V1__Limit *message = ARENA_NEW(arena, Rpmd__V1__Limit);
        rpmd__v1__limit__init(message);
        message->name = arena_format(arena, "%s", limit.name);
        message->value = limit.value;
        message->unit = arena_format(arena, "%s", limit.unit);
        message->reason = arena_format(arena, "%s", limit.reason);
        response->limits[response->n_limits++] = message;
    }
}

static void add_tasks(ServiceCall *admin, Rpmd__V1__GetStatusResponse *response, const StoreTasks *tasks)
{
    Arena *arena = &admin->arena;
    response->tasks = ARENA_ARRAY(arena, Rpmd__V1__TaskStatus *, tasks->count);
    for (size_t i = 0; i < tasks->count; i++) {
        Status status = STATUS_INIT;
        Rpmd__V1__TaskStatus *message = ARENA_NEW(arena, Rpmd__V1__TaskStatus);
        rpmd__v1__task_status__init(message);
        message->task = arena_copy(arena, tasks->tasks[i].task.data, tasks->tasks[i].task.length);
        message->users = tasks->tasks[i].users;
        message->items = tasks->tasks[i].items;
        message->models = tasks->tasks[i].models;
        message->served = plugin_registry_find(admin->context->plugins, message->task, &status) != NULL;
        response->tasks[response->n_tasks++] = message;
    }
}

static void add_problems(ServiceCall *admin, Rpmd__V1__GetStatusResponse *response)
{
    Arena *arena = &admin->arena;
    response->problems =
        ARENA_ARRAY(arena, char *, response->n_tasks + admin->context->config->backend_count + 3);
    for (size_t i = 0; i < response->n_tasks; i++)
        if (!response->tasks[i]->served)
            response->problems[response->n_problems++] =
                arena_format(arena, "no plugin serves the task %s, which has histories; load one",
                             response->tasks[i]->task);
    if (!plugin_registry_tasks(admin->context->plugins))
        response->problems[response->n_problems++] =
            arena_format(arena, "no plugin is loaded: nothing can be answered; see `rpmctl plugin list`");
    for (size_t i = 0; i < admin->context->config->backend_count; i++)
        if (llm_backend(admin->context->llm, i)->trouble[0])
            response->problems[response->n_problems++] =
                arena_format(arena, "%s", llm_backend(admin->context->llm, i)->trouble);
    StoreMetrics store;
    store_metrics(admin->context->store, &store);
    if (store.erasure_trouble[0])
        response->problems[response->n_problems++] = arena_format(arena, "%s", store.erasure_trouble);
    if (store_is_busy(admin->context->store))
        response->problems[response->n_problems++] =
            arena_format(arena, "the disk is slower than the writes that arrive");
}

static void on_tasks(StoreReply *reply, void *data)
{
    ServiceCall *admin = data;
    const ServiceContext *context = admin->context;
    StoreMetrics store;
    admin->store = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(admin->call, &reply->status);
        return;
    }
    Rpmd__V1__GetStatusResponse response = RPMD__V1__GET_STATUS_RESPONSE__INIT;
    response.version = RPMD_VERSION;
    response.pid = (uint32_t)getpid();
    response.started_us = context->started_us;
    response.socket = context->config->socket;
    response.state_dir = context->config->state_dir;
    response.resident_bytes = resident_bytes();
    response.connections = (uint32_t)net_server_connections(context->net);
    response.calls_in_flight = (uint32_t)grpc_server_live_calls(context->grpc);
    response.calls_total = grpc_server_total_calls(context->grpc);
    add_limits(admin, &response);
    add_tasks(admin, &response, &reply->tasks);
    add_problems(admin, &response);
    response.backends = backends_status(context, &admin->arena, &response.n_backends);
    store_metrics(context->store, &store);
    response.last_erasure = store.last_erasure;
    response.erasures_finished = store.erasures_finished;
    grpc_call_reply(admin->call, &response.base);
}

static void on_get_status(GrpcCall *call, const void *message)
{
    (void)message;
    ServiceCall *admin = service_call_new(call, sizeof(ServiceCall), NULL);
    admin->store = store_list_tasks(admin->context->store, on_tasks, admin);
}

/* ---- metrics ---- */

typedef struct MetricList {
    Arena *arena;
    Rpmd__V1__Metric **metrics;
    size_t count;
    size_t capacity;
} MetricList;

static Rpmd__V1__Metric *add_metric(MetricList *list, const char *name, double value)
{
    Rpmd__V1__Metric *metric = ARENA_NEW(list->arena, Rpmd__V1__Metric);
    rpmd__v1__metric__init(metric);
    metric->name = arena_format(list->arena, "%s", name);
    metric->value = value;
    GROW(list->metrics, list->count, list->capacity);
    list->metrics[list->count++] = metric;
    return metric;
}

static void add_label(MetricList *list, Rpmd__V1__Metric *metric, const char *key, const char *value)
{
    Rpmd__V1__Metric__LabelsEntry *label = ARENA_NEW(list->arena, Rpmd__V1__Metric__LabelsEntry);
    Rpmd__V1__Metric__LabelsEntry **labels =
        ARENA_ARRAY(list->arena, Rpmd__V1__Metric__LabelsEntry *, metric->n_labels + 1);
    rpmd__v1__metric__labels_entry__init(label);
    label->key = arena_format(list->arena, "%s", key);
    label->value = arena_format(list->arena, "%s", value);
    if (metric->n_labels > 0)
        memcpy(labels, metric->labels, metric->n_labels * sizeof(*labels));
    labels[metric->n_labels++] = label;
    metric->labels = labels;
}

static void add_call_metrics(MetricList *list, const GrpcServer *grpc)
{
    for (size_t m = 0; m < grpc_server_method_count(grpc); m++) {
        GrpcMethodCount count = grpc_server_method(grpc, m);
        for (StatusCode code = 0; code < STATUS_CODE_COUNT; code++) {
            if (count.ended[code] == 0)
                continue;
            Rpmd__V1__Metric *metric = add_metric(list, "rpc_calls_total", (double)count.ended[code]);
            add_label(list, metric, "service", count.service);
            add_label(list, metric, "method", count.method);
            add_label(list, metric, "code", status_code_name(code));
        }
    }
}

static void add_stage_metric(MetricList *list, Stage stage, const char *name, double value)
{
    Rpmd__V1__Metric *metric = add_metric(list, name, value);
    add_label(list, metric, "stage", stage_name(stage));
}

static void add_stage_metrics(MetricList *list, const ServiceContext *context)
{
    for (Stage stage = 0; stage < STAGE_COUNT && context->llm; stage++) {
        const StageCounts *counts = stage_counts(context->stages, stage);
        add_stage_metric(list, stage, "llm_calls_total", (double)counts->calls);
        add_stage_metric(list, stage, "llm_failures_total", (double)counts->failures);
        add_stage_metric(list, stage, "llm_repairs_total", (double)counts->repairs);
        add_stage_metric(list, stage, "llm_kept_replies_total", (double)counts->cached_replies);
        add_stage_metric(list, stage, "llm_prompt_tokens_total", (double)counts->usage.prompt_tokens);
        add_stage_metric(list, stage, "llm_cached_tokens_total", (double)counts->usage.cached_tokens);
        add_stage_metric(list, stage, "llm_completion_tokens_total", (double)counts->usage.completion_tokens);
        add_stage_metric(list, stage, "llm_cost_total", (double)counts->cost_micros / 1e6);
    }
}

static void on_get_metrics(GrpcCall *call, const void *message)
{
    (void)message;
    ServiceCall *admin = service_call_new(call, sizeof(ServiceCall), NULL);
    const ServiceContext *context = admin->context;
    MetricList list = {.arena = &admin->arena};
    UsersMetrics users;
    StoreMetrics store;
    users_metrics(context->users, &users);
    store_metrics(context->store, &store);
    const struct {
        const char *name;
        double value;
    } values[] = {
        {"resident_bytes", (double)resident_bytes()},
        {"connections", (double)net_server_connections(context->net)},
        {"connections_total", (double)net_server_total_connections(context->net)},
        {"calls_in_flight", (double)grpc_server_live_calls(context->grpc)},
        {"models_cached", (double)users.cached_models},
        {"models_cached_bytes", (double)users.cached_bytes},
        {"model_loads_total", (double)users.loads},
        {"model_builds_total", (double)users.builds},
        {"model_updates_total", (double)users.updates},
        {"store_requests_total", (double)store.requests},
        {"store_failures_total", (double)store.failures},
        {"store_commits_total", (double)store.commits},
        {"store_queue", (double)store.queued},
        {"store_last_commit_seconds", (double)store.last_commit_ns / 1e9},
        {"store_longest_commit_seconds", (double)store.longest_commit_ns / 1e9},
        {"erasures_pending", (double)(store.last_erasure - store.erasures_finished)},
        {"operations", (double)users.operations},
    };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        add_metric(&list, values[i].name, values[i].value);
    add_call_metrics(&list, context->grpc);
    add_stage_metrics(&list, context);
    Rpmd__V1__GetMetricsResponse response = RPMD__V1__GET_METRICS_RESPONSE__INIT;
    response.metrics = list.metrics;
    response.n_metrics = list.count;
    grpc_call_reply(call, &response.base);
    free(list.metrics);
}

void admin_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "GetStatus",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__get_status_request__descriptor,
         .on_message = on_get_status,
         .on_cancel = service_call_on_cancel},
        {.name = "GetMetrics",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__get_metrics_request__descriptor,
         .on_message = on_get_metrics},
        {.name = "GetUsage",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__get_usage_request__descriptor,
         .on_message = backends_on_usage,
         .on_cancel = service_call_on_cancel},
        {.name = "CheckBackend",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__check_backend_request__descriptor,
         .on_message = backends_on_check,
         .on_cancel = service_call_on_cancel},
    };
    *service = (GrpcService){"rpmd.v1.Admin", methods, ARRAY_SIZE(methods), context};
}
