/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the stages of the method ask of an LLM and what they make of its reply: prompts and gates as pure
 * functions, one file a stage. Each stage has
 *
 *     an ask     the prompt, and the JSON schema that holds the reply to a shape where a server takes one
 *     a parser   the reply as plain data; nothing in it is believed: what is out of shape, out of range or
 * not in the text is dropped and counted
 *
 * Text of histories and queries stands in lines that begin with "> ": it is data, whatever it says. What is
 * the same between calls stands first in every prompt, so that servers can reuse it.
 */

#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/llm/template.h"
#include "rpmd/plugin.h"

#include <jansson.h>

/* The stages of the method that can run on an LLM. Their names are those of the configuration. */
typedef enum Stage {
    STAGE_EXTRACT,
    STAGE_CLUSTER,
    STAGE_JUDGE,
    STAGE_EMBED, /* an embedder's, not an LLM's: it has no prompt */
    STAGE_REASON,
    STAGE_RESPOND,
} Stage;
#define STAGE_COUNT 6

/* "extract" for STAGE_EXTRACT. */
const char *stage_name(Stage stage);

typedef struct StageAsk {
    Buffer prompt;       /* owned */
    const char *schema;  /* a JSON schema; in the arena or static. NULL: the reply is text */
    uint32_t max_tokens; /* of the reply, at most: enough for what is asked */
} StageAsk;

static inline void stage_ask_finish(StageAsk *ask)
{
    buffer_finish(&ask->prompt);
}

/*
 * Appends, to a prompt that was answered with something of no use, that reply's fault and the wish for a
 * better one. The reply itself is not repeated.
 */
void stage_ask_repair(StageAsk *ask, const char *fault);

/* "Tag" for "tag": a noun of the plugin at the beginning of a sentence. */
void stage_append_capital(Buffer *text, const char *noun);

/* A number that an LLM wrote as one, or as a text. -1: neither, or negative. */
int64_t stage_number(const json_t *value);

/*
 * A label that an LLM wrote: on one line, trimmed, brackets made round (they cite factors), at most limit
 * bytes; in lower case where asked for. In the arena; empty for what is no text.
 */
rpmd_text stage_label(Arena *arena, const json_t *value, size_t limit, bool in_lower_case);
