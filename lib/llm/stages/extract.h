/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Extraction (the paper's step 1): the response-influential features of queries, several queries in one call,
 * each feature with a quotation as evidence. From the query alone, never the response.
 */

#include "lib/llm/stages/stage.h"
#include "lib/plugin/analysis.h"

/* Queries in one call. Few enough that a small model keeps them apart. */
#define EXTRACT_BATCH 6
/* Bytes of queries in one call; a call with one query may have more. */
#define EXTRACT_BATCH_BYTES 8192
/* Features of one query that are kept: the first. A longer list is noise. */
#define EXTRACT_FEATURE_LIMIT 8

typedef struct ExtractQuery {
    rpmd_text text;
    const rpmd_text *options;
    size_t option_count;
} ExtractQuery;

/* What was found in one query. */
typedef struct ExtractResult {
    bool is_answered; /* the reply speaks of this query, even if of no feature */
    AnalyzedFeature *features;
    size_t feature_count;
    uint32_t dropped;      /* not supported by the text, or otherwise unfit (the grounding gate) */
    rpmd_text drop_reason; /* a sentence about the first one dropped; empty: none */
} ExtractResult;

/* The places of prompts/extract.txt. */
extern const PromptPlace extract_places[];
extern const size_t extract_place_count;

/* How many of the queries, from the first on, go into one call: at least 1. */
size_t extract_batch(const ExtractQuery *queries, size_t count);

/* The schema lives in the arena. */
void extract_ask(StageAsk *ask, const PromptTemplate *prompt, const rpmd_plugin *plugin,
                 const ExtractQuery *queries, size_t count, Arena *arena);

/*
 * results[i] for queries[i]; features live in the arena, their evidence is a span of the query. Returns NULL,
 * or what is wrong with the reply as a whole as a sentence for a repair (no JSON, none of the queries
 * answered). A query that the reply leaves out is not answered and no fault.
 */
const char *extract_parse(rpmd_text reply, const ExtractQuery *queries, size_t count, Arena *arena,
                          ExtractResult *results);
