/* SPDX-License-Identifier: MIT */
#include "lib/method/prompt_text.h"

#include <math.h>
#include <string.h>

/* Bytes of the line break at text[i] (of any kind that a reader might honour), or 0. */
static size_t line_break(rpmd_text text, size_t i)
{
    const unsigned char *at = (const unsigned char *)text.data + i;
    size_t left = text.length - i;
    if (at[0] == '\r')
        return left > 1 && at[1] == '\n' ? 2 : 1;
    if (at[0] == '\n' || at[0] == '\v' || at[0] == '\f' || (at[0] >= 0x1c && at[0] <= 0x1e))
        return 1;
    if (left > 1 && at[0] == 0xc2 && at[1] == 0x85)
        return 2; /* U+0085 */
    if (left > 2 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
        return 3; /* U+2028, U+2029 */
    return 0;
}

size_t prompt_text_cut(rpmd_text text, size_t limit)
{
    if (text.length <= limit)
        return text.length;
    while (limit > 0 && ((unsigned char)text.data[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}

/* What has to be looked at in a text. */
enum { CONTROL = 1, MARK, BREAK_BEGIN };

/* clang-format off */
static const unsigned char looks[256] = {
    [0 ... 0x1f] = CONTROL, [0x7f] = CONTROL,
    ['"'] = MARK, ['['] = MARK, [']'] = MARK, /* the characters that a line may replace */
    [0xc2] = BREAK_BEGIN, [0xe2] = BREAK_BEGIN,
};
/* clang-format on */

static bool is_mark(unsigned char c)
{
    return looks[c] == MARK;
}

/* How many bytes from text[i] on, before `end`, are shown as they are: none of them a control character, the
 * begin of a line break, or one of `marks`. */
static size_t plain_run(rpmd_text text, size_t i, size_t end, const char *marks)
{
    size_t begin = i;
    for (; i < end; i++) {
        unsigned char c = (unsigned char)text.data[i];
        unsigned char look = looks[c];
        if (look == 0)
            continue;
        if (look == CONTROL || (look == MARK && strchr(marks, c)) ||
            (look == BREAK_BEGIN && line_break(text, i)))
            break;
    }
    return i - begin;
}

bool prompt_text_block(Buffer *buffer, rpmd_text text, size_t limit)
{
    size_t shown = limit ? prompt_text_cut(text, limit) : text.length;
    buffer_append_string(buffer, PROMPT_TEXT_QUOTE);
    for (size_t i = 0; i < shown;) {
        size_t run = plain_run(text, i, shown, "");
        buffer_append(buffer, text.data + i, run);
        i += run;
        if (i == shown)
            break;
        size_t skip = line_break(text, i);
        buffer_append_string(buffer, skip ? "\n" PROMPT_TEXT_QUOTE : " ");
        i += skip ? skip : 1;
    }
    if (shown < text.length)
        buffer_append_format(buffer, PROMPT_TEXT_CUT "\n(cut: the first %zu bytes of %zu are shown)", shown,
                             text.length);
    buffer_append_string(buffer, "\n");
    return shown < text.length;
}

/* One line of text; `from` marks become the `to` at the same place. */
static void append_line(Buffer *buffer, rpmd_text text, size_t limit, const char *from, const char *to)
{
    size_t shown = limit ? prompt_text_cut(text, limit) : text.length;
    for (size_t i = 0; i < shown;) {
        size_t run = plain_run(text, i, shown, from);
        buffer_append(buffer, text.data + i, run);
        i += run;
        if (i == shown)
            break;
        size_t skip = line_break(text, i);
        const char *mark = is_mark((unsigned char)text.data[i]) ? strchr(from, text.data[i]) : NULL;
        buffer_append(buffer, mark ? &to[mark - from] : " ", 1);
        i += skip ? skip : 1;
    }
    if (shown < text.length)
        buffer_append_string(buffer, PROMPT_TEXT_CUT);
}

void prompt_text_line(Buffer *buffer, rpmd_text text)
{
    append_line(buffer, text, 0, "", "");
}

void prompt_text_quote(Buffer *buffer, rpmd_text text, size_t limit)
{
    buffer_append_string(buffer, "\"");
    append_line(buffer, text, limit, "\"", "'");
    buffer_append_string(buffer, "\"");
}

static bool is_plain(rpmd_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (c == '\0' || !strchr(" -'&", c)))
            return false;
    }
    return name.length > 0;
}

void prompt_text_name(Buffer *buffer, rpmd_text name)
{
    if (is_plain(name))
        buffer_append(buffer, name.data, name.length);
    else
        prompt_text_quote(buffer, name, 0);
}

void prompt_text_factor(Buffer *buffer, rpmd_text name)
{
    buffer_append_string(buffer, "[");
    append_line(buffer, name, 0, "[]\"", "()'");
    buffer_append_string(buffer, "]");
}

void prompt_text_share(Buffer *buffer, double share)
{
    buffer_append_number(buffer, (uint64_t)llrint(100 * share));
    buffer_append_string(buffer, "%");
}

void prompt_text_part(Buffer *buffer, uint64_t part, uint64_t whole)
{
    buffer_append_number(buffer, part);
    buffer_append_string(buffer, " of ");
    buffer_append_number(buffer, whole);
}

uint32_t prompt_text_percent(uint64_t part, uint64_t whole)
{
    return whole ? (uint32_t)((200 * part + whole) / (2 * whole)) : 0;
}

void prompt_text_words(Buffer *buffer, const char *words)
{
    for (; *words; words++) {
        char c = *words == '[' ? '(' : *words == ']' ? ')' : *words == '\n' ? ' ' : *words;
        buffer_append(buffer, &c, 1);
    }
}

void prompt_text_capital(Buffer *buffer, rpmd_text noun)
{
    char first = noun.data[0];
    if (first >= 'a' && first <= 'z')
        first = (char)(first - 'a' + 'A');
    buffer_append(buffer, &first, 1);
    buffer_append(buffer, noun.data + 1, noun.length - 1);
}
