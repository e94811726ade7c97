/* SPDX-License-Identifier: MIT */
#pragma once

/* What a plugin's descriptor says, in the method's terms. Copied into the arena: a descriptor is lent for a
 * moment only. */

#include "daemon/config.h"
#include "daemon/stages/stages.h"
#include "lib/base/arena.h"
#include "lib/method/model.h"
#include "lib/method/reasoning.h"

/* How answers of the task look. */
ModelTask task_of_plugin(Arena *arena, const rpmd_plugin *plugin);

/*
 * What stands as the extractor's version beside an analysis: the plugin's, the LLM's and its prompt's where
 * one finds features or judges them, and the embedder's, so that a change of any makes models stale.
 */
rpmd_text task_extractor_version(Arena *arena, const rpmd_plugin *plugin, const Config *config,
                                 const Stages *stages);

/* Whether an analysis has all that this version says: what is configured was done, and found of use. */
bool task_is_complete(const rpmd_plugin *plugin, const Config *config, const Analysis *analysis,
                      bool is_extracted, bool is_judged);

/* How the task speaks of queries and responses. smoothing: alpha of the shares that are shown. */
ReasoningTask task_reasoning(Arena *arena, const rpmd_plugin *plugin, double smoothing);
