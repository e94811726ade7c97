/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Inside daemon/users: an append up to the item's analysis. Natively that is a part of the operation's turn,
 * so that items keep the order in which they came. An LLM may take a minute, in which the user's queries
 * would wait: what it contributes is had before the operation takes its place in the user's queue.
 */

#include "daemon/users/operation.h"

/* A new operation, in no queue yet. */
void appending_begin(Operation *operation);

/* The first step of its turn. */
void appending_in_turn(Operation *operation);
