/* SPDX-License-Identifier: MIT */
#pragma once

#include "rpmd/plugin.h"

#include <stdbool.h>

/*
 * Left-overs of HTML in scraped texts. Returns the length of the tag or entity that begins at the offset, or
 * 0; *line_break: whether it moves to a new line ("<br />", "</p>"). "a < b" is no tag: only known names are.
 */
size_t markup_length(rpmd_text text, size_t offset, bool *line_break);
