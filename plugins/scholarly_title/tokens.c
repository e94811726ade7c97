/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "scholarly_title.h"

enum { LETTER_PAIRS = 1024, JOINED_MAX = 96 /* bytes; rpmd takes no longer name */ };

static size_t letter_pair(const char *text, size_t length)
{
    return (size_t)(text[0] & 31) << 5 | (length > 1 && text[1] != '~' ? (size_t)(text[1] & 31) : 0);
}

int tokens_read(rpmd_call *call, rpmd_text text, Tokens *tokens)
{
    *tokens = (Tokens){.text = text};
    if (call->host->tokenize(call, text, &tokens->items, &tokens->count) != RPMD_DONE)
        return RPMD_FAILED;
    tokens->first = call->host->allocate(call, LETTER_PAIRS * sizeof(*tokens->first));
    tokens->next = call->host->allocate(call, (tokens->count + 1) * sizeof(*tokens->next));
    if (tokens->first == NULL || tokens->next == NULL)
        return RPMD_FAILED;
    memset(tokens->first, 0xff, LETTER_PAIRS * sizeof(*tokens->first));
    for (size_t i = tokens->count; i-- > 0;) {
        rpmd_text lower = tokens->items[i].lower;
        uint32_t *first;

        if (lower.length == 0)
            continue;
        first = &tokens->first[letter_pair(lower.data, lower.length)];
        tokens->next[i] = *first;
        *first = (uint32_t)i;
    }
    return RPMD_DONE;
}

bool token_is_word(const rpmd_token *token)
{
    return (token->flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER)) != 0;
}

bool text_equals(rpmd_text text, const char *string)
{
    return strlen(string) == text.length && memcmp(text.data, string, text.length) == 0;
}

bool token_is(const rpmd_token *token, const char *lower)
{
    return text_equals(token->lower, lower);
}

rpmd_text text_of(const char *string)
{
    return (rpmd_text){string, strlen(string)};
}

size_t tokens_match(const Tokens *tokens, size_t index, const char *phrase)
{
    size_t begin = index;

    for (; *phrase != '\0'; index++) {
        rpmd_text lower;
        size_t length = strcspn(phrase, " ~"), used = 0;

        if (index >= tokens->count)
            return 0;
        lower = tokens->items[index].lower;
        /* A hyphenated token can hold several words of the phrase: "state-of-the-art". */
        while (phrase[length] == ' ' && lower.length > used + length && lower.data[used + length] == '-' &&
               memcmp(lower.data + used, phrase, length) == 0) {
            used += length + 1;
            phrase += length + 1;
            length = strcspn(phrase, " ~");
        }
        if (lower.length < used + length || memcmp(lower.data + used, phrase, length) != 0)
            return 0;
        if (phrase[length] != '~' && lower.length != used + length)
            return 0;
        phrase += length + (phrase[length] == '~');
        phrase += *phrase == ' ';
    }
    return index - begin;
}

size_t tokens_find(const Tokens *tokens, size_t from, const char *phrase, size_t *length)
{
    for (uint32_t i = tokens->first[letter_pair(phrase, strlen(phrase))]; i != NO_TOKEN;
         i = tokens->next[i]) {
        if (i < from)
            continue;
        *length = tokens_match(tokens, i, phrase);
        if (*length > 0)
            return i;
    }
    return NO_TOKEN;
}

void tokens_mark(const Tokens *tokens, const char *word, bool *marks)
{
    for (uint32_t i = tokens->first[letter_pair(word, strlen(word))]; i != NO_TOKEN; i = tokens->next[i])
        if (token_is(&tokens->items[i], word))
            marks[i] = true;
}

rpmd_text tokens_join(rpmd_call *call, const Tokens *tokens, size_t begin, size_t end)
{
    size_t length = 0;
    char *joined;

    for (size_t i = begin; i < end; i++)
        length += tokens->items[i].lower.length + 1;
    if (length > JOINED_MAX)
        return (rpmd_text){"", 0};
    joined = call->host->allocate(call, length + 1);
    if (joined == NULL)
        return (rpmd_text){NULL, 0};
    length = 0;
    for (size_t i = begin; i < end; i++) {
        if (i > begin && tokens->items[i].span.begin > tokens->items[i - 1].span.end)
            joined[length++] = ' ';
        memcpy(joined + length, tokens->items[i].lower.data, tokens->items[i].lower.length);
        length += tokens->items[i].lower.length;
    }
    return (rpmd_text){joined, length};
}

void found_add(FoundList *list, Found found)
{
    if (found.name.length == 0)
        return;
    for (size_t i = 0; i < list->count; i++) {
        const Found *other = &list->items[i];

        if (other->category == found.category && other->name.length == found.name.length &&
            memcmp(other->name.data, found.name.data, found.name.length) == 0)
            return;
    }
    if (list->count < FOUND_MAX)
        list->items[list->count++] = found;
}
