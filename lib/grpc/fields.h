/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside lib/grpc: header fields for nghttp2. */

#include "lib/grpc/metadata.h"

#include <nghttp2/nghttp2.h>

/* A field of two string literals. */
#define GRPC_FIELD_STATIC(name_literal, value_literal)                                                       \
    ((nghttp2_nv){                                                                                           \
        .name = (uint8_t *)(name_literal),                                                                   \
        .value = (uint8_t *)(value_literal),                                                                 \
        .namelen = sizeof(name_literal) - 1,                                                                 \
        .valuelen = sizeof(value_literal) - 1,                                                               \
        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,                               \
    })

/* Both are borrowed until the field is submitted, which copies them. */
static inline nghttp2_nv grpc_field(rpmd_text name, rpmd_text value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)name.data,
        .value = (uint8_t *)value.data,
        .namelen = name.length,
        .valuelen = value.length,
    };
}

/* Fields of one block: a few of gRPC's own, then metadata. */
#define GRPC_OWN_FIELDS 8
typedef struct GrpcFields {
    nghttp2_nv own[GRPC_OWN_FIELDS];
    nghttp2_nv *list; /* own, or in the arena when there is metadata */
    size_t count;
    Arena arena; /* encoded values */
} GrpcFields;

/* Empty, with room for gRPC's own fields and this metadata (NULL: none). */
void grpc_fields_init(GrpcFields *fields, const GrpcMetadata *metadata);
void grpc_fields_finish(GrpcFields *fields);
void grpc_fields_add_metadata(GrpcFields *fields, const GrpcMetadata *metadata);

static inline void grpc_fields_add(GrpcFields *fields, nghttp2_nv field)
{
    fields->list[fields->count++] = field;
}

#define _cleanup_grpc_fields_ _cleanup_(grpc_fields_finish)
