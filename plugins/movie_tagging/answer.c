/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "movie_tagging.h"

/*
 * A reply names a tag when the tag's words follow each other in it, whatever stands between them ("Sci Fi",
 * "sci-fi", "**thought provoking**"). A tag inside a longer one does not count ("comedy" in "dark comedy").
 */

enum { TAG_COUNT = 15, TAG_WORDS_MAX = 4, REPLY_WORDS_MAX = 4096 /* an answer stands in the first pages */ };

typedef struct ReplyWord {
    char letters[20]; /* lower case, cut: no tag's word is longer */
    size_t begin;
} ReplyWord;

typedef struct Named {
    int tag; /* -1: none */
    size_t words;
} Named;

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static size_t words_of(const char *text, size_t length, ReplyWord *words, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < length && count < max; i++) {
        size_t kept = 0;

        if (!is_word_byte(text[i]))
            continue;
        words[count].begin = i;
        for (; i < length && (is_word_byte(text[i]) || text[i] == '\''); i++) {
            char c = text[i];

            if (kept + 1 < sizeof(words[count].letters))
                words[count].letters[kept++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        }
        words[count++].letters[kept] = '\0';
    }
    return count;
}

static bool words_begin(const ReplyWord *words, size_t count, const ReplyWord *tag, size_t tag_count)
{
    if (count < tag_count)
        return false;
    for (size_t i = 0; i < tag_count; i++)
        if (strcmp(words[i].letters, tag[i].letters) != 0)
            return false;
    return true;
}

/* Other spellings of the tags. */
static const struct {
    const char *spelling;
    const char *tag;
} spellings[] = {
    {"scifi", "sci-fi"},
    {"science fiction", "sci-fi"},
    {"sf", "sci-fi"},
    {"black comedy", "dark comedy"},
    {"book based", "based on a book"},
    {"based on book", "based on a book"},
    {"based on the book", "based on a book"},
    {"dystopian", "dystopia"},
    {"romantic", "romance"},
    {"psychological", "psychology"},
    {"violent", "violence"},
    {"thoughtprovoking", "thought-provoking"},
    {"based on a true story", "true story"},
    {"comedic", "comedy"},
    {"twist end", "twist ending"},
};
enum { SPELLING_COUNT = sizeof(spellings) / sizeof(spellings[0]) };

static int tag_index(const char *tag)
{
    for (int i = 0; i < TAG_COUNT; i++)
        if (strcmp(movie_tags[i], tag) == 0)
            return i;
    return -1;
}

/* The longest tag that the words begin with. */
static Named tag_at(const ReplyWord *words, size_t count)
{
    Named named = {-1, 0};

    for (int i = 0; i < TAG_COUNT + SPELLING_COUNT; i++) {
        const char *spelling = i < TAG_COUNT ? movie_tags[i] : spellings[i - TAG_COUNT].spelling;
        ReplyWord tag[TAG_WORDS_MAX + 2];
        size_t tag_count = words_of(spelling, strlen(spelling), tag, TAG_WORDS_MAX + 2);

        if (tag_count > named.words && words_begin(words, count, tag, tag_count)) {
            named.tag = i < TAG_COUNT ? i : tag_index(spellings[i - TAG_COUNT].tag);
            named.words = tag_count;
        }
    }
    return named;
}

/* "not a comedy", "rather than action": named, but not as the answer. */
static bool is_refused(const ReplyWord *words, size_t index)
{
    static const char *const refusals[] = {"not", "isn't", "than", "of", "no", "never", "nor", "neither"};
    size_t from = index > 2 ? index - 2 : 0;

    for (size_t i = from; i < index; i++)
        for (size_t r = 0; r < sizeof(refusals) / sizeof(refusals[0]); r++)
            if (strcmp(words[i].letters, refusals[r]) == 0)
                return true;
    return false;
}

/* "answer", "tag": what follows is meant as the answer. */
static bool is_marker(const ReplyWord *word)
{
    return strcmp(word->letters, "answer") == 0 || strcmp(word->letters, "tag") == 0 ||
           strcmp(word->letters, "label") == 0 || strcmp(word->letters, "choose") == 0;
}

int movie_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    ReplyWord *words = call->host->allocate(call, REPLY_WORDS_MAX * sizeof(*words));
    int only = -1, marked = -1;
    bool several = false, awaited = false;
    size_t count;

    if (words == NULL)
        return RPMD_FAILED;
    count = words_of(reply.data, reply.length, words, REPLY_WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        Named named;

        awaited |= is_marker(&words[i]);
        named = tag_at(&words[i], count - i);
        if (named.tag < 0)
            continue;
        if (!is_refused(words, i)) {
            if (awaited)
                marked = named.tag; /* the last marker is the conclusion */
            several |= only >= 0 && only != named.tag;
            only = named.tag;
            awaited = false;
        }
        i += named.words - 1;
    }
    if (several)
        only = marked;
    if (only < 0)
        return RPMD_NO_MATCH;
    return call->host->set_answer(call, (rpmd_text){movie_tags[only], strlen(movie_tags[only])});
}
