/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/plugin/call.h"

/*
 * Everything a plugin can tell about one item, in this order: the features of the query (extract), the
 * classes of its options (option_class), the canonical answer in the response and its class (parse_answer),
 * and for open answers which features influenced it (judge), and its traits (describe_answer). A step that
 * fails ends the analysis: analysis->code and error say why.
 *
 * The plugin is one that descriptor_check accepted. Everything given is borrowed; the analysis lives in the
 * arena. May run on any thread; one tokenizer and one arena for one thread.
 */
void plugin_analyze(const rpmd_plugin *plugin, const PluginEnvironment *environment, Tokenizer *tokenizer,
                    const AnalysisRequest *request, Arena *arena, Analysis *analysis);

/* The same for a batch: analyses[i] for requests[i]. Those that the deadline or a cancellation left over say
 * so. The array lives in the arena. */
Analysis *plugin_analyze_batch(const rpmd_plugin *plugin, const PluginEnvironment *environment,
                               const AnalysisRequest *requests, size_t count, Arena *arena)
    __attribute__((returns_nonnull));

/*
 * Only the answer in a reply: the request's response, as plugin_analyze with answer_only does it. Returns
 * STATUS_REFUSED with analysis->code and error as the status when there is none.
 */
int plugin_parse_reply(const rpmd_plugin *plugin, const PluginEnvironment *environment,
                       const AnalysisRequest *request, Arena *arena, Analysis *analysis, Status *status);
