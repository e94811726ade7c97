/* SPDX-License-Identifier: MIT */
#pragma once

/* Models.Build: one user or all of a task, some at a time, with progress. */

#include "daemon/services/services.h"

void building_begin(GrpcCall *call, const void *message);

/* What LLMs are asked for ends; what is native, or being published, goes on. */

/* The caller has read on. */
void building_on_writable(GrpcCall *call);
