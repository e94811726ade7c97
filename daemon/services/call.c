/* SPDX-License-Identifier: MIT */
#include "daemon/services/call.h"

#include "lib/base/memory.h"

static void release_call(void *data)
{
    ServiceCall *call = data;
    if (call->user)
        users_cancel(call->user);
    if (call->store)
        store_cancel(call->store);
    if (call->query)
        query_cancel(call->query);
    if (call->release)
        call->release(call);
    arena_finish(&call->arena);
    free(call);
}

void *service_call_new(GrpcCall *grpc, size_t size, void (*release)(ServiceCall *call))
{
    ServiceCall *call = memory_allocate(1, size);
    *call = (ServiceCall){.call = grpc, .context = grpc_call_service(grpc), .release = release};
    grpc_call_set_context(grpc, call, release_call);
    return call;
}

void service_call_on_cancel(GrpcCall *call)
{
    const Status over = STATUS_INIT; /* the call has its status already */
    grpc_call_finish(call, &over);
}

Caller service_caller(const GrpcCall *call)
{
    GrpcPeer peer = grpc_call_peer(call);
    return (Caller){.deadline_ns = grpc_call_deadline(call), .uid = peer.known ? (int64_t)peer.uid : -1};
}

void service_pack(Buffer *bytes, const ProtobufCMessage *message)
{
    size_t length = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, (uint8_t *)buffer_reserve(bytes, length));
    bytes->length += length;
}
