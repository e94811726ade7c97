/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/pool_change.h"

int population_change(Database *database, uint64_t task, uint64_t user, rpmd_text change, uint64_t *number,
                      Status *status)
{
    PoolChangeReader reader;
    *number = 0;
    if (change.length == 0)
        return 0;
    if (!pool_change_begin(&reader, change))
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "A change of the pooled counts is not one.");
    pool_change_finish(&reader);
    *number = ++database->numbers.change;
    return database_execute(database, status, ADD_CHANGE, INTEGER(*number), INTEGER(task), INTEGER(user),
                            BLOB(change));
}

/* ---- loading: what is folded, and the rest over it ---------------------------------------------------- */

/* A cell, or a change of one. */
typedef struct CellPart {
    uint64_t key;
    rpmd_text answer_class;
    int64_t count;
    int64_t users;
} CellPart;

typedef struct VotePart {
    StoreVote vote;
    size_t position; /* later ones take the place of earlier ones */
} VotePart;

typedef struct Rest {
    CellPart *cells; /* owned, in the order of the table after sorting */
    size_t cell_count;
    size_t cell_capacity;
    VotePart *votes; /* owned */
    size_t vote_count;
    size_t vote_capacity;
    uint64_t last_change;
} Rest;

static void rest_finish(Rest *rest)
{
    free(rest->cells);
    free(rest->votes);
}

static int compare_cells(const void *left, const void *right)
{
    const CellPart *a = left;
    const CellPart *b = right;
    if (a->key != b->key)
        return (int64_t)a->key < (int64_t)b->key ? -1 : 1; /* as the table: numbers with a sign */
    return text_compare(a->answer_class, b->answer_class);
}

static int compare_votes(const void *left, const void *right)
{
    const VotePart *a = left;
    const VotePart *b = right;
    if (a->vote.user != b->vote.user)
        return a->vote.user < b->vote.user ? -1 : 1;
    if (a->vote.question != b->vote.question)
        return (int64_t)a->vote.question < (int64_t)b->vote.question ? -1 : 1;
    return (a->position > b->position) - (a->position < b->position);
}

static bool same_vote(const VotePart *a, const VotePart *b)
{
    return a->vote.user == b->vote.user && a->vote.question == b->vote.question;
}

static int add_change(Rest *rest, uint64_t user, rpmd_text content, const PoolChangePlace *place,
                      Status *status)
{
    PoolChangeReader reader;
    PoolCellChange cell;
    PoolVoteChange vote;
    bool is_whole = pool_change_begin(&reader, content);
    if (is_whole && place->offset > 0)
        pool_change_go_to(&reader, content, *place);
    while (is_whole && pool_change_next_cell(&reader, &cell)) {
        GROW(rest->cells, rest->cell_count, rest->cell_capacity);
        rest->cells[rest->cell_count++] = (CellPart){cell.key, cell.answer_class, cell.count, cell.users};
    }
    while (is_whole && pool_change_next_vote(&reader, &vote)) {
        GROW(rest->votes, rest->vote_count, rest->vote_capacity);
        rest->votes[rest->vote_count] = (VotePart){{vote.question, user, vote.answer}, rest->vote_count};
        rest->vote_count++;
    }
    is_whole &= !reader.is_broken;
    pool_change_finish(&reader);
    return is_whole ? 0
                    : status_refuse(status, STATUS_DATA_LOSS, "A change of the pooled counts is damaged.");
}

/* Changes of the same cell become one, and of votes the last one stays. */
static void rest_combine(Rest *rest)
{
    size_t kept = 0;
    if (rest->cell_count > 0)
        qsort(rest->cells, rest->cell_count, sizeof(*rest->cells), compare_cells);
    for (size_t i = 0; i < rest->cell_count; i++) {
        if (kept > 0 && compare_cells(&rest->cells[kept - 1], &rest->cells[i]) == 0) {
            rest->cells[kept - 1].count += rest->cells[i].count;
            rest->cells[kept - 1].users += rest->cells[i].users;
        } else {
            rest->cells[kept++] = rest->cells[i];
        }
    }
    rest->cell_count = kept;

    kept = 0;
    if (rest->vote_count > 0)
        qsort(rest->votes, rest->vote_count, sizeof(*rest->votes), compare_votes);
    for (size_t i = 0; i < rest->vote_count; i++) {
        if (kept > 0 && same_vote(&rest->votes[kept - 1], &rest->votes[i]))
            kept--;
        rest->votes[kept++] = rest->votes[i];
    }
    rest->vote_count = kept;
}

