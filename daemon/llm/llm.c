/* SPDX-License-Identifier: MIT */
#include "daemon/llm/llm.h"

#include "daemon/llm/call.h"
#include "lib/base/memory.h"

#include <assert.h>

/* A backend and whose turn it is. */
typedef struct Server {
    Backend backend;
    Queue queue;
} Server;

struct Llm {
    CallContext context;
    Server *servers;
    size_t server_count;
    bool is_closing;
    void (*closed)(void *data);
    void *closed_data;
};

/* ---- life --------------------------------------------------------------------------------------------- */

static void finish_closing(Llm *llm)
{
    if (!llm->is_closing || llm->context.http || llm->context.alarms.count > 0)
        return;
    void (*closed)(void *) = llm->closed;
    void *data = llm->closed_data;
    for (size_t i = 0; i < llm->server_count; i++)
        backend_finish(&llm->servers[i].backend);
    free(llm->servers);
    free(llm);
    closed(data);
}

static void on_http_closed(void *data)
{
    Llm *llm = data;
    llm->context.http = NULL;
    finish_closing(llm);
}

static void on_alarms_closed(AlarmSet *set)
{
    finish_closing(CONTAINER_OF(set, Llm, context.alarms));
}

void llm_close(Llm *llm, void (*closed)(void *data), void *data)
{
    if (!llm) {
        closed(data);
        return;
    }
    llm->is_closing = true;
    llm->closed = closed;
    llm->closed_data = data;
    while (!LIST_EMPTY(&llm->context.calls))
        llm_cancel(LIST_FIRST(&llm->context.calls), NULL);
    for (size_t i = 0; i < llm->server_count; i++)
        queue_finish(&llm->servers[i].queue);
    http_client_close(llm->context.http, on_http_closed, llm);
}

int llm_open(Llm **llm, uv_loop_t *loop, const Config *config, Status *status)
{
    *llm = NULL;
    for (size_t i = 0; i < config->backend_count; i++) {
        int r = backend_check(&config->backends[i], status);
        if (r)
            return r;
    }
    Llm *opened = NEW(Llm);
    *opened = (Llm){.context = {.loop = loop,
                                .http = http_client_new(loop),
                                .alarms = {.loop = loop, .emptied = on_alarms_closed}}};
    LIST_INIT(&opened->context.calls);
    opened->servers = NEW_ARRAY(Server, config->backend_count + 1);
    *llm = opened;
    for (size_t i = 0; i < config->backend_count; i++) {
        Server *server = &opened->servers[i];
        int r = backend_init(&server->backend, &config->backends[i], status);
        if (r)
            return r;
        queue_init(&server->queue, &server->backend, &opened->context.alarms);
        opened->server_count++;
    }
    return 0;
}

const Backend *llm_backend(const Llm *llm, size_t index)
{
    return index < llm->server_count ? &llm->servers[index].backend : NULL;
}

/* ---- calls -------------------------------------------------------------------------------------------- */

static Server *find_server(Llm *llm, const char *name)
{
    size_t i = 0;
    while (strcmp(llm->servers[i].backend.settings->name, name) != 0)
        i++;
    return &llm->servers[i];
}

LlmCall *llm_call(Llm *llm, const LlmRequest *request, const LlmHandlers *handlers, void *data)
{
    assert(!llm->is_closing);
    return llm_call_new(&llm->context, &find_server(llm, request->backend)->queue, request, handlers, data);
}
