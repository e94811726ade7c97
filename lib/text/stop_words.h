/* SPDX-License-Identifier: MIT */
#pragma once

#include "rpmd/plugin.h"

#include <stdbool.h>

/* Whether a normalized word is an English function word: an article, pronoun, preposition, conjunction,
 * auxiliary, their contractions, and adverbs without content ("very", "then"). */
bool text_is_stop_word(rpmd_text word);
