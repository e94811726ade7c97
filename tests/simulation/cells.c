/* SPDX-License-Identifier: MIT */
#include "tests/simulation/cells.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/pool_change.h"
#include "tests/simulation/world.h"

static Cell *find_cell(const Cells *cells, uint64_t key, rpmd_text answer_class)
{
    for (size_t i = 0; i < cells->cell_count; i++)
        if (cells->cells[i].key == key && text_equal(cells->cells[i].answer_class, answer_class))
            return &cells->cells[i];
    return NULL;
}

static Vote *find_vote(const Cells *cells, uint64_t question, uint64_t user)
{
    for (size_t i = 0; i < cells->vote_count; i++)
        if (cells->votes[i].question == question && cells->votes[i].user == user)
            return &cells->votes[i];
    return NULL;
}

static void add_cell(Cells *cells, const PoolCellChange *change)
{
    Cell *cell = find_cell(cells, change->key, change->answer_class);
    if (!cell) {
        GROW(cells->cells, cells->cell_count, cells->cell_capacity);
        cell = &cells->cells[cells->cell_count++];
        *cell = (Cell){.key = change->key, .answer_class = change->answer_class};
    }
    cell->count += change->count;
    cell->users += change->users;
    HOLDS(cell->count >= 0 && cell->users >= 0 && (cell->count > 0) == (cell->users > 0),
          "a pooled cell has a count of %ld by %ld users", (long)cell->count, (long)cell->users);
}

static void set_vote(Cells *cells, uint64_t user, const PoolVoteChange *change)
{
    Vote *vote = find_vote(cells, change->question, user);
    if (!vote) {
        GROW(cells->votes, cells->vote_count, cells->vote_capacity);
        vote = &cells->votes[cells->vote_count++];
        *vote = (Vote){.question = change->question, .user = user};
    }
    vote->answer = change->answer;
}

void cells_apply(Cells *cells, uint64_t user, rpmd_text bytes)
{
    PoolChangeReader reader;
    PoolCellChange cell;
    PoolVoteChange vote;
    if (bytes.length == 0)
        return;
    HOLDS(pool_change_begin(&reader, bytes), "a pooled change cannot be read");
    while (pool_change_next_cell(&reader, &cell))
        add_cell(cells, &cell);
    while (pool_change_next_vote(&reader, &vote))
        set_vote(cells, user, &vote);
    HOLDS(!reader.is_broken, "a pooled change is broken");
    pool_change_finish(&reader);
}

static void compare_to(const Cells *cells, const Cells *others, const char *what)
{
    for (size_t i = 0; i < cells->cell_count; i++) {
        const Cell *cell = &cells->cells[i];
        const Cell *other = find_cell(others, cell->key, cell->answer_class);
        int64_t count = other ? other->count : 0, users = other ? other->users : 0;
        HOLDS(cell->count == count && cell->users == users,
              "a pooled cell (%016lx, %.*s) has %ld by %ld users, and %ld by %ld in %s",
              (unsigned long)cell->key, TEXT_ARGS(cell->answer_class), (long)cell->count, (long)cell->users,
              (long)count, (long)users, what);
    }
    for (size_t i = 0; i < cells->vote_count; i++) {
        const Vote *vote = &cells->votes[i];
        const Vote *other = find_vote(others, vote->question, vote->user);
        HOLDS(text_equal(vote->answer, other ? other->answer : (rpmd_text){0}),
              "a vote of user %lu is '%.*s', and another in %s", (unsigned long)vote->user,
              TEXT_ARGS(vote->answer), what);
    }
}

void cells_compare(const Cells *cells, const Cells *others, const char *what)
{
    compare_to(cells, others, what);
    compare_to(others, cells, "the store");
}

void cells_finish(Cells *cells)
{
    free(cells->cells);
    free(cells->votes);
    *cells = (Cells){0};
}
