/* SPDX-License-Identifier: MIT */
#include "daemon/store/keeper.h"

#include "daemon/log.h"
#include "lib/base/macros.h"

#include <stdio.h>

/* What a step returns beside 0 and STATUS_REFUSED: the store is being closed. */
#define KEEPER_ENDS 2

/* ---- slices ------------------------------------------------------------------------------------------- */

/* A part of a transaction; *more: there may be something left. */
typedef int (*Slice)(Keeper *keeper, Database *database, uint64_t until, bool *more, Status *status);

static int slice_fold(Keeper *keeper, Database *database, uint64_t until, bool *more, Status *status)
{
    return fold_slice(&keeper->fold, database, until, more, status);
}

static int slice_erased(Keeper *keeper, Database *database, uint64_t until, bool *more, Status *status)
{
    return sweep_erased(&keeper->sweep, database, keeper->fold.folded, until, more, status);
}

static int slice_superseded(Keeper *keeper, Database *database, uint64_t until, bool *more, Status *status)
{
    return sweep_superseded(&keeper->sweep, database, until, more, status);
}

static uint64_t patience(const Keeper *keeper)
{
    return keeper->backlog > KEEPER_BACKLOG ? KEEPER_BACKLOG_PATIENCE_NS : KEEPER_PATIENCE_NS;
}

/* One slice in a transaction of its own. */
static int run_slice(Keeper *keeper, Slice slice, bool *more, Status *status)
{
    if (!turn_take_to_keep(keeper->turn, patience(keeper)))
        return KEEPER_ENDS;
    Database *database = &keeper->turn->database;
    *more = false;
    int code = database_begin(database);
    int r = code == SQLITE_OK ? slice(keeper, database, uv_hrtime() + KEEPER_SLICE_NS, more, status)
                              : database_refuse(database, code, status);
    if (r == 0) {
        code = database_commit(database);
        r = code == SQLITE_OK ? 0 : database_refuse(database, code, status);
    }
    if (r != 0) {
        database_roll_back(database);
        fold_reset(&keeper->fold);
        keeper->sweep = (Sweep){0};
    }
    keeper->backlog = database->numbers.change - MIN(keeper->fold.folded, database->numbers.change);
    keeper->last_erasure = database->numbers.erasure;
    turn_give_back_kept(keeper->turn);
    return r;
}

/* ---- the log ------------------------------------------------------------------------------------------ */

static int refuse_log(Keeper *keeper, int code, Status *status)
{
    if (code == SQLITE_BUSY)
        return status_refuse(
            status, STATUS_UNAVAILABLE,
            "A program other than rpmd reads the database %s, so that its log cannot be cut. "
            "Close it.",
            keeper->database.path);
    return database_refuse(&keeper->database, code, status);
}

/* Moves the log's pages into the file beside the writer; of a log that is too long the last with the turn. */
static int move_log(Keeper *keeper, Status *status)
{
    int pages = turn_log_pages(keeper->turn), left = 0;
    if (pages < keeper->moved_pages) /* it began anew */
        keeper->moved_pages = 0;
    if (pages - keeper->moved_pages < KEEPER_CHECKPOINT_PAGES)
        return 0;
    int code = database_checkpoint(&keeper->database, &left);
    if (code == SQLITE_OK && left > 0 && pages > KEEPER_LOG_LIMIT_PAGES) {
        if (!turn_take_to_keep(keeper->turn, 0))
            return KEEPER_ENDS;
        code = database_checkpoint(&keeper->database, &left);
        turn_give_back_kept(keeper->turn);
    }
    keeper->moved_pages = pages;
    return code == SQLITE_OK || code == SQLITE_BUSY ? 0 : refuse_log(keeper, code, status);
}

/* ---- erasures ----------------------------------------------------------------------------------------- */

static int write_finished(Database *database, uint64_t through, Status *status)
{
    int code = database_begin(database);
    int r = code == SQLITE_OK
                ? database_execute(database, status, FINISH_ERASURES, INTEGER(1), INTEGER(through))
                : database_refuse(database, code, status);
    if (r == 0)
        r = database_execute(database, status, FORGET_ERASURES, INTEGER(through));
    if (r == 0 && (code = database_commit(database)) != SQLITE_OK)
        r = database_refuse(database, code, status);
    if (r != 0)
        database_roll_back(database);
    return r;
}

/*
 * With the turn: cuts the log and makes the connection that writes forget the pages it has read. From then on
 * nothing is left of rows that are gone, and no page that held any can come back into the log.
 */
static int cut_log(Keeper *keeper, uint64_t through, int *code, Status *status)
{
    int left;
    /* Most of it without the turn. */
    database_checkpoint(&keeper->database, &left);
    if (!turn_take_to_keep(keeper->turn, KEEPER_PATIENCE_NS))
        return KEEPER_ENDS;
    Database *database = &keeper->turn->database;
    int r = 0;
    *code = database_cut_log(&keeper->database);
    if (*code == SQLITE_OK) {
        database->log_pages = keeper->moved_pages = 0;
        database_forget_pages(database);
        r = write_finished(database, through, status);
    }
    turn_give_back_kept(keeper->turn);
    return r;
}

static int finish_erasures(Keeper *keeper, Status *status)
{
    uint64_t through = keeper->sweep.erasures;
    int code = SQLITE_OK;
    if (through <= keeper->finished)
        return 0;
    for (int tries = 0; tries < KEEPER_CUT_TRIES; tries++) {
        int r = cut_log(keeper, through, &code, status);
        if (r != 0)
            return r;
        if (code != SQLITE_BUSY)
            break;
        if (!turn_pause(keeper->turn, KEEPER_CUT_PAUSE_NS))
            return KEEPER_ENDS;
    }
    if (code != SQLITE_OK)
        return refuse_log(keeper, code, status);
    keeper->finished = through;
    return 0;
}

/* ---- the thread --------------------------------------------------------------------------------------- */

static void tell(Keeper *keeper, const char *trouble)
{
    Exchange *exchange = keeper->exchange;
    uv_mutex_lock(&exchange->mutex);
    exchange->metrics.erasures_finished = keeper->finished;
    snprintf(exchange->metrics.erasure_trouble, sizeof(exchange->metrics.erasure_trouble), "%.255s", trouble);
    uv_mutex_unlock(&exchange->mutex);
}

/* All that there is to do. */
static int keep(Keeper *keeper, Status *status)
{
    static const Slice slices[] = {slice_fold, slice_erased, slice_superseded};
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(slices) && r == 0; i++) {
        bool more = true;
        while (r == 0 && more) {
            r = run_slice(keeper, slices[i], &more, status);
            if (r == 0)
                r = move_log(keeper, status);
        }
    }
    return r ? r : finish_erasures(keeper, status);
}

void keeper_run(Keeper *keeper)
{
    uint64_t longest = 1; /* at the start there may be work without news */
    while (turn_wait_for_news(keeper->turn, longest) && turn_pause(keeper->turn, KEEPER_DELAY_NS)) {
        Status status = STATUS_INIT;
        int r = keep(keeper, &status);
        if (r == KEEPER_ENDS)
            break;
        longest = r == 0 ? 0 : 1;
        tell(keeper, r != 0 && keeper->last_erasure > keeper->finished ? status.message : "");
        if (r != 0)
            log_warning("The store's files could not be tidied up: %s Tried again in a minute.",
                        status.message);
        if (r != 0 && !turn_pause(keeper->turn, KEEPER_RETRY_NS))
            break;
    }
    fold_reset(&keeper->fold);
}
