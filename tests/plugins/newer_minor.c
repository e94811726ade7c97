/* SPDX-License-Identifier: MIT */
#include <rpmd/plugin.h>
#undef RPMD_ABI_MINOR
#define RPMD_ABI_MINOR 999
#include "fixture.h"
