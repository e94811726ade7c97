/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Factor generation (the paper's step 2): one call a user groups all distinct features into factors. Every
 * feature is in exactly one factor of the result, or in none (the unassigned bucket).
 */

#include "lib/llm/stages/stage.h"
#include "lib/method/model.h"

/* Distinct features in one call; the rest, met least often, is assigned by likeness afterwards. */
#define CLUSTER_FEATURE_LIMIT 200

/* The places of prompts/cluster.txt. */
extern const PromptPlace cluster_places[];
extern const size_t cluster_place_count;

/* The distinct features of a user, most often met first, equal ones by key. */
typedef struct ClusterFeature {
    rpmd_text key;     /* feature_key */
    rpmd_text name;    /* as met first */
    rpmd_text context; /* as met first */
    int sign;          /* -1, 0, +1 */
    uint32_t items;    /* that meet it */
} ClusterFeature;

/* Of the items that take part; at most CLUSTER_FEATURE_LIMIT. In the arena: the model may go. */
size_t cluster_features(const UserModel *model, Arena *arena, ClusterFeature **features);

void cluster_ask(StageAsk *ask, const PromptTemplate *prompt, const rpmd_plugin *plugin,
                 const ClusterFeature *features, size_t count, Arena *arena);

typedef struct ClusterResult {
    FactorInput
        *factors;        /* for factor_set_new: names unique, one line, without '[' and ']'; members sorted */
    size_t factor_count; /* at most FACTOR_GENERATED_LIMIT, each with a member */
    size_t unassigned;   /* features in no factor */
    size_t repeated;     /* features named again with another factor; the first one has them */
    size_t unknown;      /* numbers that stand for no feature */
} ClusterResult;

/* In the arena. Returns NULL or a sentence for a repair: no JSON, no factor, one whose name says nothing,
 * over half of the features in none, over two thirds of several in one. */
const char *cluster_parse(rpmd_text reply, const ClusterFeature *features, size_t count, Arena *arena,
                          ClusterResult *result);
