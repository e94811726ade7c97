/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * grpc.reflection.v1 and v1alpha: stock tools learn the services and messages from a serialized
 * google.protobuf.FileDescriptorSet.
 */

#include "lib/grpc/server.h"

typedef struct Reflection Reflection;

/* set is borrowed; services are those of the server when it is asked. */
Reflection *reflection_new(rpmd_text set, const GrpcServer *server);
void reflection_free(Reflection *reflection);

/* For grpc_server_add. */
const GrpcService *reflection_service_v1(const Reflection *reflection);
const GrpcService *reflection_service_v1alpha(const Reflection *reflection);
