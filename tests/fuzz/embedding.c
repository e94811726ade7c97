/* SPDX-License-Identifier: MIT */
/* A reply of an embedder: what is taken has vectors of one size and of length 1, which are read back. */
#include "lib/llm/embedding.h"
#include "lib/base/memory.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LlmReply reply = {0};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    bool taken = llm_embedding_take(&reply, (rpmd_text){(const char *)data, size});
    rpmd_text lines = {buffer_string(&reply.text), reply.text.length};
    uint32_t count = 0, first = 0;
    while (taken && lines.length > 0) {
        const float *numbers = llm_embedding_next(&arena, &lines, &count);
        double squares = 0;
        for (uint32_t i = 0; numbers && i < count; i++)
            squares += (double)numbers[i] * (double)numbers[i];
        first = first ? first : count;
        if (!numbers || count != first || fabs(squares - 1) > 1e-3)
            abort();
    }
    llm_reply_finish(&reply);
    lines = (rpmd_text){(const char *)data, size};
    while (llm_embedding_next(&arena, &lines, &count))
        ;
    return 0;
}
