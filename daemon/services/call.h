/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A gRPC call on its way through the rooms: it holds the one thing that it waits for. When the caller leaves,
 * or the call ends, that is cancelled: nothing calls back into a call that is gone.
 */

#include "daemon/query/query.h"
#include "daemon/services/services.h"

/* The first member of a service's own state of a call. */
typedef struct ServiceCall {
    GrpcCall *call;
    ServiceContext *context;
    Arena arena; /* goes with the call */
    UserCall *user;
    StoreCall *store;
    Query *query;
    void (*release)(struct ServiceCall *call); /* frees what else is in it; may be NULL */
} ServiceCall;

/* The call's state of this size, zeroed; freed when the call is finished. */
void *service_call_new(GrpcCall *call, size_t size, void (*release)(ServiceCall *call))
    __attribute__((returns_nonnull));

/* GrpcMethod.on_cancel of a call whose state begins with a ServiceCall, or has none yet. */
void service_call_on_cancel(GrpcCall *call);

/* Who waits for the call. */
Caller service_caller(const GrpcCall *call);

/* Appends a message's bytes. */
void service_pack(Buffer *bytes, const ProtobufCMessage *message);
