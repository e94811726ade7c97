/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who answered what to each question. Most questions have one vote, which takes no memory of its own; some
 * have one of every user, and changing one vote then moves few others.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A user's answer to a question. */
typedef struct PopulationVote {
    uint64_t user;
    uint32_t answer; /* a number that means something to the owner */
} PopulationVote;

typedef struct VotedQuestion VotedQuestion;

typedef struct VoteTable {
    VotedQuestion *questions; /* open addressing */
    size_t slot_count;
    size_t used;      /* slots; of questions without votes too */
    size_t run_bytes; /* of votes outside the slots */
} VoteTable;

void vote_table_finish(VoteTable *table);

void vote_table_put(VoteTable *table, uint64_t question, PopulationVote vote);
void vote_table_remove(VoteTable *table, uint64_t question, uint64_t user);

/* Up to here all votes of a question are listed. */
#define VOTES_LISTED 4096

/* The votes of a question as they are read. Borrowed until the table changes. */
typedef struct VoteList {
    const PopulationVote *votes; /* in the order of vote_order; of many, the first ones: a sample */
    size_t count;
    size_t total;  /* of all votes */
    bool has_user; /* whether the user that was asked for has one */
} VoteList;

VoteList vote_table_find(const VoteTable *table, uint64_t question, uint64_t user);

size_t vote_table_bytes(const VoteTable *table);

/* Orders users, the same for every question, in a way that looks drawn: negative, 0, positive. */
static inline uint64_t vote_place(uint64_t user)
{
    return user * 0x9E3779B97F4A7C15ull; /* odd: another one for each user */
}

static inline int vote_order(uint64_t a, uint64_t b)
{
    return (vote_place(a) > vote_place(b)) - (vote_place(a) < vote_place(b));
}
