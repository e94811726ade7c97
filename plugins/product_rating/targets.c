/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "product_rating.h"

/*
 * What an opinion is said about, without a grammar: the noun phrase behind an adjective ("great battery
 * life"), the subject before its verb ("the battery life is great"), the object of a verb of liking ("love
 * the colors"), what stands behind "with" and the like for somebody's state ("happy with the fit"). A run of
 * words that are no function words, verbs, adverbs or opinions passes for a noun phrase.
 */

enum {
    PHRASE_WORDS = 3, /* of a noun phrase at most */
    LOOK_BACK = 10,   /* words from an opinion back to its verb */
    LOOK_AHEAD = 4,   /* adjectives between an opinion and its noun */
};

typedef struct Target {
    size_t begin;
    size_t end; /* begin where there is none */
} Target;

static bool is_one_of(const Word *word, const char *const *forms)
{
    for (; *forms != NULL; forms++)
        if (word_is(word, *forms))
            return true;
    return false;
}

static bool ends_in(const Word *word, const char *ending)
{
    size_t length = strlen(ending);

    return word->lower.length > length + 1 &&
           memcmp(word->lower.data + word->lower.length - length, ending, length) == 0;
}

static bool is_determiner(const Word *word)
{
    static const char *const forms[] = {"the", "a",    "an",   "this", "that",  "these", "those",
                                        "my",  "our",  "your", "its",  "his",   "her",   "their",
                                        "all", "some", "any",  "each", "every", "both",  NULL};

    return word->mark == 0 && is_one_of(word, forms);
}

bool word_is_nounlike(const Review *review, size_t index)
{
    const Word *word = &review->words[index];

    if (index >= review->count || (word->flags & RPMD_TOKEN_WORD) == 0 ||
        (word->flags & RPMD_TOKEN_STOPWORD) != 0 || word->lower.length < 3)
        return false;
    if (word_aspect(word, &aspect_nouns) != NO_ASPECT)
        return true;
    if (word->class != CLASS_NONE && (word->class != CLASS_NOUN || word->valence != 0))
        return false;
    if (ends_in(word, "n't") || (ends_in(word, "ly") && word->class == CLASS_NONE && word->lower.length > 5))
        return false;
    if (word_in(word, &empty_nouns))
        return false;
    /* "the handle", "a soft touch" */
    return (index > 0 && (is_determiner(&word[-1]) || word[-1].class == CLASS_ADJECTIVE)) ||
           !word_form_in(word, &common_verbs);
}

/* A noun phrase that begins at index. */
static Target phrase_from(const Review *review, size_t index)
{
    Target target = {index, index};

    while (target.end - target.begin < PHRASE_WORDS && word_is_nounlike(review, target.end) &&
           (target.end == index || review->words[target.end].concept == NO_CONCEPT))
        target.end++;
    return target;
}

/* A noun phrase that ends before index. */
static Target phrase_before(const Review *review, size_t index)
{
    Target target = {index, index};
    uint32_t sentence = index > 0 ? review->words[index - 1].sentence : 0;

    while (target.begin > 0 && target.end - target.begin < PHRASE_WORDS &&
           review->words[target.begin - 1].sentence == sentence && word_is_nounlike(review, target.begin - 1))
        target.begin--;
    return target;
}

static bool is_preposition(const Word *word)
{
    static const char *const forms[] = {"of",   "in", "on",    "for",     "with",
                                        "from", "at", "about", "between", NULL};

    return word->mark == 0 && is_one_of(word, forms);
}

/* The subject that ends before index; of "the quality of the fabric" that is "quality". */
static Target subject_before(const Review *review, size_t index)
{
    static const char *const idle[] = {
        "also",   "really",     "still",    "just",       "always", "has",       "have",  "had",  "would",
        "will",   "can",        "could",    "should",     "does",   "did",       "do",    "both", "all",
        "itself", "themselves", "actually", "definitely", "truly",  "sometimes", "often", "even", "never",
        "only",   "been",       "be",       "is",         "are",    "was",       "were",  "not",  NULL};
    Target target, outer;
    size_t before;

    while (index > 0 && review->words[index - 1].mark == 0 && is_one_of(&review->words[index - 1], idle))
        index--;
    target = phrase_before(review, index);
    before = target.begin;
    if (target.begin == target.end)
        return target;
    while (before > 0 && (is_determiner(&review->words[before - 1]) ||
                          (review->words[before - 1].class == CLASS_ADJECTIVE)))
        before--;
    if (before > 1 && is_preposition(&review->words[before - 1])) {
        outer = phrase_before(review, before - 1);
        if (outer.begin < outer.end)
            return outer;
    }
    return target;
}

