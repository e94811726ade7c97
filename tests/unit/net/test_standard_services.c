/* SPDX-License-Identifier: MIT */

/* The health and reflection services, called in memory. */
#include "daemon/services/health.h"
#include "daemon/services/reflection.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/client.h"
#include "tests/unit/unit.h"

#include <stdio.h>

extern const char descriptor_set_begin[];
extern const char descriptor_set_end[];

typedef Grpc__Health__V1__HealthCheckResponse HealthResponse;
typedef Grpc__Reflection__V1__ServerReflectionRequest ReflectionRequest;
typedef Grpc__Reflection__V1__ServerReflectionResponse ReflectionResponse;

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

typedef struct Fixture {
    GrpcServer *grpc;
    GrpcServerSession *server;
    GrpcClientSession *client;
    Health *health;
    Reflection *reflection;
} Fixture;

static void on_wake(GrpcServerSession *session, void *context)
{
}

static void fixture_init(Fixture *fixture)
{
    GrpcLimits limits = grpc_limits_default();
    rpmd_text set = {.data = descriptor_set_begin,
                     .length = (size_t)(descriptor_set_end - descriptor_set_begin)};
    fixture->grpc = grpc_server_new(&limits);
    fixture->health = health_new();
    fixture->reflection = reflection_new(set, fixture->grpc);
    grpc_server_add(fixture->grpc, health_service(fixture->health));
    grpc_server_add(fixture->grpc, reflection_service_v1(fixture->reflection));
    grpc_server_add(fixture->grpc, reflection_service_v1alpha(fixture->reflection));
    fixture->server = grpc_server_session_new(fixture->grpc, (GrpcPeer){0}, on_wake, NULL, 1);
    fixture->client = grpc_client_session_new(1 << 20);
}

static void fixture_finish(Fixture *fixture)
{
    grpc_server_session_free(fixture->server);
    grpc_server_free(fixture->grpc);
    grpc_client_session_free(fixture->client);
    health_free(fixture->health);
    reflection_free(fixture->reflection);
}

static void run(Fixture *fixture)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    do {
        buffer_clear(&bytes);
        grpc_client_session_output(fixture->client, &bytes, SIZE_MAX);
        if (bytes.length > 0)
            grpc_server_session_receive(fixture->server, bytes.data, bytes.length, 1);
        buffer_clear(&bytes);
        grpc_server_session_output(fixture->server, &bytes, SIZE_MAX);
        if (bytes.length > 0)
            grpc_client_session_receive(fixture->client, bytes.data, bytes.length);
    } while (bytes.length > 0);
}

/* A call, and what came back last. */
typedef struct Call {
    GrpcClientCall *call;
    const ProtobufCMessageDescriptor *type;
    ProtobufCMessage *message; /* owned; the last */
    size_t messages;
    bool has_ended;
    Status status;
} Call;

static void on_message(GrpcClientCall *call, rpmd_text message, void *context)
{
    Call *own = context;
    if (own->message)
        protobuf_c_message_free_unpacked(own->message, NULL);
    own->message = protobuf_c_message_unpack(own->type, NULL, message.length, (const uint8_t *)message.data);
    ck_assert_ptr_nonnull(own->message);
    own->messages++;
}

static void on_end(GrpcClientCall *call, const Status *status, void *context)
{
    Call *own = context;
    own->has_ended = true;
    own->status = *status;
}

static const GrpcClientHandler handler = {.on_message = on_message, .on_end = on_end};

static void call_open(Call *call, Fixture *fixture, const char *path, const ProtobufCMessageDescriptor *type)
{
    *call = (Call){.type = type};
    call->call = grpc_client_call_new(fixture->client, path, NULL, 0, &handler, call);
}

static void call_finish(Call *call)
{
    grpc_client_call_free(call->call);
    if (call->message)
        protobuf_c_message_free_unpacked(call->message, NULL);
}

/* ---- health ---- */

static void ask_health(Call *call, Fixture *fixture, const char *method, const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    char path[64];
    snprintf(path, sizeof(path), "/grpc.health.v1.Health/%s", method);
    request.service = (char *)service;
    call_open(call, fixture, path, &grpc__health__v1__health_check_response__descriptor);
    grpc_client_call_send(call->call, &request.base);
    grpc_client_call_half_close(call->call);
    run(fixture);
}

static int state_of(const Call *call)
{
    return call->message ? (int)((const HealthResponse *)call->message)->status : -1;
}

