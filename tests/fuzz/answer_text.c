/* SPDX-License-Identifier: MIT */
/* The parts of an answer are the same however it is cut. */
#include "lib/llm/answer_text.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

static void part(AnswerText *text, const char *bytes, size_t length, size_t step)
{
    answer_text_init(text, text_of("tag"));
    for (size_t i = 0; i < length; i += step) {
        answer_text_feed(text, (rpmd_text){bytes + i, MIN(step, length - i)});
        answer_text_news(text);
    }
    answer_text_end(text);
    answer_text_news(text);
}

static bool is_same(const Buffer *a, const Buffer *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AnswerText whole, cut;
    if (size < 2)
        return 0;
    part(&whole, (const char *)data + 1, size - 1, size - 1);
    part(&cut, (const char *)data + 1, size - 1, 1 + data[0]);
    if (!is_same(&whole.reasoning, &cut.reasoning) || !is_same(&whole.answer, &cut.answer))
        abort();
    answer_text_finish(&whole);
    answer_text_finish(&cut);
    return 0;
}
