/* SPDX-License-Identifier: MIT */
#include "lib/text/tokenizer.h"

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/text/markup.h"
#include "lib/text/normalize.h"
#include "lib/text/sentence.h"
#include "lib/text/stem_memory.h"
#include "lib/text/stop_words.h"
#include "lib/text/utf8.h"
#include "lib/text/word_memory.h"

#include <libstemmer.h>
#include <stdio.h>
#include <utf8proc.h>

#define STEM_LIMIT 64 /* bytes; what is longer is no English word */

/* Room for more tokens is given back behind the text: a tokenizer may live long. */
#define KEPT_CAPACITY 16384

struct Tokenizer {
    struct sb_stemmer *stemmer;
    WordMemory *memory; /* NULL: it remembers nothing */
    StemMemory *stems;  /* the same */
    rpmd_token *tokens; /* of the current text */
    unsigned char *gaps;
    size_t count;
    size_t capacity;
    uint64_t *hashes; /* of the current text */
    size_t hash_capacity;
};

/* What a code point does in the grammar of tokens. */
typedef enum Kind {
    KIND_SPACE,
    KIND_LETTER,
    KIND_DIGIT,
    KIND_EXTENDER,   /* combining mark or invisible joiner: part of what is before it */
    KIND_APOSTROPHE, /* joins letters */
    KIND_HYPHEN,     /* joins letters */
    KIND_MARK,       /* punctuation or symbol */
} Kind;

Tokenizer *tokenizer_new(void)
{
    Tokenizer *tokenizer = NEW(Tokenizer);
    tokenizer->stemmer = sb_stemmer_new("english", NULL);
    if (!tokenizer->stemmer) { /* the algorithm is part of the library: only memory can be missing */
        fputs("out of memory\n", stderr);
        abort();
    }
    return tokenizer;
}

void tokenizer_free(Tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    sb_stemmer_delete(tokenizer->stemmer);
    word_memory_free(tokenizer->memory);
    stem_memory_free(tokenizer->stems);
    free(tokenizer->hashes);
    free(tokenizer->tokens);
    free(tokenizer->gaps);
    free(tokenizer);
}

void tokenizer_remember_words(Tokenizer *tokenizer)
{
    if (tokenizer->memory)
        return;
    tokenizer->memory = word_memory_new();
    tokenizer->stems = stem_memory_new();
}

/* clang-format off */
static const unsigned char ascii_kinds[0x80] = {
    [0 ... ' '] = KIND_SPACE,
    ['!' ... '&'] = KIND_MARK, ['\''] = KIND_APOSTROPHE, ['(' ... ','] = KIND_MARK, ['-'] = KIND_HYPHEN,
    ['.' ... '/'] = KIND_MARK, ['0' ... '9'] = KIND_DIGIT,
    [':' ... '@'] = KIND_MARK, ['A' ... 'Z'] = KIND_LETTER,
    ['[' ... '`'] = KIND_MARK, ['a' ... 'z'] = KIND_LETTER,
    ['{' ... '~'] = KIND_MARK, [0x7F] = KIND_SPACE,
};
/* clang-format on */

static Kind kind_of(int32_t code_point)
{
    if (code_point < 0x80)
        return (Kind)ascii_kinds[code_point];
    if (code_point == 0x2019 || code_point == 0x2018)
        return KIND_APOSTROPHE;
    if (code_point == 0x2010 || code_point == 0x2011)
        return KIND_HYPHEN;
    if (code_point == 0x200B) /* zero-width space */
        return KIND_SPACE;
    switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return KIND_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return KIND_DIGIT;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
        return KIND_EXTENDER;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        return KIND_SPACE;
    default:
        return KIND_MARK;
    }
}

/* The kind at an offset; KIND_SPACE at the end. *next is the offset behind it. */
static inline Kind kind_at(rpmd_text text, size_t offset, size_t *next)
{
    *next = offset;
    if (offset >= text.length)
        return KIND_SPACE;
    unsigned char byte = (unsigned char)text.data[offset];
    if (byte < 0x80) {
        *next = offset + 1;
        return (Kind)ascii_kinds[byte];
    }
    return kind_of(text_decode(text, next));
}

static bool is_upper_at(rpmd_text text, size_t offset)
{
    unsigned char byte = (unsigned char)text.data[offset];
    if (byte < 0x80)
        return byte >= 'A' && byte <= 'Z';
    utf8proc_category_t category = utf8proc_category(text_decode(text, &offset));
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
}

