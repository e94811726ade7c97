/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Parts the text of an LLM, while it comes, into its reasoning and its answer. The prompt asks for
 *     Reasoning: <sentences>
 *     Rating: <answer>
 * A line that begins with the answer's heading ("Rating:", in any case, with marks of Markdown around it)
 * begins the answer. Sans-IO.
 */

#include "lib/base/buffer.h"
#include "lib/base/text.h"

typedef struct AnswerText {
    Buffer heading; /* lower case, with the colon */
    Buffer held;    /* the begin of a line that may become the heading */
    Buffer reasoning;
    Buffer answer;
    size_t told; /* bytes of the reasoning that answer_text_news gave */
    bool answering;
} AnswerText;

/* noun: what the task calls its answers, "rating". */
void answer_text_init(AnswerText *text, rpmd_text noun);
void answer_text_finish(AnswerText *text);

/* Takes text in any chunking. */
void answer_text_feed(AnswerText *text, rpmd_text piece);

/* Nothing follows: what was held is decided. */
void answer_text_end(AnswerText *text);

/*
 * The answer of a text without a line that begins with the heading: what it concludes with (`So the rating is
 * "4".`), as the examples of the prompts do, else its last line. is_whole: the text was not cut off, so that
 * its last line is one. Empty: it has neither. Borrowed.
 */
rpmd_text answer_text_guess(const AnswerText *text, bool is_whole);

/* The reasoning that is new since it was asked for last, at the border of a character. Borrowed. */
rpmd_text answer_text_news(AnswerText *text);
