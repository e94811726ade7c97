/* SPDX-License-Identifier: MIT */
#include "lib/text/sentence.h"

#include "lib/base/macros.h"
#include "lib/base/text.h"

/* When a period behind the word ends no sentence. */
typedef enum Abbreviation {
    NO_ABBREVIATION,
    ALWAYS_GOES_ON,      /* a title or "vs.": never the end */
    GOES_ON_WITH_NUMBER, /* "Fig. 3" */
    ENDS_BEFORE_CAPITAL, /* "etc. The", but "etc. and" */
    INITIAL,             /* "J. Smith", "U.S. troops": the end only before a capitalized function word */
} Abbreviation;

typedef struct AbbreviationEntry {
    const char *word;
    Abbreviation kind;
} AbbreviationEntry;

static const AbbreviationEntry abbreviations[] = {
    {"mr", ALWAYS_GOES_ON},       {"mrs", ALWAYS_GOES_ON},       {"ms", ALWAYS_GOES_ON},
    {"messrs", ALWAYS_GOES_ON},   {"dr", ALWAYS_GOES_ON},        {"prof", ALWAYS_GOES_ON},
    {"st", ALWAYS_GOES_ON},       {"mt", ALWAYS_GOES_ON},        {"gen", ALWAYS_GOES_ON},
    {"col", ALWAYS_GOES_ON},      {"sgt", ALWAYS_GOES_ON},       {"capt", ALWAYS_GOES_ON},
    {"lt", ALWAYS_GOES_ON},       {"rev", ALWAYS_GOES_ON},       {"hon", ALWAYS_GOES_ON},
    {"gov", ALWAYS_GOES_ON},      {"sen", ALWAYS_GOES_ON},       {"vs", ALWAYS_GOES_ON},
    {"cf", ALWAYS_GOES_ON},       {"approx", ALWAYS_GOES_ON},    {"resp", ALWAYS_GOES_ON},
    {"fig", GOES_ON_WITH_NUMBER}, {"figs", GOES_ON_WITH_NUMBER}, {"eq", GOES_ON_WITH_NUMBER},
    {"eqs", GOES_ON_WITH_NUMBER}, {"no", GOES_ON_WITH_NUMBER},   {"nos", GOES_ON_WITH_NUMBER},
    {"vol", GOES_ON_WITH_NUMBER}, {"pp", GOES_ON_WITH_NUMBER},   {"ch", GOES_ON_WITH_NUMBER},
    {"sec", GOES_ON_WITH_NUMBER}, {"jan", GOES_ON_WITH_NUMBER},  {"feb", GOES_ON_WITH_NUMBER},
    {"aug", GOES_ON_WITH_NUMBER}, {"sept", GOES_ON_WITH_NUMBER}, {"oct", GOES_ON_WITH_NUMBER},
    {"nov", GOES_ON_WITH_NUMBER}, {"dec", GOES_ON_WITH_NUMBER},  {"etc", ENDS_BEFORE_CAPITAL},
    {"inc", ENDS_BEFORE_CAPITAL}, {"ltd", ENDS_BEFORE_CAPITAL},  {"corp", ENDS_BEFORE_CAPITAL},
    {"al", ENDS_BEFORE_CAPITAL},  {"jr", ENDS_BEFORE_CAPITAL},   {"sr", ENDS_BEFORE_CAPITAL},
    {"ed", ENDS_BEFORE_CAPITAL},  {"eds", ENDS_BEFORE_CAPITAL},  {"dept", ENDS_BEFORE_CAPITAL},
    {"ca", ENDS_BEFORE_CAPITAL},  {"min", ENDS_BEFORE_CAPITAL},  {"mins", ENDS_BEFORE_CAPITAL},
    {"hrs", ENDS_BEFORE_CAPITAL}, {"ph", ENDS_BEFORE_CAPITAL},
};

static Abbreviation abbreviation_of(const rpmd_token *word)
{
    if (!(word->flags & RPMD_TOKEN_WORD))
        return NO_ABBREVIATION;
    if (word->lower.length == 1)
        return INITIAL;
    for (size_t i = 0; i < ARRAY_SIZE(abbreviations); i++)
        if (word->lower.data[0] == abbreviations[i].word[0] &&
            text_equal_string(word->lower, abbreviations[i].word))
            return abbreviations[i].kind;
    return NO_ABBREVIATION;
}

