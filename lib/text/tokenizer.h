/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Splits a text into the tokens of rpmd/plugin.h.
 *
 *   words      Letters, with the digits, apostrophes and hyphens inside: "don't", "low-budget", "b2b",
 *              "covid-19", "1990s". Two runs of digits are not joined ("1941-1945" is three tokens). A word
 *              of more than TOKEN_LIMIT bytes is cut into several.
 *   numbers    Digits, with "." or "," between digits: "3.5", "1,000".
 *   the rest   One token for each punctuation mark or symbol, combining marks included.
 *   no token   White space, control characters, HTML tags ("<br />") and entities ("&nbsp;").
 *   sentences  End behind . ! ? and their like before white space, or before a capital letter where the white
 *              space was forgotten; and at a blank line or two breaks of markup (<br>, <p>). "Mr.", "e.g.",
 * "J. R. R.", "Fig. 3" end none. RPMD_TOKEN_SENTENCE_START is set on a sentence's first word or number.
 *
 * Takes time and memory linear in the text.
 */

#include "lib/base/arena.h"
#include "lib/base/memory.h"

#define TOKEN_LIMIT 256 /* bytes; also bounds what normalizing and stemming one word costs */

/* Not thread-safe: one for each thread or batch. */
typedef struct Tokenizer Tokenizer;

Tokenizer *tokenizer_new(void) __attribute__((returns_nonnull));
void tokenizer_free(Tokenizer *tokenizer);
DEFINE_CLEANUP(Tokenizer, tokenizer_free)

/* Makes it faster at words and short texts that it met before, for 192 KiB of memory: for one that sees many
 * texts. */
void tokenizer_remember_words(Tokenizer *tokenizer);

/*
 * The text is valid UTF-8 of less than 4 GiB. The tokens and their texts live in the arena, or point into
 * the text, which must live as long.
 */
void text_tokenize(Arena *arena, Tokenizer *tokenizer, rpmd_text text, const rpmd_token **tokens,
                   size_t *count);

/*
 * The hashes (hash_bytes) of the stems of a text's words and numbers in their order, function words left out.
 * They are the tokenizer's, and stay until it is used again.
 */
void text_stem_hashes(Tokenizer *tokenizer, rpmd_text text, const uint64_t **hashes, size_t *count);
