/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a user feeds into the population of a task: for each key of an item (every item, its words, its
 * features) a count in the cell (key, answer class), and the newest answer to each question. Of closed tasks;
 * numbers have no votes.
 */

#include "lib/method/model.h"
#include "lib/method/pool_change.h"

/* The key of the cells that count every item of a class, whatever its words. */
#define POPULATION_EVERY_ITEM 0

/* A change of the population, for pool_change_write. In an arena; texts point into the models. */
typedef struct ContributionChange {
    PoolCellChange *cells; /* by key */
    size_t cell_count;
    PoolVoteChange *votes; /* by question */
    size_t vote_count;
} ContributionChange;

/*
 * The exact difference between what two models of a user feed in. before NULL: nothing was fed in so far;
 * after NULL: all is withdrawn. Costs what the change costs where one model came from the other.
 */
ContributionChange contribution_change(Arena *arena, const UserModel *before, const UserModel *after);

/* The same, written. */
void contribution_change_write(Buffer *bytes, const UserModel *before, const UserModel *after);

/* What the model's items of a class count for under a key; the user's own part of the population's cell. */
uint32_t contribution_count(const UserModel *model, uint64_t key, rpmd_text answer_class);

/* The keys of a query. In the arena. */
PopulationKeys population_keys(Arena *arena, Tokenizer *tokenizer, rpmd_text query, const Analysis *analysis);

/* The words alone, as in PopulationKeys. */
const uint64_t *population_words(Arena *arena, Tokenizer *tokenizer, rpmd_text query, size_t *count);

/* The key that a feature is counted by. */
uint64_t population_feature_key(rpmd_text feature_key);

/* The key of a question: its normalised text and its options, whatever their order. */
uint64_t population_question(rpmd_text query, const rpmd_text *options, size_t option_count);
