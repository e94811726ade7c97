/* SPDX-License-Identifier: MIT */
#include "lib/grpc/metadata.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/encoding.h"

void grpc_metadata_finish(GrpcMetadata *metadata)
{
    free(metadata->entries);
    arena_finish(&metadata->arena);
    *metadata = GRPC_METADATA_INIT;
}

bool grpc_metadata_is_binary(rpmd_text name)
{
    return name.length > 4 && memcmp(name.data + name.length - 4, "-bin", 4) == 0;
}

static bool is_name(rpmd_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return name.length > 0;
}

bool grpc_metadata_is_reserved(rpmd_text name)
{
    static const char *const names[] = {"te",         "content-type", "content-length",
                                        "connection", "host",         "user-agent"};
    if (name.length >= 5 && memcmp(name.data, "grpc-", 5) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (text_equal_string(name, names[i]))
            return true;
    return false;
}

static bool is_printable(rpmd_text value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] < 0x20 || value.data[i] > 0x7E)
            return false;
    return true;
}

static void append(GrpcMetadata *metadata, rpmd_text name, rpmd_text value)
{
    GROW(metadata->entries, metadata->count, metadata->capacity);
    metadata->entries[metadata->count++] = (GrpcMetadataEntry){
        .name = arena_text(&metadata->arena, name),
        .value = arena_text(&metadata->arena, value),
    };
}

int grpc_metadata_add(GrpcMetadata *metadata, rpmd_text name, rpmd_text value, Status *status)
{
    if (!is_name(name))
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "'%.*s' is no name of metadata: use a-z, 0-9, '-', '_' and '.'",
                             TEXT_ARGS(name));
    if (grpc_metadata_is_reserved(name))
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "the metadata name '%.*s' is gRPC's own",
                             TEXT_ARGS(name));
    if (!grpc_metadata_is_binary(name) && !is_printable(value))
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the value of '%.*s' is not printable ASCII: give it a name that ends in '-bin'",
                             TEXT_ARGS(name));
    append(metadata, name, value);
    return 0;
}

bool grpc_metadata_receive(GrpcMetadata *metadata, rpmd_text name, rpmd_text value)
{
    _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
    if (!grpc_metadata_is_binary(name)) {
        append(metadata, name, value);
        return true;
    }
    for (;;) {
        const char *comma = value.length ? memchr(value.data, ',', value.length) : NULL;
        rpmd_text one = {.data = value.data, .length = comma ? (size_t)(comma - value.data) : value.length};
        buffer_clear(&decoded);
        if (!grpc_base64_decode(&decoded, one))
            return false;
        append(metadata, name, (rpmd_text){.data = buffer_string(&decoded), .length = decoded.length});
        if (!comma)
            return true;
        value.data += one.length + 1;
        value.length -= one.length + 1;
    }
}

const rpmd_text *grpc_metadata_find(const GrpcMetadata *metadata, const char *name)
{
    for (size_t i = 0; i < metadata->count; i++)
        if (text_equal_string(metadata->entries[i].name, name))
            return &metadata->entries[i].value;
    return NULL;
}
