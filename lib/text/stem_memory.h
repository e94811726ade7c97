/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The stems that a tokenizer found in short texts: names of features and what is said of them come again with
 * most queries. Its size is fixed; a text takes the place of another one of the same hash. Not thread-safe.
 */

#include "rpmd/plugin.h"

#include <stddef.h>
#include <stdint.h>

typedef struct StemMemory StemMemory;

StemMemory *stem_memory_new(void) __attribute__((returns_nonnull));
void stem_memory_free(StemMemory *memory); /* NULL is fine */

/* The hashes that were noted for the text, until the next note; NULL: it is not remembered. */
const uint64_t *stem_memory_recall(const StemMemory *memory, rpmd_text text, size_t *count);

void stem_memory_note(StemMemory *memory, rpmd_text text, const uint64_t *hashes, size_t count);
