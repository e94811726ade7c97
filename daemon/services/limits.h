/* SPDX-License-Identifier: MIT */
#pragma once

/* Every limit at the door, for GetStatus: those of the wire, of requests, of plugins and of the store. */

#include "daemon/services/services.h"

size_t service_limits_count(const ServiceContext *context);
GrpcLimit service_limits_get(const ServiceContext *context, size_t index);
