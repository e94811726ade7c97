/* SPDX-License-Identifier: MIT */
#include "lib/text/normalize.h"

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/text/utf8.h"

#include <utf8proc.h>

#define PIECE_LIMIT 1024 /* bytes mapped at once */

static utf8proc_int32_t make_plain(utf8proc_int32_t code_point, void *data)
{
    (void)data;
    switch (code_point) {
    case 0x00B4: /* acute accent, used as an apostrophe */
    case 0x2018 ... 0x201B:
    case 0x2032:
    case 0x2035:
    case 0x2039:
    case 0x203A:
        return '\'';
    case 0x00AB:
    case 0x00BB:
    case 0x201C ... 0x201F:
    case 0x2033:
    case 0x2036:
        return '"';
    case 0x2010 ... 0x2015:
    case 0x2212:
        return '-';
    default:
        return code_point;
    }
}

typedef enum AsciiForm { ASCII_PLAIN, ASCII_UPPER, NOT_ASCII } AsciiForm;

static AsciiForm ascii_form(rpmd_text text)
{
    AsciiForm form = ASCII_PLAIN;
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return NOT_ASCII;
        if (text.data[i] >= 'A' && text.data[i] <= 'Z')
            form = ASCII_UPPER;
    }
    return form;
}

/* How much of the text to map at once: utf8proc orders combining marks in quadratic time, so a hostile run
 * of them must be cut. In ordinary text the cut is before an ASCII character, where it changes nothing. */
static size_t piece_length(rpmd_text text)
{
    size_t length = text_cut(text, PIECE_LIMIT).length;
    if (length == text.length)
        return length;
    for (size_t cut = length; cut > 0; cut--)
        if ((unsigned char)text.data[cut] < 0x80)
            return cut;
    return length;
}

static rpmd_text normalize_unicode(Arena *arena, rpmd_text text)
{
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    _cleanup_buffer_ Buffer result = BUFFER_INIT;
    while (text.length > 0) {
        size_t length = piece_length(text);
        _cleanup_free_ utf8proc_uint8_t *mapped = NULL;
        utf8proc_ssize_t mapped_length =
            utf8proc_map_custom((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)length, &mapped,
                                options, make_plain, NULL);
        if (mapped_length > 0)
            buffer_append(&result, mapped, (size_t)mapped_length);
        text.data += length;
        text.length -= length;
    }
    return arena_text(arena, (rpmd_text){result.data, result.length});
}

rpmd_text text_normalize(Arena *arena, rpmd_text text)
{
    AsciiForm form = ascii_form(text);
    if (form == ASCII_PLAIN)
        return text;
    if (form == NOT_ASCII)
        return normalize_unicode(arena, text);
    char *lower = arena_copy(arena, text.data, text.length);
    for (size_t i = 0; i < text.length; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] + ('a' - 'A'));
    return (rpmd_text){lower, text.length};
}
