/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "movie_tagging.h"

enum { KEYS_PER_WORD_MAX = 8, FORM_MAX = 48 /* bytes; a longer word is looked up as it stands */ };

typedef struct Irregular {
    const char *form;
    const char *base;
} Irregular;

/* Sorted by form. Only forms that the regular rules miss and that plots are told with. */
static const Irregular irregular[] = {
    {"ate", "eat"},      {"awoke", "awake"},   {"beaten", "beat"},   {"became", "become"},
    {"been", "be"},      {"began", "begin"},   {"begun", "begin"},   {"bitten", "bite"},
    {"bought", "buy"},   {"broke", "break"},   {"broken", "break"},  {"brought", "bring"},
    {"built", "build"},  {"came", "come"},     {"caught", "catch"},  {"children", "child"},
    {"chose", "choose"}, {"chosen", "choose"}, {"did", "do"},        {"died", "die"},
    {"done", "do"},      {"drawn", "draw"},    {"drew", "draw"},     {"driven", "drive"},
    {"drove", "drive"},  {"dying", "die"},     {"elves", "elf"},     {"fallen", "fall"},
    {"fell", "fall"},    {"felt", "feel"},     {"fled", "flee"},     {"flew", "fly"},
    {"fought", "fight"}, {"found", "find"},    {"froze", "freeze"},  {"gave", "give"},
    {"given", "give"},   {"goes", "go"},       {"gone", "go"},       {"got", "get"},
    {"gotten", "get"},   {"grew", "grow"},     {"grown", "grow"},    {"had", "have"},
    {"has", "have"},     {"held", "hold"},     {"hid", "hide"},      {"hidden", "hide"},
    {"is", "be"},        {"kept", "keep"},     {"knew", "know"},     {"known", "know"},
    {"left", "leave"},   {"led", "lead"},      {"lost", "lose"},     {"lying", "lie"},
    {"made", "make"},    {"meant", "mean"},    {"men", "man"},       {"met", "meet"},
    {"paid", "pay"},     {"ran", "run"},       {"rose", "rise"},     {"said", "say"},
    {"saw", "see"},      {"seen", "see"},      {"sent", "send"},     {"shot", "shoot"},
    {"slain", "slay"},   {"sold", "sell"},     {"sought", "seek"},   {"stole", "steal"},
    {"stolen", "steal"}, {"struck", "strike"}, {"stuck", "stick"},   {"sunk", "sink"},
    {"swept", "sweep"},  {"swore", "swear"},   {"sworn", "swear"},   {"taken", "take"},
    {"taught", "teach"}, {"thieves", "thief"}, {"thought", "think"}, {"told", "tell"},
    {"took", "take"},    {"torn", "tear"},     {"went", "go"},       {"were", "be"},
    {"wives", "wife"},   {"woke", "wake"},     {"wolves", "wolf"},   {"women", "woman"},
    {"won", "win"},      {"written", "write"}, {"wrote", "write"},
};

static const uint64_t HASH_BEGIN = 14695981039346656037u;

static uint64_t hash_more(uint64_t hash, char c)
{
    unsigned char byte = (unsigned char)c;

    if (byte >= 'A' && byte <= 'Z')
        byte = (unsigned char)(byte - 'A' + 'a');
    return (hash ^ byte) * 1099511628211u;
}

