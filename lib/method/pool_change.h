/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A change of the pooled counts of a task, as bytes: what one user's share changes by. It is written when a
 * model is published, kept by the store until it is folded into the cells, and applied to the counts in
 * memory. Changes are sums, so that a negative one takes back exactly what positive ones brought.
 *
 *     format | classes: count, texts | cells: count, (key, class, change of count, change of users)
 *            | votes: count, (question, answer)
 *
 * Numbers are of variable length; keys and questions have eight bytes (bytes.h).
 */

#include "lib/method/bytes.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A change of one cell. */
typedef struct PoolCellChange {
    uint64_t key;
    rpmd_text answer_class;
    int64_t count; /* items of the user */
    int users;     /* +1: the user feeds the cell from now on; -1: no more; 0: as before */
} PoolCellChange;

/* A user's answer to a question; empty: withdrawn. */
typedef struct PoolVoteChange {
    uint64_t question;
    rpmd_text answer;
} PoolVoteChange;

/* Appends the bytes; nothing where nothing changes. */
void pool_change_write(Buffer *bytes, const PoolCellChange *cells, size_t cell_count,
                       const PoolVoteChange *votes, size_t vote_count);

/* Reads them, cells first. Texts point into the bytes. */
typedef struct PoolChangeReader {
    ByteReader bytes;
    rpmd_text *classes; /* owned */
    size_t class_count;
    size_t cells; /* left */
    size_t votes; /* left; known behind the last cell */
    bool is_broken;
} PoolChangeReader;

/* False: these are not the bytes of a change. The reader is finished in any case. */
bool pool_change_begin(PoolChangeReader *reader, rpmd_text bytes);

/* False behind the last one, or with is_broken. Votes are read behind the last cell. */
bool pool_change_next_cell(PoolChangeReader *reader, PoolCellChange *cell);
bool pool_change_next_vote(PoolChangeReader *reader, PoolVoteChange *vote);

void pool_change_finish(PoolChangeReader *reader);

/*
 * The place of a reader, to go on from it later: bytes read and elements left. Opaque to everybody else.
 */
typedef struct PoolChangePlace {
    size_t offset;
    size_t cells;
    size_t votes;
} PoolChangePlace;

PoolChangePlace pool_change_place(const PoolChangeReader *reader, rpmd_text bytes);
void pool_change_go_to(PoolChangeReader *reader, rpmd_text bytes, PoolChangePlace place);
