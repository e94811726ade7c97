/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/worker/board.h"

/*
 * Catches the signals that a plugin's mistakes raise, writes on the board what can be told of them, and lets
 * the process die of the signal. The handlers run on a stack of their own. Negative on error.
 */
int fault_handlers_install(WorkerBoard *board);
