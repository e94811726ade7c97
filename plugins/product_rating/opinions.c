/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "product_rating.h"

enum {
    SCOPE = 5,          /* words that a negation reaches over */
    SCOPE_OF_THINK = 5, /* more, where somebody "does not think that ..." */
};

static const float WEAKER = 0.6f;
static const float AGAINST = 0.4f;  /* an adverb that contradicts its adjective */
static const float ASIDE = 0.6f;    /* an adverb by itself: "curls his lips elegantly" */
static const float COMPARED = 0.7f; /* "funnier" says less than "funny" */
static const float SHOUTED = 1.2f;  /* "AWFUL", and "!" behind it */
static const float SENTENCE_SHOUTED = 1.1f;
static const float HYPOTHETICAL = 0.5f; /* "would be great" */

typedef struct Intensifier {
    const char *word;
    float factor;
} Intensifier;

/* In no order: a dozen comparisons beside an opinion word. */
static const Intensifier intensifiers[] = {
    {"very", 1.25f},        {"really", 1.2f},         {"so", 1.2f},           {"extremely", 1.4f},
    {"incredibly", 1.4f},   {"absolutely", 1.4f},     {"super", 1.3f},        {"totally", 1.3f},
    {"completely", 1.3f},   {"utterly", 1.4f},        {"truly", 1.3f},        {"highly", 1.3f},
    {"quite", 1.1f},        {"exceptionally", 1.4f},  {"especially", 1.2f},   {"particularly", 1.2f},
    {"such", 1.15f},        {"most", 1.3f},           {"deeply", 1.25f},      {"thoroughly", 1.3f},
    {"consistently", 1.2f}, {"always", 1.15f},        {"ever", 1.1f},         {"even", 1.1f},
    {"all", 1.0f},          {"entirely", 1.2f},       {"wholly", 1.2f},       {"downright", 1.3f},
    {"genuinely", 1.2f},    {"hugely", 1.3f},         {"immensely", 1.4f},    {"enormously", 1.4f},
    {"seriously", 1.2f},    {"definitely", 1.2f},     {"perfectly", 1.3f},    {"insanely", 1.3f},
    {"ridiculously", 1.3f}, {"simply", 1.2f},         {"just", 1.0f},         {"undeniably", 1.2f},
    {"remarkably", 1.3f},   {"surprisingly", 1.1f},   {"unexpectedly", 1.1f}, {"often", 0.9f},
    {"pretty", 0.85f},      {"fairly", 0.75f},        {"rather", 0.85f},      {"somewhat", 0.6f},
    {"slightly", 0.5f},     {"mildly", 0.5f},         {"partly", 0.5f},       {"partially", 0.5f},
    {"semi", 0.5f},         {"almost", 0.6f},         {"nearly", 0.6f},       {"mostly", 0.8f},
    {"largely", 0.85f},     {"generally", 0.8f},      {"sometimes", 0.6f},    {"occasionally", 0.5f},
    {"fitfully", 0.4f},     {"intermittently", 0.4f}, {"sporadically", 0.3f}, {"moderately", 0.6f},
    {"reasonably", 0.7f},   {"relatively", 0.7f},     {"modestly", 0.6f},     {"merely", 0.4f},
    {"only", 0.5f},         {"mainly", 0.8f},         {"basically", 0.9f},    {"potentially", 0.5f},
    {"supposedly", 0.1f},   {"allegedly", 0.1f},      {"beyond", 1.3f},
};

static bool is_one_of(const Word *word, const char *const *forms)
{
    for (; *forms != NULL; forms++)
        if (word_is(word, *forms))
            return true;
    return false;
}

static float intensity(const Word *word)
{
    for (size_t i = 0; i < sizeof(intensifiers) / sizeof(intensifiers[0]); i++)
        if (word_is(word, intensifiers[i].word))
            return intensifiers[i].factor;
    return 0;
}

