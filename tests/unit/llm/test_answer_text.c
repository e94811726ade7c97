/* SPDX-License-Identifier: MIT */
#include "lib/llm/answer_text.h"

#include "tests/unit/unit.h"

/* The parts of a text, whole and cut into pieces of every length. */
static void expect(const char *reply, const char *reasoning, const char *answer)
{
    size_t length = strlen(reply);
    for (size_t step = 1; step <= length + 1; step++) {
        AnswerText text;
        _cleanup_buffer_ Buffer told = BUFFER_INIT;
        answer_text_init(&text, text_of("Rating"));
        for (size_t i = 0; i < length; i += step) {
            answer_text_feed(&text, (rpmd_text){reply + i, i + step < length ? step : length - i});
            rpmd_text news = answer_text_news(&text);
            buffer_append(&told, news.data, news.length);
        }
        answer_text_end(&text);
        rpmd_text news = answer_text_news(&text);
        buffer_append(&told, news.data, news.length);
        ck_assert_msg(strcmp(buffer_string(&text.reasoning), reasoning) == 0, "%zu: %s", step,
                      buffer_string(&text.reasoning));
        ck_assert_msg(strcmp(buffer_string(&text.answer), answer) == 0, "%zu: %s", step,
                      buffer_string(&text.answer));
        /* What was told is the reasoning, but for blanks at its end. */
        ck_assert_msg(strncmp(buffer_string(&told), reasoning, strlen(reasoning)) == 0, "%zu: %s", step,
                      buffer_string(&told));
        answer_text_finish(&text);
    }
}

START_TEST(parts)
{
    expect("Reasoning: It is good.\nRating: 4", "It is good.", " 4");
    expect("reasoning:\nIt is good.\nSo.\n\n**Rating:** 4\n", "It is good.\nSo.", "** 4\n");
    expect("**Reasoning**: Good.\n> rating : 5", "Good.", " 5");
    expect("It is good.\nRating: 4", "It is good.", " 4");
    expect("Rating: 4", "", " 4");
    expect("The rating: I do not know.", "The rating: I do not know.", "");
    expect("Rat", "Rat", "");
    expect("", "", "");
    /* Only the beginning of a line is a heading, whatever nothing stands before it. */
    expect("Reasoning:*Rating: 4", "Rating: 4", "");
    expect("Reasoning: \r Rating: 4\nRating: 5", "Rating: 4", " 5");
    expect("\rRating: 4", "Rating: 4", "");
    expect("Reasoning: \xC3\xA9t\xC3\xA9 \xE2\x82\xAC.\nRating: 4\nRating: 5",
           "\xC3\xA9t\xC3\xA9 \xE2\x82\xAC.", " 4\nRating: 5");
}
END_TEST

static void expect_guess(const char *reply, bool is_whole, const char *answer)
{
    AnswerText text;
    answer_text_init(&text, text_of("title"));
    answer_text_feed(&text, text_of(reply));
    answer_text_end(&text);
    rpmd_text guess = answer_text_guess(&text, is_whole);
    ck_assert_msg(text_equal_string(guess, answer), "%s: %.*s", reply, TEXT_ARGS(guess));
    answer_text_finish(&text);
}

START_TEST(guesses)
{
    expect_guess("Deep Trees", true, "Deep Trees");
    expect_guess("It is on trees.\n\nDeep Trees \n", true, "Deep Trees");
    expect_guess("It is on trees.\nDeep Tr", false, "");
    expect_guess("The title is \"A\". So the title is \"Deep Trees\".", true, "Deep Trees");
    expect_guess("So The Title is \"Deep Trees\". And then", false, "Deep Trees");
    expect_guess("So the title is \"Deep Tr", false, "");
    expect_guess("", true, "");
    char paragraph[400];
    memset(paragraph, 'x', sizeof(paragraph) - 1);
    paragraph[sizeof(paragraph) - 1] = '\0';
    expect_guess(paragraph, true, "");
}
END_TEST

UNIT_TESTS("llm/answer_text", parts, guesses)
