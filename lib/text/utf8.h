/* SPDX-License-Identifier: MIT */
#pragma once

/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */

#include "lib/base/buffer.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stdint.h>

bool text_is_utf8(rpmd_text text);

/* Appends a text with U+FFFD in the place of each byte that is not well-formed. */
void text_append_well_formed(Buffer *buffer, rpmd_text text);

/* Whether a code point starts at this offset, or the text ends there. Of valid UTF-8. */
static inline bool text_is_boundary(rpmd_text text, size_t offset)
{
    return offset <= text.length &&
           (offset == text.length || ((unsigned char)text.data[offset] & 0xC0) != 0x80);
}

/* The longest beginning of at most `limit` bytes that ends on a boundary. Of valid UTF-8. */
static inline rpmd_text text_cut(rpmd_text text, size_t limit)
{
    if (text.length <= limit)
        return text;
    while (limit > 0 && !text_is_boundary(text, limit))
        limit--;
    return (rpmd_text){.data = text.data, .length = limit};
}

/* Reads the code point at *offset, which is less than the length, and moves behind it. Of valid UTF-8. */
int32_t text_decode(rpmd_text text, size_t *offset);

/* Without the white space (ASCII and no-break spaces) around it. */
rpmd_text text_trim(rpmd_text text);