static bool is_capital(const Review *review, size_t index)
{
    const Word *word = &review->words[index];

    return index < review->count && (word->flags & RPMD_TOKEN_CAPITALIZED) != 0 &&
           (word->flags & (RPMD_TOKEN_UPPER | RPMD_TOKEN_SENTENCE_START)) == 0;
}

/* A part of a title or a name: "Pretty Woman". Where the whole text is written so, it is none. */
static bool is_name(const Review *review, size_t index)
{
    return !review->capitals && is_capital(review, index) &&
           (is_capital(review, index + 1) || (index > 0 && is_capital(review, index - 1)));
}

static bool is_negating_word(const Word *word)
{
    static const char *const forms[] = {
        "not",    "no",       "never",  "none",   "neither", "nor",     "nobody",  "nothing", "without",
        "barely", "scarcely", "rarely", "seldom", "cannot",  "zero",    "lacks",   "lacking", "isnt",
        "doesnt", "dont",     "didnt",  "wasnt",  "cant",    "couldnt", "wouldnt", "wont",    "arent",
        "aint",   "werent",   "hasnt",  "havent", "nary",    NULL};
    size_t length = word->lower.length;

    return (length > 3 && memcmp(word->lower.data + length - 3, "n't", 3) == 0) || is_one_of(word, forms);
}

/* Not in "not only", "doesn't just", nor in a title ("No Man's Land"). */
static bool is_negator(const Review *review, size_t index)
{
    static const char *const adding[] = {"only", "just", "merely", "simply", NULL};

    return is_negating_word(&review->words[index]) && !is_one_of(&review->words[index + 1], adding) &&
           !is_name(review, index);
}

/* What a negation makes of an opinion: "not great" is bad but less so, "not bad" only a little good. */
static float negated(float valence)
{
    return valence > 0 ? -(0.3f + 0.3f * valence) : -0.35f * valence;
}

/* What an adverb of opinion does to the opinion behind it: "terribly funny", "terribly dull", "weakly funny",
 * "gloriously bad". */
static float manner(const Word *adverb, const Word *word)
{
    static const char *const strengthening[] = {
        "terribly", "awfully",      "insanely", "wickedly", "painfully",    "frighteningly", "stupidly",
        "horribly", "ridiculously", "absurdly", "achingly", "outrageously", "disturbingly",  NULL};

    if ((adverb->valence > 0) == (word->valence > 0) || is_one_of(adverb, strengthening))
        return SHOUTED;
    return AGAINST;
}

typedef struct Modifiers {
    float factor;
    bool negated;
    bool too;     /* "too" right before */
    bool less;    /* "less", "least" */
    size_t begin; /* the first word that modifies */
} Modifiers;

static bool ends_scope(const Word *word)
{
    static const char *const forms[] = {"and",  "because", "which", "who", "since",
                                        "when", "until",   "where", NULL};

    return is_one_of(word, forms) ||
           (word->class == CLASS_VERB && word->valence != 0 && word->concept == NO_CONCEPT);
}

