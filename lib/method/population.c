/* SPDX-License-Identifier: MIT */
#include "lib/method/population.h"

#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#define FIRST_SLOTS 1024 /* a power of two */

/* A pooled cell. */
typedef struct Cell {
    uint64_t key;
    uint32_t answer_class; /* number in Population.classes, plus 1; 0: a free slot */
    uint32_t count;        /* 0: a cell that was emptied and may be filled again */
    uint32_t users;
} Cell;

struct Population {
    Intern classes;
    Intern answers; /* texts of votes */
    Cell *cells;    /* open addressing */
    size_t cell_slots;
    size_t cells_used;
    VoteTable votes;
};

Population *population_new(void)
{
    return NEW(Population);
}

void population_free(Population *population)
{
    if (!population)
        return;
    vote_table_finish(&population->votes);
    free(population->cells);
    intern_finish(&population->classes);
    intern_finish(&population->answers);
    free(population);
}

size_t population_bytes(const Population *population)
{
    if (!population)
        return 0;
    return sizeof(*population) + population->cell_slots * sizeof(Cell) +
           vote_table_bytes(&population->votes) + population->answers.arena.total +
           population->classes.arena.total;
}

/* ---- cells ---- */

static size_t first_slot(const Population *population, uint64_t key, uint32_t answer_class)
{
    return (key ^ (key >> 29) ^ (uint64_t)answer_class * 0x9E3779B97F4A7C15ull) &
           (population->cell_slots - 1);
}

static size_t cell_slot(const Population *population, uint64_t key, uint32_t answer_class)
{
    size_t mask = population->cell_slots - 1;
    size_t slot = first_slot(population, key, answer_class);
    while (population->cells[slot].answer_class != 0 &&
           (population->cells[slot].key != key || population->cells[slot].answer_class != answer_class))
        slot = (slot + 1) & mask;
    return slot;
}

/* Makes room, and forgets cells that were emptied: a population whose users come and go does not grow. */
static void grow_cells(Population *population)
{
    Cell *old = population->cells;
    size_t old_slots = population->cell_slots, filled = 0;
    for (size_t i = 0; i < old_slots; i++)
        filled += old[i].answer_class != 0 && old[i].count != 0;
    population->cell_slots = MAX(old_slots, (size_t)FIRST_SLOTS);
    if (filled * 3 >= old_slots)
        population->cell_slots *= old_slots ? 2 : 1;
    population->cells = NEW_ARRAY(Cell, population->cell_slots);
    population->cells_used = 0;
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i].answer_class == 0 || old[i].count == 0)
            continue;
        population->cells[cell_slot(population, old[i].key, old[i].answer_class)] = old[i];
        population->cells_used++;
    }
    free(old);
}

static void change_cell(Population *population, uint64_t key, rpmd_text answer_class, int64_t count,
                        int64_t users)
{
    if (population->cells_used * 3 >= population->cell_slots * 2)
        grow_cells(population);
    uint32_t number = intern_add(&population->classes, answer_class) + 1;
    Cell *cell = &population->cells[cell_slot(population, key, number)];
    population->cells_used += cell->answer_class == 0;
    *cell = (Cell){.key = key,
                   .answer_class = number,
                   .count = (uint32_t)(cell->count + count),
                   .users = (uint32_t)(cell->users + users)};
}

/* answer_class: number in Population.classes, or INTERN_NONE. */
static const Cell *find_cell(const Population *population, uint64_t key, uint32_t answer_class)
{
    if (answer_class == INTERN_NONE || population->cell_slots == 0)
        return NULL;
    const Cell *cell = &population->cells[cell_slot(population, key, answer_class + 1)];
    return cell->answer_class ? cell : NULL;
}

/* ---- votes ---- */

/* An empty answer withdraws the vote. */
static void set_vote(Population *population, uint64_t question, uint64_t user, rpmd_text answer)
{
    if (answer.length == 0)
        vote_table_remove(&population->votes, question, user);
    else
        vote_table_put(&population->votes, question,
                       (PopulationVote){.user = user, .answer = intern_add(&population->answers, answer)});
}

