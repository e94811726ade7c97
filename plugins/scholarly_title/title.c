/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "scholarly_title.h"

/* What is measured of a title; one pass over its tokens. */
typedef struct TitleShape {
    size_t words;
    size_t words_before_colon;
    bool colon, question, number, hyphen, acronym, name_before_colon;
    size_t capitals, smalls; /* long words behind the first one that begin so */
    const rpmd_token *first, *after_colon;
} TitleShape;

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Capitals beyond the first letter of each part between hyphens: "SLAM", "StockFormer", "HG-DAgger". */
static bool is_coined(const char *bytes, size_t length)
{
    bool new_part = true;

    for (size_t i = 0; i < length; i++) {
        if (is_upper(bytes[i]) && !new_part)
            return true;
        new_part = bytes[i] == '-';
    }
    return false;
}

static void shape_add_word(TitleShape *shape, rpmd_text title, const rpmd_token *token)
{
    const char *bytes = title.data + token->span.begin;
    size_t length = token->span.end - token->span.begin;
    bool coined = is_coined(bytes, length);

    shape->words++;
    shape->hyphen |= memchr(bytes, '-', length) != NULL;
    shape->acronym |= coined;
    if (!shape->colon)
        shape->name_before_colon |= coined;
    for (size_t i = 0; i < length; i++)
        shape->number |= bytes[i] >= '0' && bytes[i] <= '9';
    if (shape->first == NULL)
        shape->first = token;
    else if (length >= 4 && !coined && (token->flags & RPMD_TOKEN_STOPWORD) == 0) {
        shape->capitals += is_upper(bytes[0]);
        shape->smalls += bytes[0] >= 'a' && bytes[0] <= 'z';
    }
    if (shape->colon && shape->after_colon == NULL)
        shape->after_colon = token;
}

static TitleShape shape_of(rpmd_text title, const rpmd_token *tokens, size_t count)
{
    TitleShape shape = {0};

    for (size_t i = 0; i < count; i++) {
        if (token_is_word(&tokens[i])) {
            shape_add_word(&shape, title, &tokens[i]);
        } else if (token_is(&tokens[i], ":") && !shape.colon && shape.words > 0) {
            shape.colon = true;
            shape.words_before_colon = shape.words;
        } else if (token_is(&tokens[i], "?")) {
            shape.question = true;
        }
    }
    return shape;
}

static bool is_gerund(const rpmd_token *token)
{
    static const char *const others[] = {"string",    "strings", "spring", "during", "everything",
                                         "something", "nothing", "boeing", "beijing"};
    rpmd_text lower = token->lower;

    if (lower.length < 5 || memcmp(lower.data + lower.length - 3, "ing", 3) != 0)
        return false;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (token_is(token, others[i]))
            return false;
    return true;
}

static int trait(rpmd_call *call, bool holds, const char *name, const char *meaning)
{
    rpmd_trait emitted = {.struct_size = sizeof(emitted), .name = text_of(name), .meaning = text_of(meaning)};

    return holds ? call->host->emit_trait(call, &emitted) : RPMD_DONE;
}

static void traits_of_length(rpmd_call *call, size_t words)
{
    trait(call, words <= 6, "up to 6 words", "the title has at most six words");
    trait(call, words >= 7 && words <= 10, "7-10 words", "the title has seven to ten words");
    trait(call, words >= 11 && words <= 14, "11-14 words", "the title has eleven to fourteen words");
    trait(call, words >= 15, "15 or more words", "the title has fifteen words or more");
}

static void traits_of_words(rpmd_call *call, const rpmd_token *tokens, size_t count)
{
    static const struct {
        const char *word, *name, *meaning;
    } connectors[] = {
        {"for", "connector for", "the title says what something is for: \"X for Y\""},
        {"via", "connector via", "the title names its means with \"via\""},
        {"with", "connector with", "the title joins two things by \"with\""},
        {"from", "connector from", "the title says what something comes from: \"X from Y\""},
        {"using", "connector using", "the title names its means with \"using\""},
        {"by", "connector by", "the title names its means with \"by\""},
        {"in", "connector in", "the title says where something holds: \"X in Y\""},
        {"towards", "towards", "the title says \"towards\""},
        {"toward", "towards", "the title says \"towards\""},
    };
    static const char *const studies[] = {"survey", "study", "review", "overview"};
    bool study = false;

    for (size_t c = 0; c < sizeof(connectors) / sizeof(connectors[0]); c++) {
        bool there = false;

        for (size_t i = 0; i < count && !there; i++)
            there = token_is(&tokens[i], connectors[c].word);
        trait(call, there, connectors[c].name, connectors[c].meaning);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < sizeof(studies) / sizeof(studies[0]); s++)
            study |= token_is(&tokens[i], studies[s]);
    trait(call, study, "a study or survey", "the title calls the paper a study, survey or review");
}