/* Reads the words before an opinion. */
static Modifiers modifiers_of(const Review *review, size_t begin, size_t floor)
{
    static const char *const thinking[] = {"think", "believe", "feel", "find", "expect",
                                           "say",   "imagine", "seem", NULL};
    Modifiers modifiers = {.factor = 1, .begin = begin};
    const Word *words = review->words;
    size_t scope = SCOPE;
    bool near = true, extended = false;

    for (size_t i = begin; i-- > floor && words[i].clause == words[begin].clause && scope-- > 0;) {
        const Word *word = &words[i];
        float factor = intensity(word);

        if (word->concept != NO_CONCEPT) {
            uint8_t kind = concept_at(word->concept)->kind;

            if (kind != PHRASE_NEGATOR && kind != PHRASE_WEAKENER && kind != PHRASE_REVERSAL)
                continue;
            if (kind == PHRASE_WEAKENER && near)
                modifiers.factor *= WEAKER;
            else if (kind != PHRASE_WEAKENER)
                modifiers.negated = true;
            while (i > floor && words[i].phrase_end == 0)
                i--;
            modifiers.begin = i;
        } else if (is_negator(review, i)) {
            modifiers.negated = true;
            modifiers.begin = i;
            break;
        } else if (near && word_is(word, "too")) {
            modifiers.too = true;
            modifiers.begin = i;
        } else if (near && (word_is(word, "less") || word_is(word, "least"))) {
            modifiers.less = true;
            modifiers.begin = i;
        } else if (near && factor > 0) {
            modifiers.factor *= factor;
            modifiers.begin = i;
        } else if (near && word->class == CLASS_ADVERB && word->valence != 0) {
            modifiers.factor *= manner(word, &words[begin]);
            modifiers.begin = i;
        } else if (word_is(word, "would") || word_is(word, "could") || word_is(word, "might")) {
            modifiers.factor *= HYPOTHETICAL;
        } else if (ends_scope(word)) {
            break;
        } else {
            if (!extended && is_one_of(word, thinking)) {
                scope += SCOPE_OF_THINK;
                extended = true;
            }
            near = near && word->class == CLASS_ADJECTIVE;
        }
    }
    return modifiers;
}

static float clamp(float value)
{
    return value > 1 ? 1 : value < -1 ? -1 : value;
}

static float apply(const Modifiers *modifiers, float valence, const Word *word)
{
    if (modifiers->too && word->class == CLASS_ADJECTIVE)
        valence = valence > 0.45f ? -0.3f : valence - 0.4f;
    valence *= modifiers->factor;
    if (modifiers->less)
        valence = -0.5f * valence;
    if (modifiers->negated)
        valence = negated(clamp(valence));
    return clamp(valence);
}

/* "like" and "love" are verbs of opinion only behind somebody who does. */
static bool has_liker(const Review *review, size_t index)
{
    static const char *const likers[] = {
        "i",          "we",     "they",       "he",     "she",          "you",        "you'll",   "i'd",
        "i'll",       "we'll",  "they'll",    "really", "also",         "especially", "still",    "not",
        "don't",      "didn't", "doesn't",    "do",     "did",          "does",       "just",     "will",
        "would",      "to",     "absolutely", "simply", "particularly", "who",        "everyone", "people",
        "definitely", "truly",  "all",        "and",    "dont",         "didnt",      "actually", "always",
        "kids",       "fans",   "dogs",       "cats",   "audiences",    "totally",    "both",     "much",
        NULL};
    const Word *words = review->words;

    return index > 0 && words[index - 1].sentence == words[index].sentence &&
           is_one_of(&words[index - 1], likers);
}

static bool is_love_verb(const Review *review, size_t index)
{
    static const char *const objects[] = {"it",    "this", "these", "them", "the",   "that",  "my",
                                          "how",   "her",  "his",   "its",  "to",    "being", "everything",
                                          "using", "your", "their", "all",  "those", "our",   NULL};
    const Word *word = &review->words[index];

    if (!word_is(word, "love") && !word_is(word, "like"))
        return !word_is(word, "loving");
    if (has_liker(review, index))
        return true;
    return word_is(word, "love") && index + 1 < review->count &&
           ((word->flags & RPMD_TOKEN_SENTENCE_START) != 0 || index == 0 ||
            review->words[index - 1].mark != 0) &&
           is_one_of(&review->words[index + 1], objects);
}

