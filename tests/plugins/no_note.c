/* SPDX-License-Identifier: MIT */
#define FIXTURE_EXPORT
#include "fixture.h"

__attribute__((visibility("default"))) const rpmd_plugin *rpmd_plugin_entry(void);
const rpmd_plugin *rpmd_plugin_entry(void)
{
    return &plugin;
}
