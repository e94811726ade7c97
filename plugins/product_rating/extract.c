/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "product_rating.h"

enum {
    ASPECTS_MAX = 64,  /* different features of one review; what a longer one adds repeats these */
    NAME_MAX = 64,     /* bytes of an aspect's name */
    CONTEXT_MAX = 256, /* bytes */
    WORDS_QUOTED = 8,  /* words of an opinion in a context */
    SHOUTS = 2,        /* "!" that make enthusiasm */
};

static const char *const category_names[] = {
    [CATEGORY_OVERALL] = "overall sentiment", [CATEGORY_ASPECT] = "aspect",
    [CATEGORY_VERDICT] = "verdict",           [CATEGORY_COMPARISON] = "comparison",
    [CATEGORY_EXPECTATION] = "expectation",   [CATEGORY_COMPLAINT] = "complaint",
    [CATEGORY_RESERVATION] = "reservation",   [CATEGORY_ENTHUSIASM] = "enthusiasm",
};

/* What is said of one thing, in one direction; several mentions come together. */
typedef struct Finding {
    char name[NAME_MAX];
    Category category;
    const char *meaning; /* of the name, or NULL */
    float valence;       /* the sum over mentions */
    float weight;        /* the sum */
    uint32_t mentions;
    float strongest;
    uint32_t begin; /* words of the strongest mention */
    uint32_t end;
    uint32_t quoted_begin; /* words of its opinion */
    uint32_t quoted_end;
} Finding;

typedef struct Findings {
    Finding items[ASPECTS_MAX];
    size_t count;
} Findings;

static const float FAINT = 0.2f;    /* an opinion weaker than this makes no aspect */
static const float UNHEARD = 0.12f; /* ... and no tone */
static const float MENTION = 0.5f;  /* strength of one mention in the strongest words; further ones add up */

static int direction(float valence)
{
    return (valence > 0) - (valence < 0);
}

static void findings_add(Findings *findings, const char *name, Category category, const char *meaning,
                         const Hit *hit)
{
    Finding *finding = NULL;
    float weight = (hit->valence != 0 ? fabsf(hit->valence) : FAINT) * hit->weight;

    for (size_t i = 0; i < findings->count && finding == NULL; i++)
        if (findings->items[i].category == category && strcmp(findings->items[i].name, name) == 0 &&
            direction(findings->items[i].valence) == direction(hit->valence))
            finding = &findings->items[i];
    if (finding == NULL) {
        if (findings->count == ASPECTS_MAX)
            return;
        finding = &findings->items[findings->count++];
        *finding = (Finding){.category = category, .meaning = meaning, .strongest = -1};
        snprintf(finding->name, sizeof(finding->name), "%s", name);
    }
    finding->valence += hit->valence;
    finding->weight += weight;
    finding->mentions++;
    if (weight <= finding->strongest)
        return;
    finding->strongest = weight;
    finding->begin = hit->begin;
    finding->end = hit->end;
    finding->quoted_begin = hit->begin;
    finding->quoted_end = hit->end;
    if (hit->target_begin < hit->target_end) {
        if (hit->target_begin < finding->begin)
            finding->begin = hit->target_begin;
        if (hit->target_end > finding->end)
            finding->end = hit->target_end;
    }
}

/* Appends the word, cut to the room. */
static size_t append(char *text, size_t length, size_t size, rpmd_text word)
{
    if (length + word.length + 2 > size)
        return length;
    if (length > 0)
        text[length++] = ' ';
    memcpy(text + length, word.data, word.length);
    text[length + word.length] = '\0';
    return length + word.length;
}

/* Words that keep their -ie: "cookies" are no "cooky". */
static bool ends_in_ie(const char *name, size_t length)
{
    static const char *const words[] = {"movie",    "cookie",  "zombie", "hoodie", "brownie",
                                        "smoothie", "calorie", "selfie", "rookie", "genie",
                                        "birdie",   "doggie",  "indie",  "foodie", "goodie"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t size = strlen(words[i]);

        if (length >= size && memcmp(name + length - size, words[i], size) == 0)
            return true;
    }
    return false;
}

