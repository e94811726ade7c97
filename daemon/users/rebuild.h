/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * rebuild = auto: when a plugin with another extractor version serves, the models of its task that an other
 * version made are built again, a few at a time. They keep serving meanwhile. Runs on the loop's thread.
 */

#include "daemon/users/users.h"

typedef struct Rebuild Rebuild;

/* Watches the plugins from now on. `users` outlives it; so does everything in the context. */
Rebuild *rebuild_new(const UsersContext *context, Users *users);

/* Ends what it asked of others, and frees it. Before users_close. NULL is fine. */
void rebuild_close(Rebuild *rebuild);
