/* SPDX-License-Identifier: MIT */
#include "daemon/llm/queue.h"

static void refuse(Queue *queue, Turn *turn, const char *sentence)
{
    queue->backend->counts.refused++;
    queue_leave(queue, turn);
    turn->refuse(turn, sentence);
}

static void begin(Queue *queue, Turn *turn)
{
    Backend *backend = queue->backend;
    TAILQ_REMOVE(&queue->waiting, turn, link);
    backend->waiting_count--;
    backend->active_count++;
    turn->state = TURN_ACTIVE;
    turn->tries = backend_try(backend);
    turn->begin(turn);
}

/* Lets those begin that may, and refuses those that would wait for a server that is left alone. */
static void advance(Queue *queue)
{
    Backend *backend = queue->backend;
    Turn *turn;
    char sentence[STATUS_MESSAGE_SIZE];
    while ((turn = TAILQ_FIRST(&queue->waiting))) {
        uint64_t now = uv_hrtime();
        if (backend_is_left_alone(backend, now, sentence)) {
            refuse(queue, turn, sentence);
            continue;
        }
        if (backend->active_count >= backend->settings->concurrency)
            break;
        uint64_t wait =
            MAX(llm_rate_wait_ns(&backend->requests, now), llm_rate_wait_ns(&backend->tokens, now));
        if (wait > 0) {
            alarm_set(queue->alarm, now + wait);
            break;
        }
        begin(queue, turn);
    }
}

static void on_turn_of_loop(Later *later)
{
    advance(CONTAINER_OF(later, Queue, advancing));
}

static void on_rate(void *owner)
{
    advance(owner);
}

void queue_look_again(Queue *queue)
{
    if (!TAILQ_EMPTY(&queue->waiting) && !later_is_waiting(&queue->advancing))
        later_call(queue->loop, &queue->advancing, on_turn_of_loop);
}

void queue_join(Queue *queue, Turn *turn)
{
    turn->state = TURN_WAITING;
    TAILQ_INSERT_TAIL(&queue->waiting, turn, link);
    queue->backend->waiting_count++;
    queue_look_again(queue);
}

void queue_leave(Queue *queue, Turn *turn)
{
    Backend *backend = queue->backend;
    if (turn->state == TURN_WAITING) {
        TAILQ_REMOVE(&queue->waiting, turn, link);
        backend->waiting_count--;
    } else if (turn->state == TURN_ACTIVE) {
        backend->active_count--;
        if (turn->tries)
            backend_give_up_trying(backend);
    }
    turn->state = TURN_OUT;
    turn->tries = false;
    queue_look_again(queue);
}

void queue_init(Queue *queue, Backend *backend, AlarmSet *alarms)
{
    *queue = (Queue){.backend = backend, .loop = alarms->loop};
    TAILQ_INIT(&queue->waiting);
    queue->alarm = alarm_new(alarms, on_rate, queue);
}

void queue_finish(Queue *queue)
{
    later_cancel(&queue->advancing);
    alarm_free(queue->alarm);
}