/* "needles" becomes "needle"; "glass", "bus" and "series" stay. */
static void to_singular(char *name)
{
    size_t length = strlen(name);

    if (length < 5 || name[length - 1] != 's' || strchr("suia'", name[length - 2]) != NULL ||
        (length > 6 && strcmp(name + length - 6, "series") == 0))
        return;
    if (name[length - 2] == 'e' && name[length - 3] == 'i' && !ends_in_ie(name, length - 1))
        memcpy(name + length - 3, "y", 2);
    else if (name[length - 2] == 'e' && strchr("sxzh", name[length - 3]) != NULL)
        name[length - 2] = '\0';
    else
        name[length - 1] = '\0';
}

static void target_name(const Review *review, const Hit *hit, char *name)
{
    size_t length = 0;

    *name = '\0';
    for (uint32_t i = hit->target_begin; i < hit->target_end; i++)
        length = append(name, length, NAME_MAX, review->words[i].lower);
    to_singular(name);
}

static void add_hit(const Review *review, Findings *findings, const Hit *hit)
{
    const Concept *concept = hit->concept != NO_CONCEPT ? concept_at(hit->concept) : NULL;
    char name[NAME_MAX];

    if (concept != NULL && concept->category != CATEGORY_ASPECT)
        findings_add(findings, concept->name, (Category) concept->category, concept->context, hit);
    if (fabsf(hit->valence) < FAINT)
        return;
    if (hit->aspect != NO_ASPECT && hit->aspect != WHOLE)
        findings_add(findings, aspect_texts[hit->aspect].name, CATEGORY_ASPECT,
                     aspect_texts[hit->aspect].context, hit);
    if (hit->target_begin < hit->target_end &&
        word_aspect(&review->words[hit->target_end - 1], &aspect_nouns) == NO_ASPECT) {
        target_name(review, hit, name);
        if (name[0] != '\0')
            findings_add(findings, name, CATEGORY_ASPECT, NULL, hit);
    }
}