START_TEST(health_is_told_per_service)
{
    Fixture fixture;
    Call call;
    fixture_init(&fixture);
    health_set(fixture.health, "", true);
    health_set(fixture.health, "a.B", false);
    ask_health(&call, &fixture, "Check", "");
    ck_assert_int_eq(state_of(&call), SERVING);
    call_finish(&call);
    ask_health(&call, &fixture, "Check", "a.B");
    ck_assert_int_eq(state_of(&call), NOT_SERVING);
    call_finish(&call);
    health_set(fixture.health, "a.B", true);
    ask_health(&call, &fixture, "Check", "a.B");
    ck_assert_int_eq(state_of(&call), SERVING);
    call_finish(&call);
    ask_health(&call, &fixture, "Check", "a.C");
    ck_assert_int_eq(call.status.code, STATUS_NOT_FOUND);
    ck_assert_str_eq(call.status.message, "there is no service 'a.C'");
    call_finish(&call);
    fixture_finish(&fixture);
}
END_TEST

START_TEST(watchers_see_every_change_once)
{
    Fixture fixture;
    Call one, two;
    fixture_init(&fixture);
    health_set(fixture.health, "a.B", true);
    ask_health(&one, &fixture, "Watch", "a.B");
    ask_health(&two, &fixture, "Watch", "not yet");
    ck_assert_int_eq(state_of(&one), SERVING);
    ck_assert_int_eq(state_of(&two), SERVICE_UNKNOWN);
    health_set(fixture.health, "a.B", true);
    run(&fixture);
    ck_assert_uint_eq(one.messages, 1);
    health_set(fixture.health, "a.B", false);
    health_set(fixture.health, "not yet", true);
    run(&fixture);
    ck_assert_int_eq(state_of(&one), NOT_SERVING);
    ck_assert_int_eq(state_of(&two), SERVING);
    call_finish(&two);
    run(&fixture);
    ck_assert_uint_eq(grpc_server_live_calls(fixture.grpc), 1);
    health_set(fixture.health, "a.B", true);
    health_stop(fixture.health);
    run(&fixture);
    ck_assert_uint_eq(one.messages, 4);
    ck_assert_int_eq(state_of(&one), NOT_SERVING);
    ck_assert(one.has_ended);
    ck_assert_int_eq(one.status.code, STATUS_UNAVAILABLE);
    ck_assert_str_eq(one.status.message, "the daemon is stopping");
    call_finish(&one);
    fixture_finish(&fixture);
}
END_TEST

/* ---- reflection ---- */

static const char *const versions[] = {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};

static const ReflectionResponse *ask(Call *call, Fixture *fixture, ReflectionRequest *request)
{
    grpc_client_call_send(call->call, &request->base);
    run(fixture);
    ck_assert_ptr_nonnull(call->message);
    return (const ReflectionResponse *)call->message;
}

static const ReflectionResponse *ask_symbol(Call *call, Fixture *fixture, const char *symbol)
{
    ReflectionRequest request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    request.file_containing_symbol = (char *)symbol;
    return ask(call, fixture, &request);
}

/* A FileDescriptorProto begins with its name. */
static void assert_file(const ReflectionResponse *response, const char *name)
{
    ck_assert_int_eq(
        response->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
    ck_assert_uint_eq(response->file_descriptor_response->n_file_descriptor_proto, 1);
    ProtobufCBinaryData file = response->file_descriptor_response->file_descriptor_proto[0];
    ck_assert_uint_gt(file.len, 2 + strlen(name));
    ck_assert_int_eq(file.data[0], 0x0a);
    ck_assert_uint_eq(file.data[1], strlen(name));
    ck_assert_int_eq(memcmp(file.data + 2, name, strlen(name)), 0);
}

static void assert_error(const ReflectionResponse *response, StatusCode code, const char *message)
{
    ck_assert_int_eq(response->message_response_case,
                     GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
    ck_assert_int_eq(response->error_response->error_code, (int)code);
    ck_assert_str_eq(response->error_response->error_message, message);
}

START_TEST(services_are_listed)
{
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        Fixture fixture;
        Call call;
        char any[] = "*";
        ReflectionRequest request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
        fixture_init(&fixture);
        call_open(&call, &fixture, versions[i],
                  &grpc__reflection__v1__server_reflection_response__descriptor);
        request.message_request_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
        request.list_services = any;
        const ReflectionResponse *response = ask(&call, &fixture, &request);
        ck_assert_ptr_nonnull(response->list_services_response);
        ck_assert_uint_eq(response->list_services_response->n_service, 3);
        ck_assert_str_eq(response->list_services_response->service[0]->name, "grpc.health.v1.Health");
        ck_assert_str_eq(response->original_request->list_services, "*");
        grpc_client_call_half_close(call.call);
        run(&fixture);
        ck_assert(call.has_ended && call.status.code == STATUS_OK);
        call_finish(&call);
        fixture_finish(&fixture);
    }
}
END_TEST

START_TEST(symbols_of_every_kind_are_found)
{
    static const struct {
        const char *symbol;
        const char *file; /* NULL: not found */
    } cases[] = {
        {"rpmd.v1.Admin", "rpmd/v1/admin.proto"},
        {"rpmd.v1.Admin.GetStatus", "rpmd/v1/admin.proto"},
        {"rpmd.v1.Limit", "rpmd/v1/admin.proto"},
        {"rpmd.v1.Limit.reason", "rpmd/v1/admin.proto"},
        {"rpmd.v1.Metric.LabelsEntry", "rpmd/v1/admin.proto"},
        {"rpmd.v1.Source", "rpmd/v1/common.proto"},
        {"rpmd.v1.SOURCE_LLM", "rpmd/v1/common.proto"},
        {"grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"},
        {"grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"},
        {"grpc.reflection.v1.ServerReflectionRequest.message_request", "grpc/reflection/v1/reflection.proto"},
        {"grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"},
        {"rpmd.v1", NULL},
        {"rpmd", NULL},
        {"", NULL},
        {"rpmd.v1.", NULL},
        {"rpmd.v1.Lim", NULL},
        {"rpmd.v1.Limit.", NULL},
        {"rpmd.v1.Limits", NULL},
        {"rpmd.v1.Limit.reason.more", NULL},
        {"Admin", NULL},
        {".rpmd.v1.Admin", NULL},
    };
    Fixture fixture;
    Call call;
    fixture_init(&fixture);
    call_open(&call, &fixture, versions[0], &grpc__reflection__v1__server_reflection_response__descriptor);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const ReflectionResponse *response = ask_symbol(&call, &fixture, cases[i].symbol);
        if (cases[i].file)
            assert_file(response, cases[i].file);
        else
            assert_error(response, STATUS_NOT_FOUND, "there is no such symbol");
    }
    call_finish(&call);
    run(&fixture);
    ck_assert_uint_eq(grpc_server_live_calls(fixture.grpc), 0);
    fixture_finish(&fixture);
}
END_TEST

