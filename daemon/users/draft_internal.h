/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/users: a draft on its way (draft.c), and what its stages ask and take (draft_stages.c). */

#include "daemon/loop/later.h"
#include "daemon/users/draft.h"
#include "lib/llm/stages/cluster.h"
#include "lib/llm/stages/embed.h"
#include "lib/llm/stages/extract.h"
#include "lib/llm/stages/judge.h"
#include "lib/llm/stages/reason.h"

struct Draft {
    UsersContext context;
    UserName name;
    uint64_t user_number;
    FeatureTexts *texts;
    BuildRequest request;
    void *progress_data;
    DraftDone done;
    void *data;
    Arena arena;
    double smoothing; /* of the shares that are cited */

    DraftItem *items; /* in the history's order */
    DraftItem **by_number;
    size_t count;
    rpmd_text version; /* of analyses that have all that is configured */
    rpmd_text native_version;
    const FactorInput *factors; /* NULL: to be clustered natively */
    size_t factor_count;
    DraftItem **fresh; /* items with a new analysis, in order */
    size_t fresh_count;
    size_t analysed;

    /* What it waits for, one at a time. */
    Later later;
    PluginJob *job;
    StageRun *run;
    Work *work;

    void (*stage_done)(Draft *draft, Stage stage, const Status *status, const StageTotals *totals);
    DraftItem **elements; /* of the running stage */
    size_t element_count;
    ExtractQuery *queries;
    JudgeItem *judge_items;
    FeatureJudgement **judgements;
    const Analysis **to_embed;
    ClusterFeature *features;
    size_t feature_count;
    const ModelEntry **entries;
    bool *path_was_asked; /* of entries[i]: this is a second reply */

    UserModel *model; /* that features are clustered of and reasoning cites; owned reference */
    BuildReport report;
};

/* A stage over its elements; it calls draft->stage_done when it is over. False: there is nothing to ask. */
bool draft_extract(Draft *draft);
bool draft_judge(Draft *draft);
bool draft_embed(Draft *draft);
bool draft_cluster(Draft *draft);
bool draft_reason(Draft *draft);

/* The plugin that serves the task, lent for a moment; NULL with a status where there is none. */
const rpmd_plugin *draft_plugin(const Draft *draft, Status *status);

/* Makes by_number what it says. */
void draft_sort(Draft *draft);

/* The item with this number, which is one of the draft's. */
DraftItem *draft_find(const Draft *draft, uint64_t number);
