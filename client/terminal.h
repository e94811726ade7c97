/* SPDX-License-Identifier: MIT */
#pragma once

/* What rpmctl shows to a person: colours, bars, progress. */

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Terminal {
    bool colour;         /* standard output is a terminal and NO_COLOR is not set */
    bool live;           /* standard error is a terminal: progress may overwrite its line */
    bool in_progress;    /* a live line stands there */
    int width;           /* columns of the terminal, or the width for plain output */
    uint64_t last_tenth; /* of progress without a terminal: a line each tenth */
    int64_t drawn_ms;    /* when the live line was drawn last */
} Terminal;

void terminal_init(Terminal *terminal);

/* The escape sequence to begin and end a style; "" without colours. */
const char *terminal_bold(const Terminal *terminal);
const char *terminal_dim(const Terminal *terminal);
const char *terminal_accent(const Terminal *terminal);
const char *terminal_reset(const Terminal *terminal);

/*
 * Shows on standard error how far long work is: a bar on a terminal, a line each tenth without one.
 * total 0: not known yet.
 */
void terminal_progress(Terminal *terminal, const char *what, uint64_t done, uint64_t total);

/* Ends the live line, so that other output starts on a line of its own. */
void terminal_end_progress(Terminal *terminal);

/* Appends a bar of `width` columns, filled to `share` (0 .. 1) in eighths of a column. */
void terminal_append_bar(Buffer *text, double share, unsigned width);

/*
 * Prints a text broken at blanks so that it fits the width, each line after the first indented, on standard
 * output. Line breaks inside the text become blanks.
 */
void terminal_print_wrapped(const Terminal *terminal, const char *text, unsigned indent, unsigned column);

/* Columns that a UTF-8 text takes on a terminal. */
unsigned terminal_columns(const char *text);

/* Prints a text padded with blanks to a width, or cut to it with an ellipsis. */
void terminal_print_cell(const char *text, unsigned width);
