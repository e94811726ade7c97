/* SPDX-License-Identifier: MIT */
/* The note is right, the descriptor is not. */
#define FIXTURE_EXPORT
#include "fixture.h"

static const rpmd_plugin other = {.struct_size = sizeof(other), .abi_major = 99};
RPMD_PLUGIN_EXPORT(other)
