/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "product_rating.h"

/*
 * A reply holds an answer when, apart from scales ("out of 5", "/5", "1 to 5"), it names one whole number
 * from 1 to 5; of several, the one behind the last "answer", "score" or "rating" counts. Ranges, halves and
 * numbers outside the scale are no answers.
 */

enum { TOKENS_MAX = 4096 /* of a reply: an answer stands in the first pages */ };

#define STAR "\xe2\x98\x85"

typedef enum TokenKind { TOKEN_WORD, TOKEN_NUMBER, TOKEN_SLASH, TOKEN_DASH } TokenKind;

typedef struct Token {
    TokenKind kind;
    char word[16];
    int value;   /* of a number; -1: no whole number from 1 to 5 */
    bool digits; /* the number was written in digits */
    bool minus;  /* a "-" stands right before it and no space behind that */
} Token;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *const number_words[] = {"zero", "one",   "two",   "three", "four", "five",
                                           "six",  "seven", "eight", "nine",  "ten"};

/* Reads digits with at most one "." or "," part: "4", "4.0". Returns the bytes read. */
static size_t read_number(const char *text, size_t length, Token *token)
{
    size_t end = 0, whole;
    bool fraction = false;

    while (end < length && is_digit(text[end]))
        end++;
    whole = end;
    while (end + 1 < length && (text[end] == '.' || text[end] == ',') && is_digit(text[end + 1])) {
        for (end++; end < length && is_digit(text[end]); end++)
            fraction |= text[end] != '0';
    }
    token->value = whole == 1 && !fraction && text[0] >= '1' && text[0] <= '5' ? text[0] - '0' : -1;
    token->digits = true;
    token->kind = TOKEN_NUMBER;
    return end;
}

static size_t read_word(const char *text, size_t length, Token *token)
{
    size_t end = 0, kept = 0;

    for (; end < length && (is_letter(text[end]) || text[end] == '\''); end++)
        if (kept + 1 < sizeof(token->word))
            token->word[kept++] = (char)(text[end] >= 'A' && text[end] <= 'Z' ? text[end] + 32 : text[end]);
    token->word[kept] = '\0';
    token->kind = TOKEN_WORD;
    for (int i = 0; i < (int)(sizeof(number_words) / sizeof(number_words[0])); i++) {
        if (strcmp(token->word, number_words[i]) == 0) {
            token->kind = TOKEN_NUMBER;
            token->value = i >= 1 && i <= 5 ? i : -1;
        }
    }
    return end;
}

/* "★★★★" is 4. */
static size_t read_stars(const char *text, size_t length, Token *token)
{
    size_t end = 0;

    while (end + 3 <= length && memcmp(text + end, STAR, 3) == 0)
        end += 3;
    token->kind = TOKEN_NUMBER;
    token->digits = true;
    token->value = end / 3 <= 5 ? (int)(end / 3) : -1;
    return end;
}

static size_t read_tokens(rpmd_text reply, Token *tokens)
{
    size_t count = 0;

    for (size_t i = 0; i < reply.length && count < TOKENS_MAX;) {
        const char *rest = reply.data + i;
        size_t left = reply.length - i;
        Token *token = &tokens[count];

        if (is_digit(*rest)) {
            token->minus = i > 0 && rest[-1] == '-';
            i += read_number(rest, left, token);
            count++;
        } else if (left >= 3 && memcmp(rest, "\xe2\x80\x93", 3) == 0) { /* en dash */
            token->kind = TOKEN_DASH;
            i += 3;
            count++;
        } else if (left >= 3 && memcmp(rest, STAR, 3) == 0) {
            i += read_stars(rest, left, token);
            count++;
        } else if (is_letter(*rest)) {
            i += read_word(rest, left, token);
            count++;
        } else {
            if (*rest == '/' || *rest == '-') {
                token->kind = *rest == '/' ? TOKEN_SLASH : TOKEN_DASH;
                count++;
            }
            i++;
        }
    }
    return count;
}

static bool is_word(const Token *token, const char *word)
{
    return token->kind == TOKEN_WORD && strcmp(token->word, word) == 0;
}

static bool is_any_word(const Token *token, const char *const *words)
{
    for (; *words != NULL; words++)
        if (is_word(token, *words))
            return true;
    return false;
}

