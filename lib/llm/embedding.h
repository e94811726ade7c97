/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Embeddings in the shape of OpenAI's POST /embeddings: texts in, a dense vector for each out. A reply is
 * kept as text, a line of base64 (floats of 32 bits, little-endian) for each vector.
 */

#include "lib/base/arena.h"
#include "lib/llm/chat.h"

/* Numbers of a vector: the largest embedders have some four thousand. */
#define EMBEDDING_LIMIT 8192

/* To be put behind a base URL, as llm_chat_path. */
#define LLM_EMBEDDING_PATH "/embeddings"

/* The body of a request. inputs: a JSON list of texts. */
void llm_embedding_append(Buffer *body, const char *model, rpmd_text inputs);

/*
 * Takes a whole reply: reply->text has the vectors as lines, in the order of the inputs, each of length 1.
 * False when it is none: not JSON, or vectors of different sizes, out of order, without a direction.
 */
bool llm_embedding_take(LlmReply *reply, rpmd_text body);

/* The next vector of such a text, which is cut off its beginning. In the arena; NULL: there is no more. */
const float *llm_embedding_next(Arena *arena, rpmd_text *lines, uint32_t *count);
