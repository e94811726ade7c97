/* SPDX-License-Identifier: MIT */
#pragma once

/* grpc.health.v1: whether the daemon and each of its services can serve. */

#include "lib/grpc/server.h"

typedef struct Health Health;

Health *health_new(void);

/* No Watch call may be left (the server is closed). */
void health_free(Health *health);

/* For grpc_server_add. */
const GrpcService *health_service(const Health *health);

/* The state of a service ("" is the daemon as a whole); watchers are told. Unknown services: NOT_FOUND. */
void health_set(Health *health, const char *service, bool serving);

/* Everything known is not serving: the daemon is stopping. Watchers are told and their calls ended. */
void health_stop(Health *health);
