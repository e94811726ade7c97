/* SPDX-License-Identifier: MIT */

/* The tables are looked up by halving: each must be in byte order and have no word twice. */

#include "plugins/product_rating/lexicon_adjectives.c"
#include "plugins/product_rating/lexicon_lists.c"
#include "plugins/product_rating/lexicon_words.c"
#include "tests/unit/unit.h"

#include <string.h>

static void check_order(const void *records, size_t count, size_t size)
{
    ck_assert_uint_gt(count, 0);
    for (size_t i = 0; i < count; i++) {
        const char *word = *(const char *const *)((const char *)records + i * size);
        const char *before = i > 0 ? *(const char *const *)((const char *)records + (i - 1) * size) : "";

        ck_assert_msg(strcmp(before, word) < 0, "\"%s\" stands before \"%s\"", before, word);
        ck_assert_msg(strpbrk(word, " ~_*^ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL,
                      "\"%s\" is no lower-case word", word);
    }
}

START_TEST(test_opinions_are_sorted_and_in_range)
{
    const Opinions *const lists[] = {&adjectives, &nouns, &verbs, &adverbs};
    size_t total = 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        check_order(lists[i]->words, lists[i]->count, sizeof(Opinion));
        for (size_t w = 0; w < lists[i]->count; w++) {
            ck_assert_int_ge(lists[i]->words[w].valence, -10);
            ck_assert_int_le(lists[i]->words[w].valence, 10);
            ck_assert_uint_lt(lists[i]->words[w].aspect, ASPECT_COUNT);
        }
        total += lists[i]->count;
    }
    ck_assert_uint_gt(total, 1500);
}
END_TEST

START_TEST(test_lists_are_sorted)
{
    const WordList *const lists[] = {&common_verbs,      &empty_nouns, &experiencer_adjectives,
                                     &experiencer_verbs, &film_words,  &goods_words};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        check_order(lists[i]->words, lists[i]->count, sizeof(*lists[i]->words));
    check_order(aspect_nouns.words, aspect_nouns.count, sizeof(AspectWord));
    check_order(aspect_participles.words, aspect_participles.count, sizeof(AspectWord));
}
END_TEST

UNIT_TESTS("product_rating/lexicon", test_opinions_are_sorted_and_in_range, test_lists_are_sorted)
