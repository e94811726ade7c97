/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The gRPC services of rpmd.v1: one file each, which checks a request, calls the room that knows, and
 * answers. All borrow the context for their life.
 */

#include "daemon/config.h"
#include "daemon/net/server.h"
#include "daemon/plugins/registry.h"
#include "daemon/query/query.h"
#include "daemon/stages/stages.h"
#include "daemon/store/store.h"
#include "daemon/users/users.h"
#include "lib/grpc/method.h"

typedef struct ServiceContext {
    uv_loop_t *loop;
    const Config *config;
    Store *store;
    PluginRegistry *plugins;
    Users *users;
    Queries *queries;
    Stages *stages;
    Llm *llm; /* NULL: no backend is configured */
    GrpcServer *grpc;
    NetServer *net;
    int64_t started_us;
} ServiceContext;

/* Sets *service to rpmd.v1.NAME over the context. */
void personalizer_service_init(GrpcService *service, ServiceContext *context);
void history_service_init(GrpcService *service, ServiceContext *context);
void models_service_init(GrpcService *service, ServiceContext *context);
void plugins_service_init(GrpcService *service, ServiceContext *context);
void admin_service_init(GrpcService *service, ServiceContext *context);
