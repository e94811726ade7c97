/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Texts numbered in the order of their first appearance: 0, 1, 2, … The numbers do not depend on hashing,
 * so whatever is computed over them is the same in every process.
 */

#include "rpmd/plugin.h"

#include "lib/base/arena.h"

#include <stdint.h>

#define INTERN_NONE UINT32_MAX

typedef struct Intern {
    rpmd_text *texts; /* texts[number], NUL-terminated copies, owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* open addressing; number + 1, 0 when free */
    uint32_t slot_count;
    Arena arena;
} Intern;

#define INTERN_INIT ((Intern){0})

void intern_finish(Intern *intern);

/* The text's number; a new text gets the next one. */
uint32_t intern_add(Intern *intern, rpmd_text text);

/* The text's number, or INTERN_NONE. */
uint32_t intern_find(const Intern *intern, rpmd_text text);

#define _cleanup_intern_ _cleanup_(intern_finish)
