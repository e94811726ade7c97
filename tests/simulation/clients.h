/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Clients that ask for anything at any time, leave whenever they like, and hold what they are told against
 * the ledger. What is checked of each call: its callback does not come from within the function that began
 * it, nor after its cancel, and comes exactly once.
 */

#include "lib/base/macros.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>

struct Profile;

void clients_begin(const struct Profile *profile);

/* Nobody may be at work. */
void clients_end(void);

/* Another call of whatever kind, or one that is at work is cancelled. */
void clients_ask(void);
void clients_cancel_one(void);

size_t clients_at_work(void);

/* The daemon ends: those who cannot be told leave. is_crash: nobody hears of anything any more. */
void clients_leave(bool is_crash);

/* The user's model, with time for all that it takes. */
void clients_get(const char *user);

/* The names of the users, from 0 on. */
const char *clients_user(size_t index);

/* Whether some call that is at work, and was not cancelled, may want an LLM to be asked this. */
bool clients_want(rpmd_text prompt);
