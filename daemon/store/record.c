/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/*
 * Records of what was derived from items. An item has two places: one for the record that counts, one for
 * that of a build on its way. Which one counts is told by take_row.
 */

/* Records looked at in one request while a build that broke off is cleared away: a millisecond or two. */
#define CLEANING_SCAN 2048
#define CLEANING_REMOVALS 256

/* What a place holds; generation and revision alone. */
typedef struct RecordState {
    bool is_there;
    uint64_t generation;
    uint64_t revision;
} RecordState;

/* The two places of an item. */
static int find_states(Database *database, uint64_t item, RecordState states[2], Status *status)
{
    states[0] = states[1] = (RecordState){0};
    int r = database_query(database, status, SCAN_RECORD_STATES, INTEGER(RECORD_NUMBER(item)),
                           INTEGER(RECORD_NUMBER(item) + 1), INTEGER(2));
    DATABASE_EACH(database, status, SCAN_RECORD_STATES, r)
    states[COLUMN_NUMBER(SCAN_RECORD_STATES, 0) % 2] =
        (RecordState){true, COLUMN_NUMBER(SCAN_RECORD_STATES, 1), COLUMN_NUMBER(SCAN_RECORD_STATES, 2)};
    return r;
}

/* Where the record that serves is not: that of a build goes there. */
static uint64_t staging_place(const RecordState states[2], uint64_t generation, uint64_t build)
{
    if (states[1].is_there && states[1].generation == build)
        return 1;
    for (uint64_t place = 0; place < 2; place++)
        if (!states[place].is_there || states[place].generation > generation)
            return place;
    /* Both count: the one that another took the place of. */
    return states[0].revision > states[1].revision ||
           (states[0].revision == states[1].revision && states[0].generation > states[1].generation);
}

/* Where no record of a build lies. */
static uint64_t serving_place(const RecordState states[2], uint64_t generation)
{
    return states[0].is_there && states[0].generation > generation ? 1 : 0;
}

static int find_extractor(Database *database, rpmd_text version, uint64_t *extractor, Status *status)
{
    int r = database_number(database, status, extractor, FIND_EXTRACTOR, TEXT(version));
    if (r != 0 || *extractor != 0)
        return r;
    r = database_query(database, status, ADD_EXTRACTOR, TEXT(version));
    DATABASE_EACH(database, status, ADD_EXTRACTOR, r)
    *extractor = COLUMN_NUMBER(ADD_EXTRACTOR, 0);
    return r;
}

static int check_record(const StoreRecord *record, Status *status)
{
    if (record->extractor_version.length > 0)
        return 0;
    return status_refuse(status, STATUS_INVALID_ARGUMENT, "A record names no extractor version.");
}

static int write_record(Database *database, const StoreRecord *record, uint64_t place, uint64_t generation,
                        uint64_t extractor, Status *status)
{
    return database_execute(database, status, SET_RECORD, INTEGER(RECORD_NUMBER(record->item) + place),
                            INTEGER(generation), INTEGER(record->revision), INTEGER(extractor),
                            INTEGER(record->code), TEXT(record->error), BLOB(record->content));
}

int record_put(Database *database, const UserRow *user, const StoreRecord *record, Status *status)
{
    RecordState states[2];
    uint64_t extractor = 0;
    int r = check_record(record, status);
    if (r == 0)
        r = find_states(database, record->item, states, status);
    if (r == 0)
        r = find_extractor(database, record->extractor_version, &extractor, status);
    if (r != 0)
        return r;
    uint64_t place = serving_place(states, user->generation);
    const RecordState *other = &states[1 - place];
    r = write_record(database, record, place, user->generation, extractor, status);
    if (r == 0 && other->is_there && other->generation <= user->generation)
        r = database_execute(database, status, DROP_RECORD, INTEGER(RECORD_NUMBER(record->item) + 1 - place));
    return r;
}

