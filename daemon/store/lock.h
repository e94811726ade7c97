/* SPDX-License-Identifier: MIT */
#pragma once

/* One process at a time has a state directory: the holder of the lock on its file "lock". */

#include "lib/base/status.h"

#define LOCK_FILE "rpmd.lock"

/*
 * Takes the lock and writes this process's id into the file. The lock ends with the process, however it ends.
 * STATUS_REFUSED: the directory is not usable, or another process holds it.
 */
int lock_take(const char *directory, int *lock, Status *status);

/* Accepts -1. */
void lock_release(int lock);

/* Fills *status for a directory that could not be used: error is the (positive) errno. STATUS_REFUSED. */
int lock_refuse_directory(const char *directory, int error, Status *status);
