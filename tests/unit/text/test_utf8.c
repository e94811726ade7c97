/* SPDX-License-Identifier: MIT */
#include "lib/text/utf8.h"

#include "lib/base/text.h"
#include "tests/unit/unit.h"

START_TEST(accepts_well_formed)
{
    static const char *const texts[] = {
        "",
        "plain",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(text_is_utf8(text_of(texts[i])), "text %zu", i);
    ck_assert(text_is_utf8((rpmd_text){"a\0b", 3}));
    ck_assert(text_is_utf8((rpmd_text){NULL, 0}));
}
END_TEST

START_TEST(refuses_malformed)
{
    static const char *const texts[] = {
        "\x80",             /* continuation alone */
        "\xC0\x80",         /* overlong NUL */
        "\xC1\xBF",         /* overlong */
        "\xE0\x9F\xBF",     /* overlong */
        "\xF0\x8F\xBF\xBF", /* overlong */
        "\xED\xA0\x80",     /* surrogate */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF5\x80\x80\x80",
        "\xFF",
        "\xE2\x82",     /* cut */
        "a\xE2\x82z",   /* broken inside */
        "\xF0\x9F\x98", /* cut */
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(!text_is_utf8(text_of(texts[i])), "text %zu", i);
}
END_TEST

START_TEST(mends_malformed)
{
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    text_append_well_formed(&buffer, text_of("a\xC3\xA9\xE2\x82!\xFF"));
    ck_assert_str_eq(buffer_string(&buffer), "a\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD!\xEF\xBF\xBD");
}
END_TEST

START_TEST(decodes_every_length)
{
    rpmd_text text = text_of("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    size_t offset = 0;
    ck_assert_int_eq(text_decode(text, &offset), 'a');
    ck_assert_int_eq(text_decode(text, &offset), 0xE9);
    ck_assert_int_eq(text_decode(text, &offset), 0x20AC);
    ck_assert_int_eq(text_decode(text, &offset), 0x1F600);
    ck_assert_uint_eq(offset, text.length);
}
END_TEST

START_TEST(cuts_on_boundaries)
{
    rpmd_text text = text_of("a\xE2\x82\xAC");
    ck_assert(text_is_boundary(text, 0) && text_is_boundary(text, 1) && text_is_boundary(text, 4));
    ck_assert(!text_is_boundary(text, 2) && !text_is_boundary(text, 3) && !text_is_boundary(text, 5));
    ck_assert_uint_eq(text_cut(text, 3).length, 1);
    ck_assert_uint_eq(text_cut(text, 4).length, 4);
    ck_assert_uint_eq(text_cut(text, 0).length, 0);
}
END_TEST

START_TEST(trims)
{
    ck_assert(text_equal_string(text_trim(text_of(" \t\xC2\xA0 a b\xC2\xA0\r\n")), "a b"));
    ck_assert(text_equal_string(text_trim(text_of(" \n")), ""));
    ck_assert(text_equal_string(text_trim(text_of("\xC3\xA0")), "\xC3\xA0")); /* ends with the byte A0 */
    ck_assert(text_equal_string(text_trim((rpmd_text){NULL, 0}), ""));
}
END_TEST

UNIT_TESTS("text/utf8", accepts_well_formed, refuses_malformed, mends_malformed, decodes_every_length,
           cuts_on_boundaries, trims)
