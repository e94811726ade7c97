/* SPDX-License-Identifier: MIT */
#define FIXTURE_EXPORT
#define rpmd_plugin_entry another_entry
#include "fixture.h"
RPMD_PLUGIN_EXPORT(plugin)