void population_load_cell(Population *population, uint64_t key, rpmd_text answer_class, uint32_t count,
                          uint32_t users)
{
    change_cell(population, key, answer_class, count, users);
}

void population_load_vote(Population *population, uint64_t question, uint64_t user, rpmd_text answer)
{
    set_vote(population, question, user, answer);
}

bool population_apply(Population *population, uint64_t user, rpmd_text pool_change)
{
    PoolChangeReader reader;
    PoolCellChange cell;
    PoolVoteChange vote;
    if (pool_change.length == 0) /* nothing changes */
        return true;
    if (!pool_change_begin(&reader, pool_change))
        return false;
    while (pool_change_next_cell(&reader, &cell))
        change_cell(population, cell.key, cell.answer_class, cell.count, cell.users);
    while (pool_change_next_vote(&reader, &vote))
        set_vote(population, vote.question, user, vote.answer);
    bool is_broken = reader.is_broken;
    pool_change_finish(&reader);
    return !is_broken;
}

/* ---- what one user may see ---- */

PopulationClasses population_classes(Arena *arena, const PopulationView *view, const rpmd_text *classes,
                                     size_t count)
{
    uint32_t *pooled = ARENA_ARRAY(arena, uint32_t, count);
    uint32_t *own = ARENA_ARRAY(arena, uint32_t, count);
    for (size_t c = 0; c < count; c++) {
        pooled[c] = view->population ? intern_find(&view->population->classes, classes[c]) : INTERN_NONE;
        own[c] = share_class(view->own, classes[c]);
    }
    return (PopulationClasses){pooled, own, count};
}

/* own: the user's cells of this key. */
static uint32_t count_of_others(const PopulationView *view, uint64_t key, uint32_t pooled, uint32_t own_class,
                                const ShareCell *own, size_t own_count)
{
    const Cell *cell = find_cell(view->population, key, pooled);
    uint32_t own_items = 0;
    if (!cell)
        return 0;
    for (size_t i = 0; i < own_count; i++)
        if (own[i].answer_class == own_class)
            own_items = own[i].count;
    if (own_items > 0 && (cell->users < 1 || cell->count < own_items))
        return 0; /* the user's share is not in it: nothing can be said without it */
    uint32_t users = cell->users - (own_items > 0);
    return users >= view->minimum_users ? cell->count - own_items : 0;
}

bool population_counts(const PopulationView *view, uint64_t key, const PopulationClasses *classes,
                       uint32_t *sums)
{
    size_t own_count = 0;
    const ShareCell *own = view->population ? share_cells(view->own, key, &own_count) : NULL;
    bool any = false;
    /* The cells lie anywhere: memory is asked for all of them at once. */
    for (size_t c = 0; view->population && view->population->cell_slots > 0 && c < classes->count; c++)
        __builtin_prefetch(
            &view->population->cells[first_slot(view->population, key, classes->pooled[c] + 1)]);
    for (size_t c = 0; c < classes->count; c++) {
        sums[c] = view->population
                      ? count_of_others(view, key, classes->pooled[c], classes->own[c], own, own_count)
                      : 0;
        any |= sums[c] > 0;
    }
    return any;
}

uint32_t population_count(const PopulationView *view, uint64_t key, rpmd_text answer_class)
{
    uint32_t sum = 0;
    uint32_t pooled = view->population ? intern_find(&view->population->classes, answer_class) : INTERN_NONE;
    uint32_t own = share_class(view->own, answer_class);
    population_counts(view, key, &(PopulationClasses){&pooled, &own, 1}, &sum);
    return sum;
}

uint32_t population_answer(const Population *population, rpmd_text answer)
{
    return population ? intern_find(&population->answers, answer) : POPULATION_ANSWER_NONE;
}

const PopulationVote *population_votes(const PopulationView *view, uint64_t question, size_t *count)
{
    VoteList list = {0};
    if (view->population)
        list = vote_table_find(&view->population->votes, question, view->user);
    *count = list.total - list.has_user < view->minimum_users ? 0 : list.count;
    return *count > 0 ? list.votes : NULL;
}