int record_drop(Database *database, uint64_t item, Status *status)
{
    return database_execute(database, status, DROP_RECORDS, INTEGER(RECORD_NUMBER(item)),
                            INTEGER(RECORD_NUMBER(item) + 1));
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static int find_version(RecordReader *reader, uint64_t extractor, Status *status)
{
    Database *database = reader->database;
    Arena *arena = reader->arena;
    if (extractor == reader->extractor && extractor != 0)
        return 0;
    int r = database_query(database, status, EXTRACTOR_VERSION, INTEGER(extractor));
    DATABASE_EACH(database, status, EXTRACTOR_VERSION, r)
    reader->extractor_version = COLUMN_TEXT(EXTRACTOR_VERSION, 0);
    reader->extractor = extractor;
    return r;
}

/*
 * Takes the current row where it counts, and more than one that was taken before (of `taken`): the newest
 * revision does, and of these the newest generation.
 */
static int take_row(RecordReader *reader, StoreItem *item, uint64_t *taken, Status *status)
{
    Database *database = reader->database;
    uint64_t generation = COLUMN_NUMBER(SCAN_RECORDS, 1), revision = COLUMN_NUMBER(SCAN_RECORDS, 2);
    const StoreRecord *other = &item->record;
    if (generation > reader->generation || (reader->only_current && revision != item->revision))
        return 0;
    if (other->item != 0 &&
        (revision < other->revision || (revision == other->revision && generation < *taken)))
        return 0;
    int r = find_version(reader, COLUMN_NUMBER(SCAN_RECORDS, 3), status);
    if (r != 0)
        return r;
    Arena *arena = reader->arena;
    *taken = generation;
    item->record = (StoreRecord){.item = item->number,
                                 .revision = revision,
                                 .extractor_version = reader->extractor_version,
                                 .code = (StatusCode)COLUMN_NUMBER(SCAN_RECORDS, 4),
                                 .error = {"", 0},
                                 .content = {"", 0}};
    if (item->record.code != STATUS_OK)
        item->record.error = COLUMN_TEXT(SCAN_RECORDS, 5);
    if (reader->with_content)
        item->record.content = COLUMN_TEXT(SCAN_RECORDS, 6);
    return 0;
}

/* Of a chunk whose items lie apart, one search each; of a whole history, or a chunk in one piece, one scan.
 */
#define LONGEST_GAP 4

int record_read(RecordReader *reader, StoreItem *const *items, size_t count, Status *status)
{
    Database *database = reader->database;
    int r = 0;
    for (size_t first = 0, last; first < count && r == 0; first = last) {
        for (last = first + 1; last < count; last++)
            if (items[last]->number - items[last - 1]->number > LONGEST_GAP)
                break;
        size_t at = first;
        uint64_t taken = 0;
        r = database_query(database, status, SCAN_RECORDS, INTEGER(RECORD_NUMBER(items[first]->number)),
                           INTEGER(RECORD_NUMBER(items[last - 1]->number) + 1));
        DATABASE_EACH(database, status, SCAN_RECORDS, r)
        {
            uint64_t number = RECORD_ITEM(COLUMN_NUMBER(SCAN_RECORDS, 0));
            while (items[at]->number < number && at + 1 < last)
                at++;
            if (items[at]->number != number)
                continue;
            r = take_row(reader, items[at], &taken, status);
            if (r != 0)
                database_stop(database, STATEMENT_SCAN_RECORDS);
        }
    }
    return r;
}

/* ---- a build's ---------------------------------------------------------------------------------------- */

/* Removes records that builds left that broke off, a part of them. */
static int clean(Database *database, UserRow *user, Status *status)
{
    DatabaseCleaning *cleaning = &database->cleaning;
    if (cleaning->user != user->user || cleaning->generation != user->last_generation)
        *cleaning = (DatabaseCleaning){.user = user->user,
                                       .generation = user->last_generation,
                                       .next = RECORD_NUMBER(ITEM_NUMBER(user->user, 0))};
    uint64_t found[CLEANING_REMOVALS];
    size_t count = 0, seen = 0;
    int r = database_query(database, status, SCAN_RECORD_STATES, INTEGER(cleaning->next),
                           INTEGER(RECORD_LAST_NUMBER(user->user)), INTEGER(CLEANING_SCAN));
    DATABASE_EACH(database, status, SCAN_RECORD_STATES, r)
    {
        seen++;
        uint64_t record = COLUMN_NUMBER(SCAN_RECORD_STATES, 0);
        cleaning->next = record + 1;
        uint64_t generation = COLUMN_NUMBER(SCAN_RECORD_STATES, 1);
        if (generation > user->generation && generation != user->last_generation)
            found[count++] = record;
        if (count == CLEANING_REMOVALS) {
            database_stop(database, STATEMENT_SCAN_RECORD_STATES);
            break;
        }
    }
    for (size_t i = 0; i < count && r == 0; i++)
        r = database_execute(database, status, DROP_RECORD, INTEGER(found[i]));
    if (r == 0 && count < CLEANING_REMOVALS && seen < CLEANING_SCAN)
        user->clean_generation = user->last_generation;
    return r;
}

static int stage_records(Database *database, const UserRow *user, const StoreStage *request, Status *status)
{
    rpmd_text version = {0};
    uint64_t extractor = 0, revision;
    int64_t order_us;
    int r = 0;
    for (size_t i = 0; i < request->count && r == 0; i++) {
        const StoreRecord *record = &request->records[i];
        RecordState states[2];
        r = item_find(database, user->user, record->item, &revision, &order_us, status);
        if (r != 0 || revision == 0)
            continue;
        if (extractor == 0 || !text_equal(version, record->extractor_version))
            r = find_extractor(database, record->extractor_version, &extractor, status);
        version = record->extractor_version;
        if (r == 0)
            r = find_states(database, record->item, states, status);
        if (r == 0)
            r = write_record(database, record, staging_place(states, user->generation, user->last_generation),
                             user->last_generation, extractor, status);
    }
    return r;
}

int record_stage(Database *database, const StoreStage *request, StoreReply *reply)
{
    Status *status = &reply->status;
    UserRow user;
    int r = user_find_same(database, request->task, request->user, request->user_number, "A record", &user,
                           status);
    if (r == 0 && request->count > STORE_STAGE_RECORDS)
        r = status_refuse(status, STATUS_INVALID_ARGUMENT, "%zu records are too many: at most %d at a time.",
                          request->count, STORE_STAGE_RECORDS);
    for (size_t i = 0; i < request->count && r == 0; i++)
        r = check_record(&request->records[i], status);
    if (r != 0)
        return r;
    if (request->generation != 0 &&
        (request->generation != user.last_generation || request->generation <= user.generation))
        return status_refuse(status, STATUS_ABORTED,
                             "The model of user \"%.*s\" is being built anew by another request. Repeat it.",
                             SHOWN(request->user));
    bool begins = request->generation == 0;
    if (begins && user.last_generation == user.clean_generation && user.last_generation <= user.generation)
        user.clean_generation++;
    if (begins)
        user.last_generation++;
    bool was_clean = user.clean_generation == user.last_generation;
    if (!was_clean)
        r = clean(database, &user, status);
    bool is_clean = user.clean_generation == user.last_generation;
    if (r == 0 && (begins || is_clean != was_clean))
        r = user_save(database, &user, status);
    if (r == 0)
        r = stage_records(database, &user, request, status);
    reply->staged = (StoreStaged){.generation = user.last_generation, .is_clean = is_clean};
    return r;
}
