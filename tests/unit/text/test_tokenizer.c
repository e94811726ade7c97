/* SPDX-License-Identifier: MIT */
#include "lib/text/tokenizer.h"

#include "lib/base/buffer.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/text/normalize.h"
#include "lib/text/stop_words.h"
#include "tests/unit/unit.h"

/* The tokens of a text as "lower/stem" (stem only where it differs), "|" between sentences. */
static char *tokens_of(Tokenizer *tokenizer, const char *string)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    const rpmd_token *tokens;
    size_t count;
    _cleanup_buffer_ Buffer shown = BUFFER_INIT;
    text_tokenize(&arena, tokenizer, text_of(string), &tokens, &count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_string(&shown, tokens[i].sentence != tokens[i - 1].sentence ? " | " : " ");
        buffer_append(&shown, tokens[i].lower.data, tokens[i].lower.length);
        if (!text_equal(tokens[i].lower, tokens[i].stem))
            buffer_append_format(&shown, "/%.*s", TEXT_ARGS(tokens[i].stem));
    }
    return buffer_take(&shown);
}

/* A tokenizer that remembers words finds the same in words that are new to it and in those that it met. */
static void expect(const char *text, const char *expected)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *forgetful = tokenizer_new();
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    tokenizer_remember_words(tokenizer);
    Tokenizer *const asked[] = {forgetful, tokenizer, tokenizer};
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        _cleanup_free_ char *shown = tokens_of(asked[i], text);
        ck_assert_str_eq(shown, expected);
    }
}

START_TEST(words_and_numbers)
{
    expect("", "");
    expect(" \t\n", "");
    expect("Don't buy low-budget movies!", "don't buy low-budget movies/movi !");
    expect("b2b COVID-19 1990s mp3", "b2b covid-19 1990s mp3");
    expect("3.5 of 1,000 in 1941-1945.", "3.5 of 1,000 in 1941 - 1945 .");
    expect("rock'n'roll 'quoted' -dash- a--b", "rock'n'roll/rock'n'rol ' quoted/quot ' - dash - a - - b");
}
END_TEST

START_TEST(typographic_forms_are_made_plain)
{
    expect("It\xE2\x80\x99s \xE2\x80\x9Cgood\xE2\x80\x9D \xE2\x80\x94 really\xE2\x80\xA6",
           "it's/it \" good \" - really/realli ...");
    expect("\xEF\xAC\x81ne STRASSE Stra\xC3\x9F"
           "e \xC3\x89T\xC3\x89",
           "fine strasse/strass strasse/strass \xC3\xA9t\xC3\xA9");
    expect("well\xE2\x80\x91known soft\xC2\xADware", "well-known software/softwar");
}
END_TEST

START_TEST(markup_is_white_space)
{
    expect("good<br />bad <i>film</i>&nbsp;&quot;x&#39;", "good bad film x");
    expect("a < b and c > d", "a < b and c > d");
    expect("x <y and z> w <b", "x < y and z > w < b");
    expect("R&D &unknown; &", "r & d & unknown ; &");
    expect("one<br><br>two</p><p>three\n\nfour\nfive", "one | two | three | four five");
}
END_TEST

START_TEST(sentences)
{
    expect("Mr. Smith left. He ran!", "mr . smith left . | he ran !");
    expect("It is big, e.g. two miles. Then", "it is big , e . g . two miles/mile . | then");
    expect("The U.S. Army came to the U.S. The end.",
           "the u . s . army/armi came to the u . s . | the end .");
    expect("J. R. R. Tolkien wrote it.", "j . r . r . tolkien wrote it .");
    expect("See Fig. 3. No. I do not.", "see fig . 3 . | no . | i do not .");
    expect("wait... what? no... Yes.", "wait . . . what ? | no . . . | yes .");
    expect("He said \"Stop.\" Then (he left.) so", "he said \" stop . \" | then ( he left . ) | so");
    expect("it was bad. i hated it.so much.Never again",
           "it was bad . | i hated/hate it . so much . | never again");
    expect("Really?! Yes.", "really/realli ? ! | yes .");
}
END_TEST

START_TEST(flags)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    const rpmd_token *tokens;
    size_t count;
    rpmd_text text = text_of("\"The NASA man, 42. i \xC3\x84rger");
    text_tokenize(&arena, tokenizer, text, &tokens, &count);
    const uint32_t expected[] = {
        RPMD_TOKEN_PUNCTUATION,
        RPMD_TOKEN_WORD | RPMD_TOKEN_CAPITALIZED | RPMD_TOKEN_STOPWORD | RPMD_TOKEN_SENTENCE_START,
        RPMD_TOKEN_WORD | RPMD_TOKEN_CAPITALIZED | RPMD_TOKEN_UPPER,
        RPMD_TOKEN_WORD,
        RPMD_TOKEN_PUNCTUATION,
        RPMD_TOKEN_NUMBER,
        RPMD_TOKEN_PUNCTUATION,
        RPMD_TOKEN_WORD | RPMD_TOKEN_STOPWORD | RPMD_TOKEN_SENTENCE_START,
        RPMD_TOKEN_WORD | RPMD_TOKEN_CAPITALIZED,
    };
    ck_assert_uint_eq(count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(tokens[i].flags == expected[i], "token %zu has flags %x, not %x", i, tokens[i].flags,
                      expected[i]);
    ck_assert(text_equal_string(text_slice(text, tokens[8].span), "\xC3\x84rger"));
    ck_assert_uint_eq(tokens[8].sentence, 1);
}
END_TEST

