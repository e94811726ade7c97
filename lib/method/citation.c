/* SPDX-License-Identifier: MIT */
#include "lib/method/citation.h"
#include "lib/base/buffer.h"
#include "lib/base/text.h"
#include "lib/method/prompt_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* How far a quoted answer may stand from its share: `"classic": 58%`, `"classic" in 12 of 29 (41%)`. */
#define ANSWER_REACH 24

typedef struct Check {
    const CitationFact *facts;
    size_t fact_count;
    Arena *arena;
    CitationReport *report;
    rpmd_text line;
    size_t at;         /* in the line */
    rpmd_text factor;  /* the factor cited last on this line, as written; empty: none */
    rpmd_text answer;  /* the last quoted text */
    size_t answer_end; /* where it ended */
} Check;

/* A number as it is written: value, and whether it has one decimal place. */
typedef struct Number {
    uint32_t value; /* without the decimal */
    int decimal;    /* tenths, or -1 */
} Number;

static void violation(Check *check, const char *format, ...) _printf_(2, 3);

static void violation(Check *check, const char *format, ...)
{
    CitationReport *report = check->report;
    if (report->count == CITATION_VIOLATION_LIMIT)
        return;
    if (!report->violations)
        report->violations = ARENA_ARRAY(check->arena, const char *, CITATION_VIOLATION_LIMIT);
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    report->violations[report->count++] = arena_copy(check->arena, sentence, strlen(sentence));
}

/* Whether a fact's name, as a text writes it between brackets, is `written`. */
static bool fact_is(const CitationFact *fact, rpmd_text written)
{
    _cleanup_buffer_ Buffer name = BUFFER_INIT;
    prompt_text_factor(&name, fact->name);
    return text_equal((rpmd_text){name.data + 1, name.length - 2}, written);
}

/* The facts that the numbers at this place are said of: those of the cited factor, or of all items. */
static bool speaks_of(const Check *check, const CitationFact *fact)
{
    return fact_is(fact, check->factor.length ? check->factor : text_of(CITATION_ALL_ITEMS));
}

