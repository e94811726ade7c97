/* SPDX-License-Identifier: MIT */
#pragma once

/* The services over users, store and plugins, and a client in memory that reads when the test says so. */

#include "daemon/services/services.h"
#include "lib/grpc/client.h"
#include "lib/grpc/server.h"
#include "rpmd/v1/history.pb-c.h"
#include "rpmd/v1/models.pb-c.h"
#include "rpmd/v1/personalizer.pb-c.h"
#include "rpmd/v1/plugins.pb-c.h"
#include "tests/unit/query/query_fixture.h"

#define BATCH 16384             /* bytes of one output */
#define CLIENT_BYTES (64 << 20) /* of one reply, at most */

typedef struct ServicesFixture {
    QueryFixture query;
    ServiceContext context;
    GrpcService services[4];
    GrpcServer *grpc;
    GrpcServerSession *server;
    GrpcClientSession *client;
    bool is_silent; /* the client does not read */
} ServicesFixture;

/* A call as the client sees it. */
typedef struct Client {
    GrpcClientCall *call;
    size_t messages;
    bool has_ended;
    Status status;
    Buffer last; /* message */
} Client;

static inline void client_on_message(GrpcClientCall *call, rpmd_text message, void *data)
{
    Client *client = data;
    (void)call;
    client->messages++;
    buffer_clear(&client->last);
    buffer_append(&client->last, message.data, message.length);
}

static inline void client_on_end(GrpcClientCall *call, const Status *status, void *data)
{
    Client *client = data;
    (void)call;
    ck_assert(!client->has_ended);
    client->has_ended = true;
    client->status = *status;
}

static inline void no_wake(GrpcServerSession *session, void *data)
{
    (void)session;
    (void)data;
}

static inline void services_open(ServicesFixture *fixture, const char *plugin)
{
    static void (*const inits[])(GrpcService *, ServiceContext *) = {
        personalizer_service_init, history_service_init, models_service_init, plugins_service_init};
    *fixture = (ServicesFixture){0};
    query_fixture_open(&fixture->query, plugin, false);
    Fixture *base = &fixture->query.base;
    const GrpcLimits limits = grpc_limits_default();
    fixture->grpc = grpc_server_new(&limits);
    fixture->context = (ServiceContext){.loop = &base->loop,
                                        .config = &base->config,
                                        .store = base->store,
                                        .plugins = base->plugins,
                                        .users = base->users,
                                        .queries = fixture->query.queries,
                                        .stages = base->stages,
                                        .llm = base->llm,
                                        .grpc = fixture->grpc};
    for (size_t i = 0; i < ARRAY_SIZE(inits); i++) {
        inits[i](&fixture->services[i], &fixture->context);
        grpc_server_add(fixture->grpc, &fixture->services[i]);
    }
    fixture->server =
        grpc_server_session_new(fixture->grpc, (GrpcPeer){.known = true}, no_wake, NULL, uv_hrtime());
    fixture->client = grpc_client_session_new(CLIENT_BYTES);
}

/* Proves that no call is left. */
static inline void services_close(ServicesFixture *fixture)
{
    grpc_server_session_free(fixture->server);
    ck_assert_uint_eq(grpc_server_live_calls(fixture->grpc), 0);
    grpc_client_session_free(fixture->client);
    query_fixture_close(&fixture->query);
    grpc_server_free(fixture->grpc);
}

/* What each side has to say to the other. */
static inline void exchange(ServicesFixture *fixture)
{
    bool has_moved = true;
    while (has_moved) {
        _cleanup_buffer_ Buffer there = BUFFER_INIT;
        _cleanup_buffer_ Buffer back = BUFFER_INIT;
        grpc_client_session_output(fixture->client, &there, BATCH);
        if (there.length > 0)
            grpc_server_session_receive(fixture->server, there.data, there.length, uv_hrtime());
        if (!fixture->is_silent)
            grpc_server_session_output(fixture->server, &back, BATCH);
        if (back.length > 0)
            grpc_client_session_receive(fixture->client, back.data, back.length);
        has_moved = there.length + back.length > 0;
    }
}

static inline void turn(ServicesFixture *fixture)
{
    exchange(fixture);
    uv_run(&fixture->query.base.loop, UV_RUN_NOWAIT);
    exchange(fixture);
}

static inline void settle_calls(ServicesFixture *fixture)
{
    for (unsigned i = 0; i < 20; i++)
        turn(fixture);
    settle(&fixture->query.base);
    for (unsigned i = 0; i < 20; i++)
        turn(fixture);
}

static inline void client_open(ServicesFixture *fixture, Client *client, const char *path)
{
    static const GrpcClientHandler handler = {client_on_message, client_on_end};
    *client = (Client){0};
    client->call = grpc_client_call_new(fixture->client, path, NULL, 0, &handler, client);
}

static inline void client_ask(ServicesFixture *fixture, Client *client, const char *path,
                              const ProtobufCMessage *message)
{
    client_open(fixture, client, path);
    grpc_client_call_send(client->call, message);
    grpc_client_call_half_close(client->call);
}

/* Nobody waits any more, if it has not ended. */
static inline void client_leave(Client *client)
{
    grpc_client_call_free(client->call);
    buffer_finish(&client->last);
}

static inline void client_wait(ServicesFixture *fixture, Client *client)
{
    while (!client->has_ended)
        turn(fixture);
}

static inline void client_expect_ok(ServicesFixture *fixture, Client *client)
{
    client_wait(fixture, client);
    ck_assert_msg(status_is_ok(&client->status), "%s: %s", status_code_name(client->status.code),
                  client->status.message);
}
