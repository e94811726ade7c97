/* SPDX-License-Identifier: MIT */
#include "daemon/store/sweep.h"

#include "daemon/store/operations.h"

#include <uv.h>

/* Rows between two looks at the clock: some have an overflow page or more, each of which is zeroed. */
#define SWEEP_ROWS 16
/* Records looked at in one query. */
#define SWEEP_SCAN 64

/* ---- users who were erased ---------------------------------------------------------------------------- */

typedef struct Erasure {
    uint64_t number;
    uint64_t task;
    uint64_t user;
    uint64_t change;
} Erasure;

/* Deletes the user's rows of one table until none is left (*done) or time is up. */
static int erase_rows(Database *database, Statement statement, uint64_t rows, const Erasure *erasure,
                      uint64_t until, bool *done, Status *status)
{
    const Value values[] = {INTEGER(erasure->user), INTEGER(ITEM_NUMBER(erasure->user, 0)),
                            INTEGER(ITEM_NUMBER(erasure->user, ITEM_LAST_NUMBER)), INTEGER(rows),
                            INTEGER(erasure->task)};
    do {
        int r = database_run(database, status, statement, values, ARRAY_SIZE(values));
        if (r != 0)
            return r;
        *done = database_changes(database) < rows;
    } while (!*done && uv_hrtime() < until);
    return 0;
}

/* All tables in turn; those that are empty already cost a search. */
static int erase_all(Database *database, const Erasure *erasure, uint64_t until, bool *done, Status *status)
{
    static const struct {
        Statement statement;
        uint64_t rows;
    } tables[] = {
        {STATEMENT_ERASE_RECORDS, SWEEP_ROWS}, {STATEMENT_ERASE_ITEMS, SWEEP_ROWS},
        {STATEMENT_ERASE_FACTOR_SETS, 1},      {STATEMENT_ERASE_VERSIONS, SWEEP_ROWS},
        {STATEMENT_ERASE_VOTES, SWEEP_ROWS},   {STATEMENT_ERASE_REPLIES, SWEEP_ROWS},
    };
    int r = 0;
    *done = true;
    for (size_t i = 0; i < ARRAY_SIZE(tables) && r == 0 && *done; i++)
        r = erase_rows(database, tables[i].statement, tables[i].rows, erasure, until, done, status);
    if (r == 0 && *done)
        r = database_execute(database, status, KEEP_USAGE, INTEGER(erasure->user));
    if (r == 0 && *done)
        r = database_execute(database, status, ERASE_USAGE, INTEGER(erasure->user));
    return r;
}

int sweep_erased(Sweep *sweep, Database *database, uint64_t folded, uint64_t until, bool *more,
                 Status *status)
{
    Erasure erasure = {0};
    bool done = false;
    int r = database_query(database, status, NEXT_ERASURE, INTEGER(sweep->erasures));
    DATABASE_EACH(database, status, NEXT_ERASURE, r)
    erasure = (Erasure){COLUMN_NUMBER(NEXT_ERASURE, 0), COLUMN_NUMBER(NEXT_ERASURE, 1),
                        COLUMN_NUMBER(NEXT_ERASURE, 2), COLUMN_NUMBER(NEXT_ERASURE, 3)};
    if (r != 0 || erasure.number == 0 || erasure.change > folded)
        return r;
    r = erase_all(database, &erasure, until, &done, status);
    if (r == 0 && done)
        sweep->erasures = erasure.number;
    *more = r == 0;
    return r;
}

/* ---- records ------------------------------------------------------------------------------------------ */

typedef struct SweptRecord {
    uint64_t record;
    uint64_t generation;
    uint64_t revision;
} SweptRecord;

/* Which of an item's two records gives way. */
static const SweptRecord *superseded(const SweptRecord *a, const SweptRecord *b)
{
    if (a->revision != b->revision)
        return a->revision < b->revision ? a : b;
    return a->generation < b->generation ? a : b;
}

/* Looks through the next records of the user; *done: there was none. */
static int sweep_records(Sweep *sweep, Database *database, bool *done, Status *status)
{
    SweptRecord before = {0};
    uint64_t found[SWEEP_SCAN];
    size_t count = 0, seen = 0;
    int r = database_query(database, status, SCAN_RECORD_STATES, INTEGER(sweep->next),
                           INTEGER(RECORD_LAST_NUMBER(sweep->user)), INTEGER(SWEEP_SCAN));
    DATABASE_EACH(database, status, SCAN_RECORD_STATES, r)
    {
        SweptRecord record = {COLUMN_NUMBER(SCAN_RECORD_STATES, 0), COLUMN_NUMBER(SCAN_RECORD_STATES, 1),
                              COLUMN_NUMBER(SCAN_RECORD_STATES, 2)};
        seen++;
        sweep->next = record.record + 1;
        if (record.generation > sweep->generation)
            continue; /* of a build on its way */
        if (before.record != 0 && RECORD_ITEM(before.record) == RECORD_ITEM(record.record))
            found[count++] = superseded(&before, &record)->record;
        before = record;
    }
    *done = r == 0 && seen < SWEEP_SCAN;
    /* The pair may be cut by the end of the scan: the last one is looked at again. */
    if (r == 0 && seen == SWEEP_SCAN && before.record + 1 == sweep->next && before.record % 2 == 0)
        sweep->next = before.record;
    for (size_t i = 0; i < count && r == 0; i++)
        r = database_execute(database, status, DROP_RECORD, INTEGER(found[i]));
    return r;
}

int sweep_superseded(Sweep *sweep, Database *database, uint64_t until, bool *more, Status *status)
{
    int r = 0;
    if (sweep->user == 0)
        r = database_query(database, status, NEXT_TO_SWEEP, INTEGER(1));
    if (sweep->user == 0)
        DATABASE_EACH(database, status, NEXT_TO_SWEEP, r)
        {
            sweep->user = COLUMN_NUMBER(NEXT_TO_SWEEP, 0);
            sweep->generation = COLUMN_NUMBER(NEXT_TO_SWEEP, 1);
            sweep->next = RECORD_NUMBER(ITEM_NUMBER(sweep->user, 0));
        }
    if (r != 0 || sweep->user == 0)
        return r;
    bool done = false;
    do
        r = sweep_records(sweep, database, &done, status);
    while (r == 0 && !done && uv_hrtime() < until);
    if (r == 0 && done) {
        r = database_execute(database, status, SET_SWEPT, INTEGER(sweep->user), INTEGER(sweep->generation));
        sweep->user = 0;
    }
    *more = r == 0;
    return r;
}
