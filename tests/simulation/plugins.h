/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The simulated registry: one task, whose extractor finds words of a small vocabulary. What it finds depends
 * on the text alone; when it comes, and whether it comes, is drawn.
 */

#include "daemon/plugins/registry.h"

/* Of a new world. */
void plugins_reset(void);

/* One call of so many fails, and one of so many hangs until its deadline; 0: none. */
PluginRegistry *plugins_begin(size_t failure_one_of, size_t hanging_one_of);

/* Nothing may be at work. */
void plugins_end(PluginRegistry *registry);

/* Another generation of the extractor, with another version, serves from now on. */
void plugins_reload(PluginRegistry *registry);

/* What the extractor finds in an item, at once. In the arena. */
const Analysis *plugins_analysis(rpmd_text query, rpmd_text response, Arena *arena);

/* Words for a query; some of them are features. Labels, and what is none. */
const char *plugins_word(size_t index);
#define PLUGINS_WORDS 12
const char *plugins_answer(size_t index);
#define PLUGINS_ANSWERS 4
#define PLUGINS_BROKEN_WORD "broken" /* a query with it cannot be analysed */
