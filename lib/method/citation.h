/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The citation gate: a text may name only factors that there are, and beside them only numbers that the
 * statistics hold.
 *
 * A factor is cited as [name]. The numbers of the rest of the line, up to the next [name], are said of it:
 *     n=12   n = 12   out of 12       how many the shares are taken of
 *     influence=20                    how often its features influenced the answer
 *     7 of 12                         a part and its whole
 *     58%                             a share; with one decimal place ("58.3%") it is held to that
 * A share right behind a quoted answer ("classic" 58%) has to be that answer's. Other numbers ("a rating of
 * 4") are not citations. What stands in double quotes, and lines that begin with "> ", are data and not read.
 */

#include "lib/base/arena.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name under which the statistics over all of a user's items are cited. */
#define CITATION_ALL_ITEMS "all past items"

/* One share that may be cited: part of whole. */
typedef struct CitationShare {
    rpmd_text answer; /* whose share it is; empty: not an answer's */
    uint32_t part;
    uint32_t whole;
    double smoothed; /* another value of the share that may be cited, 0 .. 1; negative: none */
} CitationShare;

/* A factor with all that may be said of it. */
typedef struct CitationFact {
    rpmd_text name;
    uint32_t items;     /* n */
    uint32_t influence; /* open answers; 0 elsewhere */
    const CitationShare *shares;
    size_t share_count;
} CitationFact;

/* What is wrong, a sentence each. */
typedef struct CitationReport {
    const char **violations; /* in the arena, in text order */
    size_t count;
    uint32_t factors; /* citations of factors that were checked */
    uint32_t numbers; /* numbers that were checked */
} CitationReport;

/* Violations kept in a report: enough to mend a text by. */
#define CITATION_VIOLATION_LIMIT 32

/*
 * Checks a text against the facts. Adds to *report (start it with {0}); sentences live in the arena.
 * Two facts of the same name (as it is written in a text) are alternatives.
 */
void citation_check(rpmd_text text, const CitationFact *facts, size_t fact_count, Arena *arena,
                    CitationReport *report);
