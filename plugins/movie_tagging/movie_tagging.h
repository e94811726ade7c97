/* SPDX-License-Identifier: MIT */
#pragma once

#include <rpmd/plugin.h>

#include <stdbool.h>

#include "lexicon.h"

/* A word of the query: a token, or the part of a token between hyphens. Punctuation is not a word. */
typedef struct Word {
    rpmd_span span;
    rpmd_text lower;
    uint32_t first_key; /* keys[first_key .. first_key + key_count) of Words */
    uint32_t initials;  /* bit set of the low five bits of its keys' first letters */
    uint8_t key_count;
    bool number; /* begins with a digit */
    bool sentence_start;
    bool capital;      /* begins with an upper-case ASCII letter */
    bool upper;        /* two or more letters, none of them lower case */
    bool break_before; /* punctuation stands between the previous word and this one */
} Word;

/*
 * The words of a query and their keys. A key is the hash of a form that the word may be an
 * inflection of: "marries" has the keys of "marries", "marrie" and "marry". Needs no table of stems, and
 * unlike a stemmer it keeps "detective" and "detect" apart.
 */
typedef struct Words {
    rpmd_text text;
    const Word *words;
    size_t count;
    const uint64_t *keys;
    size_t key_count;
} Words;

/* What was found, before it is emitted. One slot a concept. */
typedef struct Finding {
    const char *name;
    const char *context;
    const char *category;
    float strength;
    rpmd_span evidence; /* the first mention */
    uint32_t mentions;
} Finding;

/* Tokenizes and indexes text into *words; everything lives in the call's memory. RPMD_DONE or RPMD_FAILED. */
int words_read(rpmd_call *call, rpmd_text text, Words *words);

/* True where lower is word's form: keys[] of the word hold the hash of form[0..length), which is lower case.
 */
bool word_is(const Words *words, size_t index, const char *form);

/* The hash that keys are made of (FNV-1a, 64 bits), with ASCII letters folded to lower case. */
uint64_t word_hash(const char *bytes, size_t length);

/* True where the word at index is negated: "not", "no", "without" ... stands right before it, articles aside.
 */
bool word_is_negated(const Words *words, size_t index);

/* Matches all lexicons. Fills *findings (in no particular order) and *count. */
int lexicon_match(rpmd_call *call, const Words *words, Finding **findings, size_t *count);

/* What grammar says and a word list cannot: years, ages, "the life of NAME". Appends at most
 * RULE_FINDINGS_MAX. */
enum { RULE_FINDINGS_MAX = 16 };
size_t rules_match(const Words *words, Finding *findings);

/* The descriptor's callbacks. */
int movie_extract(rpmd_call *call, const rpmd_query *query);
int movie_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply);

/* The 15 tags in LaMP's order, NULL-terminated. */
extern const char *const movie_tags[];
