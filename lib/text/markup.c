/* SPDX-License-Identifier: MIT */
#include "lib/text/markup.h"

#include "lib/base/macros.h"
#include "lib/base/text.h"

#include <string.h>
#include <strings.h>

#define TAG_LIMIT 256   /* bytes of a tag with its attributes; bounds the search for ">" */
#define ENTITY_LIMIT 10 /* "&#1114111;" */

typedef struct Tag {
    const char *name;
    bool line_break;
} Tag;

static const Tag tags[] = {
    {"a", false},      {"b", false},    {"big", false},   {"blockquote", true}, {"br", true},
    {"center", true},  {"code", false}, {"div", true},    {"em", false},        {"font", false},
    {"h1", true},      {"h2", true},    {"h3", true},     {"h4", true},         {"hr", true},
    {"i", false},      {"img", false},  {"li", true},     {"ol", true},         {"p", true},
    {"pre", true},     {"s", false},    {"small", false}, {"span", false},      {"strike", false},
    {"strong", false}, {"sub", false},  {"sup", false},   {"table", true},      {"td", false},
    {"th", false},     {"tr", true},    {"tt", false},    {"u", false},         {"ul", true},
};

static const char *const entities[] = {"nbsp",  "amp",    "quot",  "apos",  "lt",    "gt",   "ndash",
                                       "mdash", "hellip", "lsquo", "rsquo", "ldquo", "rdquo"};

static bool is_letter_or_digit(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Behind the letters and digits that begin at the offset. */
static size_t name_end(rpmd_text text, size_t offset)
{
    while (offset < text.length && is_letter_or_digit(text.data[offset]))
        offset++;
    return offset;
}

static size_t tag_length(rpmd_text text, size_t offset, bool *line_break)
{
    size_t begin = offset + 1;
    if (begin < text.length && text.data[begin] == '/')
        begin++;
    size_t limit = MIN(text.length, offset + TAG_LIMIT);
    size_t end = name_end((rpmd_text){text.data, limit}, begin);
    if (end >= limit || !strchr(" \t\r\n/>", text.data[end]) || text.data[end] == '\0')
        return 0;
    const Tag *tag = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(tags) && !tag; i++)
        if (strlen(tags[i].name) == end - begin &&
            strncasecmp(tags[i].name, text.data + begin, end - begin) == 0)
            tag = &tags[i];
    if (!tag)
        return 0;
    for (; end < limit && text.data[end] != '<'; end++) {
        if (text.data[end] == '>') {
            *line_break = tag->line_break;
            return end + 1 - offset;
        }
    }
    return 0;
}

static size_t entity_length(rpmd_text text, size_t offset)
{
    size_t begin = offset + 1;
    size_t limit = MIN(text.length, offset + ENTITY_LIMIT);
    bool number = begin < limit && text.data[begin] == '#';
    size_t end = name_end((rpmd_text){text.data, limit}, begin + number);
    if (end >= limit || text.data[end] != ';' || end == begin + number)
        return 0;
    if (number)
        return end + 1 - offset;
    for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
        if (text_equal_string((rpmd_text){text.data + begin, end - begin}, entities[i]))
            return end + 1 - offset;
    return 0;
}

size_t markup_length(rpmd_text text, size_t offset, bool *line_break)
{
    *line_break = false;
    if (text.data[offset] == '<')
        return tag_length(text, offset, line_break);
    return text.data[offset] == '&' ? entity_length(text, offset) : 0;
}
