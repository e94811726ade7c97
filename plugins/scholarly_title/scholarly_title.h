/* SPDX-License-Identifier: MIT */
#pragma once

#include <rpmd/plugin.h>

#include <stdbool.h>

/* The categories of features. */
extern const char CATEGORY_KEY_PHRASE[];
extern const char CATEGORY_CONTRIBUTION[];
extern const char CATEGORY_PROBLEM[];
extern const char CATEGORY_METHOD[];
extern const char CATEGORY_EVALUATION[];
extern const char CATEGORY_SYSTEM[];

/* A tokenized text. Everything lives in the call's memory. */
typedef struct Tokens {
    rpmd_text text;
    const rpmd_token *items;
    size_t count;
    uint32_t *first; /* by the first two letters: the first token that begins so; NO_TOKEN: none */
    uint32_t *next;  /* the next token with the same first two letters */
} Tokens;

#define NO_TOKEN UINT32_MAX

/*
 * A concept that the abstract states in set phrases. A phrase is lower-case words parted by spaces; a word
 * that ends in ~ stands for all words that begin so. A hyphen in the text counts as a space or as written.
 */
typedef struct Concept {
    const char *name;
    const char *context;
    const char *category;
    float strength;
    const char *const *phrases;     /* NULL-terminated */
    const char *const *title_words; /* what a title says when it uses the concept; NULL-terminated */
} Concept;

extern const Concept concepts[];
extern const size_t concept_count;

/* A feature before it is emitted. name and context need not be NUL-terminated. */
typedef struct Found {
    rpmd_text name;
    rpmd_text context;
    const char *category;
    float strength;
    rpmd_span evidence;
} Found;

/* What extract collects; capacity is fixed, what does not fit is left out. */
enum { FOUND_MAX = 64 };
typedef struct FoundList {
    Found items[FOUND_MAX];
    size_t count;
} FoundList;

/* Tokenizes text and indexes its words by their first letters. RPMD_DONE or RPMD_FAILED. */
int tokens_read(rpmd_call *call, rpmd_text text, Tokens *tokens);

bool token_is_word(const rpmd_token *token);
bool token_is(const rpmd_token *token, const char *lower);
bool text_equals(rpmd_text text, const char *string);
rpmd_text text_of(const char *string);

/* How many tokens the phrase covers where it begins at token index; 0: it does not. */
size_t tokens_match(const Tokens *tokens, size_t index, const char *phrase);

/* The first token index >= from where the phrase stands, or NO_TOKEN. *length: how many tokens it covers. */
size_t tokens_find(const Tokens *tokens, size_t from, const char *phrase, size_t *length);

/* Sets marks[i] for each token that is this lower-case word. */
void tokens_mark(const Tokens *tokens, const char *word, bool *marks);

/* Marks the words that abstracts of all fields share and that name no topic: they do not begin or end a key
 * phrase. */
void empty_words_mark(const Tokens *tokens, bool *marks);

/* The lower-case words of tokens [begin, end), joined by single spaces, in the call's memory; empty where
 * they are longer than a name may be, data NULL where memory ends. */
rpmd_text tokens_join(rpmd_call *call, const Tokens *tokens, size_t begin, size_t end);

/* Adds a feature unless its name is empty or one with the same name and category is there. */
void found_add(FoundList *list, Found found);

/* Key phrases by YAKE: the KEY_PHRASES_MAX best, best first. RPMD_DONE, RPMD_FAILED or RPMD_STOPPED. */
enum { KEY_PHRASES_MAX = 8 };
int key_phrases_find(rpmd_call *call, const Tokens *tokens, FoundList *list);

/* Contribution, method and evaluation from the table of concepts. */
void concepts_find(const Tokens *tokens, FoundList *list);

/* Noun phrases behind set phrases: the problem ("the task of ..."), the method ("based on ..."). */
int noun_phrases_find(rpmd_call *call, const Tokens *tokens, FoundList *list);

/* Named systems: acronyms that the text spells out, CamelCase, "called NAME"; and data sets ("on the NAME
 * dataset"). */
int names_find(rpmd_call *call, const Tokens *tokens, FoundList *list);

/* The descriptor's callbacks. */
int scholarly_extract(rpmd_call *call, const rpmd_query *query);
int scholarly_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply);
int scholarly_judge(rpmd_call *call, const rpmd_query *query, rpmd_text response,
                    const rpmd_feature *features, size_t feature_count, rpmd_judgement *judgements);
int scholarly_describe_answer(rpmd_call *call, const rpmd_query *query, rpmd_text response);
