/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "product_rating.h"

enum { FORM_MAX = 40 /* bytes; a longer word is no opinion word */ };

typedef struct Irregular {
    const char *form;
    const char *base;
} Irregular;

/* In byte order. Verbs that reviews are told with. */
static const Irregular irregular[] = {
    {"ate", "eat"},       {"became", "become"}, {"began", "begin"},   {"bent", "bend"},
    {"bitten", "bite"},   {"blew", "blow"},     {"blown", "blow"},    {"bought", "buy"},
    {"broke", "break"},   {"broken", "break"},  {"brought", "bring"}, {"built", "build"},
    {"burnt", "burn"},    {"came", "come"},     {"caught", "catch"},  {"chose", "choose"},
    {"did", "do"},        {"does", "do"},       {"drawn", "draw"},    {"drew", "draw"},
    {"fallen", "fall"},   {"fell", "fall"},     {"felt", "feel"},     {"forgot", "forget"},
    {"found", "find"},    {"froze", "freeze"},  {"frozen", "freeze"}, {"gave", "give"},
    {"given", "give"},    {"goes", "go"},       {"gone", "go"},       {"got", "get"},
    {"gotten", "get"},    {"had", "have"},      {"has", "have"},      {"heard", "hear"},
    {"held", "hold"},     {"kept", "keep"},     {"knew", "know"},     {"leapt", "leap"},
    {"led", "lead"},      {"left", "leave"},    {"lost", "lose"},     {"made", "make"},
    {"meant", "mean"},    {"paid", "pay"},      {"ran", "run"},       {"rose", "rise"},
    {"said", "say"},      {"sang", "sing"},     {"sank", "sink"},     {"saw", "see"},
    {"seen", "see"},      {"sent", "send"},     {"shone", "shine"},   {"shook", "shake"},
    {"shrank", "shrink"}, {"shrunk", "shrink"}, {"sold", "sell"},     {"spent", "spend"},
    {"spoke", "speak"},   {"stank", "stink"},   {"stole", "steal"},   {"stood", "stand"},
    {"struck", "strike"}, {"stuck", "stick"},   {"sunk", "sink"},     {"taken", "take"},
    {"thought", "think"}, {"threw", "throw"},   {"thrown", "throw"},  {"told", "tell"},
    {"took", "take"},     {"tore", "tear"},     {"torn", "tear"},     {"went", "go"},
    {"woke", "wake"},     {"won", "win"},       {"wore", "wear"},     {"worn", "wear"},
    {"wrote", "write"},
};

bool word_is(const Word *word, const char *form)
{
    const char *text = word->lower.data;
    size_t length = word->lower.length;

    for (size_t i = 0; i < length; i++)
        if (text[i] != form[i] || form[i] == '\0')
            return false;
    return form[length] == '\0';
}

/* Orders the text against a string, by bytes. */
static int compare(const char *text, size_t length, const char *string)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != string[i])
            return (unsigned char)text[i] < (unsigned char)string[i] ? -1 : 1;
    return string[length] == '\0' ? 0 : -1;
}

/* Finds the text among count records of size bytes that begin with a string; NULL where it is not. */
static const void *find(const void *records, size_t count, size_t size, const char *text, size_t length)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = (low + count) / 2;
        const void *record = (const char *)records + middle * size;
        const char *word;
        int order;

        memcpy(&word, record, sizeof(word));
        order = compare(text, length, word);
        if (order == 0)
            return record;
        if (order < 0)
            count = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const Opinion *opinion_find(const Opinions *opinions, const char *text, size_t length)
{
    return find(opinions->words, opinions->count, sizeof(Opinion), text, length);
}

static bool list_has(const WordList *list, const char *text, size_t length)
{
    return find(list->words, list->count, sizeof(*list->words), text, length) != NULL;
}

