/* SPDX-License-Identifier: MIT */

/*
 * The headers of a request. nghttp2's own check is off, because it refuses authorities that stock clients
 * send over Unix sockets: the raw path, an empty one, none. Any authority is taken here, the rest is checked.
 */

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/encoding.h"
#include "lib/grpc/server_internal.h"

#define HEADER_OVERHEAD 32 /* RFC 9113, 6.5.2: what a header counts besides its bytes */

enum { SEEN_METHOD = 1, SEEN_SCHEME = 2, SEEN_PATH = 4, SEEN_AUTHORITY = 8 };
#define SEEN_REQUIRED (SEEN_METHOD | SEEN_SCHEME | SEEN_PATH)

/* Where to put the first reason to refuse the call; a scratch for later ones. */
static Status *refusal(GrpcCall *call, Status *scratch)
{
    if (call->request.refusal)
        return scratch;
    return call->request.refusal = NEW(Status);
}

#define REFUSE(call, code, ...)                                                                              \
    do {                                                                                                     \
        Status scratch;                                                                                      \
        status_refuse(refusal((call), &scratch), (code), __VA_ARGS__);                                       \
    } while (0)

static void read_method(GrpcCall *call, rpmd_text value)
{
    if (text_equal_string(value, "POST"))
        return;
    call->request.http_status = 405;
    REFUSE(call, STATUS_INTERNAL, "gRPC uses the HTTP method POST, not '%.*s'", TEXT_ARGS(value));
}

static void read_path(GrpcCall *call, rpmd_text value)
{
    if (value.length == 0 || value.data[0] != '/') {
        call->request.is_malformed = true;
        return;
    }
    MethodEntry *entry = server_find_method(call->server, value);
    if (entry) {
        call->entry = entry;
        call->method = entry->method;
    } else {
        call->unknown_path = memory_copy_text(value.data, value.length);
    }
}

static void read_pseudo_header(GrpcCall *call, rpmd_text name, rpmd_text value)
{
    RequestHeaders *request = &call->request;
    unsigned which = text_equal_string(name, ":method")      ? SEEN_METHOD
                     : text_equal_string(name, ":scheme")    ? SEEN_SCHEME
                     : text_equal_string(name, ":path")      ? SEEN_PATH
                     : text_equal_string(name, ":authority") ? SEEN_AUTHORITY
                                                             : 0;
    if (which == 0 || (request->seen & which) || request->has_regular) {
        request->is_malformed = true;
        return;
    }
    request->seen |= which;
    if (which == SEEN_METHOD)
        read_method(call, value);
    else if (which == SEEN_PATH)
        read_path(call, value);
}

static void read_content_type(GrpcCall *call, rpmd_text value)
{
    static const char type[] = "application/grpc";
    size_t length = sizeof(type) - 1;
    call->request.has_content_type = true;
    if (value.length >= length && memcmp(value.data, type, length) == 0 &&
        (value.length == length || value.data[length] == '+' || value.data[length] == ';'))
        return;
    call->request.http_status = 415;
    REFUSE(call, STATUS_INTERNAL, "the content-type is '%.*s'; gRPC's is application/grpc", TEXT_ARGS(value));
}

static void read_timeout(GrpcCall *call, rpmd_text value)
{
    call->request.has_timeout = grpc_timeout_parse(value, &call->request.timeout);
    if (!call->request.has_timeout)
        REFUSE(call, STATUS_INTERNAL,
               "the grpc-timeout '%.*s' is malformed: up to 8 digits and one of H M S m u n",
               TEXT_ARGS(value));
}

/* Headers of a connection make no sense on a stream (RFC 9113, 8.2.2). */
static bool is_connection_header(rpmd_text name)
{
    static const char *const names[] = {"connection", "keep-alive", "proxy-connection", "transfer-encoding",
                                        "upgrade"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (text_equal_string(name, names[i]))
            return true;
    return false;
}

static void read_regular_header(GrpcCall *call, rpmd_text name, rpmd_text value)
{
    call->request.has_regular = true;
    if (is_connection_header(name))
        call->request.is_malformed = true;
    else if (text_equal_string(name, "content-type"))
        read_content_type(call, value);
    else if (text_equal_string(name, "te"))
        call->request.has_te = text_equal_string(value, "trailers");
    else if (text_equal_string(name, "grpc-timeout"))
        read_timeout(call, value);
    else if (!grpc_metadata_is_reserved(name) && !grpc_metadata_receive(&call->metadata, name, value))
        REFUSE(call, STATUS_INTERNAL, "the value of the metadata '%.*s' is no base64", TEXT_ARGS(name));
}

void request_header(GrpcCall *call, rpmd_text name, rpmd_text value)
{
    RequestHeaders *request = &call->request;
    uint64_t limit = call->server->limits.max_header_bytes;
    request->bytes += name.length + value.length + HEADER_OVERHEAD;
    if (request->bytes > limit) {
        REFUSE(call, STATUS_RESOURCE_EXHAUSTED,
               "the headers are longer than %lu bytes (limit max_header_bytes)", (unsigned long)limit);
        return;
    }
    bool is_pseudo = name.length > 0 && name.data[0] == ':';
    if (!nghttp2_check_header_name((const uint8_t *)name.data, name.length) ||
        !nghttp2_check_header_value((const uint8_t *)value.data, value.length))
        request->is_malformed = true;
    else if (is_pseudo)
        read_pseudo_header(call, name, value);
    else
        read_regular_header(call, name, value);
}

static void refuse_unknown_path(GrpcCall *call)
{
    const char *path = call->unknown_path;
    const char *slash = strchr(path + 1, '/');
    size_t length = slash ? (size_t)(slash - path - 1) : strlen(path + 1);
    rpmd_text name = {.data = path + 1, .length = length};
    for (size_t i = 0; slash && i < call->server->service_count; i++)
        if (text_equal_string(name, call->server->services[i]->name)) {
            REFUSE(call, STATUS_UNIMPLEMENTED, "the service %.*s has no method '%s'", TEXT_ARGS(name),
                   slash + 1);
            return;
        }
    REFUSE(call, STATUS_UNIMPLEMENTED, "there is no service '%.*s'", TEXT_ARGS(name));
}

void request_complete(GrpcCall *call)
{
    RequestHeaders *request = &call->request;
    bool is_too_long = request->bytes > call->server->limits.max_header_bytes;
    if (!is_too_long && (request->seen & SEEN_REQUIRED) != SEEN_REQUIRED)
        request->is_malformed = true;
    if (request->is_malformed || is_too_long)
        return;
    if (!request->has_content_type)
        read_content_type(call, text_of(""));
    if (!request->has_te)
        REFUSE(call, STATUS_INTERNAL,
               "the request lacks the header 'te: trailers': something on the way does not pass trailers on");
    if (call->unknown_path)
        refuse_unknown_path(call);
}
