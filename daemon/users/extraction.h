/* SPDX-License-Identifier: MIT */
#pragma once

/* Extraction of one query by an LLM, where the task is configured so: a new query, or an item that is
 * appended. */

#include "daemon/plugins/registry.h"
#include "daemon/stages/run.h"
#include "daemon/users/users.h"
#include "lib/llm/stages/extract.h"

typedef struct Extraction Extraction;

/* Everything is borrowed until done is called, or the extraction is cancelled. */
typedef struct ExtractionRequest {
    UserName name;
    ExtractQuery query;
    Analysis *analysis; /* the plugin's: its features are replaced by what the LLM finds, which are judged by
                         * words where there is an answer of an open task */
    Arena *arena;       /* for them */
    uint64_t deadline_ns;
} ExtractionRequest;

/* status: OK with is_replaced false where the LLM's replies were of no use: the plugin's features stand. */
typedef void (*ExtractionDone)(void *data, const Status *status, bool is_replaced, const StageTotals *totals);

bool extraction_is_wanted(const Stages *stages, const char *task);

Extraction *extraction_begin(Stages *stages, PluginRegistry *plugins, const ExtractionRequest *request,
                             ExtractionDone done, void *data);

/* No callback comes any more. */
void extraction_cancel(Extraction *extraction);
