/* SPDX-License-Identifier: MIT */
#include "lib/text/locate.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/text/normalize.h"
#include "lib/text/utf8.h"

#include <ctype.h>

#define GAP_LIMIT 200 /* bytes that an ellipsis may stand for: a sentence or so */

/* A text as it is compared, and where each of its bytes comes from. */
typedef struct Folded {
    char *bytes;
    size_t *origins; /* origins[i]: where the code point of bytes[i] begins; origins[length]: the end */
    size_t length;
} Folded;

static bool is_space(rpmd_text piece)
{
    return text_trim(piece).length == 0 || (unsigned char)piece.data[0] < 0x20;
}

/* Each code point by itself, so that its origin is known; runs of white space as one space. */
static Folded fold(Arena *arena, rpmd_text text)
{
    size_t capacity = text.length + 1;
    Folded folded = {ARENA_ARRAY(arena, char, capacity), ARENA_ARRAY(arena, size_t, capacity + 1), 0};
    for (size_t at = 0; at < text.length;) {
        size_t begin = at;
        text_decode(text, &at);
        rpmd_text piece = {text.data + begin, at - begin};
        char lower = (char)tolower((unsigned char)piece.data[0]);
        if (isgraph((unsigned char)piece.data[0])) {
            piece = (rpmd_text){&lower, 1};
        } else if (is_space(piece)) {
            piece = (rpmd_text){" ", 1};
            if (folded.length > 0 && folded.bytes[folded.length - 1] == ' ')
                continue;
        } else {
            piece = text_normalize(arena, piece);
        }
        /* A compatibility form may be longer than what it stands for; it is compared as far as there is room.
         */
        for (size_t i = 0; i < piece.length && folded.length + 1 < capacity; i++) {
            folded.bytes[folded.length] = piece.data[i];
            folded.origins[folded.length++] = begin;
        }
    }
    folded.origins[folded.length] = text.length;
    return folded;
}

static bool is_word_byte(char byte)
{
    return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* Where a part stands, as whole words, from an offset on; SIZE_MAX: nowhere. */
static size_t find(const Folded *text, size_t from, rpmd_text part)
{
    while (from + part.length <= text->length) {
        const char *hit = memmem(text->bytes + from, text->length - from, part.data, part.length);
        if (!hit)
            return SIZE_MAX;
        size_t begin = (size_t)(hit - text->bytes), end = begin + part.length;
        bool begins = begin == 0 || !is_word_byte(text->bytes[begin - 1]) || !is_word_byte(part.data[0]);
        bool ends = end == text->length || !is_word_byte(text->bytes[end]) ||
                    !is_word_byte(part.data[part.length - 1]);
        if (begins && ends)
            return begin;
        from = begin + 1;
    }
    return SIZE_MAX;
}

/* Without what is no part of a word at both ends. */
static rpmd_text strip(rpmd_text part)
{
    while (part.length > 0 && !is_word_byte(part.data[0]))
        part = (rpmd_text){part.data + 1, part.length - 1};
    while (part.length > 0 && !is_word_byte(part.data[part.length - 1]))
        part.length--;
    return part;
}

/* Takes the next part of a quotation, up to an ellipsis (which is three dots after folding). */
static rpmd_text next_part(rpmd_text *rest)
{
    const char *dots = rest->length ? memmem(rest->data, rest->length, "...", 3) : NULL;
    size_t length = dots ? (size_t)(dots - rest->data) : rest->length;
    size_t used = MIN(length + (dots ? 3 : 0), rest->length);
    rpmd_text part = strip((rpmd_text){rest->data, length});
    *rest = (rpmd_text){rest->data + used, rest->length - used};
    return part;
}

/* Finds the parts one behind the other, the first one at `from` or behind it. */
static bool find_parts(const Folded *text, rpmd_text rest, size_t from, size_t *begin, size_t *end)
{
    bool is_first = true;
    while (rest.length > 0) {
        rpmd_text part = next_part(&rest);
        if (part.length == 0)
            continue;
        size_t hit = find(text, is_first ? from : *end, part);
        if (hit == SIZE_MAX || (!is_first && hit > *end + GAP_LIMIT))
            return false;
        if (is_first)
            *begin = hit;
        *end = hit + part.length;
        is_first = false;
    }
    return !is_first;
}

bool text_locate(rpmd_text text, rpmd_text quotation, rpmd_span *span)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    if (quotation.length == 0 || text.length == 0)
        return false;
    Folded folded = fold(&arena, text), wanted = fold(&arena, quotation);
    rpmd_text rest = {wanted.bytes, wanted.length};
    size_t begin = 0, end = 0;
    if (!find_parts(&folded, rest, 0, &begin, &end))
        return false;
    /* The end is where the code point behind the last one begins. */
    size_t last = folded.origins[end - 1];
    text_decode(text, &last);
    *span = (rpmd_span){.begin = folded.origins[begin], .end = last};
    return true;
}
