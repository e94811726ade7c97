/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scholarly_title.h"

/*
 * YAKE: R. Campos, V. Mangaravite, A. Pasquali, A. Jorge, C. Nunes, A. Jatowt, "YAKE! Keyword extraction from
 * single documents using multiple local features", Information Sciences 509 (2020). Lower scores are better.
 *
 *   T_case = max(TF_acronym, TF_upper) / (1 + ln TF)      T_pos  = ln(ln(3 + median sentence))
 *   TF_norm = TF / (mean TF + deviation of TF)            T_rel  = 1 + (DL + DR) TF / max TF
 *   T_sent = sentences with the term / sentences          DL, DR = different neighbours / neighbours, left
 * and right S(t)  = T_rel T_pos / (T_case + TF_norm / T_rel + T_sent / T_rel) S(kw) = prod S(t) / (KF (1 +
 * sum S(t))); a stop word inside counts by how firmly it joins its neighbours
 *
 * Ours: a term is a stem, the window is 1, and instead of the string distance of the paper a candidate is
 * left out when its stems are all in a better one, or a better one's are all in it.
 */

enum { PHRASE_WORDS_MAX = 3, CANDIDATES_MAX = 1 << 16 };

typedef struct Term {
    rpmd_text stem;
    uint32_t frequency, upper, acronym;
    uint32_t sentences, last_sentence;
    uint32_t left, right;                     /* neighbours in all */
    uint32_t left_different, right_different; /* different ones */
    uint32_t median_sentence, seen;
    float score;
    bool stop;
} Term;

/* An n-gram of terms; n stands in key's high bits so that lengths do not mix. */
typedef struct Candidate {
    uint64_t key;
    uint32_t token; /* where it first begins */
    uint32_t words;
    uint32_t frequency;
    float score;
} Candidate;

typedef struct Yake {
    const Tokens *tokens;
    uint32_t *terms_of; /* term number of each token; NO_TOKEN for punctuation */
    Term *terms;
    size_t term_count;
    Candidate *candidates;
    size_t candidate_count;
    uint64_t *pairs; /* set of (term, term) pairs and their counts */
    uint32_t *pair_counts;
    size_t pair_mask;
} Yake;

static uint64_t mix(uint64_t value)
{
    value ^= value >> 31;
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 29;
}

static uint64_t text_hash(rpmd_text text)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
    return hash;
}

static size_t table_size(size_t entries)
{
    size_t size = 64;

    while (size < entries * 2)
        size *= 2;
    return size;
}

static int yake_terms(rpmd_call *call, Yake *yake)
{
    const Tokens *tokens = yake->tokens;
    size_t size = table_size(tokens->count);
    uint32_t *slots = call->host->allocate(call, size * sizeof(*slots));

    yake->terms_of = call->host->allocate(call, (tokens->count + 1) * sizeof(*yake->terms_of));
    yake->terms = call->host->allocate(call, (tokens->count + 1) * sizeof(*yake->terms));
    if (slots == NULL || yake->terms_of == NULL || yake->terms == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < tokens->count; i++) {
        const rpmd_token *token = &tokens->items[i];
        size_t slot;
        Term *term;

        yake->terms_of[i] = NO_TOKEN;
        if (!token_is_word(token))
            continue;
        slot = mix(text_hash(token->stem)) & (size - 1);
        for (; slots[slot] != 0; slot = (slot + 1) & (size - 1)) {
            term = &yake->terms[slots[slot] - 1];
            if (term->stem.length == token->stem.length &&
                memcmp(term->stem.data, token->stem.data, term->stem.length) == 0)
                break;
        }
        if (slots[slot] == 0) {
            slots[slot] = (uint32_t)++yake->term_count;
            yake->terms[slots[slot] - 1].stem = token->stem;
            yake->terms[slots[slot] - 1].last_sentence = NO_TOKEN;
        }
        yake->terms_of[i] = slots[slot] - 1;
        term = &yake->terms[slots[slot] - 1];
        term->frequency++;
        term->acronym += (token->flags & RPMD_TOKEN_UPPER) != 0;
        term->upper +=
            (token->flags & (RPMD_TOKEN_CAPITALIZED | RPMD_TOKEN_SENTENCE_START)) == RPMD_TOKEN_CAPITALIZED;
        term->sentences += term->last_sentence != token->sentence;
        term->last_sentence = token->sentence;
        term->stop |= (token->flags & RPMD_TOKEN_STOPWORD) != 0 || (token->flags & RPMD_TOKEN_NUMBER) != 0 ||
                      token->lower.length < 2;
    }
    return RPMD_DONE;
}

static bool adjacent(const Yake *yake, size_t index)
{
    return index + 1 < yake->tokens->count && yake->terms_of[index] != NO_TOKEN &&
           yake->terms_of[index + 1] != NO_TOKEN &&
           yake->tokens->items[index].sentence == yake->tokens->items[index + 1].sentence;
}