static bool is_any_of(const rpmd_token *token, const char *const *marks)
{
    if (!(token->flags & RPMD_TOKEN_PUNCTUATION))
        return false;
    for (; *marks; marks++)
        if (token->lower.data[0] == **marks && text_equal_string(token->lower, *marks))
            return true;
    return false;
}

static bool is_strong_end(const rpmd_token *token)
{
    static const char *const marks[] = {"!", "?", "?!", "!!", NULL};
    return is_any_of(token, marks);
}

static bool is_period(const rpmd_token *token)
{
    static const char *const marks[] = {".", "...", NULL};
    return is_any_of(token, marks);
}

/* What may stand between a period and the white space behind it. */
static bool is_closer(const rpmd_token *token)
{
    static const char *const marks[] = {"\"", "'", ")", "]", "}", NULL};
    return is_any_of(token, marks);
}

/* Whether the sentence ends between the period at `period` (behind it only closers) and the token `next`. */
static bool period_ends(const rpmd_token *tokens, const unsigned char *gaps, size_t period, size_t next)
{
    const rpmd_token *follower = &tokens[next];
    bool capital = follower->flags & RPMD_TOKEN_CAPITALIZED;
    if (tokens[period].lower.length > 1 || (period > 0 && is_period(&tokens[period - 1])))
        return gaps[next] == GAP_SPACE &&
               (capital || !(follower->flags & RPMD_TOKEN_WORD)); /* "wait... what" */
    const rpmd_token *before = period > 0 && gaps[period] == GAP_NONE ? &tokens[period - 1] : NULL;
    if (gaps[next] == GAP_NONE) /* "bad.The" */
        return before && next == period + 1 && capital && !(follower->flags & RPMD_TOKEN_UPPER) &&
               follower->span.end - follower->span.begin > 1 && before->flags & RPMD_TOKEN_WORD &&
               !(before->flags & RPMD_TOKEN_CAPITALIZED) && before->lower.length > 1;
    switch (before ? abbreviation_of(before) : NO_ABBREVIATION) {
    case ALWAYS_GOES_ON:
        return false;
    case GOES_ON_WITH_NUMBER:
        return !(follower->flags & RPMD_TOKEN_NUMBER) && !text_equal_string(follower->lower, "(");
    case ENDS_BEFORE_CAPITAL:
        return capital;
    case INITIAL:
        return capital && follower->flags & RPMD_TOKEN_STOPWORD;
    default:
        return true;
    }
}

/* Whether a sentence ends before the token `next`, when `mark` may have ended it. */
static bool mark_ends(const rpmd_token *tokens, const unsigned char *gaps, size_t mark, size_t next)
{
    if (is_period(&tokens[mark]))
        return period_ends(tokens, gaps, mark, next);
    return gaps[next] == GAP_SPACE || tokens[next].flags & RPMD_TOKEN_CAPITALIZED;
}

void sentence_number(rpmd_token *tokens, const unsigned char *gaps, size_t count)
{
    uint32_t sentence = 0;
    bool started = false; /* the sentence has had its first word */
    const size_t none = count;
    size_t mark = none; /* what may have ended the sentence; only closers stand behind it */
    for (size_t i = 0; i < count; i++) {
        rpmd_token *token = &tokens[i];
        bool strong = is_strong_end(token);
        bool period = is_period(token);
        bool belongs = mark != none && gaps[i] == GAP_NONE && (strong || period || is_closer(token));
        if ((gaps[i] == GAP_BREAK && i > 0) ||
            (mark != none && !belongs && mark_ends(tokens, gaps, mark, i))) {
            sentence++;
            started = false;
        }
        if (!belongs)
            mark = none;
        if (strong || (period && (mark == none || is_period(&tokens[mark])))) /* "?!." stays strong */
            mark = i;
        token->sentence = sentence;
        if (!started && token->flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER)) {
            token->flags |= RPMD_TOKEN_SENTENCE_START;
            started = true;
        }
    }
}