static bool is_link_verb(const Word *word)
{
    static const char *const forms[] = {
        "is",      "are",     "was",     "were",    "be",     "been",    "isn't",   "aren't", "wasn't",
        "weren't", "it's",    "that's",  "they're", "he's",   "she's",   "seems",   "seem",   "seemed",
        "looks",   "look",    "looked",  "feels",   "feel",   "felt",    "tastes",  "taste",  "tasted",
        "smells",  "smell",   "smelled", "sounds",  "sound",  "sounded", "becomes", "became", "gets",
        "get",     "got",     "remains", "stays",   "proves", "makes",   "made",    "makes",  "came",
        "comes",   "arrived", "works",   "fits",    "has",    "have",    "had",     NULL};

    return word->mark == 0 && is_one_of(word, forms);
}

/* What verbs of the senses say by themselves: "it tastes great". */
static Aspect aspect_of_link(const Word *word)
{
    static const struct {
        const char *base;
        Aspect aspect;
    } senses[] = {{"taste", TASTE}, {"smell", SMELL},     {"sound", SOUND},
                  {"fit", SIZE},    {"arrive", DELIVERY}, {"work", FUNCTION}};

    for (size_t i = 0; i < sizeof(senses) / sizeof(senses[0]); i++)
        if (word_is_form_of(word, senses[i].base, strlen(senses[i].base)))
            return senses[i].aspect;
    return NO_ASPECT;
}

/* The subject of "NOUN is OPINION". Steps over adverbs, articles and other opinions of a list. */
static Target predicate_subject(const Review *review, Hit *hit)
{
    static const char *const passed[] = {"a",    "an",    "the",  "and",     "or",    "yet", "as",   "both",
                                         "not",  "never", "no",   "neither", "nor",   "all", "much", "more",
                                         "most", "less",  "also", "to",      "quite", "one", NULL};
    const Word *words = review->words;
    Target none = {0, 0};

    for (size_t i = hit->word, steps = 0; i > 0 && steps < LOOK_BACK; steps++) {
        const Word *word = &words[--i];

        if (word->sentence != words[hit->word].sentence)
            return none;
        if (is_link_verb(word)) {
            if (hit->aspect == NO_ASPECT)
                hit->aspect = aspect_of_link(word);
            return subject_before(review, i);
        }
        if (i < hit->begin && word->mark != ',' && word->class != CLASS_ADJECTIVE &&
            word->class != CLASS_ADVERB && (word->flags & RPMD_TOKEN_STOPWORD) == 0 &&
            word->class == CLASS_NONE && !ends_in(word, "ly"))
            return none;
        if (i < hit->begin && word->class == CLASS_NONE && word->mark != ',' && !is_one_of(word, passed) &&
            (word->flags & RPMD_TOKEN_STOPWORD) != 0)
            return none;
    }
    return none;
}

/* The noun of "OPINION NOUN", behind further adjectives. */
static Target attributed_noun(const Review *review, size_t index)
{
    const Word *words = review->words;
    size_t i = index;

    for (size_t steps = 0;
         steps < LOOK_AHEAD && i < review->count && words[i].sentence == words[index - 1].sentence;
         steps++, i++) {
        if (word_is_nounlike(review, i))
            return phrase_from(review, i);
        if (words[i].class != CLASS_ADJECTIVE && words[i].mark != ',' &&
            !(word_is(&words[i], "and") && i + 1 < review->count && words[i + 1].class == CLASS_ADJECTIVE))
            break;
    }
    return (Target){index, index};
}

