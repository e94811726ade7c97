/* SPDX-License-Identifier: MIT */
#pragma once

#include "rpmd/plugin.h"

#include <stdbool.h>

/*
 * Where a text has a quotation. Letter case, white space, typographic marks and compatibility forms do not
 * matter (lib/text/normalize.h), nor do quotation marks and punctuation around the quotation; words are
 * whole. A quotation with an ellipsis ("fresh … every day") is found where its parts follow each other
 * closely. The span is of the text's own bytes, on code point boundaries and not empty. False: the text does
 * not say so. Both are valid UTF-8.
 */
bool text_locate(rpmd_text text, rpmd_text quotation, rpmd_span *span);