/* "one" and "two" that count or point: "one of the", "this one", "two things". */
static bool is_idle_number(const Token *tokens, size_t count, size_t index)
{
    static const char *const before[] = {"this",  "that", "the",   "no",      "any",
                                         "which", "each", "every", "another", NULL};
    static const char *const behind[] = {"star",  "stars",  "out", "of",  "because", "since",
                                         "point", "points", "as",  "for", "overall", NULL};

    if (tokens[index].digits)
        return false;
    if (index > 0 && is_any_word(&tokens[index - 1], before))
        return !(index + 1 < count &&
                 (is_word(&tokens[index + 1], "star") || is_word(&tokens[index + 1], "stars")));
    if (index + 1 < count && is_word(&tokens[index + 1], "of"))
        return true;
    return index + 1 < count && tokens[index + 1].kind == TOKEN_WORD &&
           !is_any_word(&tokens[index + 1], behind);
}

/* "/5", "out of 5", "of 5" and "scale of 1 to 5", "from 1 to 5": not the answer. Returns the tokens to pass
 * over. */
static size_t scale_at(const Token *tokens, size_t count, size_t index)
{
    size_t i = index;

    if (is_word(&tokens[i], "scale") || is_word(&tokens[i], "from")) {
        static const char *const between[] = {"of", "from", "to", "through", NULL};
        size_t numbers = 0;

        while (++i < count && numbers < 2 &&
               (tokens[i].kind != TOKEN_WORD || is_any_word(&tokens[i], between)))
            numbers += tokens[i].kind == TOKEN_NUMBER;
        return numbers == 2 ? i - index : 0;
    }
    if (tokens[i].kind == TOKEN_SLASH && i + 1 < count && tokens[i + 1].kind == TOKEN_NUMBER &&
        tokens[i + 1].value == 5)
        return 2;
    if (is_word(&tokens[i], "out"))
        i++;
    if (i + 1 < count && is_word(&tokens[i], "of") && tokens[i + 1].kind == TOKEN_NUMBER &&
        tokens[i + 1].value == 5)
        return i + 2 - index;
    return 0;
}

/* "3-4", "3 to 4", "between 3 and 4", "3 or 4": two numbers that are one doubt. */
static bool is_range(const Token *tokens, size_t count, size_t index)
{
    if (index + 2 >= count || tokens[index + 2].kind != TOKEN_NUMBER)
        return false;
    return tokens[index + 1].kind == TOKEN_DASH || is_word(&tokens[index + 1], "to") ||
           is_word(&tokens[index + 1], "or") ||
           (is_word(&tokens[index + 1], "and") && index > 0 && is_word(&tokens[index - 1], "between"));
}

int rating_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    static const char *const markers[] = {"answer", "score", "rating", "rate",
                                          "give",   "final", "stars",  NULL};
    Token *tokens = call->host->allocate(call, TOKENS_MAX * sizeof(*tokens));
    int only = 0, marked = 0;
    bool several = false, awaited = false;
    size_t count;
    char digit;

    if (tokens == NULL)
        return RPMD_FAILED;
    (void)query;
    count = read_tokens(reply, tokens);
    for (size_t i = 0; i < count; i++) {
        size_t scale = scale_at(tokens, count, i);
        int value;

        if (scale > 0) {
            i += scale - 1;
            continue;
        }
        awaited |= is_any_word(&tokens[i], markers);
        if (tokens[i].kind != TOKEN_NUMBER || is_idle_number(tokens, count, i))
            continue;
        value = tokens[i].value;
        if (is_range(tokens, count, i)) {
            value = -1;
            i += 2;
        } else if (tokens[i].digits && i > 0 && tokens[i].minus &&
                   (i == 1 || tokens[i - 2].kind != TOKEN_WORD)) {
            value = -1; /* "-3" */
        }
        /* "4/10", "8 out of 10": another scale. */
        if (i + 2 < count && tokens[i + 1].kind == TOKEN_SLASH && tokens[i + 2].kind == TOKEN_NUMBER &&
            tokens[i + 2].value != 5)
            value = -1, i += 2;
        else if (i + 3 < count && is_word(&tokens[i + 1], "out") && is_word(&tokens[i + 2], "of") &&
                 tokens[i + 3].kind == TOKEN_NUMBER && tokens[i + 3].value != 5)
            value = -1, i += 3;
        if (awaited)
            marked = value;
        several |= only != 0 && only != value;
        only = value;
        awaited = false;
    }
    if (several)
        only = marked;
    if (only <= 0)
        return RPMD_NO_MATCH;
    digit = (char)('0' + only);
    return call->host->set_answer(call, (rpmd_text){&digit, 1});
}
