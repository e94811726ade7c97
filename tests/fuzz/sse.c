/* SPDX-License-Identifier: MIT */
/* A stream of events, cut where the first byte says, gives the same reply as in one piece. */
#include "lib/llm/sse.h"
#include "lib/base/memory.h"
#include "lib/llm/chat.h"

typedef struct Taking {
    LlmReply reply;
    LlmShape shape;
} Taking;

static void on_event(rpmd_text data, void *context)
{
    Taking *taking = context;
    llm_chat_take_event(&taking->reply, taking->shape, data);
}

static bool read_in_pieces(Taking *taking, const char *bytes, size_t length, size_t step)
{
    SseParser parser = SSE_PARSER_INIT;
    bool is_right = true;
    for (size_t i = 0; i < length && is_right; i += step)
        is_right = sse_feed(&parser, bytes + i, MIN(step, length - i), on_event, taking);
    sse_finish(&parser);
    return is_right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    LlmShape shape = data[0] & 1 ? LLM_SHAPE_ANTHROPIC : LLM_SHAPE_OPENAI;
    Taking whole = {.shape = shape}, cut = {.shape = shape};
    const char *bytes = (const char *)data + 1;
    bool whole_is_right = read_in_pieces(&whole, bytes, size - 1, size - 1);
    bool cut_is_right = read_in_pieces(&cut, bytes, size - 1, 1 + (data[0] >> 1));
    if (whole_is_right != cut_is_right || whole.reply.text.length != cut.reply.text.length ||
        whole.reply.is_whole != cut.reply.is_whole || strcmp(whole.reply.error, cut.reply.error) != 0 ||
        (whole.reply.text.length &&
         memcmp(whole.reply.text.data, cut.reply.text.data, cut.reply.text.length) != 0))
        abort();
    llm_reply_finish(&whole.reply);
    llm_reply_finish(&cut.reply);
    return 0;
}
