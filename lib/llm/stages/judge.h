/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Judgement (the paper's step 3, open answers): which features of a past query influenced the response, and
 * whether the response takes them up positively, neutrally or negatively. Several items in one call.
 */

#include "lib/llm/stages/stage.h"
#include "lib/plugin/analysis.h"

#define JUDGE_BATCH 10
#define JUDGE_BATCH_BYTES 8192

typedef struct JudgeItem {
    rpmd_text query;
    rpmd_text response;
    const AnalyzedFeature *features;
    size_t feature_count;
} JudgeItem;

/* The places of prompts/judge.txt. */
extern const PromptPlace judge_places[];
extern const size_t judge_place_count;

/* How many of the items, from the first on, go into one call: at least 1. */
size_t judge_batch(const JudgeItem *items, size_t count);

void judge_ask(StageAsk *ask, const PromptTemplate *prompt, const rpmd_plugin *plugin, const JudgeItem *items,
               size_t count, Arena *arena);

/*
 * judgements[i][f] for feature f of items[i], FEATURE_NOT_JUDGED where the reply does not say. Returns NULL
 * or a sentence for a repair: no JSON, nothing judged.
 */
const char *judge_parse(rpmd_text reply, const JudgeItem *items, size_t count,
                        FeatureJudgement *const *judgements);
