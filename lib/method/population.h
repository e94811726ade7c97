/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the users of a task have in common: how often a word or a feature went with an answer class, and who
 * answered what to the same question. Only sums of counts: what a user fed in is subtracted exactly when it
 * changes or goes. A cell that fewer than minimum_users users fed is not used for anybody else.
 *
 * Threads: readers may read at the same time; one that changes it must be alone.
 */

#include "lib/method/contribution.h"
#include "lib/method/vote_table.h"

typedef struct Population Population;

/* Empty. */
Population *population_new(void) __attribute__((returns_nonnull));
void population_free(Population *population);

/* Puts in what the store kept: the sum over all users. */
void population_load_cell(Population *population, uint64_t key, rpmd_text answer_class, uint32_t count,
                          uint32_t users);
void population_load_vote(Population *population, uint64_t question, uint64_t user, rpmd_text answer);

/*
 * Applies a change of what a user feeds in (pool_change.h). user: the store's number. False where the bytes
 * are broken; what was read before the fault is then applied.
 */
bool population_apply(Population *population, uint64_t user, rpmd_text pool_change);

/* A population as one user may see it: without what that user fed in. Borrows both. */
typedef struct PopulationView {
    const Population *population; /* NULL: nothing is pooled */
    const Share *own;             /* of the user's model; NULL: the user fed nothing in */
    uint64_t user;
    uint32_t minimum_users;
} PopulationView;

/* Answer classes as population and user number them, for counting many keys by them. */
typedef struct PopulationClasses {
    const uint32_t *pooled;
    const uint32_t *own;
    size_t count;
} PopulationClasses;
PopulationClasses population_classes(Arena *arena, const PopulationView *view, const rpmd_text *classes,
                                     size_t count);

/*
 * sums[i] is the count of class i under a key, fed by others; 0 where fewer than minimum_users others fed it.
 * Whether any is above 0.
 */
bool population_counts(const PopulationView *view, uint64_t key, const PopulationClasses *classes,
                       uint32_t *sums);

/* The same for one class. */
uint32_t population_count(const PopulationView *view, uint64_t key, rpmd_text answer_class);

#define POPULATION_ANSWER_NONE UINT32_MAX /* an answer that nobody gave */

/*
 * The answers of others to a question (PopulationVote.answer: see population_answer); none where fewer than
 * minimum_users others answered. In the order of vote_order; where there are more than VOTES_LISTED, the
 * first of them, which are a sample. Borrowed until the population changes; the user's own vote may be among
 * them: pass over it.
 */
const PopulationVote *population_votes(const PopulationView *view, uint64_t question, size_t *count);

/* The number of an answer, or POPULATION_ANSWER_NONE. */
uint32_t population_answer(const Population *population, rpmd_text answer);

size_t population_bytes(const Population *population);
