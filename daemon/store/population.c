/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"

#include <inttypes.h>

/* What the counts of a user's share may reach. */
#define SHARE_LIMIT ((int64_t)1 << 48)

/* One user's part of one cell. */
typedef struct Share {
    uint64_t key;
    rpmd_text answer_class;
    int64_t count;
} Share;

static int find_share(Database *database, uint64_t user, Share *share, Status *status)
{
    share->count = 0;
    int r = database_query(database, status, FIND_SHARE, INTEGER(user), INTEGER(share->key),
                           TEXT(share->answer_class));
    DATABASE_EACH(database, status, FIND_SHARE, r)
    share->count = database_integer(database, STATEMENT_FIND_SHARE, 0);
    return r;
}

/* Takes a whole share out of its cell. */
static int subtract_cell(Database *database, uint64_t task, const Share *share, Status *status)
{
    int r = database_execute(database, status, CHANGE_CELL, INTEGER(task), INTEGER(share->key),
                             TEXT(share->answer_class), INTEGER(-share->count), INTEGER(-1));
    return r ? r
             : database_execute(database, status, DROP_EMPTY_CELL, INTEGER(task), INTEGER(share->key),
                                TEXT(share->answer_class));
}

static int drop_share(Database *database, const UserRow *user, const Share *share, Status *status)
{
    int r = subtract_cell(database, user->task, share, status);
    return r ? r
             : database_execute(database, status, DROP_SHARE, INTEGER(user->user), INTEGER(share->key),
                                TEXT(share->answer_class));
}

/* The cell changes by what the user's share changes; the user counts while the share is above zero. */
static int change_cell(Database *database, const UserRow *user, const StoreCellChange *change, Status *status)
{
    Share share = {.key = change->key, .answer_class = change->answer_class};
    int r = find_share(database, user->user, &share, status);
    if (r != 0 || change->change == 0)
        return r;
    if (change->change < -share.count || change->change > SHARE_LIMIT - share.count)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "A pooled count of the user is %" PRId64 " and cannot change by %" PRId64 ".",
                             share.count, change->change);
    if (share.count + change->change == 0)
        return drop_share(database, user, &share, status);
    if (share.count == 0)
        r = database_execute(database, status, FEED_CELL, INTEGER(user->task), INTEGER(share.key),
                             TEXT(share.answer_class), INTEGER(change->change));
    else
        r = database_execute(database, status, CHANGE_CELL, INTEGER(user->task), INTEGER(share.key),
                             TEXT(share.answer_class), INTEGER(change->change), INTEGER(0));
    return r ? r
             : database_execute(database, status, SET_SHARE, INTEGER(user->user), INTEGER(share.key),
                                TEXT(share.answer_class), INTEGER(share.count + change->change));
}

static int change_vote(Database *database, uint64_t user, const StoreVoteChange *vote, Status *status)
{
    if (vote->answer.length == 0)
        return database_execute(database, status, DROP_VOTE, INTEGER(user), INTEGER(vote->question));
    return database_execute(database, status, SET_VOTE, INTEGER(user), INTEGER(vote->question),
                            TEXT(vote->answer));
}

int population_withdraw(Database *database, const UserRow *user, bool cells, bool votes, Status *status)
{
    int r = 0;
    if (cells) {
        r = database_query(database, status, LIST_SHARES, INTEGER(user->user));
        DATABASE_EACH(database, status, LIST_SHARES, r)
        {
            Share share = {.key = (uint64_t)database_integer(database, STATEMENT_LIST_SHARES, 0),
                           .answer_class = database_borrow(database, STATEMENT_LIST_SHARES, 1),
                           .count = database_integer(database, STATEMENT_LIST_SHARES, 2)};
            r = subtract_cell(database, user->task, &share, status);
        }
        if (r == 0)
            r = database_execute(database, status, ERASE_SHARES, INTEGER(user->user));
    }
    if (r == 0 && votes)
        r = database_execute(database, status, ERASE_VOTES, INTEGER(user->user));
    return r;
}

int population_change(Database *database, const UserRow *user, const StorePublish *request, Status *status)
{
    bool all = !request->feeds_pool;
    int r = population_withdraw(database, user, all || request->replace_population,
                                all || request->replace_votes, status);
    if (all)
        return r;
    for (size_t i = 0; i < request->cell_count && r == 0; i++)
        r = change_cell(database, user, &request->cells[i], status);
    for (size_t i = 0; i < request->vote_count && r == 0; i++)
        r = change_vote(database, user->user, &request->votes[i], status);
    return r;
}

int population_load(Database *database, const StoreLoadPopulation *request, StoreReply *reply)
{
    Arena *arena = &reply->arena;
    _cleanup_free_ StoreCell *cells = NULL;
    _cleanup_free_ StoreVote *votes = NULL;
    size_t cell_count = 0, cell_capacity = 0, vote_count = 0, vote_capacity = 0;
    uint64_t task;
    int r = user_find_task(database, request->task, &task, &reply->status);
    if (r == 0)
        r = database_query(database, &reply->status, LIST_CELLS, INTEGER(task));
    DATABASE_EACH(database, &reply->status, LIST_CELLS, r)
    {
        GROW(cells, cell_count, cell_capacity);
        cells[cell_count++] = (StoreCell){.key = COLUMN_NUMBER(LIST_CELLS, 0),
                                          .answer_class = COLUMN_TEXT(LIST_CELLS, 1),
                                          .count = COLUMN_NUMBER(LIST_CELLS, 2),
                                          .users = COLUMN_NUMBER(LIST_CELLS, 3)};
    }
    if (r == 0)
        r = database_query(database, &reply->status, LIST_VOTES, INTEGER(task));
    DATABASE_EACH(database, &reply->status, LIST_VOTES, r)
    {
        GROW(votes, vote_count, vote_capacity);
        votes[vote_count++] = (StoreVote){.question = COLUMN_NUMBER(LIST_VOTES, 0),
                                          .user = COLUMN_NUMBER(LIST_VOTES, 1),
                                          .answer = COLUMN_TEXT(LIST_VOTES, 2)};
    }
    reply->population = (StorePopulation){.cells = ARENA_TAKE(arena, cells, cell_count),
                                          .cell_count = cell_count,
                                          .votes = ARENA_TAKE(arena, votes, vote_count),
                                          .vote_count = vote_count};
    return r;
}