bool word_in(const Word *word, const WordList *list)
{
    return list_has(list, word->lower.data, word->lower.length);
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* What may stand in the place of a cut-off ending: "loved" is "lov" + "e", "happier" "happ" + "y". */
typedef struct Bases {
    char forms[4][FORM_MAX + 2];
    size_t count;
} Bases;

static void bases_add(Bases *bases, const char *stem, size_t length, const char *ending)
{
    char *form = bases->forms[bases->count++];

    memcpy(form, stem, length);
    memcpy(form + length, ending, strlen(ending) + 1);
}

/* The bases of a form that consists of stem and an ending that begins with a vowel, like -ed or -er. */
static void bases_of_stem(Bases *bases, const char *stem, size_t length)
{
    bases->count = 0;
    if (length < 2)
        return;
    bases_add(bases, stem, length, "");
    bases_add(bases, stem, length, "e");
    if (stem[length - 1] == 'i')
        bases_add(bases, stem, length - 1, "y");
    else if (length > 2 && stem[length - 1] == stem[length - 2] && !is_vowel(stem[length - 1]))
        bases_add(bases, stem, length - 1, "");
}

static bool ends_with(const char *form, size_t length, const char *ending)
{
    size_t size = strlen(ending);

    return length > size + 1 && memcmp(form + length - size, ending, size) == 0;
}

/* The bases of a verb's form in -s, -ed or -ing, or a noun's in -s. */
static void bases_of_inflection(Bases *bases, const char *form, size_t length)
{
    bases->count = 0;
    if (ends_with(form, length, "ied")) {
        bases_add(bases, form, length - 3, "y");
    } else if (ends_with(form, length, "ed")) {
        bases_of_stem(bases, form, length - 2);
    } else if (ends_with(form, length, "ing")) {
        bases_of_stem(bases, form, length - 3);
    } else if (ends_with(form, length, "s") && form[length - 2] != 's') {
        bases_add(bases, form, length - 1, "");
        if (ends_with(form, length, "ies"))
            bases_add(bases, form, length - 3, "y");
        else if (ends_with(form, length, "es"))
            bases_add(bases, form, length - 2, "");
    }
}

bool word_is_form_of(const Word *word, const char *base, size_t length)
{
    rpmd_text lower = word->lower;
    Bases bases;

    if (word->base != NULL && compare(base, length, word->base) == 0)
        return true;
    if (lower.length == length && memcmp(lower.data, base, length) == 0)
        return true;
    if (lower.length <= length || lower.length > FORM_MAX || memcmp(lower.data, base, length - 1) != 0)
        return false;
    bases_of_inflection(&bases, lower.data, lower.length);
    for (size_t i = 0; i < bases.count; i++)
        if (compare(base, length, bases.forms[i]) == 0)
            return true;
    return false;
}

bool word_form_in(const Word *word, const WordList *list)
{
    Bases bases;

    if (word_in(word, list) || (word->base != NULL && list_has(list, word->base, strlen(word->base))))
        return true;
    if (word->lower.length > FORM_MAX)
        return false;
    bases_of_inflection(&bases, word->lower.data, word->lower.length);
    for (size_t i = 0; i < bases.count; i++)
        if (list_has(list, bases.forms[i], strlen(bases.forms[i])))
            return true;
    return false;
}

Aspect word_aspect(const Word *word, const AspectWords *words)
{
    size_t length = word->lower.length;
    const AspectWord *found = find(words->words, words->count, sizeof(AspectWord), word->lower.data, length);

    if (found == NULL && length > 3 && word->lower.data[length - 1] == 's')
        found = find(words->words, words->count, sizeof(AspectWord), word->lower.data, length - 1);
    return found != NULL ? found->aspect : NO_ASPECT;
}

static void word_take(Word *word, const Opinion *opinion, WordClass class, Degree degree)
{
    word->valence = opinion->valence;
    word->aspect = opinion->aspect;
    word->class = (uint8_t) class;
    word->degree = (uint8_t)degree;
}

static bool take_base(Word *word, const Bases *bases, const Opinions *opinions, WordClass class,
                      Degree degree)
{
    for (size_t i = 0; i < bases->count; i++) {
        const Opinion *opinion = opinion_find(opinions, bases->forms[i], strlen(bases->forms[i]));

        if (opinion != NULL) {
            word_take(word, opinion, class, degree);
            return true;
        }
    }
    return false;
}

/* "funnily", "terribly", "ironically", "slowly". */
static bool take_adverb(Word *word, const char *form, size_t length)
{
    Bases bases = {.count = 0};

    if (!ends_with(form, length, "ly"))
        return false;
    bases_add(&bases, form, length - 2, "");
    if (ends_with(form, length, "ily"))
        bases_add(&bases, form, length - 3, "y");
    else if (ends_with(form, length, "ally"))
        bases_add(&bases, form, length - 4, "");
    else
        bases_add(&bases, form, length - 1, "e");
    return take_base(word, &bases, &adjectives, CLASS_ADVERB, DEGREE_PLAIN);
}

/* "funnier", "funniest", "cleverness". */
static bool take_derived(Word *word, const char *form, size_t length)
{
    Bases bases;

    if (ends_with(form, length, "er") || ends_with(form, length, "est")) {
        bool superlative = form[length - 1] == 't';

        bases_of_stem(&bases, form, length - (superlative ? 3 : 2));
        return take_base(word, &bases, &adjectives, CLASS_ADJECTIVE,
                         superlative ? DEGREE_SUPERLATIVE : DEGREE_COMPARATIVE);
    }
    if (ends_with(form, length, "ness")) {
        bases_of_stem(&bases, form, length - 4);
        return take_base(word, &bases, &adjectives, CLASS_NOUN, DEGREE_PLAIN);
    }
    return false;
}

static bool take_exact(Word *word, const char *form, size_t length)
{
    static const struct {
        const Opinions *opinions;
        WordClass class;
    } lists[] = {
        {&adjectives, CLASS_ADJECTIVE}, {&nouns, CLASS_NOUN}, {&verbs, CLASS_VERB}, {&adverbs, CLASS_ADVERB}};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const Opinion *opinion = opinion_find(lists[i].opinions, form, length);

        if (opinion != NULL) {
            word_take(word, opinion, lists[i].class, DEGREE_PLAIN);
            return true;
        }
    }
    return false;
}

