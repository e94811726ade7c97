/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The part of a prompt that is the same for all queries of a user: what is asked, how to read it, the factor
 * table. It is written once for a model and kept with it, as it is most of what a prompt takes to write.
 */

#include "lib/method/prompt.h"

/* Immutable. `shown` and the text follow it in memory. */
typedef struct PromptStable {
    uint64_t key; /* of what it was written from besides the model */
    size_t task_bytes;
    size_t user_bytes;
    size_t table_bytes;
    size_t table_limit; /* bytes that the table might have had */
    uint32_t rows;      /* factors in the table */
    uint32_t factor_count;
    char data[];
} PromptStable;

/*
 * What the request's model keeps where that was written for the same texts, smoothing and budget; the first
 * one is kept. Lives as long as the model and the arena.
 */
const PromptStable *prompt_stable_of(const PromptRequest *request, size_t budget, Arena *arena)
    __attribute__((returns_nonnull));

void prompt_stable_free(PromptStable *stable); /* NULL is fine */

/* Task, user and table, one behind the other. */
static inline const char *prompt_stable_text(const PromptStable *stable)
{
    return stable->data + stable->factor_count;
}

/* Whether a factor stands in the table. */
static inline bool prompt_stable_shows(const PromptStable *stable, uint32_t factor)
{
    return stable->data[factor] != 0;
}

/* Bytes that one mostly takes: a head of 1.5 kB, and a row for each factor. */
#define PROMPT_STABLE_BYTES(factor_count) (1500 + (size_t)160 * (factor_count))