static float clamp(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

static int emit(const Review *review, const char *name, const char *context, Category category,
                float polarity, float strength, uint32_t begin, uint32_t end)
{
    rpmd_feature feature = {
        .struct_size = sizeof(feature),
        .name = {name, strlen(name)},
        .context = {context, strlen(context)},
        .category = {category_names[category], strlen(category_names[category])},
        .polarity = clamp(polarity, -1, 1),
        .strength = clamp(strength, 0, 1),
        .evidence = {review->words[begin].span.begin, review->words[end - 1].span.end},
    };

    return review->call->host->emit_feature(review->call, &feature);
}

/* Appends the words of the opinion: how it tastes: "very good". */
static void quote(const Review *review, const Finding *finding, char *context, size_t length)
{
    char words[CONTEXT_MAX / 2] = "";
    size_t size = 0;

    for (uint32_t i = finding->quoted_begin;
         i < finding->quoted_end && i < finding->quoted_begin + WORDS_QUOTED; i++)
        size = append(words, size, sizeof(words), review->words[i].lower);
    snprintf(context + length, CONTEXT_MAX - length, "%s\"%s\"", length > 0 ? ": " : "", words);
}

static int finding_emit(const Review *review, const Finding *finding)
{
    char context[CONTEXT_MAX] = "";
    size_t length = 0;
    float polarity = finding->valence / (float)finding->mentions;

    if (finding->meaning != NULL)
        length = (size_t)snprintf(context, sizeof(context), "%s", finding->meaning);
    if (finding->category == CATEGORY_ASPECT)
        quote(review, finding, context, length);
    return emit(review, finding->name, context, finding->category, polarity, finding->weight * MENTION,
                finding->begin, finding->end);
}

/* The clause around the words. */
static void clause_around(const Review *review, uint32_t *begin, uint32_t *end)
{
    uint32_t first = review->words[*begin].clause, last = review->words[*end - 1].clause;

    while (*begin > 0 && review->words[*begin - 1].clause == first)
        (*begin)--;
    while (*end < review->count && review->words[*end].clause == last)
        (*end)++;
    while (*end > *begin + 1 && review->words[*end - 1].mark == ',')
        (*end)--;
    while (*begin + 1 < *end && review->words[*begin].mark != 0)
        (*begin)++;
}

typedef struct Grade {
    float from; /* the tone */
    const char *name;
    const char *context;
} Grade;

static const Grade grades[] = {
    {0.8f, "glowing praise", "the text praises strongly and has hardly a word against it"},
    {0.65f, "strong praise", "the text is clearly in favor"},
    {0.45f, "praise", "the text is in favor"},
    {0.2f, "mild praise", "the text is more for it than against it"},
    {-0.2f, "mixed opinion", "the text speaks for and against it, or without warmth"},
    {-0.45f, "mild criticism", "the text is more against it than for it"},
    {-0.65f, "criticism", "the text is against it"},
    {-0.8f, "strong criticism", "the text is clearly against it"},
    {-2, "scathing criticism", "the text condemns and has hardly a good word for it"},
};

static int emit_tone(const Review *review, const Hits *hits, Tone tone)
{
    const Grade *grade = grades;
    uint32_t begin, end;

    while (tone.value < grade->from)
        grade++;
    begin = hits->items[tone.carrier].begin;
    end = hits->items[tone.carrier].end;
    clause_around(review, &begin, &end);
    return emit(review, grade->name, grade->context, CATEGORY_OVERALL, tone.value, 1, begin, end);
}

/* "!" and capitals say more of what the review says anyway. */
static void emit_enthusiasm(const Review *review, float tone)
{
    const Word *words = review->words;
    uint32_t marks = 0, first_mark = 0, shouted = 0, first_shouted = 0, upper = 0, plain = 0;
    float polarity = tone > 0 ? 0.5f : -0.5f;

    for (size_t i = 0; i < review->count; i++) {
        bool is_upper = (words[i].flags & RPMD_TOKEN_UPPER) != 0;

        upper += is_upper;
        plain += words[i].mark == 0 && !is_upper;
        if (words[i].mark == '!' && marks++ == 0)
            first_mark = (uint32_t)i;
        if (is_upper && words[i].lower.length > 2 &&
            (words[i].valence != 0 || (words[i].flags & RPMD_TOKEN_STOPWORD) != 0) && shouted++ == 0)
            first_shouted = (uint32_t)i;
    }
    if (marks >= SHOUTS)
        emit(review, "exclamation marks", "the review is written with emphasis", CATEGORY_ENTHUSIASM,
             polarity, (float)marks / 10, first_mark, first_mark + 1);
    if (shouted > 0 && upper < plain)
        emit(review, "words in capitals", "the review stresses words with capital letters",
             CATEGORY_ENTHUSIASM, polarity, (float)shouted / 5, first_shouted, first_shouted + 1);
}

static int hit_compare(const void *a, const void *b)
{
    const Hit *left = a, *right = b;

    return (left->begin > right->begin) - (left->begin < right->begin);
}

static int finding_compare(const void *a, const void *b)
{
    const Finding *left = a, *right = b;

    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    if (left->category != right->category)
        return left->category < right->category ? -1 : 1;
    return strcmp(left->name, right->name);
}

static size_t first_word(const Review *review)
{
    size_t i = 0;

    while (i < review->count && review->words[i].mark != 0)
        i++;
    return i;
}

static int emit_all(const Review *review, const Hits *hits)
{
    Findings *findings = review->call->host->allocate(review->call, sizeof(*findings));
    size_t word = first_word(review);
    Tone tone;

    if (findings == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < hits->count; i++)
        add_hit(review, findings, &hits->items[i]);
    tone = tone_of(hits, 0, UINT32_MAX, review);
    if (tone.strongest >= UNHEARD) {
        emit_tone(review, hits, tone);
        emit_enthusiasm(review, tone.value);
    } else if (word < review->count) {
        uint32_t begin = (uint32_t)word, end = begin + 1;

        clause_around(review, &begin, &end);
        emit(review, "no clear opinion", "the text says nothing that is plainly good or bad",
             CATEGORY_OVERALL, 0, 0.5f, begin, end);
    }
    qsort(findings->items, findings->count, sizeof(findings->items[0]), finding_compare);
    for (size_t i = 0; i < findings->count; i++)
        if (finding_emit(review, &findings->items[i]) != RPMD_DONE)
            break;
    return RPMD_DONE;
}

int rating_extract(rpmd_call *call, const rpmd_query *query)
{
    Review review;
    Hits hits;
    int result = review_read(call, query->text, &review);

    if (result != RPMD_DONE)
        return result;
    clauses_number(&review);
    result = phrases_match(&review);
    if (result != RPMD_DONE)
        return result;
    clauses_weigh(&review);
    result = opinions_find(&review, &hits);
    if (result != RPMD_DONE)
        return result;
    targets_find(&review, &hits);
    hits.count += ratings_find(&review, hits.items + hits.count);
    qsort(hits.items, hits.count, sizeof(*hits.items), hit_compare);
    return emit_all(&review, &hits);
}
