/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/plugin/call.h"

/*
 * Runs the plugin's own cases. STATUS_REFUSED (FAILED_PRECONDITION) with the number of the first case that
 * fails, what was expected and what was found. A feature that had to be dropped fails its case.
 */
int plugin_self_test(const rpmd_plugin *plugin, const char *file, const PluginEnvironment *environment,
                     Status *status);
