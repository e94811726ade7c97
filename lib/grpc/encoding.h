/* SPDX-License-Identifier: MIT */
#pragma once

/* How gRPC writes things into HTTP/2 headers (grpc/grpc, doc/PROTOCOL-HTTP2.md). */

#include "lib/base/buffer.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stdint.h>

/* grpc-message: bytes other than printable ASCII, and '%', become %XX. */
void grpc_percent_encode(Buffer *out, rpmd_text text);

/* What is no %XX stays as it is. */
void grpc_percent_decode(Buffer *out, rpmd_text text);

/* -bin values: RFC 4648 without padding. */
void grpc_base64_encode(Buffer *out, rpmd_text bytes);

/* With or without padding. False when it is not base64. */
bool grpc_base64_decode(Buffer *out, rpmd_text text);

/* grpc-timeout ("1500m") in nanoseconds; what is longer than UINT64_MAX is UINT64_MAX. False: malformed. */
bool grpc_timeout_parse(rpmd_text text, uint64_t *nanoseconds);

/* At most 8 digits and a unit, rounded up. `out` has room for GRPC_TIMEOUT_SIZE bytes. */
#define GRPC_TIMEOUT_SIZE 16
void grpc_timeout_format(char *out, uint64_t nanoseconds);
