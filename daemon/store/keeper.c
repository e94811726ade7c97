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
    /* What a power cut takes back is done again. */
    int code = database_begin_unsynced(database);
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

/* Moves the log's pages into the file, beside the writer, until few are left. */
static int move_most(Keeper *keeper, int *left)
{
    int code = SQLITE_OK;
    *left = KEEPER_FEW_PAGES + 1;
    for (int tries = 0; tries < KEEPER_MOVE_TRIES && code == SQLITE_OK && *left > KEEPER_FEW_PAGES; tries++)
        code = database_checkpoint(&keeper->database, left);
    return code;
}

/* Keeps the log short: of one that is too long, the last pages are moved with the turn. */
static int move_log(Keeper *keeper, Status *status)
{
    int pages = turn_log_pages(keeper->turn), left = 0;
    if (pages < keeper->moved_pages) /* it began anew */
        keeper->moved_pages = 0;
    if (pages - keeper->moved_pages < KEEPER_CHECKPOINT_PAGES)
        return 0;
    bool is_long = pages > KEEPER_LOG_LIMIT_PAGES;
    int code = is_long ? move_most(keeper, &left) : database_checkpoint(&keeper->database, &left);
    if (code == SQLITE_OK && is_long) {
        if (!turn_take_to_keep(keeper->turn, 0))
            return KEEPER_ENDS;
        code = database_checkpoint(&keeper->database, &left);
        turn_give_back_kept(keeper->turn);
    }
    keeper->moved_pages = pages;
    return code == SQLITE_OK || code == SQLITE_BUSY ? 0 : refuse_log(keeper, code, status);
}

/* ---- erasures ----------------------------------------------------------------------------------------- */

/* In a transaction of its own, with the turn, which writes in any case. */
static int write_finished(Keeper *keeper, uint64_t through, Status *status)
{
    Database *database = &keeper->turn->database;
    int code = database_begin(database);
    int r = code == SQLITE_OK ? database_execute(database, status, RENEW_LOG, INTEGER(1))
                              : database_refuse(database, code, status);
    if (r == 0)
        r = database_execute(database, status, FINISH_ERASURES, INTEGER(1), INTEGER(through));
    if (r == 0)
        r = database_execute(database, status, FORGET_ERASURES, INTEGER(through));
    if (r == 0 && (code = database_commit(database)) != SQLITE_OK)
        r = database_refuse(database, code, status);
    if (r != 0)
        database_roll_back(database);
    return r;
}

/*
 * With the turn: moves the rest of the log, makes the connection that writes forget the pages it has read,
 * and lets a commit begin the log anew. From then on no page that held what is gone can come back into the
 * log. *code: SQLITE_BUSY where a reader is in the way.
 */
static int renew_log(Keeper *keeper, int *code, Status *status)
{
    int left;
    move_most(keeper, &left);
    if (!turn_take_to_keep(keeper->turn, KEEPER_PATIENCE_NS))
        return KEEPER_ENDS;
    Database *database = &keeper->turn->database;
    int pages, r = 0;
    *code = database_empty_log(&keeper->database, &pages);
    if (*code == SQLITE_OK) {
        database_forget_pages(database);
        r = write_finished(keeper, keeper->finished, status);
        /* A reader that came in between keeps the old one in use: the commit is behind its pages. */
        if (r == 0 && pages > 0 && database->log_pages > pages)
            *code = SQLITE_BUSY;
    }
    turn_give_back_kept(keeper->turn);
    return r;
}

/* Cuts off what the old log left behind the new one, a part at a time. */
static int cut_log(Keeper *keeper, int *code)
{
    bool is_cut = false;
    while (!is_cut && *code == SQLITE_OK) {
        if (!turn_take_to_keep(keeper->turn, KEEPER_PATIENCE_NS))
            return KEEPER_ENDS;
        *code = database_shorten_log(&keeper->database, keeper->turn->database.log_pages, KEEPER_CUT_BYTES,
                                     &is_cut);
        turn_give_back_kept(keeper->turn);
    }
    return 0;
}

static int finish_erasures(Keeper *keeper, Status *status)
{
    uint64_t through = keeper->sweep.erasures;
    int code = SQLITE_BUSY, r = 0;
    if (through <= keeper->finished)
        return 0;
    for (int tries = 0; tries < KEEPER_EMPTY_TRIES && r == 0 && code == SQLITE_BUSY; tries++) {
        if (tries > 0 && !turn_pause(keeper->turn, KEEPER_EMPTY_PAUSE_NS))
            return KEEPER_ENDS;
        r = renew_log(keeper, &code, status);
    }
    if (r == 0 && code == SQLITE_OK)
        r = cut_log(keeper, &code);
    if (r != 0)
        return r;
    if (code != SQLITE_OK)
        return refuse_log(keeper, code, status);
    if (!turn_take_to_keep(keeper->turn, KEEPER_PATIENCE_NS))
        return KEEPER_ENDS;
    r = write_finished(keeper, through, status);
    turn_give_back_kept(keeper->turn);
    if (r == 0)
        keeper->finished = through;
    return r;
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

/* All that there is to do, in turns, so that none waits for the end of another that has none. */
static int keep(Keeper *keeper, Status *status)
{
    static const Slice slices[] = {slice_fold, slice_superseded, slice_erased};
    for (bool more = true; more;) {
        bool slice_more = false;
        more = false;
        for (size_t i = 0; i < ARRAY_SIZE(slices); i++) {
            int r = run_slice(keeper, slices[i], &slice_more, status);
            if (r == 0)
                r = move_log(keeper, status);
            if (r != 0)
                return r;
            more |= slice_more;
        }
        /* With no erased rows left that can be deleted now. */
        int r = slice_more ? 0 : finish_erasures(keeper, status);
        if (r != 0)
            return r;
        tell(keeper, "");
    }
    return 0;
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