static int load_rest(Database *database, uint64_t task, Rest *rest, Arena *arena, Status *status)
{
    PoolChangePlace place = {0};
    uint64_t begun = 0;
    int r = database_number(database, status, &rest->last_change, LAST_CHANGE, INTEGER(1));
    if (r == 0)
        r = database_query(database, status, FIND_PLACE, INTEGER(1));
    DATABASE_EACH(database, status, FIND_PLACE, r)
    {
        begun = COLUMN_NUMBER(FIND_PLACE, 1);
        place = (PoolChangePlace){COLUMN_NUMBER(FIND_PLACE, 2), COLUMN_NUMBER(FIND_PLACE, 3),
                                  COLUMN_NUMBER(FIND_PLACE, 4)};
    }
    if (r == 0)
        r = database_query(database, status, LIST_CHANGES, INTEGER(task));
    DATABASE_EACH(database, status, LIST_CHANGES, r)
    {
        bool is_begun = COLUMN_NUMBER(LIST_CHANGES, 0) == begun;
        r = add_change(rest, COLUMN_NUMBER(LIST_CHANGES, 1), COLUMN_TEXT(LIST_CHANGES, 2),
                       is_begun ? &place : &(PoolChangePlace){0}, status);
        if (r != 0)
            database_stop(database, STATEMENT_LIST_CHANGES);
    }
    if (r == 0)
        rest_combine(rest);
    return r;
}

typedef struct Cells {
    StoreCell *cells; /* owned */
    size_t count;
    size_t capacity;
} Cells;

static void add_cell(Cells *cells, const CellPart *cell)
{
    if (cell->users <= 0)
        return;
    GROW(cells->cells, cells->count, cells->capacity);
    cells->cells[cells->count++] =
        (StoreCell){cell->key, cell->answer_class, (uint64_t)MAX(cell->count, 0), (uint64_t)cell->users};
}

static int load_cells(Database *database, uint64_t task, const Rest *rest, Cells *cells, Arena *arena,
                      Status *status)
{
    size_t at = 0;
    int r = database_query(database, status, LIST_CELLS, INTEGER(task));
    DATABASE_EACH(database, status, LIST_CELLS, r)
    {
        CellPart cell = {COLUMN_NUMBER(LIST_CELLS, 0), database_borrow(database, STATEMENT_LIST_CELLS, 1),
                         database_integer(database, STATEMENT_LIST_CELLS, 2),
                         database_integer(database, STATEMENT_LIST_CELLS, 3)};
        int order = 1;
        while (at < rest->cell_count && (order = compare_cells(&rest->cells[at], &cell)) < 0)
            add_cell(cells, &rest->cells[at++]);
        if (at < rest->cell_count && order == 0) {
            cell.count += rest->cells[at].count;
            cell.users += rest->cells[at++].users;
        }
        cell.answer_class = arena_text(arena, cell.answer_class);
        add_cell(cells, &cell);
    }
    while (at < rest->cell_count)
        add_cell(cells, &rest->cells[at++]);
    return r;
}

typedef struct Votes {
    StoreVote *votes; /* owned */
    size_t count;
    size_t capacity;
} Votes;

static void add_vote(Votes *votes, StoreVote vote)
{
    if (vote.answer.length == 0)
        return;
    GROW(votes->votes, votes->count, votes->capacity);
    votes->votes[votes->count++] = vote;
}

static int load_votes(Database *database, uint64_t task, const Rest *rest, Votes *votes, Arena *arena,
                      Status *status)
{
    size_t at = 0;
    int r = database_query(database, status, LIST_VOTES, INTEGER(task));
    DATABASE_EACH(database, status, LIST_VOTES, r)
    {
        VotePart vote = {.vote = {COLUMN_NUMBER(LIST_VOTES, 0), COLUMN_NUMBER(LIST_VOTES, 1), {0}}};
        while (at < rest->vote_count && !same_vote(&rest->votes[at], &vote) &&
               compare_votes(&rest->votes[at], &vote) < 0)
            add_vote(votes, rest->votes[at++].vote);
        if (at < rest->vote_count && same_vote(&rest->votes[at], &vote)) {
            add_vote(votes, rest->votes[at++].vote);
            continue;
        }
        vote.vote.answer = COLUMN_TEXT(LIST_VOTES, 2);
        add_vote(votes, vote.vote);
    }
    while (at < rest->vote_count)
        add_vote(votes, rest->votes[at++].vote);
    return r;
}

int population_load(Database *database, const StoreLoadPopulation *request, StoreReply *reply)
{
    Arena *arena = &reply->arena;
    Status *status = &reply->status;
    Rest rest = {0};
    Cells cells = {0};
    Votes votes = {0};
    uint64_t task;
    int r = user_find_task(database, request->task, &task, status);
    if (r == 0)
        r = load_rest(database, task, &rest, arena, status);
    if (r == 0)
        r = load_cells(database, task, &rest, &cells, arena, status);
    if (r == 0)
        r = load_votes(database, task, &rest, &votes, arena, status);
    reply->population = (StorePopulation){.cells = ARENA_TAKE(arena, cells.cells, cells.count),
                                          .cell_count = cells.count,
                                          .votes = ARENA_TAKE(arena, votes.votes, votes.count),
                                          .vote_count = votes.count,
                                          .last_change = rest.last_change};
    rest_finish(&rest);
    free(cells.cells);
    free(votes.votes);
    return r;
}
