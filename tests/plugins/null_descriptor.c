/* SPDX-License-Identifier: MIT */
#define FIXTURE_EXPORT
#include "fixture.h"
RPMD_PLUGIN_EXPORT(*(const rpmd_plugin *)NULL)