/* Behind the letters, digits and extenders at the offset, at most up to `limit`. */
static size_t run_end(rpmd_text text, size_t offset, size_t limit, bool *has_letter)
{
    size_t next, ascii_end = MIN(text.length, limit);
    for (Kind kind; offset < text.length; offset = next) {
        /* Mostly it is ASCII, of which nothing has to be decoded. */
        for (unsigned char byte; offset < ascii_end && (byte = (unsigned char)text.data[offset]) < 0x80;
             offset++) {
            if (ascii_kinds[byte] != KIND_LETTER && ascii_kinds[byte] != KIND_DIGIT)
                return offset;
            *has_letter |= ascii_kinds[byte] == KIND_LETTER;
        }
        if (offset == text.length)
            break;
        kind = kind_at(text, offset, &next);
        if ((kind != KIND_LETTER && kind != KIND_DIGIT && kind != KIND_EXTENDER) || next > limit)
            break;
        *has_letter |= kind == KIND_LETTER;
    }
    return offset;
}

/* Where the word or number that begins at the offset ends. */
static size_t word_end(rpmd_text text, size_t begin, bool *has_letter)
{
    size_t limit = begin + TOKEN_LIMIT;
    *has_letter = false;
    size_t end = run_end(text, begin, limit, has_letter);
    for (;;) {
        size_t behind;
        size_t after;
        Kind joiner = kind_at(text, end, &behind);
        Kind follower = kind_at(text, behind, &after);
        if ((follower != KIND_LETTER && follower != KIND_DIGIT) || behind == end || after > limit)
            return end;
        bool joined_letter = *has_letter;
        size_t joined_end = run_end(text, behind, limit, &joined_letter);
        if (joiner == KIND_APOSTROPHE || joiner == KIND_HYPHEN) {
            if (!joined_letter)
                return end;
        } else if ((text.data[end] != '.' && text.data[end] != ',') || joined_letter || behind != end + 1) {
            return end;
        }
        *has_letter = joined_letter;
        end = joined_end;
    }
}

/* Behind the mark at the offset and the extenders on it. */
static size_t mark_end(rpmd_text text, size_t begin)
{
    size_t end;
    kind_at(text, begin, &end);
    for (size_t next; kind_at(text, end, &next) == KIND_EXTENDER && next <= begin + TOKEN_LIMIT;)
        end = next;
    return end;
}

static uint32_t case_flags(rpmd_text word)
{
    size_t letters = 0;
    size_t upper = 0;
    uint32_t flags = 0;
    for (size_t offset = 0, next; offset < word.length; offset = next) {
        if (kind_at(word, offset, &next) != KIND_LETTER)
            continue;
        if (is_upper_at(word, offset)) {
            flags |= letters == 0 ? RPMD_TOKEN_CAPITALIZED : 0;
            upper++;
        } else if (letters == 0) {
            return 0;
        }
        letters++;
    }
    return letters >= 2 && upper == letters ? flags | RPMD_TOKEN_UPPER : flags;
}

/* The English (Porter2) stem of a normalized word: in the arena, or a part of the word. */
static rpmd_text make_stem(Arena *arena, Tokenizer *tokenizer, rpmd_text lower)
{
    if (lower.length > STEM_LIMIT)
        return lower;
    const char *stem =
        (const char *)sb_stemmer_stem(tokenizer->stemmer, (const sb_symbol *)lower.data, (int)lower.length);
    if (!stem)
        return lower;
    size_t length = (size_t)sb_stemmer_length(tokenizer->stemmer);
    if (length == 0)
        return lower;
    if (length <= lower.length && memcmp(stem, lower.data, length) == 0)
        return (rpmd_text){lower.data, length};
    return (rpmd_text){arena_copy(arena, stem, length), length};
}

static WordFacts facts_of(Arena *arena, Tokenizer *tokenizer, rpmd_text lower)
{
    WordFacts facts;
    if (tokenizer->memory && word_memory_recall(tokenizer->memory, arena, lower, &facts))
        return facts;
    facts = (WordFacts){make_stem(arena, tokenizer, lower), text_is_stop_word(lower)};
    if (tokenizer->memory)
        word_memory_note(tokenizer->memory, lower, &facts);
    return facts;
}

static void resize(Tokenizer *tokenizer, size_t capacity)
{
    tokenizer->capacity = capacity;
    tokenizer->tokens = memory_resize(tokenizer->tokens, capacity, sizeof(*tokenizer->tokens));
    tokenizer->gaps = memory_resize(tokenizer->gaps, capacity, sizeof(*tokenizer->gaps));
}

