/* SPDX-License-Identifier: MIT */

/*
 * The two versions of the protocol differ in their package only; the messages are the same on the wire. So
 * both are served with the structures of v1.
 *
 * The set is our own build's output, so a malformed one is not expected: what cannot be read ends a search.
 */
#include "daemon/services/reflection.h"

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;
typedef Grpc__Reflection__V1__ServiceResponse ServiceResponse;

struct Reflection {
    GrpcService v1;
    GrpcService v1alpha;
    rpmd_text set;
    const GrpcServer *server;
};

/* ---- the descriptor set: google/protobuf/descriptor.proto ---- */

/* What a descriptor names, with the fields that hold further names. */
typedef struct Shape {
    uint32_t name_field;
    struct {
        uint32_t field;
        const struct Shape *shape;
        bool is_beside; /* its names stand beside this one's, not below: values of an enum */
    } inner[4];
} Shape;

static const Shape leaf_shape = {.name_field = 1};
static const Shape enum_shape = {.name_field = 1, .inner = {{2, &leaf_shape, true}}};
static const Shape service_shape = {.name_field = 1, .inner = {{2, &leaf_shape, false}}};
static const Shape message_shape = {
    .name_field = 1,
    .inner = {{2, &leaf_shape, false},
              {3, &message_shape, false},
              {4, &enum_shape, false},
              {8, &leaf_shape, false}},
};
/* Of a file the package is the name that others stand below. */
static const Shape file_shape = {
    .name_field = 2,
    .inner = {{4, &message_shape, false}, {5, &enum_shape, false}, {6, &service_shape, false}},
};

#define SET_FILE 1
#define FILE_NAME 1

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static bool read_varint(rpmd_text *rest, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; rest->length > 0 && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*rest->data++;
        rest->length--;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* The next field that holds bytes; others are skipped. False at the end. */
static bool next_bytes(rpmd_text *rest, uint32_t *field, rpmd_text *bytes)
{
    uint64_t key, length = 0;
    while (read_varint(rest, &key)) {
        unsigned wire = key & 7;
        if ((wire == WIRE_VARINT || wire == WIRE_BYTES) && !read_varint(rest, &length))
            return false;
        size_t skip = wire == WIRE_VARINT ? 0 : wire == WIRE_FIXED64 ? 8 : wire == WIRE_FIXED32 ? 4 : length;
        if (skip > rest->length || wire == 3 || wire == 4 || wire > WIRE_FIXED32)
            return false;
        *bytes = (rpmd_text){.data = rest->data, .length = skip};
        rest->data += skip;
        rest->length -= skip;
        *field = (uint32_t)(key >> 3);
        if (wire == WIRE_BYTES)
            return true;
    }
    return false;
}

static rpmd_text find_bytes(rpmd_text message, uint32_t wanted)
{
    uint32_t field;
    rpmd_text bytes;
    while (next_bytes(&message, &field, &bytes))
        if (field == wanted)
            return bytes;
    return (rpmd_text){0};
}

/* Takes the name from the front of the symbol, with the dot and something behind it unless it is all of the
 * symbol. */
static bool strip_name(rpmd_text *symbol, rpmd_text name)
{
    rpmd_text front = {.data = symbol->data, .length = MIN(symbol->length, name.length)};
    size_t taken = name.length;
    if (!text_equal(front, name))
        return false;
    if (taken > 0 && symbol->length > taken) {
        if (symbol->data[taken] != '.' || symbol->length == taken + 1)
            return false;
        taken++;
    }
    symbol->data += taken;
    symbol->length -= taken;
    return true;
}

/* Whether the descriptor defines the symbol, whose enclosing names were stripped. */
static bool defines(const Shape *shape, rpmd_text descriptor, rpmd_text symbol)
{
    rpmd_text below = symbol;
    uint32_t field;
    rpmd_text bytes;
    bool is_named = strip_name(&below, find_bytes(descriptor, shape->name_field));
    if (is_named && below.length == 0)
        return shape != &file_shape; /* a package is no symbol */
    while (next_bytes(&descriptor, &field, &bytes)) {
        for (size_t i = 0; i < ARRAY_SIZE(shape->inner); i++) {
            bool is_beside = shape->inner[i].is_beside;
            if (shape->inner[i].shape && shape->inner[i].field == field && (is_named || is_beside) &&
                defines(shape->inner[i].shape, bytes, is_beside ? symbol : below))
                return true;
        }
    }
    return false;
}

static bool is_file_named(rpmd_text file, rpmd_text name)
{
    return text_equal(find_bytes(file, FILE_NAME), name);
}

static bool is_file_defining(rpmd_text file, rpmd_text symbol)
{
    return defines(&file_shape, file, symbol);
}

static bool find_file(const Reflection *reflection, bool (*matches)(rpmd_text file, rpmd_text wanted),
                      rpmd_text wanted, rpmd_text *file)
{
    rpmd_text rest = reflection->set;
    uint32_t field;
    while (next_bytes(&rest, &field, file))
        if (field == SET_FILE && matches(*file, wanted))
            return true;
    return false;
}

/* ---- answers ---- */

static void answer_error(Response *response, Grpc__Reflection__V1__ErrorResponse *error, StatusCode code,
                         char *message)
{
    error->error_code = (int32_t)code;
    error->error_message = message;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response->error_response = error;
}

static void answer_services(const Reflection *reflection, Response *response,
                            Grpc__Reflection__V1__ListServiceResponse *list, Arena *arena)
{
    size_t count = grpc_server_service_count(reflection->server);
    list->service = ARENA_ARRAY(arena, ServiceResponse *, count);
    list->n_service = count;
    for (size_t i = 0; i < count; i++) {
        list->service[i] = ARENA_NEW(arena, ServiceResponse);
        grpc__reflection__v1__service_response__init(list->service[i]);
        list->service[i]->name = (char *)grpc_server_service(reflection->server, i)->name;
    }
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response->list_services_response = list;
}

static void answer(GrpcCall *call, Request *request)
{
    const Reflection *reflection = grpc_call_service(call);
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    Grpc__Reflection__V1__ListServiceResponse list = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1__FileDescriptorResponse files = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    ProtobufCBinaryData file_data;
    rpmd_text file;
    bool found = false;
    response.valid_host = request->host;
    response.original_request = request;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_services(reflection, &response, &list, &arena);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        found = find_file(reflection, is_file_named, text_of(request->file_by_filename), &file);
        if (!found)
            answer_error(&response, &error, STATUS_NOT_FOUND, "there is no such file");
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        found = find_file(reflection, is_file_defining, text_of(request->file_containing_symbol), &file);
        if (!found)
            answer_error(&response, &error, STATUS_NOT_FOUND, "there is no such symbol");
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        answer_error(&response, &error, STATUS_NOT_FOUND, "proto3 messages have no extensions");
        break;
    default:
        answer_error(&response, &error, STATUS_INVALID_ARGUMENT, "the request asks nothing");
        break;
    }
    if (found) {
        file_data = (ProtobufCBinaryData){.len = file.length, .data = (uint8_t *)file.data};
        files.file_descriptor_proto = &file_data;
        files.n_file_descriptor_proto = 1;
        response.message_response_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
        response.file_descriptor_response = &files;
    }
    if (!grpc_call_send(call, &response.base))
        grpc_call_pause(call);
}

