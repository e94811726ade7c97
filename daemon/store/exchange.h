/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Between the loop's thread and the others: what waits for a thread, and what comes back from all of them. No
 * lock of these is held while SQLite works.
 */

#include "daemon/store/request.h"

/* Requests that wait for one thread. */
typedef struct RequestQueue {
    uv_mutex_t mutex;
    uv_cond_t filled;
    RequestList waiting;
    bool is_closing;
} RequestQueue;

void request_queue_init(RequestQueue *queue);
void request_queue_finish(RequestQueue *queue);
void request_queue_add(RequestQueue *queue, Request *request);

/* What is in it is still to be taken; its thread then gets nothing more. */
void request_queue_close(RequestQueue *queue);

/* Waits for requests and takes some, as request_list_take; none: the queue is closed and empty. */
RequestList request_queue_take(RequestQueue *queue, size_t requests, size_t bytes);

bool request_queue_is_empty(RequestQueue *queue);

/* What comes back. */
typedef struct Exchange {
    uv_async_t wake; /* the loop's thread */
    uv_mutex_t mutex;
    RequestList done;     /* under the mutex */
    StoreMetrics metrics; /* under the mutex; all but requests, failures and queued */
    bool is_ended;        /* under the mutex: no thread works any more */
} Exchange;

/* Hands back requests, with their replies, and wakes the loop. */
void exchange_return(Exchange *exchange, const RequestList *requests);