static char peek(const Check *check, size_t ahead)
{
    size_t at = check->at + ahead;
    return at < check->line.length ? check->line.data[at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool follows_word(const Check *check)
{
    if (check->at == 0)
        return false;
    char c = check->line.data[check->at - 1];
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || (c & 0x80);
}

static bool skip(Check *check, const char *word)
{
    size_t length = strlen(word);
    if (check->line.length - check->at < length || memcmp(check->line.data + check->at, word, length) != 0)
        return false;
    check->at += length;
    return true;
}

static void skip_spaces(Check *check)
{
    while (peek(check, 0) == ' ')
        check->at++;
}

static Number read_number(Check *check)
{
    Number number = {.decimal = -1};
    for (; is_digit(peek(check, 0)); check->at++)
        if (number.value < UINT32_MAX / 16)
            number.value = number.value * 10 + (uint32_t)(peek(check, 0) - '0');
    if (peek(check, 0) == '.' && is_digit(peek(check, 1))) {
        number.decimal = peek(check, 1) - '0';
        for (check->at += 2; is_digit(peek(check, 0)); check->at++)
            ;
    }
    return number;
}

static bool share_is(double share, Number percent)
{
    if (percent.decimal < 0)
        return fabs(100 * share - percent.value) <= 0.5 + 1e-9;
    return fabs(100 * share - (percent.value + percent.decimal / 10.0)) <= 0.05 + 1e-9;
}

/* The answer that a share at this place is said to be of: a quoted text right before it that is one. */
static rpmd_text answer_of(const Check *check, const CitationFact *fact, size_t begin)
{
    if (check->answer.length > 0 && begin - check->answer_end <= ANSWER_REACH)
        for (size_t i = 0; i < fact->share_count; i++)
            if (text_equal(fact->shares[i].answer, check->answer))
                return check->answer;
    return (rpmd_text){0};
}

static bool fact_holds_percent(const Check *check, const CitationFact *fact, size_t begin, Number percent)
{
    rpmd_text answer = answer_of(check, fact, begin);
    for (size_t i = 0; i < fact->share_count; i++) {
        const CitationShare *share = &fact->shares[i];
        if (answer.length > 0 && !text_equal(share->answer, answer))
            continue;
        if (share->whole && share_is((double)share->part / share->whole, percent))
            return true;
        if (share->smoothed >= 0 && share_is(share->smoothed, percent))
            return true;
    }
    return false;
}

static bool fact_holds_pair(const Check *check, const CitationFact *fact, size_t begin, Number part,
                            Number whole)
{
    rpmd_text answer = answer_of(check, fact, begin);
    for (size_t i = 0; i < fact->share_count; i++) {
        const CitationShare *share = &fact->shares[i];
        if (answer.length > 0 && !text_equal(share->answer, answer))
            continue;
        if (share->part == part.value && share->whole == whole.value)
            return true;
    }
    return false;
}

static bool fact_holds_whole(const CitationFact *fact, Number whole)
{
    bool holds = fact->items == whole.value;
    for (size_t i = 0; i < fact->share_count && !holds; i++)
        holds = fact->shares[i].whole == whole.value;
    return holds;
}

static const char *subject(const Check *check, char name[static 160])
{
    if (check->factor.length == 0)
        return "no factor";
    snprintf(name, 160, "[%.*s]", (int)MIN(check->factor.length, 150u), check->factor.data);
    return name;
}

static void check_percent(Check *check, size_t begin, Number percent)
{
    check->report->numbers++;
    for (size_t i = 0; i < check->fact_count; i++)
        if (speaks_of(check, &check->facts[i]) && fact_holds_percent(check, &check->facts[i], begin, percent))
            return;
    char name[160];
    const char decimal[3] = {percent.decimal < 0 ? '\0' : '.', (char)('0' + percent.decimal)};
    violation(check, "%" PRIu32 "%s%% is cited for %s, whose statistics have no such share.", percent.value,
              decimal, subject(check, name));
}

static void check_pair(Check *check, size_t begin, Number part, Number whole)
{
    check->report->numbers++;
    for (size_t i = 0; i < check->fact_count; i++)
        if (speaks_of(check, &check->facts[i]) &&
            fact_holds_pair(check, &check->facts[i], begin, part, whole))
            return;
    char name[160];
    violation(check, "\"%" PRIu32 " of %" PRIu32 "\" is cited for %s, whose statistics have no such count.",
              part.value, whole.value, subject(check, name));
}

static void check_count(Check *check, const char *name, bool influence, Number count)
{
    check->report->numbers++;
    for (size_t i = 0; i < check->fact_count; i++) {
        const CitationFact *fact = &check->facts[i];
        if (speaks_of(check, fact) &&
            (influence ? fact->influence == count.value : fact_holds_whole(fact, count)))
            return;
    }
    char factor[160];
    violation(check, "\"%s=%" PRIu32 "\" is cited for %s, whose statistics have another number.", name,
              count.value, subject(check, factor));
}

/* [name] */
static void read_factor(Check *check)
{
    const char *begin = check->line.data + check->at + 1;
    const char *end = memchr(begin, ']', check->line.length - check->at - 1);
    if (!end) {
        check->at++;
        return;
    }
    rpmd_text written = {begin, (size_t)(end - begin)};
    check->at += written.length + 2;
    check->factor = written;
    check->answer = (rpmd_text){0};
    check->report->factors++;
    for (size_t i = 0; i < check->fact_count; i++)
        if (fact_is(&check->facts[i], written))
            return;
    violation(check, "[%.*s] is cited, but the user's model has no such factor.",
              (int)MIN(written.length, 150u), written.data);
}

/* "text" */
static void read_quote(Check *check)
{
    const char *begin = check->line.data + check->at + 1;
    const char *end = memchr(begin, '"', check->line.length - check->at - 1);
    if (!end) {
        check->at++;
        return;
    }
    check->answer = (rpmd_text){begin, (size_t)(end - begin)};
    check->at += check->answer.length + 2;
    check->answer_end = check->at;
}

/* n=12, influence=20; any other word is passed over. */
static void read_word(Check *check)
{
    bool influence = skip(check, "influence");
    if (!influence && !skip(check, "n")) {
        check->at++;
        return;
    }
    size_t end = check->at;
    skip_spaces(check);
    if (skip(check, "=")) {
        skip_spaces(check);
        if (is_digit(peek(check, 0))) {
            check_count(check, influence ? "influence" : "n", influence, read_number(check));
            return;
        }
    }
    check->at = end;
}

/* 58%, 7 of 12, or a number that says nothing of a factor */
static void read_share(Check *check)
{
    size_t begin = check->at;
    Number number = read_number(check);
    size_t end = check->at;
    skip_spaces(check);
    if (skip(check, "%") || skip(check, "percent")) {
        check_percent(check, begin, number);
        return;
    }
    if ((skip(check, "of ") || skip(check, "out of ")) &&
        (skip(check, "the ") || skip(check, "all ") || true) && is_digit(peek(check, 0))) {
        check_pair(check, begin, number, read_number(check));
        return;
    }
    check->at = end;
}

static void check_line(Check *check)
{
    check->at = 0;
    check->factor = (rpmd_text){0};
    check->answer = (rpmd_text){0};
    while (check->at < check->line.length) {
        char c = peek(check, 0);
        if (c == '"')
            read_quote(check);
        else if (c == '[')
            read_factor(check);
        else if ((c == 'n' || c == 'i') && !follows_word(check))
            read_word(check);
        else if (is_digit(c) && !follows_word(check))
            read_share(check);
        else
            check->at++;
    }
}

void citation_check(rpmd_text text, const CitationFact *facts, size_t fact_count, Arena *arena,
                    CitationReport *report)
{
    Check check = {.facts = facts, .fact_count = fact_count, .arena = arena, .report = report};
    for (size_t begin = 0; begin < text.length;) {
        const char *newline = memchr(text.data + begin, '\n', text.length - begin);
        size_t end = newline ? (size_t)(newline - text.data) : text.length;
        check.line = (rpmd_text){text.data + begin, end - begin};
        size_t quote = strlen(PROMPT_TEXT_QUOTE);
        if (check.line.length < quote || memcmp(check.line.data, PROMPT_TEXT_QUOTE, quote) != 0)
            check_line(&check);
        begin = end + 1;
    }
}
