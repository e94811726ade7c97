/* SPDX-License-Identifier: MIT */
#pragma once

/* The thread that executes what changes something: a group of requests, one transaction, one sync to disk. */

#include "daemon/store/exchange.h"
#include "daemon/store/turn.h"

typedef struct Writer {
    RequestQueue queue;
    Turn *turn;         /* borrowed */
    Exchange *exchange; /* borrowed */
} Writer;

/* Until the queue is closed and empty. */
void writer_run(Writer *writer);
