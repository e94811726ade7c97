/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whose turn it is at a backend: so many calls at a time, so many a minute, in the order in which they came.
 * Nobody is kept waiting for a server that is left alone.
 *
 *     out --> waiting --> active --> out
 *                |
 *                +--> out: refused
 *
 * begin and refuse come from the loop, never from within these functions. They may use the queue, and run
 * nothing of whoever asked the LLM.
 */

#include "daemon/llm/alarm.h"
#include "daemon/llm/backend.h"
#include "daemon/loop/later.h"

#include <sys/queue.h>

#define QUEUE_LIMIT 4096 /* calls that wait for one backend; more would wait too long */

typedef enum TurnState { TURN_OUT, TURN_WAITING, TURN_ACTIVE } TurnState;

typedef struct Queue Queue;

/* Embedded in a call; zero: out. */
typedef struct Turn {
    TAILQ_ENTRY(Turn) link; /* waiting */
    TurnState state;
    bool tries;                                              /* active: see backend_try */
    void (*begin)(struct Turn *turn);                        /* it is active now */
    void (*refuse)(struct Turn *turn, const char *sentence); /* it is out: the server is left alone */
} Turn;

struct Queue {
    Backend *backend;
    uv_loop_t *loop;
    TAILQ_HEAD(, Turn) waiting;
    Later advancing;
    Alarm *alarm; /* when the rates let the next one through */
};

void queue_init(Queue *queue, Backend *backend, AlarmSet *alarms);

/* Nobody is in it any more. */
void queue_finish(Queue *queue);

static inline bool queue_is_full(const Queue *queue)
{
    return queue->backend->waiting_count >= QUEUE_LIMIT;
}

void queue_join(Queue *queue, Turn *turn);

/* Harmless where it is out. */
void queue_leave(Queue *queue, Turn *turn);

/* The backend's health changed: the turns that wait are looked at again. */
void queue_look_again(Queue *queue);
