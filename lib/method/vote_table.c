/* SPDX-License-Identifier: MIT */
#include "lib/method/vote_table.h"

#include "lib/base/memory.h"

#define FIRST_SLOTS 1024 /* a power of two */

/* Votes whose places begin with the same bits, in order. */
typedef struct VoteRun {
    PopulationVote *votes;
    size_t count;
    size_t capacity;
} VoteRun;

struct VotedQuestion {
    uint64_t key;
    VoteRun *runs; /* 2 to the power of `bits`; NULL: the only vote is `one` */
    PopulationVote one;
    uint32_t count; /* of all votes */
    uint8_t
        bits; /* more where there are many votes: each run has VOTES_LISTED at most, or about half of that */
    bool is_used; /* the slot */
};

/* ---- questions ---- */

static VotedQuestion *find_question(const VoteTable *table, uint64_t key)
{
    size_t mask = table->slot_count - 1;
    size_t slot = (key ^ (key >> 32)) & mask;
    while (table->questions[slot].is_used && table->questions[slot].key != key)
        slot = (slot + 1) & mask;
    return &table->questions[slot];
}

static void free_run(VoteTable *table, VoteRun *run)
{
    table->run_bytes -= run->capacity * sizeof(PopulationVote) + sizeof(*run);
    free(run->votes);
}

static void free_runs(VoteTable *table, VotedQuestion *question)
{
    for (size_t r = 0; question->runs && r < (size_t)1 << question->bits; r++)
        free_run(table, &question->runs[r]);
    free(TAKE_PTR(question->runs));
    question->bits = 0;
}

/* Makes room, and forgets questions without votes: users who come and go take no memory. */
static void grow(VoteTable *table)
{
    VotedQuestion *old = table->questions;
    size_t old_count = table->slot_count, filled = 0;
    for (size_t i = 0; i < old_count; i++)
        filled += old[i].count > 0;
    table->slot_count = old_count == 0 ? FIRST_SLOTS : filled * 3 >= old_count ? old_count * 2 : old_count;
    table->questions = NEW_ARRAY(VotedQuestion, table->slot_count);
    table->used = 0;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].count > 0) {
            *find_question(table, old[i].key) = old[i];
            table->used++;
        } else {
            free_runs(table, &old[i]);
        }
    }
    free(old);
}

void vote_table_finish(VoteTable *table)
{
    for (size_t i = 0; i < table->slot_count; i++)
        free_runs(table, &table->questions[i]);
    free(table->questions);
    *table = (VoteTable){0};
}

/* ---- votes of a question ---- */

static VoteRun *run_of(const VotedQuestion *question, uint64_t user)
{
    return &question->runs[question->bits ? vote_place(user) >> (64 - question->bits) : 0];
}

/* Where the user's vote is or would go. */
static size_t find_place(const VoteRun *run, uint64_t user)
{
    size_t low = 0, high = run->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (vote_order(run->votes[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const VoteRun *run, size_t place, uint64_t user)
{
    return place < run->count && run->votes[place].user == user;
}

static VoteRun *new_runs(VoteTable *table, size_t count)
{
    table->run_bytes += count * sizeof(VoteRun);
    return NEW_ARRAY(VoteRun, count);
}

static void insert(VoteTable *table, VoteRun *run, size_t place, PopulationVote vote)
{
    if (run->count == run->capacity) {
        size_t capacity = run->capacity ? run->capacity * 2 : 2;
        table->run_bytes += (capacity - run->capacity) * sizeof(PopulationVote);
        run->capacity = capacity;
        run->votes = memory_resize(run->votes, run->capacity, sizeof(*run->votes));
    }
    memmove(run->votes + place + 1, run->votes + place, (run->count - place) * sizeof(*run->votes));
    run->votes[place] = vote;
    run->count++;
}

/* Cuts each run in two. */
static void split(VoteTable *table, VotedQuestion *question)
{
    size_t old_count = (size_t)1 << question->bits;
    VoteRun *old = question->runs;
    question->runs = new_runs(table, old_count * 2);
    question->bits++;
    for (size_t r = 0; r < old_count; r++) {
        for (size_t v = 0; v < old[r].count; v++) {
            VoteRun *run = run_of(question, old[r].votes[v].user);
            insert(table, run, run->count, old[r].votes[v]);
        }
        free_run(table, &old[r]);
    }
    free(old);
}

void vote_table_put(VoteTable *table, uint64_t key, PopulationVote vote)
{
    if (table->used * 3 >= table->slot_count * 2)
        grow(table);
    VotedQuestion *question = find_question(table, key);
    table->used += !question->is_used;
    question->is_used = true;
    question->key = key;
    if (!question->runs && (question->count == 0 || question->one.user == vote.user)) {
        question->count = 1;
        question->one = vote;
        return;
    }
    if (!question->runs) {
        question->runs = new_runs(table, 1);
        insert(table, question->runs, 0, question->one);
    }
    VoteRun *run = run_of(question, vote.user);
    size_t place = find_place(run, vote.user);
    if (is_at(run, place, vote.user)) {
        run->votes[place] = vote;
        return;
    }
    insert(table, run, place, vote);
    if (++question->count > (size_t)VOTES_LISTED << question->bits)
        split(table, question);
}

void vote_table_remove(VoteTable *table, uint64_t key, uint64_t user)
{
    VotedQuestion *question = table->slot_count ? find_question(table, key) : NULL;
    if (!question || question->count == 0)
        return;
    if (question->runs) {
        VoteRun *run = run_of(question, user);
        size_t place = find_place(run, user);
        if (!is_at(run, place, user))
            return;
        run->count--;
        memmove(run->votes + place, run->votes + place + 1, (run->count - place) * sizeof(*run->votes));
    } else if (question->one.user != user) {
        return;
    }
    if (--question->count == 0)
        free_runs(table, question);
}

VoteList vote_table_find(const VoteTable *table, uint64_t key, uint64_t user)
{
    const VotedQuestion *question = table->slot_count ? find_question(table, key) : NULL;
    if (!question || question->count == 0)
        return (VoteList){0};
    if (!question->runs)
        return (VoteList){&question->one, 1, 1, question->one.user == user};
    const VoteRun *run = run_of(question, user);
    return (VoteList){.votes = question->runs->votes,
                      .count = question->runs->count,
                      .total = question->count,
                      .has_user = is_at(run, find_place(run, user), user)};
}

size_t vote_table_bytes(const VoteTable *table)
{
    return table->slot_count * sizeof(VotedQuestion) + table->run_bytes;
}
