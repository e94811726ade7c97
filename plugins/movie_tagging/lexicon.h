/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The lexicon: which words say which concept. One table a category, in lexicon_CATEGORY.c.
 *
 * A phrase is one or more words, parted by single spaces. Each word stands for its inflected forms too
 * ("marry" is met by "marries", "married", "marrying"), so phrases are written in base form. Derived words
 * are words of their own ("marriage" has to be listed). Two marks:
 *   a capital letter   the word must be capitalized in the text ("Earth", "Army")
 *   *                  up to two words of the same sentence, whatever they are ("fall * in love")
 * A hyphen in the text parts two words. A phrase that lies inside a longer match of any concept does not
 * count: "serial killer" hides "killer", and an idiom (a concept without a name) hides the words it is made
 * of.
 */

#include <stddef.h>

typedef struct Concept {
    const char *name;           /* the feature's name; NULL: an idiom, hides what lies in it */
    const char *context;        /* the feature's context */
    const char *const *phrases; /* NULL-terminated */
} Concept;

typedef struct Lexicon {
    const char *category;
    float strength; /* how much one mention says about the film, 0 .. 1 */
    const Concept *concepts;
    size_t count;
} Lexicon;

#define CONCEPT(name, context, ...)                                                                          \
    {                                                                                                        \
        name, context, (const char *const[])                                                                 \
        {                                                                                                    \
            __VA_ARGS__, NULL                                                                                \
        }                                                                                                    \
    }
#define LEXICON(category, strength, concepts)                                                                \
    {                                                                                                        \
        category, strength, concepts, sizeof(concepts) / sizeof(concepts[0])                                 \
    }

extern const Lexicon lexicon_genre;
extern const Lexicon lexicon_mood;
extern const Lexicon lexicon_source;
extern const Lexicon lexicon_theme;
extern const Lexicon lexicon_plot;
extern const Lexicon lexicon_stakes;
extern const Lexicon lexicon_character;
extern const Lexicon lexicon_family;
extern const Lexicon lexicon_setting;
extern const Lexicon lexicon_place;
extern const Lexicon lexicon_period;
extern const Lexicon lexicon_idiom;
