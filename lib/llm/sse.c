/* SPDX-License-Identifier: MIT */
#include "lib/llm/sse.h"

static void end_line(SseParser *parser, SseEvent event, void *context)
{
    static const char field[] = "data:";
    rpmd_text line = {buffer_string(&parser->line), parser->line.length};
    if (line.length == 0) {
        if (parser->has_data)
            event((rpmd_text){buffer_string(&parser->data), parser->data.length}, context);
        parser->has_data = false;
        buffer_clear(&parser->data);
    } else if (line.length >= strlen(field) && memcmp(line.data, field, strlen(field)) == 0) {
        size_t begin = strlen(field) + (line.length > strlen(field) && line.data[strlen(field)] == ' ');
        if (parser->has_data)
            buffer_append_string(&parser->data, "\n");
        buffer_append(&parser->data, line.data + begin, line.length - begin);
        parser->has_data = true;
    }
    buffer_clear(&parser->line);
}

bool sse_feed(SseParser *parser, const char *bytes, size_t length, SseEvent event, void *context)
{
    for (size_t i = 0; i < length;) {
        if (parser->ended_with_return && bytes[i] == '\n') {
            parser->ended_with_return = false;
            i++;
            continue;
        }
        parser->ended_with_return = false;
        size_t begin = i;
        while (i < length && bytes[i] != '\n' && bytes[i] != '\r')
            i++;
        buffer_append(&parser->line, bytes + begin, i - begin);
        if (parser->line.length + parser->data.length > SSE_EVENT_LIMIT)
            return false;
        if (i == length)
            break;
        parser->ended_with_return = bytes[i] == '\r';
        end_line(parser, event, context);
        i++;
    }
    return true;
}

void sse_finish(SseParser *parser)
{
    buffer_finish(&parser->line);
    buffer_finish(&parser->data);
    *parser = SSE_PARSER_INIT;
}