/* "works well", "well made"; not "oh well", "the well", "well, ...". */
static bool is_well_adverb(const Review *review, size_t index)
{
    static const char *const doing[] = {
        "fit",    "work",  "hold",  "go",    "do",   "play",  "perform",   "sound",   "look",  "function",
        "make",   "taste", "clean", "run",   "sell", "stick", "stay",      "wear",    "wash",  "wear",
        "charge", "pair",  "cook",  "smell", "act",  "write", "translate", "capture", "serve", "handle",
        "use",    "turn",  "build", "blend", "move", "come",  "sleep",     NULL};
    static const char *const adverbs_before[] = {"very",      "so",     "really",     "pretty",       "quite",
                                                 "extremely", "fairly", "reasonably", "surprisingly", NULL};
    const Word *words = review->words;
    size_t before = index;

    if (index + 1 < review->count && words[index + 1].mark == 0 &&
        (word_aspect(&words[index + 1], &aspect_participles) != NO_ASPECT ||
         (words[index + 1].lower.length > 4 &&
          memcmp(words[index + 1].lower.data + words[index + 1].lower.length - 2, "ed", 2) == 0)))
        return true;
    if (before > 0 && is_one_of(&words[before - 1], adverbs_before))
        return true;
    for (size_t back = 0; back < 3 && before > 0; back++) {
        before--;
        if (words[before].clause != words[index].clause)
            return false;
        for (const char *const *verb = doing; *verb != NULL; verb++)
            if (word_is_form_of(&words[before], *verb, strlen(*verb)))
                return true;
    }
    return false;
}

/* "a pretty good deal" against "a pretty dress". */
static bool is_pretty_adverb(const Review *review, size_t index)
{
    const Word *next = &review->words[index + 1];

    if (index + 1 >= review->count || next->mark != 0)
        return false;
    return next->class == CLASS_ADJECTIVE || next->class == CLASS_ADVERB ||
           (next->class == CLASS_VERB && next->valence != 0) || word_is(next, "much") ||
           word_is(next, "darn") || word_is(next, "damn") || word_is(next, "well") ||
           (next->lower.length > 4 && memcmp(next->lower.data + next->lower.length - 2, "ly", 2) == 0);
}

/* Whether a word of the lexicon is used as an opinion here. */
static bool speaks(const Review *review, size_t index)
{
    const Word *words = review->words;
    const Word *word = &words[index];
    const Word *next = &words[index + 1];
    const Word *before = index > 0 ? &words[index - 1] : NULL;

    if (word->class == CLASS_ADVERB && !word_is(word, "well") && index + 1 < review->count &&
        next->mark == 0 && next->valence != 0 && next->concept == NO_CONCEPT)
        return false; /* "terribly funny": only strengthens */
    if (is_name(review, index))
        return false;
    if (word_is(word, "quality"))
        return word_is_nounlike(review, index + 1) &&
               !(before != NULL && (word_is(before, "the") || word_is(before, "of")));
    if (word_is_form_of(word, "love", 4) || word_is_form_of(word, "like", 4))
        return is_love_verb(review, index);
    if (word_is(word, "well"))
        return is_well_adverb(review, index);
    if (word_is(word, "pretty"))
        return !is_pretty_adverb(review, index);
    if (word_is(word, "kind"))
        return !(index + 1 < review->count && word_is(next, "of"));
    if (word_is(word, "original") || word_is(word, "classic") || word_is(word, "novel")) /* "the original" */
        return !(before != NULL && (word_is(before, "the") || word_is(before, "an")) &&
                 !word_is_nounlike(review, index + 1));
    if (word_is(word, "last") || word_is(word, "lasts")) /* "the last one", but "it lasts" */
        return word_is(word, "lasts");
    if (word_is(word, "right")) /* "right" as a place or an adverb */
        return before != NULL && (word_is(before, "is") || word_is(before, "are") || word_is(before, "was") ||
                                  word_is(before, "just"));
    if (word_is(word, "hard"))
        return !word_is_nounlike(review, index + 1) || (index + 1 < review->count && word_is(next, "to"));
    if (word->class == CLASS_VERB && word_is(word, "return"))
        return before != NULL && word_is(before, "to");
    return true;
}

static bool hit_push(Hits *hits, size_t limit, const Hit *hit)
{
    if (hits->count == limit)
        return false;
    hits->items[hits->count++] = *hit;
    return true;
}

