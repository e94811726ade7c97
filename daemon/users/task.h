/* SPDX-License-Identifier: MIT */
#pragma once

/* What a plugin's descriptor says, in the method's terms. Copied into the arena: a descriptor is lent for a
 * moment only. */

#include "daemon/config.h"
#include "lib/base/arena.h"
#include "lib/method/model.h"
#include "lib/method/reasoning.h"

/* How answers of the task look. */
ModelTask task_of_plugin(Arena *arena, const rpmd_plugin *plugin);

/*
 * What stands as the extractor's version beside an analysis: the plugin's, and the LLM's where one finds
 * features or judges them, so that a change of either makes models stale.
 */
rpmd_text task_extractor_version(Arena *arena, const rpmd_plugin *plugin, const Config *config);

/* How the task speaks of queries and responses. smoothing: alpha of the shares that are shown. */
ReasoningTask task_reasoning(Arena *arena, const rpmd_plugin *plugin, double smoothing);
