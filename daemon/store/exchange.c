/* SPDX-License-Identifier: MIT */
#include "daemon/store/exchange.h"

void request_queue_init(RequestQueue *queue)
{
    *queue = (RequestQueue){0};
    uv_mutex_init(&queue->mutex);
    uv_cond_init(&queue->filled);
}

void request_queue_finish(RequestQueue *queue)
{
    uv_cond_destroy(&queue->filled);
    uv_mutex_destroy(&queue->mutex);
}

void request_queue_add(RequestQueue *queue, Request *request)
{
    uv_mutex_lock(&queue->mutex);
    request_list_add(&queue->waiting, request);
    uv_cond_signal(&queue->filled);
    uv_mutex_unlock(&queue->mutex);
}

void request_queue_close(RequestQueue *queue)
{
    uv_mutex_lock(&queue->mutex);
    queue->is_closing = true;
    uv_cond_signal(&queue->filled);
    uv_mutex_unlock(&queue->mutex);
}

RequestList request_queue_take(RequestQueue *queue, size_t requests, size_t bytes)
{
    uv_mutex_lock(&queue->mutex);
    while (!queue->waiting.first && !queue->is_closing)
        uv_cond_wait(&queue->filled, &queue->mutex);
    RequestList taken = request_list_take(&queue->waiting, requests, bytes);
    uv_mutex_unlock(&queue->mutex);
    return taken;
}

bool request_queue_is_empty(RequestQueue *queue)
{
    uv_mutex_lock(&queue->mutex);
    bool is_empty = !queue->waiting.first;
    uv_mutex_unlock(&queue->mutex);
    return is_empty;
}

void exchange_return(Exchange *exchange, const RequestList *requests)
{
    uv_mutex_lock(&exchange->mutex);
    request_list_append(&exchange->done, requests);
    uv_mutex_unlock(&exchange->mutex);
    uv_async_send(&exchange->wake);
}