int scholarly_describe_answer(rpmd_call *call, const rpmd_query *query, rpmd_text response)
{
    const rpmd_token *tokens;
    size_t count;
    TitleShape shape;

    if (call->host->tokenize(call, response, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    shape = shape_of(response, tokens, count);
    if (shape.words == 0)
        return RPMD_DONE;
    traits_of_length(call, shape.words);
    trait(call, shape.colon, "colon", "the title has two parts with a colon between them");
    trait(call, shape.colon && shape.name_before_colon && shape.words_before_colon <= 3,
          "name before the colon", "the title begins with an acronym or the name of a system, then a colon");
    trait(call, shape.question, "question", "the title asks a question");
    trait(call, is_gerund(shape.first), "gerund start",
          "the title begins with an -ing word, such as \"Learning\"");
    trait(call, shape.after_colon != NULL && is_gerund(shape.after_colon), "gerund after the colon",
          "the part behind the colon begins with an -ing word");
    trait(call, shape.acronym, "acronym or coined name", "the title has an acronym or a coined name");
    trait(call, shape.number, "number", "the title has a number");
    trait(call, shape.hyphen, "hyphenated compound", "the title has a compound with a hyphen");
    trait(call, token_is(shape.first, "a") || token_is(shape.first, "an") || token_is(shape.first, "the"),
          "article start", "the title begins with an article");
    trait(call, token_is(shape.first, "on"), "on start", "the title begins with \"On\"");
    trait(call, shape.capitals > 0 && shape.capitals >= 2 * shape.smalls, "title case",
          "the title's main words are capitalized");
    trait(call, shape.smalls > 0 && shape.smalls > 2 * shape.capitals, "sentence case",
          "only the first word and names are capitalized");
    traits_of_words(call, tokens, count);
    return RPMD_DONE;
}

/* Cutting an answer: [begin, end) of the reply is what is still taken for the title. */

static bool starts_with(rpmd_text text, const char *prefix)
{
    size_t length = strlen(prefix);

    if (text.length < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text.data[i];

        if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != prefix[i])
            return false;
    }
    return true;
}

static bool ends_with(rpmd_text text, const char *suffix)
{
    size_t length = strlen(suffix);

    return text.length >= length && memcmp(text.data + text.length - length, suffix, length) == 0;
}

static rpmd_text cut(rpmd_text text, size_t front, size_t back)
{
    return (rpmd_text){text.data + front, text.length - front - back};
}

static rpmd_text trim(rpmd_text text)
{
    while (text.length > 0 && strchr(" \t\r\n", text.data[0]) != NULL)
        text = cut(text, 1, 0);
    while (text.length > 0 && strchr(" \t\r\n", text.data[text.length - 1]) != NULL)
        text = cut(text, 0, 1);
    return text;
}

/* One thing that is not the title off one end; the same text where nothing is left to take. */
static rpmd_text strip_once(rpmd_text text)
{
    static const char *const labels[] = {"title:",           "the title is:",    "the title is ",
                                         "answer:",          "suggested title:", "paper title:",
                                         "generated title:", "proposed title:",  "final answer:",
                                         "possible title:",  "the title:",       "my title:"};
    static const char *const marks[] = {"\"", "'", "`", "**", "__", "*", "_"};
    static const char *const quotes[][2] = {
        {"\xe2\x80\x9c", "\xe2\x80\x9d"}, {"\xe2\x80\x98", "\xe2\x80\x99"}, {"\xc2\xab", "\xc2\xbb"}};

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (starts_with(text, labels[i]))
            return cut(text, strlen(labels[i]), 0);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (starts_with(text, marks[i]) && ends_with(text, marks[i]) && text.length >= 2 * strlen(marks[i]))
            return cut(text, strlen(marks[i]), strlen(marks[i]));
    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++)
        if (starts_with(text, quotes[i][0]) && ends_with(text, quotes[i][1]))
            return cut(text, strlen(quotes[i][0]), strlen(quotes[i][1]));
    if (starts_with(text, "#") || starts_with(text, ">") || starts_with(text, "- ") ||
        starts_with(text, "* "))
        return cut(text, 1, 0);
    if (starts_with(text, "**")) {
        /* "**Title:** The Title" */
        for (size_t i = 2; i + 1 < text.length; i++)
            if (text.data[i] == '*' && text.data[i + 1] == '*' && starts_with(cut(text, 2, 0), "title"))
                return cut(text, i + 2, 0);
    }
    if (starts_with(text, ":"))
        return cut(text, 1, 0);
    if (ends_with(text, ".") && !ends_with(text, ".."))
        return cut(text, 0, 1);
    return text;
}

static rpmd_text strip(rpmd_text text)
{
    size_t before;

    do {
        before = text.length;
        text = trim(strip_once(trim(text)));
    } while (text.length < before && text.length > 0);
    return text;
}

static bool has_letter(rpmd_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((text.data[i] >= 'a' && text.data[i] <= 'z') || is_upper(text.data[i]) ||
            (unsigned char)text.data[i] >= 0x80)
            return true;
    return false;
}

/* The first line that is a title: "Here is a title:" and an empty line are not. */
int scholarly_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    rpmd_text rest = trim(reply);

    while (rest.length > 0) {
        const char *newline = memchr(rest.data, '\n', rest.length);
        size_t length = newline != NULL ? (size_t)(newline - rest.data) : rest.length;
        rpmd_text line = strip((rpmd_text){rest.data, length});

        if (has_letter(line) && !ends_with(line, ":"))
            return call->host->set_answer(call, line);
        rest = trim(cut(rest, length, 0));
    }
    return RPMD_NO_MATCH;
}
