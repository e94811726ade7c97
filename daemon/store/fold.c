/* SPDX-License-Identifier: MIT */
#include "daemon/store/fold.h"

#include "daemon/log.h"
#include "lib/base/memory.h"

#include <inttypes.h>
#include <uv.h>

/* Cells or votes between two looks at the clock. */
#define FOLD_STEPS 16

static void forget_change(Fold *fold)
{
    pool_change_finish(&fold->reader);
    free((char *)fold->content.data);
    fold->content = (rpmd_text){0};
    fold->change = 0;
}

void fold_reset(Fold *fold)
{
    forget_change(fold);
    *fold = (Fold){0};
}

static int change_cell(Fold *fold, Database *database, const PoolCellChange *cell, Status *status)
{
    int r = database_execute(database, status, CHANGE_CELL, INTEGER(fold->task), INTEGER(cell->key),
                             TEXT(cell->answer_class), INTEGER(cell->count), INTEGER(cell->users));
    if (r != 0)
        return r;
    if (database_changes(database) == 0)
        return cell->users <= 0 ? 0
                                : database_execute(database, status, ADD_CELL, INTEGER(fold->task),
                                                   INTEGER(cell->key), TEXT(cell->answer_class),
                                                   INTEGER(MAX(cell->count, 0)), INTEGER(cell->users));
    if (cell->users < 0)
        r = database_execute(database, status, DROP_EMPTY_CELL, INTEGER(fold->task), INTEGER(cell->key),
                             TEXT(cell->answer_class));
    return r;
}

static int change_vote(Fold *fold, Database *database, const PoolVoteChange *vote, Status *status)
{
    if (vote->answer.length == 0)
        return database_execute(database, status, DROP_VOTE, INTEGER(fold->task), INTEGER(fold->user),
                                INTEGER(vote->question));
    return database_execute(database, status, SET_VOTE, INTEGER(fold->task), INTEGER(fold->user),
                            INTEGER(vote->question), TEXT(vote->answer));
}

/* The next change, at the place where it was left; fold->change is 0 where there is none. */
static int find_change(Fold *fold, Database *database, Status *status)
{
    PoolChangePlace place = {0};
    uint64_t begun = 0;
    int r = database_query(database, status, FIND_PLACE, INTEGER(1));
    DATABASE_EACH(database, status, FIND_PLACE, r)
    {
        if (!fold->is_placed)
            fold->folded = COLUMN_NUMBER(FIND_PLACE, 0);
        begun = COLUMN_NUMBER(FIND_PLACE, 1);
        place = (PoolChangePlace){COLUMN_NUMBER(FIND_PLACE, 2), COLUMN_NUMBER(FIND_PLACE, 3),
                                  COLUMN_NUMBER(FIND_PLACE, 4)};
    }
    fold->is_placed = true;
    if (r == 0)
        r = database_query(database, status, NEXT_CHANGE, INTEGER(fold->folded));
    DATABASE_EACH(database, status, NEXT_CHANGE, r)
    {
        rpmd_text content = database_borrow(database, STATEMENT_NEXT_CHANGE, 3);
        fold->change = COLUMN_NUMBER(NEXT_CHANGE, 0);
        fold->task = COLUMN_NUMBER(NEXT_CHANGE, 1);
        fold->user = COLUMN_NUMBER(NEXT_CHANGE, 2);
        fold->content = (rpmd_text){memory_copy_text(content.data, content.length), content.length};
    }
    if (r != 0 || fold->change == 0)
        return r;
    if (!pool_change_begin(&fold->reader, fold->content))
        fold->reader.is_broken = true;
    else if (begun == fold->change)
        pool_change_go_to(&fold->reader, fold->content, place);
    return 0;
}

/* One cell or vote; *done: there is no further one. */
static int fold_step(Fold *fold, Database *database, bool *done, Status *status)
{
    PoolCellChange cell;
    PoolVoteChange vote;
    if (fold->reader.is_broken) {
        log_error("A change of the pooled counts (number %" PRIu64 ") is damaged, and is passed over.",
                  fold->change);
        *done = true;
        return 0;
    }
    if (pool_change_next_cell(&fold->reader, &cell))
        return change_cell(fold, database, &cell, status);
    if (!fold->reader.is_broken && pool_change_next_vote(&fold->reader, &vote))
        return change_vote(fold, database, &vote, status);
    *done = !fold->reader.is_broken;
    return 0;
}

static int end_change(Fold *fold, Database *database, Status *status)
{
    fold->folded = fold->change;
    int r = database_execute(database, status, DROP_CHANGE, INTEGER(fold->change));
    forget_change(fold);
    return r;
}

int fold_slice(Fold *fold, Database *database, uint64_t until, bool *more, Status *status)
{
    int r = 0;
    bool worked = false;
    for (unsigned step = 1; r == 0 && (step % FOLD_STEPS != 0 || uv_hrtime() < until); step++) {
        bool done = false;
        if (fold->change == 0)
            r = find_change(fold, database, status);
        if (r != 0 || fold->change == 0)
            break;
        worked = true;
        r = fold_step(fold, database, &done, status);
        if (r == 0 && done)
            r = end_change(fold, database, status);
    }
    if (r != 0 || !worked)
        return r;
    /* Whether there is another one shows at the beginning of the next slice. */
    *more = true;
    PoolChangePlace place = {0};
    if (fold->change != 0)
        place = pool_change_place(&fold->reader, fold->content);
    return database_execute(database, status, SET_PLACE, INTEGER(1), INTEGER(fold->folded),
                            INTEGER(fold->change), INTEGER(place.offset), INTEGER(place.cells),
                            INTEGER(place.votes));
}