static void add_token(Arena *arena, Tokenizer *tokenizer, rpmd_text text, rpmd_span span, uint32_t flags,
                      Gap gap)
{
    if (tokenizer->count == tokenizer->capacity)
        resize(tokenizer, tokenizer->capacity ? tokenizer->capacity * 2 : 256);
    rpmd_text source = text_slice(text, span);
    rpmd_token *token = &tokenizer->tokens[tokenizer->count];
    *token = (rpmd_token){.span = span, .flags = flags};
    token->lower = text_normalize(arena, source);
    if (token->lower.length == 0) /* an invisible letter */
        token->lower = source;
    token->stem = token->lower;
    if (flags & RPMD_TOKEN_WORD) {
        WordFacts facts = facts_of(arena, tokenizer, token->lower);
        token->stem = facts.stem;
        token->flags |= case_flags(source);
        if (facts.is_stop_word)
            token->flags |= RPMD_TOKEN_STOPWORD;
    }
    tokenizer->gaps[tokenizer->count++] = (unsigned char)gap;
}

/* Skips what is no token; two line breaks make a GAP_BREAK. */
static size_t skip_gap(rpmd_text text, size_t offset, Gap *gap)
{
    size_t lines = 0;
    size_t next;
    *gap = GAP_NONE;
    for (; offset < text.length; offset = next) {
        bool line_break = false;
        bool may_be_markup = text.data[offset] == '<' || text.data[offset] == '&';
        size_t markup = may_be_markup ? markup_length(text, offset, &line_break) : 0;
        Kind kind = kind_at(text, offset, &next);
        if (markup > 0)
            next = offset + markup;
        else if (kind != KIND_SPACE && kind != KIND_EXTENDER)
            break;
        lines += line_break || text.data[offset] == '\n';
        if (markup > 0 || kind == KIND_SPACE)
            *gap = GAP_SPACE;
    }
    if (lines >= 2)
        *gap = GAP_BREAK;
    return offset;
}

void text_tokenize(Arena *arena, Tokenizer *tokenizer, rpmd_text text, const rpmd_token **tokens,
                   size_t *count)
{
    tokenizer->count = 0;
    Gap gap;
    size_t offset = skip_gap(text, 0, &gap);
    while (offset < text.length) {
        size_t end;
        uint32_t flags = RPMD_TOKEN_PUNCTUATION;
        Kind kind = kind_at(text, offset, &end);
        if (kind == KIND_LETTER || kind == KIND_DIGIT) {
            bool has_letter;
            end = word_end(text, offset, &has_letter);
            flags = has_letter ? RPMD_TOKEN_WORD : RPMD_TOKEN_NUMBER;
        } else {
            end = mark_end(text, offset);
        }
        add_token(arena, tokenizer, text, (rpmd_span){(uint32_t)offset, (uint32_t)end}, flags, gap);
        offset = skip_gap(text, end, &gap);
    }
    sentence_number(tokenizer->tokens, tokenizer->gaps, tokenizer->count);
    rpmd_token *result = ARENA_ARRAY(arena, rpmd_token, tokenizer->count);
    if (tokenizer->count > 0)
        memcpy(result, tokenizer->tokens, tokenizer->count * sizeof(*result));
    *tokens = result;
    *count = tokenizer->count;
    if (tokenizer->capacity > KEPT_CAPACITY)
        resize(tokenizer, KEPT_CAPACITY);
}

static const uint64_t *find_stems(Tokenizer *tokenizer, rpmd_text text, size_t *count)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    const rpmd_token *tokens = NULL;
    size_t token_count = 0;
    *count = 0;
    text_tokenize(&scratch, tokenizer, text, &tokens, &token_count);
    for (size_t i = 0; i < token_count; i++) {
        if (!(tokens[i].flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER)) ||
            (tokens[i].flags & RPMD_TOKEN_STOPWORD))
            continue;
        GROW(tokenizer->hashes, *count, tokenizer->hash_capacity);
        tokenizer->hashes[(*count)++] = hash_bytes(tokens[i].stem.data, tokens[i].stem.length);
    }
    return tokenizer->hashes;
}

void text_stem_hashes(Tokenizer *tokenizer, rpmd_text text, const uint64_t **hashes, size_t *count)
{
    *hashes = tokenizer->stems ? stem_memory_recall(tokenizer->stems, text, count) : NULL;
    if (*hashes)
        return;
    *hashes = find_stems(tokenizer, text, count);
    if (tokenizer->stems)
        stem_memory_note(tokenizer->stems, text, *hashes, *count);
}
