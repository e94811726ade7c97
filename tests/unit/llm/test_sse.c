/* SPDX-License-Identifier: MIT */
#include "lib/llm/sse.h"

#include "tests/unit/unit.h"

static void note(rpmd_text data, void *context)
{
    Buffer *events = context;
    buffer_append_string(events, "[");
    buffer_append(events, data.data, data.length);
    buffer_append_string(events, "]");
}

/* What comes of a stream, whole and cut at every byte. */
static void expect(const char *stream, const char *expected)
{
    size_t length = strlen(stream);
    for (size_t cut = 0; cut <= length; cut++) {
        SseParser parser = SSE_PARSER_INIT;
        _cleanup_buffer_ Buffer events = BUFFER_INIT;
        ck_assert(sse_feed(&parser, stream, cut, note, &events));
        ck_assert(sse_feed(&parser, stream + cut, length - cut, note, &events));
        ck_assert_msg(strcmp(buffer_string(&events), expected) == 0, "cut at %zu: %s", cut,
                      buffer_string(&events));
        sse_finish(&parser);
    }
}

START_TEST(streams)
{
    expect("data: one\n\ndata: two\n\n", "[one][two]");
    expect("data: one\r\n\r\ndata:two\r\n\r\n", "[one][two]");
    expect("data: one\r\rdata: two\r\r", "[one][two]");
    expect("data: a\ndata: b\n\n", "[a\nb]");
    expect("data:  x\n\n", "[ x]");
    expect("data\ndata:\n\n", "[]");
    expect(": a comment\nevent: delta\nid: 7\ndata: x\n\n\n\n", "[x]");
    expect("event: ping\n\n", "");
    expect("data: not ended", "");
    expect("", "");
}
END_TEST

START_TEST(limits)
{
    static char bytes[SSE_EVENT_LIMIT];
    SseParser parser = SSE_PARSER_INIT;
    _cleanup_buffer_ Buffer events = BUFFER_INIT;
    memset(bytes, 'x', sizeof(bytes));
    ck_assert(sse_feed(&parser, bytes, sizeof(bytes), note, &events));
    ck_assert(!sse_feed(&parser, bytes, 1, note, &events));
    sse_finish(&parser);
}
END_TEST

UNIT_TESTS("llm/sse", streams, limits)
