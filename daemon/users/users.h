/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The models of users in memory: found, built, changed, rolled back, erased.
 *
 * A model is immutable. A change makes the next one, publishes it through the store in one transaction, and
 * replaces the pointer when the transaction is on disk; whoever holds a reference keeps the old one. Changes
 * to one user are published one after the other; users do not wait for each other, and a query does not wait
 * for a change. Models that nobody uses stay in memory under a byte budget, the least recently used go first.
 *
 * Each request returns a handle. A callback comes once, on a later turn of the loop, or not at all where the
 * request was cancelled before. A caller that leaves ends what has not begun to be written; what has is
 * written to its end.
 *
 * Threads: every function and every callback runs on the loop's thread. Models are made on others.
 */

#include "daemon/caller.h"
#include "daemon/users/request.h"

/* A request that was made, until its callback. */
typedef struct Operation UserCall;

/* Only before the callback, which then does not come. */
void users_cancel(UserCall *call);

Users *users_new(const UsersContext *context);

/* Lets the changes that are being published end, refuses all others, then frees everything and calls closed.
 */
void users_close(Users *users, void (*closed)(void *data), void *data);

/*
 * The user's model and the task's pooled counts, where both are in memory and the model is of the newest
 * history. False: ask users_get.
 */
bool users_find(Users *users, const UserName *name, UserSnapshot *snapshot);

/*
 * The same, loaded and brought up to date with the history. NOT_FOUND: no history. FAILED_PRECONDITION: a
 * history without a model.
 */
UserCall *users_get(Users *users, const UserName *name, const Caller *caller, UserCallback callback,
                    void *data);

/* Adds or corrects an item, and updates the model where there is one. The item is copied. */
UserCall *users_append(Users *users, const UserName *name, const StoreNewItem *item, const Caller *caller,
                       UserCallback callback, void *data);

/*
 * Adds or corrects items of any users of a task, without their models: the next users_get brings them up to
 * date. The arena, which has the items, is taken.
 */
UserCall *users_import(Users *users, rpmd_text task, const StoreNewItem *items, size_t count, Arena *arena,
                       const Caller *caller, UserCallback callback, void *data);

/* Deletes an item, and updates the model where there is one. */
UserCall *users_delete(Users *users, const UserName *name, rpmd_text id, const Caller *caller,
                       UserCallback callback, void *data);

/*
 * Analyses what is new or was analysed by another version of the extractor, clusters, publishes. The user's
 * present model serves meanwhile. What an LLM replied is kept, so that a build that did not come to its end
 * goes on where it was when it is begun again.
 */
UserCall *users_build(Users *users, const UserName *name, const BuildRequest *request, const Caller *caller,
                      UserCallback callback, void *data);

/* Publishes a new version with the factors of an earlier one; version 0 is the one before the current. */
UserCall *users_rollback(Users *users, const UserName *name, uint64_t version, const Caller *caller,
                         UserCallback callback, void *data);

/* Removes a user from a task. What else is at work for the user and not being written ends with ABORTED. */
UserCall *users_erase(Users *users, const UserName *name, const Caller *caller, UserCallback callback,
                      void *data);

void users_metrics(const Users *users, UsersMetrics *metrics);
