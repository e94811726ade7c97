/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "scholarly_title.h"

enum { NAMES_MAX = 5, DATA_SETS_MAX = 4, NAME_BYTES_MAX = 40 };

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static const char *token_bytes(const Tokens *tokens, size_t index, size_t *length)
{
    *length = tokens->items[index].span.end - tokens->items[index].span.begin;
    return tokens->text.data + tokens->items[index].span.begin;
}

/* "StockFormer", "WeSGRA", "HG-DAgger", "D2AE": at least two capitals, and a small letter or digit behind the
 * first one. */
static bool is_mixed_case(const Tokens *tokens, size_t index)
{
    size_t length, capitals = 0, others = 0;
    const char *bytes = token_bytes(tokens, index, &length);
    bool new_part = true, inner = false;

    if (length < 3 || length > NAME_BYTES_MAX || (tokens->items[index].flags & RPMD_TOKEN_WORD) == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        capitals += is_upper(bytes[i]);
        inner |= is_upper(bytes[i]) && !new_part;
        others += is_lower(bytes[i]);
        new_part = bytes[i] == '-';
    }
    /* "Monte-Carlo" is no name of a system, "CNNs" is a plural. */
    return inner && capitals >= 2 && others > 0 && !(others == 1 && bytes[length - 1] == 's');
}

static bool is_acronym(const Tokens *tokens, size_t index)
{
    size_t length, capitals = 0;
    const char *bytes = token_bytes(tokens, index, &length);

    if (length < 2 || length > 12 || !is_upper(bytes[0]))
        return false;
    for (size_t i = 0; i < length; i++)
        capitals += is_upper(bytes[i]);
    return capitals >= 2;
}

/*
 * The words before the parenthesis at open that the acronym stands for: their initials give its capitals,
 * from the last to the first; function words may be skipped, and one word may give several letters. Returns
 * the first token.
 */
static size_t expansion_begin(const Tokens *tokens, size_t open, const char *acronym, size_t length)
{
    size_t token = open, words = 0, left = length;

    while (left > 0 && !is_upper(acronym[left - 1]))
        left--;
    while (left > 0 && token > 0 && words < 10) {
        const char *bytes;
        size_t word_length;
        char letter = (char)(acronym[left - 1] - 'A' + 'a');

        token--;
        words++;
        if ((tokens->items[token].flags & RPMD_TOKEN_PUNCTUATION) != 0) {
            if (token_is(&tokens->items[token], "\"") || token_is(&tokens->items[token], "'"))
                continue;
            return NO_TOKEN;
        }
        bytes = tokens->items[token].lower.data;
        word_length = tokens->items[token].lower.length;
        if (bytes[0] == letter) {
            left--;
        } else if (memchr(bytes, '-', word_length) == NULL &&
                   (tokens->items[token].flags & RPMD_TOKEN_STOPWORD) == 0) {
            size_t most = left < 4 ? left : 4;
            bool several = false;

            /* "LiDAR"-like: several letters of the acronym come from one word, the first one from its
             * beginning. */
            for (size_t take = 2; take <= most && !several; take++) {
                if (bytes[0] != (char)(acronym[left - take] | 32))
                    continue;
                several = true;
                left -= take;
            }
            if (!several)
                return NO_TOKEN;
        } else if (memchr(bytes, '-', word_length) != NULL) {
            for (size_t i = word_length; i-- > 0 && left > 0;)
                if ((i == 0 || bytes[i - 1] == '-') && bytes[i] == (char)(acronym[left - 1] | 32))
                    left--;
        }
        while (left > 0 && !is_upper(acronym[left - 1]))
            left--;
    }
    return left == 0 && token < open ? token : NO_TOKEN;
}