uint64_t word_hash(const char *bytes, size_t length)
{
    uint64_t hash = HASH_BEGIN;

    for (size_t i = 0; i < length; i++)
        hash = hash_more(hash, bytes[i]);
    return hash;
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* One vowel group, ending consonant after a single vowel: "car", "plan". Such a base doubles its last letter
 * before -ed and -ing, so "caring" is not a form of "car". */
static bool is_short_base(const char *base, size_t length)
{
    size_t groups = 0;

    for (size_t i = 0; i < length; i++)
        groups += is_vowel(base[i]) && (i == 0 || !is_vowel(base[i - 1]));
    return groups == 1 && length >= 2 && !is_vowel(base[length - 1]) && is_vowel(base[length - 2]) &&
           (length < 3 || !is_vowel(base[length - 3])) && base[length - 1] != 'x' && base[length - 1] != 'w';
}

typedef struct Keys {
    uint64_t hashes[KEYS_PER_WORD_MAX];
    size_t count;
    uint32_t initials; /* as Word has them */
    uint64_t
        begins[FORM_MAX + 1]; /* begins[n]: the hash of the word's first n bytes, where it is no longer */
} Keys;

static uint32_t initial_bit(char c)
{
    return 1u << (c & 31);
}

static void keys_add_hash(Keys *keys, uint64_t hash, char initial)
{
    if (keys->count == KEYS_PER_WORD_MAX)
        return;
    keys->initials |= initial_bit(initial);
    keys->hashes[keys->count++] = hash;
}

static void keys_add(Keys *keys, const char *form, size_t length)
{
    keys_add_hash(keys, word_hash(form, length), form[0]);
}

/* The word's first `length` bytes, and a letter behind them where it is not NUL. */
static void keys_add_begin(Keys *keys, const char *word, size_t length, char letter)
{
    uint64_t hash = keys->begins[length];

    keys_add_hash(keys, letter != '\0' ? hash_more(hash, letter) : hash, word[0]);
}

/* The base of a past or -ing form, of which the ending is already cut off. */
static void keys_add_verb(Keys *keys, const char *base, size_t length)
{
    if (length < 3)
        return;
    if (base[length - 1] == 'i') {
        keys_add_begin(keys, base, length - 1, 'y');
        return;
    }
    if (base[length - 1] == base[length - 2] && !is_vowel(base[length - 1])) {
        keys_add_begin(keys, base, length, '\0');
        keys_add_begin(keys, base, length - 1, '\0');
        return;
    }
    if (!is_short_base(base, length))
        keys_add_begin(keys, base, length, '\0');
    keys_add_begin(keys, base, length, 'e');
}

static void keys_add_plural(Keys *keys, const char *form, size_t length)
{
    char before = form[length - 2];

    if (length < 4 || before == 's')
        return;
    keys_add_begin(keys, form, length - 1, '\0');
    if (before != 'e' || length < 5)
        return;
    if (form[length - 3] == 'i')
        keys_add_begin(keys, form, length - 3, 'y');
    else if (strchr("sxzho", form[length - 3]) != NULL)
        keys_add_begin(keys, form, length - 2, '\0');
}

static void keys_add_irregular(Keys *keys, const char *form, size_t length)
{
    size_t low = 0, high = sizeof(irregular) / sizeof(irregular[0]);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strncmp(form, irregular[middle].form, length);

        if (order == 0 && irregular[middle].form[length] != '\0')
            order = -1;
        if (order == 0) {
            keys_add(keys, irregular[middle].base, strlen(irregular[middle].base));
            return;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
}

static void keys_of(Keys *keys, rpmd_text lower)
{
    const char *form = lower.data;
    size_t length = lower.length;

    keys->count = 0;
    keys->initials = 0;
    if (length > FORM_MAX || length < 2) {
        keys_add(keys, form, length);
        return;
    }
    keys->begins[0] = HASH_BEGIN;
    for (size_t i = 0; i < length; i++)
        keys->begins[i + 1] = hash_more(keys->begins[i], form[i]);
    keys_add_begin(keys, form, length, '\0');
    if (length > 3 && form[length - 1] == 's' && form[length - 2] == '\'') {
        length -= 2;
        keys_add_begin(keys, form, length, '\0');
    }
    if (length <= 8)
        keys_add_irregular(keys, form, length);
    if (length < 4)
        return;
    if (form[length - 1] == 's')
        keys_add_plural(keys, form, length);
    else if (form[length - 1] == 'd' && form[length - 2] == 'e')
        keys_add_verb(keys, form, length - 2);
    else if (length > 4 && memcmp(form + length - 3, "ing", 3) == 0)
        keys_add_verb(keys, form, length - 3);
}

/* An upper bound of keys_of's count that needs only the length. */
static size_t keys_bound(size_t length)
{
    return length < 2 ? 1 : length < 4 ? 2 : 6;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void word_read_case(Word *word, const char *bytes, size_t length)
{
    size_t letters = 0, lower = 0;

    for (size_t i = 0; i < length; i++) {
        letters += is_letter(bytes[i]);
        lower += bytes[i] >= 'a' && bytes[i] <= 'z';
    }
    word->capital = bytes[0] >= 'A' && bytes[0] <= 'Z';
    word->upper = word->capital && letters >= 2 && lower == 0;
    word->number = bytes[0] >= '0' && bytes[0] <= '9';
}

static bool is_ascii(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)bytes[i] >= 0x80)
            return false;
    return true;
}

/* Quotation marks and apostrophes part nothing, and neither does the period of an initial or a title ("K.",
 * "Dr."). */
static bool token_parts(rpmd_text text, const rpmd_token *token, const Word *before)
{
    char c = token->lower.length > 0 ? token->lower.data[0] : ' ';
    size_t length = before != NULL ? before->span.end - before->span.begin : 0;

    if (c == '"' || c == '\'' || c == '`')
        return false;
    return !(c == '.' && before != NULL && before->capital && !before->upper && length <= 2 &&
             before->span.end == token->span.begin) &&
           text.length > 0;
}

/* Writes the words of one token; returns how many. */
static size_t token_split(rpmd_text text, const rpmd_token *token, Word *words)
{
    const char *bytes = text.data + token->span.begin;
    size_t length = token->span.end - token->span.begin, begin = 0, count = 0;
    bool whole = length != token->lower.length || !is_ascii(bytes, length);

    for (size_t i = 0; i <= length; i++) {
        Word *word;

        if (i < length && (whole || bytes[i] != '-'))
            continue;
        if (i > begin) {
            word = &words[count++];
            *word = (Word){.sentence_start = count == 1 && (token->flags & RPMD_TOKEN_SENTENCE_START) != 0};
            word->span = (rpmd_span){token->span.begin + (uint32_t)begin, token->span.begin + (uint32_t)i};
            word->lower = whole ? token->lower : (rpmd_text){token->lower.data + begin, i - begin};
            word_read_case(word, bytes + begin, i - begin);
        }
        begin = i + 1;
    }
    return count;
}

static int words_index(rpmd_call *call, Words *index, Word *words)
{
    size_t bound = 0;
    uint64_t *hashes;

    for (size_t i = 0; i < index->count; i++)
        bound += keys_bound(words[i].lower.length);
    hashes = call->host->allocate(call, (bound + 1) * sizeof(*hashes));
    if (hashes == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < index->count; i++) {
        rpmd_text lower = words[i].lower;
        Keys keys;

        keys_of(&keys, lower);
        if (keys.count > keys_bound(lower.length))
            keys.count = keys_bound(lower.length);
        words[i].first_key = (uint32_t)index->key_count;
        words[i].key_count = (uint8_t)keys.count;
        words[i].initials = keys.initials;
        memcpy(hashes + index->key_count, keys.hashes, keys.count * sizeof(*hashes));
        index->key_count += keys.count;
    }
    index->keys = hashes;
    index->words = words;
    return RPMD_DONE;
}

int words_read(rpmd_call *call, rpmd_text text, Words *index)
{
    const rpmd_token *tokens;
    size_t token_count, bound;
    bool parted = true;
    Word *words;

    *index = (Words){.text = text};
    if (call->host->tokenize(call, text, &tokens, &token_count) != RPMD_DONE)
        return RPMD_FAILED;
    bound = token_count;
    for (const char *end = text.data + text.length, *hyphen = text.data;
         (hyphen = memchr(hyphen, '-', (size_t)(end - hyphen))) != NULL; hyphen++)
        bound++;
    words = call->host->allocate(call, (bound + 1) * sizeof(*words));
    if (words == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < token_count; i++) {
        Word *before = index->count > 0 ? &words[index->count - 1] : NULL;
        size_t added;

        if ((tokens[i].flags & RPMD_TOKEN_PUNCTUATION) != 0 || tokens[i].lower.length == 0) {
            parted |= token_parts(text, &tokens[i], before);
            continue;
        }
        added = token_split(text, &tokens[i], &words[index->count]);
        if (added > 0) {
            words[index->count].break_before = parted;
            parted = false;
        }
        index->count += added;
    }
    return words_index(call, index, words);
}

bool word_is(const Words *words, size_t index, const char *form)
{
    const Word *word = &words->words[index];
    uint64_t hash;

    if ((word->initials & initial_bit(form[0])) == 0)
        return false;
    hash = word_hash(form, strlen(form));
    for (size_t k = 0; k < word->key_count; k++)
        if (words->keys[word->first_key + k] == hash)
            return true;
    return false;
}

bool word_is_negated(const Words *words, size_t index)
{
    static const char *const negators[] = {"not",    "no",     "never", "without", "isn't",
                                           "aren't", "wasn't", "nor",   "neither"};
    static const char *const articles[] = {"a", "an", "the", "any"};

    for (size_t i = index, skipped = 0; i > 0 && skipped < 2 && !words->words[i].break_before;
         i--, skipped++) {
        bool article = false;

        for (size_t n = 0; n < sizeof(negators) / sizeof(negators[0]); n++)
            if (word_is(words, i - 1, negators[n]))
                return true;
        for (size_t n = 0; n < sizeof(articles) / sizeof(articles[0]); n++)
            article |= word_is(words, i - 1, articles[n]);
        if (!article)
            break;
    }
    return false;
}
