/* SPDX-License-Identifier: MIT */
#include "daemon/services/health.h"

#include "grpc/health/v1/health.pb-c.h"
#include "lib/base/memory.h"

#include <assert.h>

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus State;

typedef struct Entry {
    char *service; /* owned */
    State state;
} Entry;

/* A Watch call. */
typedef struct Watcher {
    Health *health;
    GrpcCall *call;
    struct Watcher *previous;
    struct Watcher *next;
    const char *service; /* in the request, which lives as long as the call */
    State told;
} Watcher;

struct Health {
    GrpcService service;
    Entry *entries; /* owned */
    size_t count;
    size_t capacity;
    Watcher *watchers;
};

static Entry *find(const Health *health, const char *service)
{
    for (size_t i = 0; i < health->count; i++)
        if (strcmp(health->entries[i].service, service) == 0)
            return &health->entries[i];
    return NULL;
}

static void on_check(GrpcCall *call, const void *message)
{
    const Request *request = message;
    const Entry *entry = find(grpc_call_service(call), request->service);
    if (!entry) {
        grpc_call_refuse(call, STATUS_NOT_FOUND, "there is no service '%s'", request->service);
        return;
    }
    Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = entry->state;
    grpc_call_reply(call, &response.base);
}

/* Tells a watcher what it does not know yet. */
static void tell(Watcher *watcher)
{
    const Entry *entry = find(watcher->health, watcher->service);
    State state = entry ? entry->state : SERVICE_UNKNOWN;
    if (state == watcher->told)
        return;
    Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = watcher->told = state;
    grpc_call_send(watcher->call, &response.base);
}

static void release_watcher(void *context)
{
    Watcher *watcher = context;
    if (watcher->previous)
        watcher->previous->next = watcher->next;
    else
        watcher->health->watchers = watcher->next;
    if (watcher->next)
        watcher->next->previous = watcher->previous;
    free(watcher);
}

static void on_watch(GrpcCall *call, const void *message)
{
    Health *health = grpc_call_service(call);
    Watcher *watcher = NEW(Watcher);
    *watcher = (Watcher){
        .health = health,
        .call = call,
        .next = health->watchers,
        .service = ((const Request *)message)->service,
    };
    if (watcher->next)
        watcher->next->previous = watcher;
    health->watchers = watcher;
    grpc_call_set_context(call, watcher, release_watcher);
    tell(watcher);
}

static void on_watch_cancelled(GrpcCall *call)
{
    grpc_call_refuse(call, STATUS_CANCELLED, "nobody watches any more");
}

static const GrpcMethod methods[] = {
    {
        .name = "Check",
        .kind = GRPC_UNARY,
        .request = &grpc__health__v1__health_check_request__descriptor,
        .on_message = on_check,
    },
    {
        .name = "Watch",
        .kind = GRPC_SERVER_STREAM,
        .request = &grpc__health__v1__health_check_request__descriptor,
        .on_message = on_watch,
        .on_cancel = on_watch_cancelled,
    },
};

Health *health_new(void)
{
    Health *health = NEW(Health);
    health->service = (GrpcService){
        .name = "grpc.health.v1.Health",
        .methods = methods,
        .method_count = ARRAY_SIZE(methods),
        .context = health,
    };
    return health;
}

void health_free(Health *health)
{
    if (!health)
        return;
    assert(!health->watchers);
    for (size_t i = 0; i < health->count; i++)
        free(health->entries[i].service);
    free(health->entries);
    free(health);
}

const GrpcService *health_service(const Health *health)
{
    return &health->service;
}

void health_set(Health *health, const char *service, bool serving)
{
    Entry *entry = find(health, service);
    if (!entry) {
        GROW(health->entries, health->count, health->capacity);
        entry = &health->entries[health->count++];
        entry->service = memory_copy_text(service, strlen(service));
    }
    entry->state = serving ? SERVING : NOT_SERVING;
    for (Watcher *watcher = health->watchers; watcher; watcher = watcher->next)
        tell(watcher);
}

void health_stop(Health *health)
{
    for (size_t i = 0; i < health->count; i++)
        health->entries[i].state = NOT_SERVING;
    while (health->watchers) {
        tell(health->watchers);
        grpc_call_refuse(health->watchers->call, STATUS_UNAVAILABLE, "the daemon is stopping");
    }
}