/* Whether the sentence says that the paper itself gives this name. */
static bool is_own(const Tokens *tokens, size_t index)
{
    static const char *const verbs[] = {
        "propose",  "present", "introduce", "call",     "called",     "named", "dubbed",
        "termed",   "develop", "proposes",  "presents", "introduces", "refer", "describe",
        "proposed", "coin",    "denote",    "release",  "design",     "name",  "build"};

    for (size_t i = index;
         i-- > 0 && index - i < 30 && tokens->items[i].sentence == tokens->items[index].sentence;)
        for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++)
            if (token_is(&tokens->items[i], verbs[v]))
                return true;
    return false;
}

static bool is_followed_by_data(const Tokens *tokens, size_t index)
{
    static const char *const data[] = {"dataset", "datasets", "benchmark", "benchmarks", "corpus",
                                       "corpora", "data",     "challenge", "treebank"};

    for (size_t i = index + 1; i < tokens->count && i <= index + 3; i++) {
        if (!token_is_word(&tokens->items[i]) && !token_is(&tokens->items[i], ","))
            return false;
        for (size_t d = 0; d < sizeof(data) / sizeof(data[0]); d++)
            if (token_is(&tokens->items[i], data[d]))
                return true;
    }
    return false;
}

static bool is_known_data_set(const rpmd_token *token)
{
    static const char *const known[] = {
        "imagenet",    "coco",     "ms-coco",   "mscoco",      "kitti",      "pascal",     "voc",
        "mnist",       "cifar",    "cifar-10",  "cifar-100",   "cityscapes", "glue",       "squad",
        "wordnet",     "shapenet", "scannet",   "nuscenes",    "lfw",        "celeba",     "davis",
        "youtube-vos", "mpii",     "human3.6m", "ucf101",      "hmdb51",     "kinetics",   "ade20k",
        "lvis",        "wmt",      "ontonotes", "conll",       "svhn",       "omniglot",   "atari",
        "mujoco",      "imdb",     "wikipedia", "nyuv2",       "sintel",     "flickr30k",  "snli",
        "multinli",    "vqa",      "charades",  "activitynet", "timit",      "librispeech"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (token_is(token, known[i]))
            return true;
    return false;
}

int names_find(rpmd_call *call, const Tokens *tokens, FoundList *list)
{
    size_t names = 0, data_sets = 0, before;

    for (size_t i = 0; i < tokens->count && (names < NAMES_MAX || data_sets < DATA_SETS_MAX); i++) {
        const rpmd_token *token = &tokens->items[i];
        bool own, acronym, mixed, defined;
        size_t length, expansion = NO_TOKEN;
        Found found = {.name = token->lower, .category = CATEGORY_SYSTEM, .evidence = token->span};
        const char *bytes = token_bytes(tokens, i, &length);

        if (!is_upper(bytes[0]) && (token->flags & RPMD_TOKEN_WORD) == 0)
            continue;
        acronym = is_acronym(tokens, i);
        mixed = is_mixed_case(tokens, i);
        if (!acronym && !mixed)
            continue;
        before = list->count;
        if (data_sets < DATA_SETS_MAX && (is_known_data_set(token) || is_followed_by_data(tokens, i))) {
            found.category = CATEGORY_EVALUATION;
            found.context = text_of("a data set that the paper uses");
            found.strength = 0.5f;
            found_add(list, found);
            data_sets += list->count > before;
            continue;
        }
        defined = acronym && i > 0 && token_is(&tokens->items[i - 1], "(") && i + 1 < tokens->count &&
                  (token_is(&tokens->items[i + 1], ")") || token_is(&tokens->items[i + 1], ",") ||
                   token_is(&tokens->items[i + 1], ";"));
        if (defined)
            expansion = expansion_begin(tokens, i - 1, bytes, length);
        own = is_own(tokens, i);
        if (names == NAMES_MAX || (!defined && !(mixed && own)))
            continue;
        if (expansion != NO_TOKEN)
            found.context = tokens_join(call, tokens, expansion, i - 1);
        else
            found.context = text_of("a named system, method or quantity");
        if (found.context.data == NULL)
            return RPMD_FAILED;
        found.strength = own ? 0.9f : 0.5f;
        found_add(list, found);
        names += list->count > before;
    }
    return RPMD_DONE;
}
