/* SPDX-License-Identifier: MIT */
#pragma once

#include <rpmd/plugin.h>

#include "lexicon.h"

/* What the lexicon says a word is. */
typedef enum WordClass { CLASS_NONE, CLASS_ADJECTIVE, CLASS_NOUN, CLASS_VERB, CLASS_ADVERB } WordClass;

typedef enum Degree { DEGREE_PLAIN, DEGREE_COMPARATIVE, DEGREE_SUPERLATIVE } Degree;

/* A token of the review. */
typedef struct Word {
    rpmd_span span;
    rpmd_text lower;
    const char *base; /* the irregular form's base form: "broke" has "break"; else NULL */
    uint32_t sentence;
    uint32_t clause;     /* commas, conjunctions and contrasts part clauses; counts up over the text */
    uint32_t concept;    /* the concept whose phrase covers the word, or NO_CONCEPT */
    uint32_t phrase_end; /* where the phrase that begins here ends; 0: none begins here */
    float weight;        /* of what is said here, by contrast, condition and question; 1: plain */
    uint32_t flags;      /* RPMD_TOKEN_* */
    int8_t valence;      /* of the opinion word; 0: none */
    uint8_t class;       /* WordClass */
    uint8_t degree;      /* Degree */
    uint8_t aspect;      /* that an opinion word implies */
    char mark;           /* the character of ASCII punctuation, '~' of other marks, else 0 */
} Word;

#define NO_CONCEPT UINT32_MAX

/* What a review is about, by most of its words. */
typedef enum Domain { DOMAIN_UNKNOWN, DOMAIN_GOODS, DOMAIN_FILM } Domain;

typedef struct Review {
    rpmd_call *call;
    rpmd_text text;
    Word *words; /* and one more behind the last, all zero */
    size_t count;
    Domain domain;
    bool capitals; /* most words begin with a capital letter */
} Review;

/* Something good or bad that the review says. */
typedef struct Hit {
    uint32_t begin; /* words [begin, end): the opinion with its modifiers */
    uint32_t end;
    uint32_t word;         /* the opinion word itself, or the first of the phrase */
    uint32_t concept;      /* or NO_CONCEPT */
    float valence;         /* -1 .. +1, with negation and degree */
    float weight;          /* by its place in the sentence */
    Aspect aspect;         /* well-known, or NO_ASPECT */
    uint32_t target_begin; /* words of the noun phrase that it is said about; empty: of the whole */
    uint32_t target_end;
} Hit;

typedef struct Hits {
    Hit *items;
    size_t count;
} Hits;

/* words.c: tokens with what the lexicon knows of each. RPMD_DONE or RPMD_FAILED. */
int review_read(rpmd_call *call, rpmd_text text, Review *review);
bool word_is(const Word *word, const char *form);
/* Whether the word is the base form or a regular or listed inflection of it. */
bool word_is_form_of(const Word *word, const char *base, size_t length);
bool word_in(const Word *word, const WordList *list);
/* The same, for the word or the base form of its inflections. */
bool word_form_in(const Word *word, const WordList *list);
Aspect word_aspect(const Word *word, const AspectWords *words);

/* phrases.c: marks the words that phrases cover. */
int phrases_match(Review *review);
const Concept *concept_at(uint32_t number);
size_t concept_count(void);

/* clauses.c: parts sentences into clauses; and, once the phrases are known, weighs what stands in them. */
void clauses_number(Review *review);
void clauses_weigh(Review *review);

/* opinions.c: all hits in text order. */
int opinions_find(Review *review, Hits *hits);

/* targets.c: what each hit is said about. */
void targets_find(const Review *review, Hits *hits);
bool word_is_nounlike(const Review *review, size_t index);

/* ratings.c: "4/5", "three stars", "grade B+". Adds hits of the rating concepts; at most RATING_HITS_MAX. */
enum { RATING_HITS_MAX = 8 };
size_t ratings_find(const Review *review, Hit *hits);

/* overall.c */
typedef struct Tone {
    float value;     /* -1 .. +1 */
    float strongest; /* greatest absolute valence that it rests on, where that weighs less than usual, less */
    uint32_t hits;   /* that it rests on */
    uint32_t carrier; /* the hit that moved it most */
} Tone;
Tone tone_of(const Hits *hits, uint32_t first_sentence, uint32_t last_sentence, const Review *review);

/* The descriptor's callbacks. */
int rating_extract(rpmd_call *call, const rpmd_query *query);
int rating_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply);