/* The slot of a pair of neighbours; its count is 0 where they never stood side by side. */
static size_t pair_slot(const Yake *yake, uint32_t left, uint32_t right)
{
    uint64_t pair = ((uint64_t)left << 32 | right) + 1;
    size_t slot = mix(pair) & yake->pair_mask;

    while (yake->pair_counts[slot] != 0 && yake->pairs[slot] != pair)
        slot = (slot + 1) & yake->pair_mask;
    return slot;
}

static int yake_neighbours(rpmd_call *call, Yake *yake)
{
    size_t size = table_size(yake->tokens->count);

    yake->pairs = call->host->allocate(call, size * sizeof(*yake->pairs));
    yake->pair_counts = call->host->allocate(call, size * sizeof(*yake->pair_counts));
    yake->pair_mask = size - 1;
    if (yake->pairs == NULL || yake->pair_counts == NULL)
        return RPMD_FAILED;
    for (size_t i = 0; i < yake->tokens->count; i++) {
        uint32_t left, right;
        size_t slot;

        if (!adjacent(yake, i))
            continue;
        left = yake->terms_of[i];
        right = yake->terms_of[i + 1];
        slot = pair_slot(yake, left, right);
        yake->pairs[slot] = ((uint64_t)left << 32 | right) + 1;
        yake->terms[left].right++;
        yake->terms[right].left++;
        if (yake->pair_counts[slot]++ == 0) {
            yake->terms[left].right_different++;
            yake->terms[right].left_different++;
        }
    }
    return RPMD_DONE;
}

static void yake_medians(Yake *yake)
{
    for (size_t i = 0; i < yake->tokens->count; i++) {
        Term *term;

        if (yake->terms_of[i] == NO_TOKEN)
            continue;
        term = &yake->terms[yake->terms_of[i]];
        if (term->seen++ == term->frequency / 2)
            term->median_sentence = yake->tokens->items[i].sentence;
    }
}

static void yake_score_terms(Yake *yake)
{
    double sum = 0, squares = 0, count = 0, mean, deviation, most = 1, sentences;

    for (size_t i = 0; i < yake->term_count; i++) {
        const Term *term = &yake->terms[i];

        if (term->stop)
            continue;
        count++;
        sum += term->frequency;
        squares += (double)term->frequency * term->frequency;
        most = term->frequency > most ? term->frequency : most;
    }
    mean = count > 0 ? sum / count : 0;
    deviation = count > 0 ? sqrt(fmax(0, squares / count - mean * mean)) : 0;
    sentences = yake->tokens->items[yake->tokens->count - 1].sentence + 1.0;
    for (size_t i = 0; i < yake->term_count; i++) {
        Term *term = &yake->terms[i];
        double frequency = term->frequency;
        double left = term->left > 0 ? (double)term->left_different / term->left : 0;
        double right = term->right > 0 ? (double)term->right_different / term->right : 0;
        double related = 1 + (left + right) * frequency / most;
        double position = log(log(3.0 + term->median_sentence));
        double letter_case =
            (term->acronym > term->upper ? term->acronym : term->upper) / (1 + log(frequency));
        double normal = frequency / (mean + deviation + 1e-9);
        double spread = term->sentences / sentences;

        term->score = (float)(related * position / (letter_case + normal / related + spread / related));
    }
}

/* S(kw) for the words that begin at token; KF is divided out later. */
static double phrase_score(const Yake *yake, size_t token, size_t words, uint32_t frequency)
{
    double product = 1, sum = 0;

    for (size_t i = 0; i < words; i++) {
        const Term *term = &yake->terms[yake->terms_of[token + i]];

        if (!term->stop) {
            product *= term->score;
            sum += term->score;
        } else {
            uint32_t before = yake->terms_of[token + i - 1], after = yake->terms_of[token + i + 1];
            double from = yake->pair_counts[pair_slot(yake, before, yake->terms_of[token + i])];
            double to = yake->pair_counts[pair_slot(yake, yake->terms_of[token + i], after)];
            double bound = from / yake->terms[before].frequency * (to / yake->terms[after].frequency);

            product *= 1 + (1 - bound);
            sum -= 1 - bound;
        }
    }
    return product / (frequency * fmax(1e-6, 1 + sum));
}

static bool ends_phrase(const Yake *yake, const bool *empty, size_t token)
{
    rpmd_text lower = yake->tokens->items[token].lower;
    bool adverb = lower.length > 4 && memcmp(lower.data + lower.length - 2, "ly", 2) == 0;

    return !yake->terms[yake->terms_of[token]].stop && !empty[token] && !adverb;
}

/* Whether a phrase may go on from the token at index to the next one. */
static bool joins(const Yake *yake, size_t index)
{
    const rpmd_token *next = &yake->tokens->items[index + 1];

    return adjacent(yake, index) && ((next->flags & RPMD_TOKEN_STOPWORD) == 0 || token_is(next, "of") ||
                                     token_is(next, "from") || token_is(next, "in"));
}

