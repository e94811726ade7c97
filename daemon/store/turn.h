/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The connection that writes, and whose turn it is to use it: the writer's for a group, or the keeper's for a
 * slice. One connection, so that what one of them changes does not make the other forget the pages it has
 * read. The keeper gives way to the writer, but not for ever.
 */

#include "daemon/store/database.h"

#include <uv.h>

typedef struct Turn {
    Database database; /* of whoever has the turn */

    /* Under the mutex, which is never held while SQLite works */
    uv_mutex_t mutex;
    uv_cond_t changed;
    bool is_taken;
    bool writer_is_busy; /* has requests, whether or not it is its turn */
    bool keeper_is_due;  /* waited long enough */
    bool has_news;       /* something was written: the keeper may have work */
    bool is_closing;     /* the keeper is to end */
    int log_pages;       /* in the log, as of the last turn */
} Turn;

/* The database is opened and closed by the caller. */
void turn_init(Turn *turn);
void turn_finish(Turn *turn);

/* The writer's side. is_idle: no request waits. */
void turn_take_to_write(Turn *turn);
void turn_give_back(Turn *turn, bool is_idle);

/*
 * The keeper's side. Waits until the writer is idle, or has been busy for so long. False: the keeper is to
 * end, and has no turn.
 */
bool turn_take_to_keep(Turn *turn, uint64_t patience_ns);
void turn_give_back_kept(Turn *turn);

/* Waits for news, or some time (0: no longer than for them). False: the keeper is to end. */
bool turn_wait_for_news(Turn *turn, uint64_t longest_ns);

/* Waits for some time. False: the keeper is to end. */
bool turn_pause(Turn *turn, uint64_t duration_ns);

/* Pages in the log. */
int turn_log_pages(Turn *turn);

/* The keeper ends when its slice does. */
void turn_close(Turn *turn);