static float shouted(const Review *review, size_t begin, size_t end, const Word *word)
{
    const Word *words = review->words;
    float factor = (word->flags & RPMD_TOKEN_UPPER) != 0 && word->lower.length > 2 ? SHOUTED : 1;

    while (end < review->count && end - begin < 12 && words[end].sentence == words[begin].sentence &&
           words[end].mark == 0)
        end++;
    if (end < review->count && words[end].mark == '!')
        factor *= SENTENCE_SHOUTED;
    return factor;
}

static float degree_factor(const Word *word)
{
    return word->degree == DEGREE_COMPARATIVE ? COMPARED : word->degree == DEGREE_SUPERLATIVE ? SHOUTED : 1;
}

/* The hit of the phrase that begins at index; false where it says nothing. */
static bool phrase_hit(const Review *review, size_t index, size_t floor, Hit *hit)
{
    const Word *word = &review->words[index];
    const Concept *concept = concept_at(word->concept);
    float valence = (float)concept->valence / 10;

    if (concept->kind != PHRASE_OPINION && concept->kind != PHRASE_FIXED && concept->kind != PHRASE_REVERSAL)
        return false;
    *hit = (Hit){.begin = (uint32_t)index,
                 .end = word->phrase_end,
                 .word = (uint32_t)index,
                 .concept = word->concept,
                 .weight = word->weight,
                 .aspect = concept->aspect};
    if (concept->kind == PHRASE_OPINION) {
        Modifiers modifiers = modifiers_of(review, index, floor);

        if (modifiers.negated) {
            valence = negated(valence);
            hit->begin = (uint32_t)modifiers.begin;
        }
    }
    hit->valence = clamp(valence * shouted(review, index, word->phrase_end, word));
    return true;
}

static bool word_hit(const Review *review, size_t index, size_t floor, Hit *hit)
{
    const Word *word = &review->words[index];
    Modifiers modifiers;

    if (word->class == CLASS_NONE || !speaks(review, index))
        return false;
    modifiers = modifiers_of(review, index, floor);
    if (word->valence == 0 && !modifiers.too)
        return false;
    *hit = (Hit){.begin = (uint32_t)modifiers.begin,
                 .end = (uint32_t)index + 1,
                 .word = (uint32_t)index,
                 .concept = NO_CONCEPT,
                 .weight = word->weight,
                 .aspect = word->aspect};
    if (word->class == CLASS_ADVERB && !word_is(word, "well") &&
        word_aspect(&review->words[index + 1], &aspect_participles) == NO_ASPECT)
        modifiers.factor *= ASIDE;
    hit->valence = apply(&modifiers, (float)word->valence / 10 * degree_factor(word), word);
    hit->valence = clamp(hit->valence * shouted(review, index, index + 1, word));
    return true;
}

int opinions_find(Review *review, Hits *hits)
{
    size_t limit = review->count + RATING_HITS_MAX;
    size_t floor = 0; /* modifiers are not looked for before the end of the last phrase that spoke */

    *hits = (Hits){.items = review->call->host->allocate(review->call, (limit + 1) * sizeof(*hits->items))};
    if (hits->items == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < review->count; i++) {
        const Word *word = &review->words[i];
        Hit hit;

        if ((i & 1023) == 1023 && review->call->host->expired(review->call))
            return RPMD_STOPPED;
        if (word->phrase_end > 0) {
            if (phrase_hit(review, i, floor, &hit)) {
                hit_push(hits, limit, &hit);
                floor = concept_at(word->concept)->kind == PHRASE_REVERSAL ? floor : word->phrase_end;
            }
            i = word->phrase_end - 1;
        } else if (word->concept == NO_CONCEPT && word_hit(review, i, floor, &hit)) {
            hit_push(hits, limit, &hit);
        }
    }
    return RPMD_DONE;
}
