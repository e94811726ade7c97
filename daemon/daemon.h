/* SPDX-License-Identifier: MIT */
#pragma once

/* The daemon as a whole: makes every room, connects them, and takes them down in the opposite order. */

#include "daemon/config.h"

/*
 * Runs until a signal asks it to end. 0 after an orderly end; STATUS_REFUSED when it could not start, with a
 * sentence.
 *
 *      STARTING --plugins are scanned--> SERVING --SIGTERM--> DRAINING --calls ended--> CLOSING --> (returns)
 *                                                                '--second signal: calls are cut--^
 */
int daemon_run(const Config *config, Status *status);
