/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Metadata of a call: names with values, in order; a name may come more than once.
 *
 * Names are lower case: a-z 0-9 - _ . A value is printable ASCII, except under a name that ends in "-bin":
 * there it is any bytes, held decoded here and sent in base64.
 */

#include "lib/base/arena.h"
#include "lib/base/status.h"
#include "rpmd/plugin.h"

#include <stdint.h>

typedef struct GrpcMetadataEntry {
    rpmd_text name;
    rpmd_text value; /* NUL-terminated behind its length */
} GrpcMetadataEntry;

typedef struct GrpcMetadata {
    GrpcMetadataEntry *entries; /* owned */
    size_t count;
    size_t capacity;
    Arena arena; /* names and values */
} GrpcMetadata;

#define GRPC_METADATA_INIT ((GrpcMetadata){0})

void grpc_metadata_finish(GrpcMetadata *metadata);

/* Copies both. STATUS_REFUSED when the name is not one or is reserved ("grpc-", ":"), or the value may not be
 * sent. */
int grpc_metadata_add(GrpcMetadata *metadata, rpmd_text name, rpmd_text value, Status *status);

/* A header as it was received: a -bin value is decoded and may hold several, separated by commas. False: no
 * base64. */
bool grpc_metadata_receive(GrpcMetadata *metadata, rpmd_text name, rpmd_text value);

/* The value of the first entry of this name, or NULL. Borrowed until the next change. */
const rpmd_text *grpc_metadata_find(const GrpcMetadata *metadata, const char *name);

/* True for headers that HTTP/2 and gRPC use themselves. */
bool grpc_metadata_is_reserved(rpmd_text name);

/* True for a name that ends in "-bin". */
bool grpc_metadata_is_binary(rpmd_text name);

#define _cleanup_grpc_metadata_ _cleanup_(grpc_metadata_finish)
