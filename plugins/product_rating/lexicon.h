/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-known aspects, under which the many words for one thing come together. */
typedef enum Aspect {
    NO_ASPECT,
    PRICE,
    QUALITY,
    DURABILITY,
    SIZE,
    TASTE,
    SMELL,
    SOUND,
    LOOK,
    COLOR,
    COMFORT,
    USE,
    FUNCTION,
    DESIGN,
    DELIVERY,
    PACKAGING,
    SERVICE,
    INSTRUCTIONS,
    BATTERY,
    SAFETY,
    STORY,
    WRITING,
    DIALOGUE,
    CHARACTERS,
    ACTING,
    DIRECTION,
    PACING,
    ENDING,
    HUMOR,
    VISUALS,
    MUSIC,
    ACTION,
    SUSPENSE,
    EMOTION,
    ORIGINALITY,
    IDEAS,
    CREDIBILITY,
    ATMOSPHERE,
    ENTERTAINMENT,
    WHOLE, /* what the review is about: "product", "film"; opinions on it are no aspect */
    ASPECT_COUNT
} Aspect;

typedef struct AspectText {
    const char *name;
    const char *context; /* what the name means in a review */
} AspectText;

extern const AspectText aspect_texts[ASPECT_COUNT];

/* A word and the well-known aspect that it stands for. */
typedef struct AspectWord {
    const char *word;
    Aspect aspect;
} AspectWord;

typedef struct AspectWords {
    const AspectWord *words; /* in byte order */
    size_t count;
} AspectWords;

extern const AspectWords aspect_nouns;       /* "zipper" is none, "script" is WRITING */
extern const AspectWords aspect_participles; /* behind an adverb: "beautifully shot" */

/* An opinion word in its base form. */
typedef struct Opinion {
    const char *word;
    int8_t valence; /* -10 .. +10 for a word that stands alone; 0: no opinion without "too" or the like */
    uint8_t aspect; /* an Aspect that the word itself speaks of: "delicious" */
} Opinion;

typedef struct Opinions {
    const Opinion *words; /* in byte order */
    size_t count;
} Opinions;

extern const Opinions adjectives;
extern const Opinions nouns;
extern const Opinions verbs;
extern const Opinions adverbs;

/* Sorted lists of words. */
typedef struct WordList {
    const char *const *words; /* in byte order */
    size_t count;
} WordList;

extern const WordList film_words;   /* of reviews of films and shows */
extern const WordList goods_words;  /* of reviews of things that are bought */
extern const WordList common_verbs; /* base forms; a noun phrase ends before them */
extern const WordList empty_nouns;  /* nouns and other words that name no aspect: "lot", "week", "everyone" */
extern const WordList experiencer_adjectives; /* somebody's state; the aspect follows: "happy with the fit" */
extern const WordList experiencer_verbs;      /* what is liked or not is the object: "love the colors" */

/* What a phrase does. */
typedef enum PhraseKind {
    PHRASE_OPINION,  /* says something good or bad */
    PHRASE_IDIOM,    /* says nothing, whatever its words say: "love story" */
    PHRASE_FIXED,    /* an opinion that a negation before it is part of: "can't go wrong" */
    PHRASE_REVERSAL, /* an opinion that also turns what follows: "could have been" */
    PHRASE_NEGATOR,  /* turns what follows: "far from", "lack of" */
    PHRASE_WEAKENER  /* "a bit", "kind of" */
} PhraseKind;

typedef enum Category {
    CATEGORY_OVERALL,
    CATEGORY_ASPECT,
    CATEGORY_VERDICT,
    CATEGORY_COMPARISON,
    CATEGORY_EXPECTATION,
    CATEGORY_COMPLAINT,
    CATEGORY_RESERVATION,
    CATEGORY_ENTHUSIASM,
    CATEGORY_NONE /* the phrase is only an opinion on what stands around it */
} Category;

/*
 * A thing that reviews say in many ways. A phrase is words with blanks between:
 *   "waste~"     the word or an inflection of it
 *   "*"          up to three words, or none
 *   "_"          one word
 *   "^avoid"     the first word must begin a clause
 * Apart from "*" the words follow each other; no punctuation stands between.
 */
typedef struct Concept {
    const char *name;
    const char *context;
    const char *const *phrases; /* NULL-terminated */
    int8_t valence;
    uint8_t category;
    uint8_t kind;
    uint8_t aspect;
} Concept;

typedef struct Concepts {
    const Concept *concepts;
    size_t count;
} Concepts;

extern const Concepts general_concepts;
extern const Concepts goods_concepts;
extern const Concepts film_concepts;
extern const Concepts idiom_concepts;
extern const Concepts mark_concepts; /* without phrases: ratings.c finds them */

#define PHRASES(...)                                                                                         \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

#define CONCEPTS(list)                                                                                       \
    {                                                                                                        \
        list, sizeof(list) / sizeof((list)[0])                                                               \
    }
