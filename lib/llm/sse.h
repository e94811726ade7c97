/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Server-sent events, in any chunking (WHATWG HTML, 9.2.6 "Interpreting an event stream"). Only the data of
 * an event is kept; its name, id and retry time are not used by any LLM's stream. Sans-IO.
 */

#include "lib/base/buffer.h"
#include "lib/base/text.h"

#define SSE_EVENT_LIMIT (1024 * 1024) /* bytes of one event or line; a token's event has some hundred */

typedef struct SseParser {
    Buffer line;
    Buffer data;
    bool has_data;
    bool ended_with_return; /* a "\n" that follows belongs to the line before */
} SseParser;

#define SSE_PARSER_INIT ((SseParser){0})

/* The data of one event, its lines joined by "\n". Borrowed. */
typedef void (*SseEvent)(rpmd_text data, void *context);

/* Takes bytes. False when an event is longer than SSE_EVENT_LIMIT: the stream is of no use any more. */
bool sse_feed(SseParser *parser, const char *bytes, size_t length, SseEvent event, void *context);

void sse_finish(SseParser *parser);
