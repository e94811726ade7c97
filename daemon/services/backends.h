/* SPDX-License-Identifier: MIT */
#pragma once

/* What the Admin service says of LLMs: their backends, what their calls cost, whether they work. */

#include "daemon/services/services.h"

#include "rpmd/v1/admin.pb-c.h"

/* In the arena; *count of them. */
Rpmd__V1__BackendStatus **backends_status(const ServiceContext *context, Arena *arena, size_t *count);

void backends_on_check(GrpcCall *call, const void *message);
void backends_on_usage(GrpcCall *call, const void *message);