static bool take_form(Word *word, const char *form, size_t length)
{
    Bases bases;

    if (take_exact(word, form, length))
        return true;
    if (word->base != NULL) {
        const Opinion *opinion = opinion_find(&verbs, word->base, strlen(word->base));

        if (opinion != NULL)
            word_take(word, opinion, CLASS_VERB, DEGREE_PLAIN);
        return opinion != NULL;
    }
    if (take_adverb(word, form, length) || take_derived(word, form, length))
        return true;
    bases_of_inflection(&bases, form, length);
    return take_base(word, &bases, &verbs, CLASS_VERB, DEGREE_PLAIN) ||
           (form[length - 1] == 's' && take_base(word, &bases, &nouns, CLASS_NOUN, DEGREE_PLAIN));
}

/* What the lexicon knows of the word; of an unknown compound, of its last part ("visually-stunning"). */
static void word_look_up(Word *word)
{
    const char *form = word->lower.data;
    size_t length = word->lower.length;
    const char *hyphen = NULL;
    const Irregular *entry;

    if (length < 2 || length > FORM_MAX)
        return;
    entry = find(irregular, sizeof(irregular) / sizeof(irregular[0]), sizeof(irregular[0]), form, length);
    word->base = entry != NULL ? entry->base : NULL;
    if (length > 3 && memcmp(form + length - 2, "'s", 2) == 0)
        return;
    if ((word->flags & RPMD_TOKEN_STOPWORD) != 0 || take_form(word, form, length))
        return;
    for (size_t i = 1; i + 3 < length; i++)
        if (form[i] == '-')
            hyphen = form + i;
    if (hyphen != NULL && strncmp(form, "non", 3) != 0 && strncmp(form, "anti", 4) != 0)
        take_form(word, hyphen + 1, length - (size_t)(hyphen + 1 - form));
}

static char mark_of(const rpmd_token *token)
{
    unsigned char first = token->lower.length > 0 ? (unsigned char)token->lower.data[0] : '~';

    if ((token->flags & RPMD_TOKEN_PUNCTUATION) == 0)
        return 0;
    return first < 0x80 ? (char)first : '~';
}

int review_read(rpmd_call *call, rpmd_text text, Review *review)
{
    const rpmd_token *tokens = NULL;
    size_t count = 0, plain = 0, capital = 0, film = 0, goods = 0;

    *review = (Review){.call = call, .text = text};
    if (call->host->tokenize(call, text, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    review->words = call->host->allocate(call, (count + 1) * sizeof(*review->words));
    if (review->words == NULL)
        return RPMD_FAILED;
    review->count = count;
    for (size_t i = 0; i < count; i++) {
        Word *word = &review->words[i];

        plain += (tokens[i].flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_CAPITALIZED)) == RPMD_TOKEN_WORD;
        capital += (tokens[i].flags & RPMD_TOKEN_CAPITALIZED) != 0;
        *word = (Word){.span = tokens[i].span,
                       .lower = tokens[i].lower,
                       .sentence = tokens[i].sentence,
                       .concept = NO_CONCEPT,
                       .weight = 1,
                       .flags = tokens[i].flags,
                       .mark = mark_of(&tokens[i])};
        if (word->flags & RPMD_TOKEN_WORD)
            word_look_up(word);
        if ((word->flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_STOPWORD)) == RPMD_TOKEN_WORD) {
            film += word_in(word, &film_words);
            goods += word_in(word, &goods_words);
        }
    }
    review->domain = film > goods ? DOMAIN_FILM : goods > film ? DOMAIN_GOODS : DOMAIN_UNKNOWN;
    review->capitals = capital > plain;
    return RPMD_DONE;
}
