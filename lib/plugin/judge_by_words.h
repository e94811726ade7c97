/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/arena.h"
#include "lib/plugin/analysis.h"
#include "lib/text/tokenizer.h"

/*
 * The judgement of features that nothing else judges: one is influential, and neutral, when the answer uses
 * one of the content words of its evidence, by stem. The analysis has an answer. Linear in the query's
 * length.
 */
void judge_by_words(Tokenizer *tokenizer, Arena *scratch, rpmd_text query, Analysis *analysis);
