/* SPDX-License-Identifier: MIT */
#include "lib/grpc/fields.h"

#include "lib/grpc/encoding.h"

void grpc_fields_init(GrpcFields *fields, const GrpcMetadata *metadata)
{
    fields->count = 0;
    fields->arena = ARENA_INIT;
    fields->list = fields->own;
    if (metadata && metadata->count > 0)
        fields->list = ARENA_ARRAY(&fields->arena, nghttp2_nv, GRPC_OWN_FIELDS + metadata->count);
}

void grpc_fields_finish(GrpcFields *fields)
{
    arena_finish(&fields->arena);
}

void grpc_fields_add_metadata(GrpcFields *fields, const GrpcMetadata *metadata)
{
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        rpmd_text value = metadata->entries[i].value;
        if (grpc_metadata_is_binary(metadata->entries[i].name)) {
            _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
            grpc_base64_encode(&encoded, value);
            value = arena_text(&fields->arena,
                               (rpmd_text){.data = buffer_string(&encoded), .length = encoded.length});
        }
        grpc_fields_add(fields, grpc_field(metadata->entries[i].name, value));
    }
}
