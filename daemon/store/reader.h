/* SPDX-License-Identifier: MIT */
#pragma once

/* The thread that executes what only reads, each request on a snapshot of its own, beside the writer. */

#include "daemon/store/exchange.h"

typedef struct Reader {
    RequestQueue queue;
    Database database;
    Exchange *exchange; /* borrowed */
} Reader;

/* Until the queue is closed and empty. */
void reader_run(Reader *reader);