static int yake_candidates(rpmd_call *call, Yake *yake)
{
    const Tokens *tokens = yake->tokens;
    size_t bound = tokens->count * PHRASE_WORDS_MAX, size;
    uint32_t *slots;
    bool *empty = call->host->allocate(call, tokens->count + 1);

    bound = bound < CANDIDATES_MAX ? bound : CANDIDATES_MAX;
    size = table_size(bound);
    slots = call->host->allocate(call, size * sizeof(*slots));
    yake->candidates = call->host->allocate(call, (bound + 1) * sizeof(*yake->candidates));
    if (slots == NULL || yake->candidates == NULL || empty == NULL)
        return RPMD_FAILED;
    empty_words_mark(tokens, empty);
    for (size_t i = 0; i < tokens->count; i++) {
        uint64_t key = 0;

        if (yake->terms_of[i] == NO_TOKEN || !ends_phrase(yake, empty, i))
            continue;
        for (size_t words = 1; words <= PHRASE_WORDS_MAX && (words == 1 || joins(yake, i + words - 2));
             words++) {
            Candidate *candidate;
            size_t slot;

            key = mix(key * 3 + yake->terms_of[i + words - 1] + 1);
            if (!ends_phrase(yake, empty, i + words - 1))
                continue;
            for (slot = key & (size - 1); slots[slot] != 0; slot = (slot + 1) & (size - 1))
                if (yake->candidates[slots[slot] - 1].key == key)
                    break;
            if (slots[slot] == 0) {
                if (yake->candidate_count == bound)
                    return RPMD_DONE;
                slots[slot] = (uint32_t)++yake->candidate_count;
                yake->candidates[slots[slot] - 1] =
                    (Candidate){.key = key, .token = (uint32_t)i, .words = (uint32_t)words};
            }
            candidate = &yake->candidates[slots[slot] - 1];
            candidate->frequency++;
        }
    }
    return RPMD_DONE;
}

static int candidate_compare(const void *a, const void *b)
{
    const Candidate *left = a, *right = b;

    if (left->score != right->score)
        return left->score < right->score ? -1 : 1;
    if (left->token != right->token)
        return left->token < right->token ? -1 : 1;
    return left->words > right->words ? -1 : left->words < right->words;
}

/* How many content terms of one candidate the other has too; *content: how many there are. */
static size_t terms_shared(const Yake *yake, const Candidate *one, const Candidate *other, size_t *content)
{
    size_t shared = 0;

    *content = 0;
    for (size_t i = 0; i < one->words; i++) {
        uint32_t term = yake->terms_of[one->token + i];
        bool there = false;

        if (yake->terms[term].stop)
            continue;
        ++*content;
        for (size_t o = 0; o < other->words && !there; o++)
            there = yake->terms_of[other->token + o] == term;
        shared += there;
    }
    return shared;
}

static bool is_repetition(const Yake *yake, const Candidate *candidate, const Candidate *better)
{
    size_t content, better_content;
    size_t shared = terms_shared(yake, candidate, better, &content);

    terms_shared(yake, better, candidate, &better_content);
    return shared == content || shared == better_content || shared >= 2;
}

static void yake_emit(rpmd_call *call, const Yake *yake, FoundList *list)
{
    enum { CONTEXT_WORDS = 3 };
    const Tokens *tokens = yake->tokens;
    const Candidate *chosen[KEY_PHRASES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < yake->candidate_count && count < KEY_PHRASES_MAX; i++) {
        const Candidate *candidate = &yake->candidates[i];
        size_t begin = candidate->token, end = begin + candidate->words, from = begin, to = end;
        bool repeated = false;

        for (size_t c = 0; c < count && !repeated; c++)
            repeated = is_repetition(yake, candidate, chosen[c]);
        if (repeated)
            continue;
        chosen[count++] = candidate;
        while (from > 0 && begin - from < CONTEXT_WORDS && adjacent(yake, from - 1))
            from--;
        while (to < tokens->count && to - end < CONTEXT_WORDS && adjacent(yake, to - 1))
            to++;
        found_add(list, (Found){tokens_join(call, tokens, begin, end),
                                tokens_join(call, tokens, from, to),
                                CATEGORY_KEY_PHRASE,
                                1.0f - 0.05f * (float)(count - 1),
                                {tokens->items[begin].span.begin, tokens->items[end - 1].span.end}});
    }
}

int key_phrases_find(rpmd_call *call, const Tokens *tokens, FoundList *list)
{
    Yake yake = {.tokens = tokens};

    if (tokens->count == 0)
        return RPMD_DONE;
    if (yake_terms(call, &yake) != RPMD_DONE || yake_neighbours(call, &yake) != RPMD_DONE)
        return RPMD_FAILED;
    yake_medians(&yake);
    yake_score_terms(&yake);
    if (yake_candidates(call, &yake) != RPMD_DONE)
        return RPMD_FAILED;
    if (call->host->expired(call))
        return RPMD_STOPPED;
    for (size_t i = 0; i < yake.candidate_count; i++) {
        Candidate *candidate = &yake.candidates[i];

        candidate->score =
            (float)phrase_score(&yake, candidate->token, candidate->words, candidate->frequency);
    }
    qsort(yake.candidates, yake.candidate_count, sizeof(*yake.candidates), candidate_compare);
    yake_emit(call, &yake, list);
    return RPMD_DONE;
}
