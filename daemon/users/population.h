/* SPDX-License-Identifier: MIT */
#pragma once

/* The pooled counts of a task in memory: read from the store when they are first needed, then kept in step.
 */

#include "daemon/users/operation.h"

/* Calls ready when the task's population is in memory, or says why it cannot be. May call it at once. */
void task_population_need(TaskEntry *task, Operation *operation,
                          void (*ready)(Operation *operation, const Status *status));

/*
 * A user's model was published. before: what the user fed in until now; NULL where that is not known, and
 * then the counts are read again when they are needed next.
 */
void task_population_change(TaskEntry *task, uint64_t user, bool feeds_pool, const Contribution *before,
                            const Contribution *after);

/* Reads the counts again when they are needed next. */
void task_population_forget(TaskEntry *task);
