/* SPDX-License-Identifier: MIT */
#include "lib/llm/answer_text.h"

#include "lib/text/utf8.h"

#include <ctype.h>

#define MARKUP "*_#> \t`\"'-" /* what Markdown and habit put before a heading */

#define ANSWER_LINE_LIMIT 300 /* bytes of a line that may be an answer; what is longer is a paragraph */

static const char reasoning_heading[] = "reasoning:";

void answer_text_init(AnswerText *text, rpmd_text noun)
{
    *text = (AnswerText){0};
    for (size_t i = 0; i < noun.length; i++) {
        char lower = (char)tolower((unsigned char)noun.data[i]);
        buffer_append(&text->heading, &lower, 1);
    }
    buffer_append_string(&text->heading, ":");
}

void answer_text_finish(AnswerText *text)
{
    buffer_finish(&text->heading);
    buffer_finish(&text->held);
    buffer_finish(&text->reasoning);
    buffer_finish(&text->answer);
    *text = (AnswerText){0};
}

/* How a line stands to a heading. */
typedef enum Likeness { IS_OTHER, MAY_BECOME, IS_HEADING } Likeness;

/* *behind: where what follows the heading begins. */
static Likeness compare(rpmd_text line, const char *heading, size_t *behind)
{
    size_t i = 0, k = 0;
    while (i < line.length && strchr(MARKUP, line.data[i]))
        i++;
    for (; i < line.length && heading[k]; i++) {
        char byte = (char)tolower((unsigned char)line.data[i]);
        if (byte == heading[k])
            k++;
        else if (heading[k] != ':' || !strchr("*_ `", byte)) /* "**Rating**:" */
            return IS_OTHER;
    }
    if (heading[k])
        return MAY_BECOME;
    *behind = i;
    return IS_HEADING;
}

/* What is held is no heading, or only that of the reasoning. */
static void release(AnswerText *text, bool line_is_whole)
{
    rpmd_text held = {buffer_string(&text->held), text->held.length};
    size_t behind = 0;
    if (text->reasoning.length == 0) {
        Likeness likeness = compare(held, reasoning_heading, &behind);
        if (likeness == MAY_BECOME && !line_is_whole)
            return;
        if (likeness != IS_HEADING)
            behind = 0;
        while (behind < held.length && strchr("* \t\r\n", held.data[behind]))
            behind++;
        /* Nothing is said yet; what follows on the line is no heading. */
        if (behind == held.length) {
            if (line_is_whole)
                buffer_clear(&text->held);
            return;
        }
    }
    buffer_append(&text->reasoning, held.data + behind, held.length - behind);
    buffer_clear(&text->held);
}

/* One more piece of a line: as much as is decided goes to the reasoning or begins the answer. */
static void decide(AnswerText *text, bool line_is_whole)
{
    size_t behind = 0;
    rpmd_text held = {buffer_string(&text->held), text->held.length};
    switch (compare(held, text->heading.data, &behind)) {
    case IS_HEADING:
        text->answering = true;
        buffer_append(&text->answer, held.data + behind, held.length - behind);
        buffer_clear(&text->held);
        break;
    case MAY_BECOME:
        if (line_is_whole)
            release(text, true);
        break;
    case IS_OTHER:
        release(text, line_is_whole);
        break;
    }
}

void answer_text_feed(AnswerText *text, rpmd_text piece)
{
    for (size_t i = 0; i < piece.length;) {
        size_t begin = i;
        if (text->answering) {
            buffer_append(&text->answer, piece.data + i, piece.length - i);
            return;
        }
        while (i < piece.length && piece.data[i] != '\n')
            i++;
        bool line_is_whole = i < piece.length;
        /* In the middle of a line of the reasoning, nothing can be a heading any more. */
        bool in_line = text->held.length == 0 && text->reasoning.length > 0 &&
                       text->reasoning.data[text->reasoning.length - 1] != '\n';
        i += line_is_whole;
        if (in_line) {
            buffer_append(&text->reasoning, piece.data + begin, i - begin);
            continue;
        }
        buffer_append(&text->held, piece.data + begin, i - begin);
        decide(text, line_is_whole);
    }
}

void answer_text_end(AnswerText *text)
{
    if (text->held.length > 0)
        decide(text, true);
    while (text->reasoning.length > 0 && strchr(" \t\r\n", text->reasoning.data[text->reasoning.length - 1]))
        text->reasoning.data[--text->reasoning.length] = '\0';
}

/* The quoted text behind the last `the rating is "`. */
static rpmd_text conclusion(rpmd_text reasoning, rpmd_text noun)
{
    _cleanup_buffer_ Buffer phrase = BUFFER_INIT;
    rpmd_text found = {"", 0};
    buffer_append_format(&phrase, "the %.*s is \"", TEXT_ARGS(noun));
    for (size_t i = 0; i + phrase.length < reasoning.length; i++) {
        const char *begin = reasoning.data + i + phrase.length;
        if (strncasecmp(reasoning.data + i, phrase.data, phrase.length) != 0)
            continue;
        const char *end = memchr(begin, '"', reasoning.length - i - phrase.length);
        if (end)
            found = (rpmd_text){begin, (size_t)(end - begin)};
    }
    return found;
}

static rpmd_text last_line(rpmd_text text)
{
    text = text_trim(text);
    size_t begin = text.length;
    while (begin > 0 && text.data[begin - 1] != '\n')
        begin--;
    return (rpmd_text){text.data + begin, text.length - begin};
}

rpmd_text answer_text_guess(const AnswerText *text, bool is_whole)
{
    rpmd_text reasoning = {buffer_string(&text->reasoning), text->reasoning.length};
    rpmd_text concluded = conclusion(reasoning, (rpmd_text){text->heading.data, text->heading.length - 1});
    if (concluded.length > 0 || !is_whole)
        return concluded;
    rpmd_text line = last_line(reasoning);
    return line.length <= ANSWER_LINE_LIMIT ? line : (rpmd_text){"", 0};
}

rpmd_text answer_text_news(AnswerText *text)
{
    rpmd_text news = {buffer_string(&text->reasoning) + MIN(text->told, text->reasoning.length),
                      text->reasoning.length - MIN(text->told, text->reasoning.length)};
    /* A character may be cut between two pieces. */
    size_t begin = news.length;
    while (begin > 0 && ((unsigned char)news.data[begin - 1] & 0xC0) == 0x80)
        begin--;
    if (begin > 0 && (unsigned char)news.data[begin - 1] >= 0xC0) {
        unsigned char lead = (unsigned char)news.data[begin - 1];
        size_t needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (news.length - (begin - 1) < needed)
            news.length = begin - 1;
    }
    text->told += news.length;
    return news;
}
