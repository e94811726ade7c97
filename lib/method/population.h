/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the users of a task have in common: how often a word or a feature went with an answer class, and who
 * answered what to the same question. Only sums of counts: what a user fed in is subtracted exactly when it
 * changes or goes. A cell that fewer than minimum_users users fed is not used for anybody else.
 *
 * One thread at a time.
 */

#include "lib/method/model.h"

/* The key of the cells that count every item of a class, whatever its words. */
#define POPULATION_EVERY_ITEM 0

/* One cell of a user's share: how many of the user's items have this key and this class. */
typedef struct ContributionCell {
    uint64_t key;
    rpmd_text answer_class;
    uint32_t count;
} ContributionCell;

/* The user's newest answer to a question. */
typedef struct ContributionVote {
    uint64_t question;
    rpmd_text answer; /* the option's text */
} ContributionVote;

/* What one user feeds into the population. Texts point into the items it was made of. */
typedef struct Contribution {
    ContributionCell *cells; /* by key, then class; each once, none empty */
    size_t cell_count;
    ContributionVote *votes; /* by question; each once */
    size_t vote_count;
} Contribution;

/* The share of a user with these items; of closed tasks. In the arena. */
Contribution contribution_of_model(Arena *arena, const UserModel *model);

/* The change from one share to another: cells with their difference (never 0), votes with "" where withdrawn.
 */
typedef struct ContributionCellChange {
    uint64_t key;
    rpmd_text answer_class;
    int64_t change;
} ContributionCellChange;

typedef struct ContributionChange {
    ContributionCellChange *cells;
    size_t cell_count;
    ContributionVote *votes;
    size_t vote_count;
} ContributionChange;

ContributionChange contribution_difference(Arena *arena, const Contribution *before,
                                           const Contribution *after);

/* The keys of a query. In the arena. */
PopulationKeys population_keys(Arena *arena, Tokenizer *tokenizer, rpmd_text query, const Analysis *analysis);

/* The key of a question: its normalised text and its options, whatever their order. */
uint64_t population_question(rpmd_text query, const rpmd_text *options, size_t option_count);

typedef struct Population Population;

/* Empty. */
Population *population_new(void) __attribute__((returns_nonnull));
void population_free(Population *population);

/* Puts in what the store kept: the sum over all users. */
void population_load_cell(Population *population, uint64_t key, rpmd_text answer_class, uint32_t count,
                          uint32_t users);
void population_load_vote(Population *population, uint64_t question, uint64_t user, rpmd_text answer);

/* Takes a user's old share out and puts the new one in; either may be NULL. user: the store's number. */
void population_replace(Population *population, uint64_t user, const Contribution *before,
                        const Contribution *after);

/* A population as one user may see it: without what that user fed in. Borrows both. */
typedef struct PopulationView {
    const Population *population; /* NULL: nothing is pooled */
    const Contribution *own;      /* NULL: the user fed nothing in */
    uint64_t user;
    uint32_t minimum_users;
} PopulationView;

/* The count of a cell fed by others; 0 where fewer than minimum_users others fed it. */
uint32_t population_count(const PopulationView *view, uint64_t key, rpmd_text answer_class);

/* Whether any class of this key was fed by others often enough to be used; sums[i] is the count of
 * classes[i]. */
bool population_counts(const PopulationView *view, uint64_t key, const rpmd_text *classes, size_t class_count,
                       uint32_t *sums);

/* An answer of another user to a question. */
typedef struct PopulationVote {
    uint64_t user;
    rpmd_text answer;
} PopulationVote;

/*
 * The answers of others to a question, by user; none where fewer than minimum_users others answered. Borrowed
 * from the population until it changes; the user's own vote may be among them: pass over it.
 */
const PopulationVote *population_votes(const PopulationView *view, uint64_t question, size_t *count);

size_t population_bytes(const Population *population);
