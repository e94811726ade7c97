/* SPDX-License-Identifier: MIT */
#include "daemon/llm/llm.h"

#include "daemon/llm/call.h"
#include "lib/base/memory.h"

/* ---- whose turn it is --------------------------------------------------------------------------------- */

static void on_rate(uv_timer_t *timer)
{
    llm_advance(timer->data);
}

static void refuse_waiting(Backend *backend)
{
    char sentence[STATUS_MESSAGE_SIZE];
    snprintf(sentence, sizeof(sentence), "backend %s does not answer: %.400s", backend->settings->name,
             backend->trouble);
    while (!STAILQ_EMPTY(&backend->waiting) && backend->rests_until_ns) {
        backend->counts.refused++;
        call_refuse(STAILQ_FIRST(&backend->waiting), STATUS_UNAVAILABLE, sentence);
    }
}

void llm_advance(Backend *backend)
{
    if (backend->llm->is_closing || backend->is_advancing)
        return;
    backend->is_advancing = true;
    while (!STAILQ_EMPTY(&backend->waiting) && backend->active_count < backend->settings->concurrency) {
        bool tries = false;
        uint64_t now = uv_hrtime();
        uint64_t wait =
            MAX(llm_rate_wait_ns(&backend->requests, now), llm_rate_wait_ns(&backend->tokens, now));
        if (wait > 0) {
            uv_timer_start(&backend->timer, on_rate, wait / 1000000 + 1, 0);
            break;
        }
        if (!backend_admits(backend, &tries)) {
            refuse_waiting(backend);
            break;
        }
        LlmCall *call = STAILQ_FIRST(&backend->waiting);
        STAILQ_REMOVE_HEAD(&backend->waiting, next_waiting);
        backend->waiting_count--;
        backend->active_count++;
        call_begin(call, tries);
    }
    backend->is_advancing = false;
}

/* ---- life --------------------------------------------------------------------------------------------- */

void llm_handle_closed(Llm *llm)
{
    if (--llm->handles > 0 || !llm->is_closing)
        return;
    void (*closed)(void *) = llm->closed;
    void *data = llm->closed_data;
    for (size_t i = 0; i < llm->backend_count; i++)
        backend_finish(&llm->backends[i]);
    free(llm->backends);
    free(llm);
    closed(data);
}

static void on_http_closed(void *data)
{
    llm_handle_closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    Backend *backend = handle->data;
    llm_handle_closed(backend->llm);
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
    while (!LIST_EMPTY(&llm->calls))
        call_drop(LIST_FIRST(&llm->calls), NULL);
    for (size_t i = 0; i < llm->backend_count; i++)
        uv_close((uv_handle_t *)&llm->backends[i].timer, on_timer_closed);
    http_client_close(llm->http, on_http_closed, llm);
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
    *opened = (Llm){.loop = loop, .http = http_client_new(loop), .handles = 1};
    LIST_INIT(&opened->calls);
    opened->backends = NEW_ARRAY(Backend, config->backend_count + 1);
    *llm = opened;
    for (size_t i = 0; i < config->backend_count; i++) {
        int r = backend_init(&opened->backends[i], opened, loop, &config->backends[i], status);
        if (r)
            return r;
        opened->backend_count++;
        opened->handles++;
    }
    return 0;
}

const Backend *llm_backend(const Llm *llm, size_t index)
{
    return index < llm->backend_count ? &llm->backends[index] : NULL;
}