/* The noun phrase behind a preposition or verb: articles and adjectives first. */
static Target object_from(const Review *review, size_t index)
{
    const Word *words = review->words;
    size_t i = index;

    while (i < review->count && i < index + LOOK_AHEAD && words[i].sentence == words[index - 1].sentence &&
           (is_determiner(&words[i]) || word_is(&words[i], "how") ||
            (words[i].class == CLASS_ADJECTIVE && !word_is_nounlike(review, i))))
        i++;
    return phrase_from(review, i);
}

static bool is_state_preposition(const Word *word)
{
    static const char *const forms[] = {"with", "by", "in", "about", "at", "of", NULL};

    return word->mark == 0 && is_one_of(word, forms);
}

static Target target_of_word(const Review *review, Hit *hit)
{
    const Word *words = review->words;
    const Word *word = &words[hit->word];
    Target target = {0, 0};

    if (word_in(word, &experiencer_adjectives)) {
        if (hit->end < review->count && is_state_preposition(&words[hit->end]))
            target = object_from(review, hit->end + 1);
        return target;
    }
    if (word->class == CLASS_VERB && word_form_in(word, &experiencer_verbs))
        return object_from(review, hit->end);
    if (word->class == CLASS_VERB) {
        target = subject_before(review, hit->begin);
        return target.begin < target.end ? target : object_from(review, hit->end);
    }
    if (word->class == CLASS_ADVERB) {
        if (hit->end < review->count && words[hit->end].mark == 0) {
            Aspect aspect = word_aspect(&words[hit->end], &aspect_participles);

            if (aspect != NO_ASPECT) {
                hit->aspect = aspect;
                hit->end++;
                return target;
            }
        }
        return target;
    }
    if (word->class == CLASS_NOUN && hit->end < review->count && is_state_preposition(&words[hit->end]) &&
        !word_is(&words[hit->end], "of")) {
        target = object_from(review, hit->end + 1);
        if (target.begin < target.end)
            return target;
    }
    if (word->class == CLASS_ADJECTIVE) {
        target = attributed_noun(review, hit->end);
        if (target.begin < target.end)
            return target;
    }
    return predicate_subject(review, hit);
}

/* The last word names it; a well-known aspect takes the place of its words. */
static void settle(const Review *review, Hit *hit, Target target)
{
    const Word *head;
    Aspect aspect;

    if (target.begin >= target.end)
        return;
    head = &review->words[target.end - 1];
    aspect = word_aspect(head, &aspect_nouns);
    if (aspect == WHOLE)
        return;
    if (aspect != NO_ASPECT) {
        hit->aspect = aspect;
    }
    hit->target_begin = (uint32_t)target.begin;
    hit->target_end = (uint32_t)target.end;
}

/* Where a phrase breaks off before its object: "love these", "happy with", "no problems" + "with the zipper".
 */
static Target object_of_phrase(const Review *review, size_t end)
{
    static const char *const prepositions[] = {"with", "by", "in", "about", NULL};
    const Word *words = review->words;

    if (is_determiner(&words[end - 1]) || is_state_preposition(&words[end - 1]))
        return object_from(review, end);
    if (words[end].mark == 0 && is_one_of(&words[end], prepositions))
        return object_from(review, end + 1);
    return (Target){end, end};
}

/* The aspect that an opinion speaks of by itself, where it fits what the review is about: a dull knife has no
 * pacing, a tasteless film no taste. */
static Aspect fitting_aspect(const Review *review, Aspect aspect)
{
    if (review->domain == DOMAIN_FILM && aspect >= PRICE && aspect <= SAFETY)
        return aspect == LOOK ? VISUALS : NO_ASPECT;
    if (review->domain == DOMAIN_GOODS && aspect >= STORY && aspect < ENTERTAINMENT)
        return aspect == VISUALS ? LOOK : NO_ASPECT;
    return aspect;
}

void targets_find(const Review *review, Hits *hits)
{
    for (size_t i = 0; i < hits->count; i++) {
        Hit *hit = &hits->items[i];

        hit->aspect = fitting_aspect(review, hit->aspect);
        if (hit->concept == NO_CONCEPT)
            settle(review, hit, target_of_word(review, hit));
        else if (hit->aspect == NO_ASPECT && hit->end < review->count)
            settle(review, hit, object_of_phrase(review, hit->end));
    }
}