static void on_message(GrpcCall *call, const void *message)
{
    /* The reply points into the request and changes nothing in it. */
    answer(call, (Request *)message);
}

static void on_half_close(GrpcCall *call)
{
    grpc_call_finish(call, &STATUS_INIT);
}

static void on_cancel(GrpcCall *call)
{
    grpc_call_refuse(call, STATUS_CANCELLED, "nobody asks any more");
}

static const GrpcMethod methods[] = {{
    .name = "ServerReflectionInfo",
    .kind = GRPC_BIDI_STREAM,
    .request = &grpc__reflection__v1__server_reflection_request__descriptor,
    .on_message = on_message,
    .on_half_close = on_half_close,
    .on_cancel = on_cancel,
    .on_writable = grpc_call_resume,
}};

static GrpcService service_named(const char *name, Reflection *reflection)
{
    return (GrpcService){
        .name = name, .methods = methods, .method_count = ARRAY_SIZE(methods), .context = reflection};
}

Reflection *reflection_new(rpmd_text set, const GrpcServer *server)
{
    Reflection *reflection = NEW(Reflection);
    *reflection = (Reflection){
        .v1 = service_named("grpc.reflection.v1.ServerReflection", reflection),
        .v1alpha = service_named("grpc.reflection.v1alpha.ServerReflection", reflection),
        .set = set,
        .server = server,
    };
    return reflection;
}

void reflection_free(Reflection *reflection)
{
    free(reflection);
}

const GrpcService *reflection_service_v1(const Reflection *reflection)
{
    return &reflection->v1;
}

const GrpcService *reflection_service_v1alpha(const Reflection *reflection)
{
    return &reflection->v1alpha;
}