/* Hostile texts: spans in order and inside, words bounded, and it ends. */
START_TEST(hostile_texts)
{
    static const char *const pieces[] = {"a",  "\xCC\x81\xCC\xA3", "<a ", "1-",
                                         "1.", "\xE2\x80\x8D",     "&#",  "..."};
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        buffer_append_string(&buffer, "e");
        while (buffer.length < 128 * 1024)
            buffer_append_string(&buffer, pieces[p]);
        rpmd_text text = {buffer.data, buffer.length};
        const rpmd_token *tokens;
        size_t count;
        text_tokenize(&arena, tokenizer, text, &tokens, &count);
        ck_assert_uint_gt(count, 0);
        uint32_t before = 0;
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_le(before, tokens[i].span.begin);
            ck_assert_uint_lt(tokens[i].span.begin, tokens[i].span.end);
            ck_assert_uint_le(tokens[i].span.end - tokens[i].span.begin, TOKEN_LIMIT);
            before = tokens[i].span.end;
        }
        ck_assert_uint_le(before, text.length);
        ck_assert_uint_gt(text_normalize(&arena, text).length, 0);
    }
}
END_TEST

START_TEST(stop_words)
{
    static const char *const yes[] = {"a", "the", "don't", "yourselves", "not", "yours"};
    static const char *const no[] = {"", "movie", "z", "need", "The", "yourse"};
    for (size_t i = 0; i < 6; i++) {
        ck_assert_msg(text_is_stop_word(text_of(yes[i])), "%s", yes[i]);
        ck_assert_msg(!text_is_stop_word(text_of(no[i])), "%s", no[i]);
    }
}
END_TEST

/* More words than are remembered: each is found or made anew, whatever took its place. */
START_TEST(many_words)
{
    static const char *const endings[] = {"", "s", "ing", "ed", "ies", "ly", "'s", "ation", "fulness"};
    _cleanup_(tokenizer_free_cleanup) Tokenizer *forgetful = tokenizer_new();
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    tokenizer_remember_words(tokenizer);
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    for (unsigned i = 0; i < 10000; i++) {
        unsigned n = i * 7919 % 10000;
        buffer_append_format(&text, "%c%ct%c%s ", 'a' + (int)(n % 23), 'a' + (int)(n / 23 % 21),
                             'a' + (int)(n / 483), endings[i % 9]);
    }
    for (int i = 0; i < 2; i++) {
        _cleanup_free_ char *expected = tokens_of(forgetful, text.data);
        _cleanup_free_ char *shown = tokens_of(tokenizer, text.data);
        ck_assert_str_eq(shown, expected);
    }
}
END_TEST

/* The stems that are told are those of the tokens, whether the text is met for the first time or not. */
START_TEST(hashes_of_stems)
{
    static const char *const texts[] = {"",
                                        "the of",
                                        "The movies, again and again",
                                        "3.5 points",
                                        "movies",
                                        "a text that is longer than the texts of features mostly are, by far",
                                        "one two three four five six seven eight nine ten eleven"};
    _cleanup_(tokenizer_free_cleanup) Tokenizer *forgetful = tokenizer_new();
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    tokenizer_remember_words(tokenizer);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(texts); i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        rpmd_text text = text_of(texts[i % ARRAY_SIZE(texts)]);
        const rpmd_token *tokens;
        const uint64_t *hashes, *again;
        size_t token_count, count, again_count, seen = 0;
        text_stem_hashes(forgetful, text, &again, &again_count);
        text_stem_hashes(tokenizer, text, &hashes, &count);
        ck_assert_uint_eq(count, again_count);
        text_tokenize(&arena, tokenizer, text, &tokens, &token_count);
        for (size_t t = 0; t < token_count; t++) {
            if (!(tokens[t].flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER)) ||
                (tokens[t].flags & RPMD_TOKEN_STOPWORD))
                continue;
            ck_assert_uint_lt(seen, count);
            ck_assert_uint_eq(hashes[seen], hash_bytes(tokens[t].stem.data, tokens[t].stem.length));
            ck_assert_uint_eq(again[seen], hashes[seen]);
            seen++;
        }
        ck_assert_uint_eq(seen, count);
    }
}
END_TEST

UNIT_TESTS("text/tokenizer", words_and_numbers, typographic_forms_are_made_plain, markup_is_white_space,
           sentences, flags, hostile_texts, stop_words, many_words, hashes_of_stems)
