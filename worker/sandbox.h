/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/status.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * What a worker gives up before any code of a plugin runs: new privileges, its parent's afterlife, more
 * memory than `memory` bytes, core files, files larger than nothing, other files than shared libraries, and
 * every system call but those that computing, and mapping a library, need. docs/plugins.md says what each
 * rule prevents. STATUS_REFUSED (FAILED_PRECONDITION) with the rule that the kernel does not take.
 */
int sandbox_enter(uint64_t memory, pid_t parent, Status *status);

/* After the plugin is mapped: no file is opened any more, and no memory becomes executable. */
int sandbox_seal(Status *status);
