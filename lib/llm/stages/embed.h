/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Embedding: the function f of the paper's step 7, by an embedder instead of lib/method/vector. What is
 * embedded is the concatenated text of a query's features, never the query.
 */

#include "lib/llm/stages/stage.h"
#include "lib/plugin/analysis.h"

/* Texts in one call: vectors of three thousand numbers are then 1 MB of JSON. */
#define EMBED_BATCH 16
/* Bytes of one text: embedders read 512 tokens, and more would push the first features aside. */
#define EMBED_TEXT_BYTES 2000

/* Writes a JSON list: an element for each analysis, all of which have features. */
void embed_ask(StageAsk *ask, const Analysis *const *analyses, size_t count);

/*
 * embeddings[i] for analysis i, in the arena. model: who made them. Returns NULL, or what is wrong with the
 * reply.
 */
const char *embed_parse(rpmd_text reply, const char *model, size_t count, Arena *arena,
                        Embedding *embeddings);
