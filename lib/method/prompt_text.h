/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How texts that others wrote are put into prompts and reasoning so that they stay data.
 *
 *   block   "> line" for each line of the text: no line of ours begins with "> "
 *   quote   "text" on one line, with the double quotes inside made single
 *   name    a label in running text, quoted where it could be read as something else
 *   factor  [name], brackets inside made round
 */

#include "lib/base/buffer.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stdint.h>

/* What a cut text ends with, inside its quotes. */
#define PROMPT_TEXT_CUT "…"

/* Begins each line of a block. */
#define PROMPT_TEXT_QUOTE "> "

/*
 * Appends a text as a block, each line ended by '\n'. What any reader might take for a line break begins a
 * new quoted line; other control characters become spaces. At most limit bytes of the text are shown, cut at
 * a code point; a line that says how much was cut follows. limit 0: all. Returns whether it was cut.
 */
bool prompt_text_block(Buffer *buffer, rpmd_text text, size_t limit);

/* Appends a text in double quotes on one line, of at most limit bytes (0: all). */
void prompt_text_quote(Buffer *buffer, rpmd_text text, size_t limit);

/* Appends a text on one line, as it is otherwise. */
void prompt_text_line(Buffer *buffer, rpmd_text text);

/* Appends a feature's name: as it is where it holds only letters, marks of words and spaces, else quoted. */
void prompt_text_name(Buffer *buffer, rpmd_text name);

/* Appends [name]. */
void prompt_text_factor(Buffer *buffer, rpmd_text name);

/* "58%" for 0.581; halves go to the even number, as printf rounds. */
void prompt_text_share(Buffer *buffer, double share);

/* "7 of 12" */
void prompt_text_part(Buffer *buffer, uint64_t part, uint64_t whole);

/* 100 * part / whole, rounded half up; 0 where whole is 0. */
uint32_t prompt_text_percent(uint64_t part, uint64_t whole);

/* The longest prefix of at most limit bytes that ends on a code point boundary. */
size_t prompt_text_cut(rpmd_text text, size_t limit);

/* A plugin's own words: one line, without brackets that would read as a factor. */
void prompt_text_words(Buffer *buffer, const char *words);

/* "Tag" */
void prompt_text_capital(Buffer *buffer, rpmd_text noun);
