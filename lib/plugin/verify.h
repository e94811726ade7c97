/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What makes an analysis fit for use, at one door: the host checks with it what a plugin hands over, and the
 * daemon checks again what a worker process sends, which a hostile plugin may have written.
 */

#include "lib/plugin/analysis.h"

/* NULL, or what is wrong with a feature of the query, as the end of a sentence: "its evidence is empty". */
const char *plugin_feature_fault(const rpmd_plugin *plugin, rpmd_text query, const AnalyzedFeature *feature);

/* NULL, or what is wrong with a trait. */
const char *plugin_trait_fault(const AnalyzedTrait *trait);

/* NULL, or what is wrong with an option's class. */
const char *plugin_class_fault(const AnswerClass *answer_class);

/*
 * Whether a text is a canonical answer of the task to a query with these options. *option becomes its index
 * among the options or labels, or ANALYSIS_NO_OPTION.
 */
bool plugin_is_answer(const rpmd_plugin *plugin, const AnalysisRequest *request, rpmd_text answer,
                      size_t *option);

/*
 * Checks a whole analysis of a request and fills in answer_option and answer_class, which follow from the
 * rest. STATUS_REFUSED (INTERNAL) with the first thing that is wrong.
 */
int plugin_verify_analysis(const rpmd_plugin *plugin, const AnalysisRequest *request, Analysis *analysis,
                           Status *status);
