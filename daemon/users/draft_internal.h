/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/users: a draft on its way (draft.c), and what its stages ask and take (draft_stages.c). */

#include "daemon/users/draft.h"
#include "daemon/users/operation.h"
#include "lib/llm/stages/cluster.h"
#include "lib/llm/stages/embed.h"
#include "lib/llm/stages/extract.h"
#include "lib/llm/stages/judge.h"
#include "lib/llm/stages/reason.h"

struct UserBuild {
    LIST_ENTRY(UserBuild) link;
    Users *users;
    UserName name; /* in the arena */
    BuildRequest request;
    UserCallback callback;
    void *data;
    Arena arena;
    StoreUserName load;
    StoreModel loaded;
    Arena loaded_arena;
    Draft draft;
    DraftItem **fresh; /* items with a new analysis, in order */
    size_t fresh_count;
    size_t analysed;
    PluginJob *job;
    StageRun *run;
    bool is_publishing;
    Status cancelled; /* not OK: ends at the next step */

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

    Assembly assembly;
    uv_work_t work;
    BuildReport report;
};

/* A stage over its elements; it calls next when it is over. False: there is nothing to ask. */
bool draft_extract(UserBuild *build);
bool draft_judge(UserBuild *build);
bool draft_embed(UserBuild *build);
bool draft_cluster(UserBuild *build);
bool draft_reason(UserBuild *build);

/* A stage is over. */
void draft_stage_done(UserBuild *build, Stage stage, const Status *status, const StageTotals *totals);

/* The plugin that serves the task, lent for a moment; NULL with a status where there is none. */
const rpmd_plugin *draft_plugin(const UserBuild *build, Status *status);
