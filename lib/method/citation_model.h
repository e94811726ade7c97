/* SPDX-License-Identifier: MIT */
#pragma once

/* The citation gate over a user's model. */

#include "lib/method/citation.h"
#include "lib/method/model.h"

typedef struct CitationFacts {
    CitationFact *facts; /* every factor, then all items under CITATION_ALL_ITEMS; in the arena */
    size_t count;
} CitationFacts;

/*
 * All that may be cited of a model. alpha: the smoothing of shares. without: the item whose reasoning is
 * checked, whose own answer is no evidence (leave-one-out); NULL: nothing is left out.
 */
CitationFacts citation_facts(Arena *arena, const UserModel *model, double alpha, const ModelEntry *without);

/* Checks a reasoning path: of a past item (`without`) or of a new query (NULL). Adds to *report. */
void citation_check_reasoning(rpmd_text reasoning, const UserModel *model, double alpha,
                              const ModelEntry *without, Arena *arena, CitationReport *report);

/* Begins the heading of a worked example in a prompt; the number is the item's place in the history, from 1.
 */
#define CITATION_EXAMPLE_HEADING "# Example: past item "

/* Begins the line with the prediction, whose probabilities are not the model's statistics. */
#define CITATION_CONCLUSION "Statistics say for this user: "

/*
 * Checks a whole prompt (lib/method/prompt.h) made from this model: the factor table and what is said of the
 * target against the statistics, each worked example against those without its item.
 */
void citation_check_prompt(rpmd_text prompt, const UserModel *model, double alpha, Arena *arena,
                           CitationReport *report);
