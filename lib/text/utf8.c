/* SPDX-License-Identifier: MIT */
#include "lib/text/utf8.h"

#include <string.h>

#define NOT_ASCII UINT64_C(0x8080808080808080) /* the bit that none of eight ASCII characters has */

/* Length of the well-formed sequence at the bytes (Unicode 15, table 3-7), or 0. */
static size_t sequence_length(const unsigned char *byte, size_t available)
{
    unsigned char lead = byte[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || available < length)
        return 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte[1] < low || byte[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool text_is_utf8(rpmd_text text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t offset = 0;
    while (offset < text.length) {
        uint64_t eight;
        if (text.length - offset >= sizeof(eight)) {
            memcpy(&eight, bytes + offset, sizeof(eight));
            if ((eight & NOT_ASCII) == 0) {
                offset += sizeof(eight);
                continue;
            }
        }
        size_t length = sequence_length(bytes + offset, text.length - offset);
        if (length == 0)
            return false;
        offset += length;
    }
    return true;
}

void text_append_well_formed(Buffer *buffer, rpmd_text text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    for (size_t offset = 0; offset < text.length;) {
        size_t length = sequence_length(bytes + offset, text.length - offset);
        if (length > 0)
            buffer_append(buffer, text.data + offset, length);
        else
            buffer_append_string(buffer, "\xEF\xBF\xBD");
        offset += length > 0 ? length : 1;
    }
}

int32_t text_decode(rpmd_text text, size_t *offset)
{
    const unsigned char *byte = (const unsigned char *)text.data + *offset;
    if (byte[0] < 0x80) {
        *offset += 1;
        return byte[0];
    }
    if (byte[0] < 0xE0) {
        *offset += 2;
        return (byte[0] & 0x1F) << 6 | (byte[1] & 0x3F);
    }
    if (byte[0] < 0xF0) {
        *offset += 3;
        return (byte[0] & 0x0F) << 12 | (byte[1] & 0x3F) << 6 | (byte[2] & 0x3F);
    }
    *offset += 4;
    return (byte[0] & 0x07) << 18 | (byte[1] & 0x3F) << 12 | (byte[2] & 0x3F) << 6 | (byte[3] & 0x3F);
}

/* Length of the white space at the beginning, or 0. */
static size_t space_length(rpmd_text text)
{
    if (text.length >= 1 && strchr(" \t\r\n\v\f", text.data[0]) && text.data[0] != '\0')
        return 1;
    return text.length >= 2 && memcmp(text.data, "\xC2\xA0", 2) == 0 ? 2 : 0;
}

rpmd_text text_trim(rpmd_text text)
{
    for (size_t length; (length = space_length(text)) > 0;) {
        text.data += length;
        text.length -= length;
    }
    while (text.length > 0) {
        rpmd_text last = {text.data + text.length - 1, 1};
        if (text.length >= 2 && (unsigned char)last.data[0] == 0xA0)
            last = (rpmd_text){last.data - 1, 2};
        if (space_length(last) != last.length)
            break;
        text.length -= last.length;
    }
    return text;
}
