/* SPDX-License-Identifier: MIT */
#include "daemon/store/turn.h"

void turn_init(Turn *turn)
{
    *turn = (Turn){0};
    uv_mutex_init(&turn->mutex);
    uv_cond_init(&turn->changed);
}

void turn_finish(Turn *turn)
{
    uv_cond_destroy(&turn->changed);
    uv_mutex_destroy(&turn->mutex);
}

static void leave(Turn *turn)
{
    turn->is_taken = false;
    turn->log_pages = turn->database.log_pages;
    uv_cond_broadcast(&turn->changed);
}

/* ---- the writer's side -------------------------------------------------------------------------------- */

void turn_take_to_write(Turn *turn)
{
    uv_mutex_lock(&turn->mutex);
    turn->writer_is_busy = true;
    while (turn->is_taken || turn->keeper_is_due)
        uv_cond_wait(&turn->changed, &turn->mutex);
    turn->is_taken = true;
    uv_mutex_unlock(&turn->mutex);
}

void turn_give_back(Turn *turn, bool is_idle)
{
    uv_mutex_lock(&turn->mutex);
    turn->writer_is_busy = !is_idle;
    turn->has_news = true;
    leave(turn);
    uv_mutex_unlock(&turn->mutex);
}

/* ---- the keeper's side -------------------------------------------------------------------------------- */

bool turn_take_to_keep(Turn *turn, uint64_t patience_ns)
{
    uv_mutex_lock(&turn->mutex);
    uint64_t deadline = uv_hrtime() + patience_ns;
    while (!turn->is_closing && (turn->is_taken || (turn->writer_is_busy && !turn->keeper_is_due))) {
        uint64_t now = uv_hrtime();
        if (now >= deadline) {
            turn->keeper_is_due = true;
            if (turn->is_taken)
                uv_cond_wait(&turn->changed, &turn->mutex);
        } else {
            uv_cond_timedwait(&turn->changed, &turn->mutex, deadline - now);
        }
    }
    bool has_turn = !turn->is_closing;
    turn->keeper_is_due = false;
    if (has_turn)
        turn->is_taken = true;
    else
        uv_cond_broadcast(&turn->changed);
    uv_mutex_unlock(&turn->mutex);
    return has_turn;
}

void turn_give_back_kept(Turn *turn)
{
    uv_mutex_lock(&turn->mutex);
    leave(turn);
    uv_mutex_unlock(&turn->mutex);
}

bool turn_wait_for_news(Turn *turn, uint64_t longest_ns)
{
    uv_mutex_lock(&turn->mutex);
    uint64_t deadline = uv_hrtime() + longest_ns;
    while (!turn->has_news && !turn->is_closing) {
        uint64_t now = uv_hrtime();
        if (longest_ns == 0)
            uv_cond_wait(&turn->changed, &turn->mutex);
        else if (now < deadline)
            uv_cond_timedwait(&turn->changed, &turn->mutex, deadline - now);
        else
            break;
    }
    turn->has_news = false;
    bool goes_on = !turn->is_closing;
    uv_mutex_unlock(&turn->mutex);
    return goes_on;
}

bool turn_pause(Turn *turn, uint64_t duration_ns)
{
    uv_mutex_lock(&turn->mutex);
    uint64_t deadline = uv_hrtime() + duration_ns;
    for (uint64_t now; !turn->is_closing && (now = uv_hrtime()) < deadline;)
        uv_cond_timedwait(&turn->changed, &turn->mutex, deadline - now);
    bool goes_on = !turn->is_closing;
    uv_mutex_unlock(&turn->mutex);
    return goes_on;
}

int turn_log_pages(Turn *turn)
{
    uv_mutex_lock(&turn->mutex);
    int pages = turn->log_pages;
    uv_mutex_unlock(&turn->mutex);
    return pages;
}

void turn_close(Turn *turn)
{
    uv_mutex_lock(&turn->mutex);
    turn->is_closing = true;
    uv_cond_broadcast(&turn->changed);
    uv_mutex_unlock(&turn->mutex);
}
