/* SPDX-License-Identifier: MIT */
#include "lib/text/locate.h"

#include "lib/base/buffer.h"
#include "lib/base/text.h"
#include "tests/unit/unit.h"

START_TEST(test_quotations)
{
    static const struct {
        const char *text, *quotation, *expected; /* NULL: not there */
    } cases[] = {
        {"The tea tastes wonderful.", "tastes wonderful", "tastes wonderful"},
        {"The tea tastes wonderful.", "\"Tastes  WONDERFUL!\"", "tastes wonderful"},
        {"It\xE2\x80\x99s a \xE2\x80\x9Cgood\xE2\x80\x9D thing", "it's a \"good\" thing",
         "It\xE2\x80\x99s a \xE2\x80\x9Cgood\xE2\x80\x9D thing"},
        {"one\ntwo\t three", "one two three", "one\ntwo\t three"},
        {"the catalogue of cats", "cat", NULL},
        {"the catalogue of cat food", "cat", "cat"},
        {"fresh bread is baked here every day", "fresh bread ... every day",
         "fresh bread is baked here every day"},
        {"fresh bread is baked here every day", "every day ... fresh bread", NULL},
        {"fresh bread is baked here", "\xE2\x80\xA6 baked here \xE2\x80\xA6", "baked here"},
        {"caf\xC3\xA9 au lait", "CAF\xC3\x89", "caf\xC3\xA9"},
        {"\xE6\x97\xA5\xE6\x9C\xAC", "\xE6\x97\xA5\xE6\x9C\xAC", "\xE6\x97\xA5\xE6\x9C\xAC"},
        {"something else", "a paraphrase of it", NULL},
        {"text", "...", NULL},
        {"text", "", NULL},
        {"", "text", NULL},
        {"end", "end of it", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rpmd_span span = {0};
        rpmd_text text = text_of(cases[i].text);
        bool found = text_locate(text, text_of(cases[i].quotation), &span);
        ck_assert_msg(found == (cases[i].expected != NULL), "%s in %s", cases[i].quotation, cases[i].text);
        if (found)
            ck_assert_msg(text_equal_string(text_slice(text, span), cases[i].expected), "%s: %.*s",
                          cases[i].quotation, TEXT_ARGS(text_slice(text, span)));
    }
}
END_TEST

/* An ellipsis bridges a sentence, not a text. */
START_TEST(test_gaps_have_a_limit)
{
    rpmd_span span;
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    buffer_append_string(&text, "the begin");
    for (int i = 0; i < 60; i++)
        buffer_append_string(&text, " word");
    buffer_append_string(&text, " the end");
    ck_assert(!text_locate((rpmd_text){text.data, text.length}, text_of("the begin ... the end"), &span));
    ck_assert(text_locate((rpmd_text){text.data, text.length}, text_of("word the end"), &span));
    ck_assert_uint_eq(span.end, text.length);
}
END_TEST

UNIT_TESTS("text/locate", test_quotations, test_gaps_have_a_limit)
