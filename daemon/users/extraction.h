/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What an LLM and an embedder find in one query (a new one, or that of an item which is appended), where the
 * task is configured so: features in the place of the plugin's, and the vector of the features.
 */

#include "daemon/plugins/registry.h"
#include "daemon/stages/run.h"
#include "daemon/users/request.h"
#include "lib/llm/stages/extract.h"

typedef struct Extraction Extraction;

/* Everything is borrowed until done is called, or the extraction is cancelled. */
typedef struct ExtractionRequest {
    UserName name;
    uint64_t user_number; /* StoreUser.number; 0: not known */
    ExtractQuery query;
    Analysis *analysis; /* the plugin's: its features are replaced by what the LLM finds, which are judged by
                         * words where there is an answer of an open task; its embedding is filled in */
    Arena *arena;       /* for them */
    uint64_t deadline_ns;
} ExtractionRequest;

typedef struct ExtractionResult {
    bool is_extracted;  /* the features are the LLM's */
    Status extract;     /* why not: OK where none is configured, or its replies were of no use */
    Status embed;       /* the same for the embedding */
    StageTotals totals; /* of both */
} ExtractionResult;

/* The result is borrowed for the time of the callback. */
typedef void (*ExtractionDone)(void *data, const ExtractionResult *result);

bool extraction_is_wanted(const Stages *stages, const char *task);

/* Of a task where it is wanted. */
Extraction *extraction_begin(Stages *stages, PluginRegistry *plugins, const Config *config,
                             const ExtractionRequest *request, ExtractionDone done, void *data);

/* No callback comes any more. */
void extraction_cancel(Extraction *extraction);