START_TEST(files_are_found_and_extensions_are_not)
{
    Fixture fixture;
    Call call;
    char name[] = "rpmd/v1/history.proto", unknown[] = "rpmd/v1/histor.proto", type[] = "rpmd.v1.Limit";
    ReflectionRequest request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    fixture_init(&fixture);
    call_open(&call, &fixture, versions[0], &grpc__reflection__v1__server_reflection_response__descriptor);
    assert_error(ask(&call, &fixture, &request), STATUS_INVALID_ARGUMENT, "the request asks nothing");
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
    request.file_by_filename = name;
    assert_file(ask(&call, &fixture, &request), name);
    request.file_by_filename = unknown;
    assert_error(ask(&call, &fixture, &request), STATUS_NOT_FOUND, "there is no such file");
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE;
    request.all_extension_numbers_of_type = type;
    assert_error(ask(&call, &fixture, &request), STATUS_NOT_FOUND, "proto3 messages have no extensions");
    Grpc__Reflection__V1__ExtensionRequest extension = GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
    extension.containing_type = type;
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION;
    request.file_containing_extension = &extension;
    assert_error(ask(&call, &fixture, &request), STATUS_NOT_FOUND, "proto3 messages have no extensions");
    call_finish(&call);
    fixture_finish(&fixture);
}
END_TEST

/* Whatever a broken set holds, a search ends. */
START_TEST(a_broken_set_is_searched_to_its_end)
{
    size_t length = (size_t)(descriptor_set_end - descriptor_set_begin);
    char *set = memory_copy_text(descriptor_set_begin, length);
    for (size_t i = 0; i < length; i += 7) {
        Fixture fixture;
        Call call;
        fixture_init(&fixture);
        reflection_free(fixture.reflection);
        grpc_server_session_free(fixture.server);
        grpc_server_free(fixture.grpc);
        GrpcLimits limits = grpc_limits_default();
        set[i] = (char)~set[i];
        fixture.grpc = grpc_server_new(&limits);
        fixture.reflection =
            reflection_new((rpmd_text){.data = set, .length = length - i % 100}, fixture.grpc);
        grpc_server_add(fixture.grpc, reflection_service_v1(fixture.reflection));
        fixture.server = grpc_server_session_new(fixture.grpc, (GrpcPeer){0}, on_wake, NULL, 1);
        call_open(&call, &fixture, versions[0],
                  &grpc__reflection__v1__server_reflection_response__descriptor);
        ask_symbol(&call, &fixture, "rpmd.v1.Nothing.at.all");
        set[i] = (char)~set[i];
        call_finish(&call);
        fixture_finish(&fixture);
    }
    free(set);
}
END_TEST

UNIT_TESTS("standard services", health_is_told_per_service, watchers_see_every_change_once,
           services_are_listed, symbols_of_every_kind_are_found, files_are_found_and_extensions_are_not,
           a_broken_set_is_searched_to_its_end)
