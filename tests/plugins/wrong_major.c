/* SPDX-License-Identifier: MIT */
#include <rpmd/plugin.h>
#undef RPMD_ABI_MAJOR
#define RPMD_ABI_MAJOR 99
#include "fixture.h"
