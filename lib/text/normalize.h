/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/arena.h"

/*
 * The text case-folded and compatibility-normalized (NFKC), without default-ignorable code points (soft
 * hyphens, joiners), with typographic quotes and dashes made plain (' " -). Of valid UTF-8. The result lives
 * in the arena or is the text itself, and is at most a constant factor longer.
 */
rpmd_text text_normalize(Arena *arena, rpmd_text text);
