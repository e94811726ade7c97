/* SPDX-License-Identifier: MIT */
#include "daemon/store/schema.h"

#include "daemon/store/migration.h"

#include <stdio.h>

/*
 * 64-bit keys that are unsigned above are stored as the signed number of the same bits.
 * What belongs to a user has the user first in its key: it lies together, is loaded by one scan, and is
 * erased by one delete. Counts that would take a scan are kept beside what they count.
 */
static const char version_1[] =
    /* users, items: of the task; models: users with a model. */
    "CREATE TABLE task ("
    "  task INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  users INTEGER NOT NULL DEFAULT 0,"
    "  items INTEGER NOT NULL DEFAULT 0,"
    "  models INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    /* model_version: the current one, 0 none. last_*: highest number given so far. */
    "CREATE TABLE user ("
    "  user INTEGER PRIMARY KEY,"
    "  task INTEGER NOT NULL REFERENCES task,"
    "  name TEXT NOT NULL,"
    "  items INTEGER NOT NULL DEFAULT 0,"
    "  history_revision INTEGER NOT NULL DEFAULT 0,"
    "  model_version INTEGER NOT NULL DEFAULT 0,"
    "  last_version INTEGER NOT NULL DEFAULT 0,"
    "  last_factor_set INTEGER NOT NULL DEFAULT 0,"
    "  feeds_pool INTEGER NOT NULL DEFAULT 1,"
    "  UNIQUE (task, name)"
    ") STRICT;"
    /* options: each text followed by a NUL. */
    "CREATE TABLE item ("
    "  item INTEGER PRIMARY KEY,"
    "  user INTEGER NOT NULL REFERENCES user,"
    "  revision INTEGER NOT NULL,"
    "  order_us INTEGER NOT NULL,"
    "  time_us INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"
    "  query TEXT NOT NULL,"
    "  response TEXT NOT NULL,"
    "  options BLOB NOT NULL,"
    "  meta TEXT NOT NULL,"
    "  UNIQUE (user, id)"
    ") STRICT;"
    /* The rowid, which is the item's number, is the index's last column. */
    "CREATE INDEX item_in_order ON item (user, order_us);"
    /* code: of gRPC, 0 where nothing went wrong. answer_option: -1 none. */
    "CREATE TABLE analysis ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  item INTEGER NOT NULL,"
    "  extractor_version TEXT NOT NULL,"
    "  code INTEGER NOT NULL,"
    "  error TEXT NOT NULL,"
    "  has_answer INTEGER NOT NULL,"
    "  answer TEXT NOT NULL,"
    "  answer_class TEXT NOT NULL,"
    "  answer_option INTEGER NOT NULL,"
    "  features_dropped INTEGER NOT NULL,"
    "  drop_reason TEXT NOT NULL,"
    "  PRIMARY KEY (user, item)"
    ") STRICT, WITHOUT ROWID;"
    /* scale_position: NULL off the scale. */
    "CREATE TABLE option_class ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  item INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  scale_position REAL,"
    "  PRIMARY KEY (user, item, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE feature ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  item INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  context TEXT NOT NULL,"
    "  category TEXT NOT NULL,"
    "  polarity REAL NOT NULL,"
    "  strength REAL NOT NULL,"
    "  evidence_begin INTEGER NOT NULL,"
    "  evidence_end INTEGER NOT NULL,"
    "  judgement INTEGER NOT NULL,"
    "  PRIMARY KEY (user, item, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE trait ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  item INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  meaning TEXT NOT NULL,"
    "  PRIMARY KEY (user, item, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE reasoning ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  item INTEGER NOT NULL,"
    "  source INTEGER NOT NULL,"
    "  model_version INTEGER NOT NULL,"
    "  path TEXT NOT NULL,"
    "  PRIMARY KEY (user, item)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE factor ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  factor_set INTEGER NOT NULL,"
    "  factor INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  description TEXT NOT NULL,"
    "  PRIMARY KEY (user, factor_set, factor)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE member ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  factor_set INTEGER NOT NULL,"
    "  factor INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  category TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  polarity INTEGER NOT NULL,"
    "  PRIMARY KEY (user, factor_set, factor, position)"
    ") STRICT, WITHOUT ROWID;"
    /* The statistics of the current version. */
    "CREATE TABLE propensity ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  factor INTEGER NOT NULL,"
    "  answer_class TEXT NOT NULL,"
    "  count INTEGER NOT NULL CHECK (count > 0),"
    "  PRIMARY KEY (user, factor, answer_class)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE factor_count ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  factor INTEGER NOT NULL,"
    "  items INTEGER NOT NULL,"
    "  influence INTEGER NOT NULL,"
    "  positive INTEGER NOT NULL,"
    "  neutral INTEGER NOT NULL,"
    "  negative INTEGER NOT NULL,"
    "  PRIMARY KEY (user, factor)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE version ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  version INTEGER NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  items INTEGER NOT NULL,"
    "  factors INTEGER NOT NULL,"
    "  factor_set INTEGER NOT NULL,"
    "  history_revision INTEGER NOT NULL,"
    "  extractor_version TEXT NOT NULL,"
    "  PRIMARY KEY (user, version)"
    ") STRICT, WITHOUT ROWID;"
    /* Pooled over the task: count and users are the sum and the number of the users' shares, always. */
    "CREATE TABLE cell ("
    "  task INTEGER NOT NULL REFERENCES task,"
    "  key INTEGER NOT NULL,"
    "  answer_class TEXT NOT NULL,"
    "  count INTEGER NOT NULL CHECK (count >= 0),"
    "  users INTEGER NOT NULL CHECK (users >= 0),"
    "  PRIMARY KEY (task, key, answer_class)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE share ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  key INTEGER NOT NULL,"
    "  answer_class TEXT NOT NULL,"
    "  count INTEGER NOT NULL CHECK (count > 0),"
    "  PRIMARY KEY (user, key, answer_class)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE vote ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  question INTEGER NOT NULL,"
    "  answer TEXT NOT NULL,"
    "  PRIMARY KEY (user, question)"
    ") STRICT, WITHOUT ROWID;"
    /* A row: rows of an erased user are gone, but the files may still hold traces of them. */
    "CREATE TABLE erasure (erasure INTEGER PRIMARY KEY) STRICT;";

static const char version_2[] =
    /* What calls of LLMs cost. user 0: of users who were erased; so there is no reference. */
    "CREATE TABLE usage ("
    "  user INTEGER NOT NULL,"
    "  task INTEGER NOT NULL REFERENCES task,"
    "  day INTEGER NOT NULL,"
    "  stage TEXT NOT NULL,"
    "  backend TEXT NOT NULL,"
    "  calls INTEGER NOT NULL,"
    "  cached_replies INTEGER NOT NULL,"
    "  failures INTEGER NOT NULL,"
    "  repairs INTEGER NOT NULL,"
    "  prompt_tokens INTEGER NOT NULL,"
    "  cached_tokens INTEGER NOT NULL,"
    "  completion_tokens INTEGER NOT NULL,"
    "  cost_micros INTEGER NOT NULL,"
    "  milliseconds INTEGER NOT NULL,"
    "  PRIMARY KEY (user, task, day, stage, backend)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX usage_by_day ON usage (day);"
    /* What LLMs replied, by the hash of the request. */
    "CREATE TABLE reply ("
    "  reply INTEGER PRIMARY KEY,"
    "  key BLOB NOT NULL UNIQUE,"
    "  user INTEGER NOT NULL REFERENCES user,"
    "  created_us INTEGER NOT NULL,"
    "  text TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX reply_by_user ON reply (user);"
    "CREATE INDEX reply_by_age ON reply (created_us, reply);"
    /* One row: bytes of all replies, with what a row costs beside its text. */
    "CREATE TABLE reply_total (reply_total INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;"
    "INSERT INTO reply_total VALUES (1, 0);"
    "CREATE TRIGGER reply_added AFTER INSERT ON reply BEGIN"
    "  UPDATE reply_total SET bytes = bytes + length(CAST(NEW.text AS BLOB)) + 160;"
    "END;"
    "CREATE TRIGGER reply_dropped AFTER DELETE ON reply BEGIN"
    "  UPDATE reply_total SET bytes = bytes - length(CAST(OLD.text AS BLOB)) - 160;"
    "END;";

static const char version_3[] =
    /* numbers: floats of 32 bits, of the machine. */
    "CREATE TABLE embedding ("
    "  user INTEGER NOT NULL REFERENCES user,"
    "  item INTEGER NOT NULL,"
    "  space INTEGER NOT NULL,"
    "  numbers BLOB NOT NULL,"
    "  PRIMARY KEY (user, item)"
    ") STRICT, WITHOUT ROWID;";

/*
 * Item numbers begin with the user's (operations.h), so that a user's items lie together, and so do the
 * records of what was derived from them: two places an item, record = 2 * item and 2 * item + 1, so that
 * those of a build on its way lie beside those that serve.
 */
static const char version_4[] =
    /* last_item: highest number within the user; greatest_order_us: of the items. generation: records up to
     * it count; last_generation: of the last build that began; clean_generation: the same, once no record of
     * an earlier one that broke off is left; swept_generation: no record that others took the place of is
     * older. feature_count, reasoning_count: of the current model. */
    "ALTER TABLE user ADD COLUMN last_item INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN greatest_order_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN last_generation INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN clean_generation INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN swept_generation INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN feature_count INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN reasoning_count INTEGER NOT NULL DEFAULT 0;"
    /* answer_kind: of the task then; 0 not known. */
    "ALTER TABLE version ADD COLUMN answer_kind INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX user_to_sweep ON user (user) WHERE swept_generation < generation;"
    "DROP INDEX item_in_order;"
    "ALTER TABLE item RENAME TO old_item;"
    "ALTER TABLE vote RENAME TO old_vote;"
    /* options: each text followed by a NUL. user: item >> 32, for the indexes. */
    "CREATE TABLE item ("
    "  item INTEGER PRIMARY KEY,"
    "  user INTEGER NOT NULL,"
    "  revision INTEGER NOT NULL,"
    "  order_us INTEGER NOT NULL,"
    "  time_us INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"
    "  query TEXT NOT NULL,"
    "  response TEXT NOT NULL,"
    "  options BLOB NOT NULL,"
    "  meta TEXT NOT NULL,"
    "  UNIQUE (user, id)"
    ") STRICT;"
    /* The rowid, which is the item's number, is an index's last column. */
    "CREATE INDEX item_by_order ON item (user, order_us);"
    "CREATE INDEX item_by_revision ON item (user, revision);"
    "CREATE TABLE extractor (extractor INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE) STRICT;"
    /* code: of gRPC, 0 where nothing went wrong. A rowid table, whose rows stay whole up to a page: what is
     * keyed otherwise goes into a page of its own from 1,000 bytes on. */
    "CREATE TABLE record ("
    "  record INTEGER PRIMARY KEY,"
    "  generation INTEGER NOT NULL,"
    "  revision INTEGER NOT NULL,"
    "  extractor INTEGER NOT NULL,"
    "  code INTEGER NOT NULL,"
    "  error TEXT NOT NULL,"
    "  content BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE factor_set ("
    "  user INTEGER NOT NULL,"
    "  factor_set INTEGER NOT NULL,"
    "  content BLOB NOT NULL,"
    "  PRIMARY KEY (user, factor_set)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE vote ("
    "  task INTEGER NOT NULL,"
    "  user INTEGER NOT NULL,"
    "  question INTEGER NOT NULL,"
    "  answer TEXT NOT NULL,"
    "  PRIMARY KEY (task, user, question)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO vote SELECT task, user, question, answer FROM old_vote JOIN user USING (user);"
    /* Changes of cells and votes that are not in them yet, in order. */
    "CREATE TABLE pool_change ("
    "  change INTEGER PRIMARY KEY,"
    "  task INTEGER NOT NULL,"
    "  user INTEGER NOT NULL,"
    "  content BLOB NOT NULL"
    ") STRICT;"
    "DROP TABLE erasure;"
    /* A user whose rows, or traces of them, are still there. change: the last one of the pool that may speak
     * of the user. */
    "CREATE TABLE erasure ("
    "  erasure INTEGER PRIMARY KEY,"
    "  task INTEGER NOT NULL,"
    "  user INTEGER NOT NULL,"
    "  change INTEGER NOT NULL"
    ") STRICT;"
    /* One row: what goes on where it stopped. greatest_erased_user: no number is given twice. folded: changes
     * up to it are in the cells; place_*: how far one is that was begun (PoolChangePlace). is_clean: the file
     * was gone over once since it became of this version, from where on it stays clean. renewals: of the log,
     * so that there is something to commit. */
    "CREATE TABLE progress ("
    "  progress INTEGER PRIMARY KEY,"
    "  greatest_erased_user INTEGER NOT NULL DEFAULT 0,"
    "  erasures_finished INTEGER NOT NULL DEFAULT 0,"
    "  folded INTEGER NOT NULL DEFAULT 0,"
    "  place_change INTEGER NOT NULL DEFAULT 0,"
    "  place_offset INTEGER NOT NULL DEFAULT 0,"
    "  place_cells INTEGER NOT NULL DEFAULT 0,"
    "  place_votes INTEGER NOT NULL DEFAULT 0,"
    "  is_clean INTEGER NOT NULL DEFAULT 0,"
    "  renewals INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "INSERT INTO progress (progress) VALUES (1);";

static const char version_4_end[] = "DROP TABLE old_item; DROP TABLE old_vote; DROP TABLE share;"
                                    "DROP TABLE analysis; DROP TABLE option_class; DROP TABLE feature; DROP "
                                    "TABLE trait; DROP TABLE embedding;"
                                    "DROP TABLE reasoning; DROP TABLE factor; DROP TABLE member; DROP TABLE "
                                    "propensity; DROP TABLE factor_count;";

const SchemaStep schema_steps[] = {
    {.version = 1, .sql = version_1},
    {.version = 2, .sql = version_2},
    {.version = 3, .sql = version_3},
    {.version = 4, .sql = version_4, .convert = migration_to_records, .sql_behind = version_4_end},
};
const size_t schema_step_count = sizeof(schema_steps) / sizeof(schema_steps[0]);

static int read_number(sqlite3 *handle, const char *sql, int *number)
{
    sqlite3_stmt *statement = NULL;
    int r = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (r != SQLITE_OK)
        return r;
    r = sqlite3_step(statement);
    if (r == SQLITE_ROW) {
        *number = sqlite3_column_int(statement, 0);
        r = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return r;
}

int schema_check(sqlite3 *handle, int newest, const char *path, int *version, Status *status)
{
    int application = 0, tables = 0;
    *version = 0;
    int r = read_number(handle, "PRAGMA user_version", version);
    if (r == SQLITE_OK)
        r = read_number(handle, "PRAGMA application_id", &application);
    if (r == SQLITE_OK)
        r = read_number(handle, "SELECT count(*) FROM sqlite_schema", &tables);
    if (r != SQLITE_OK)
        return r;
    if (application != SCHEMA_APPLICATION_ID && (tables > 0 || *version != 0 || application != 0))
        return -status_refuse(status, STATUS_FAILED_PRECONDITION,
                              "%s is a database of another program. Name another state directory.", path);
    if (*version > newest)
        return -status_refuse(
            status, STATUS_FAILED_PRECONDITION,
            "The database %s has version %d, and this rpmd knows versions up to %d. Start a "
            "newer rpmd, or name another state directory.",
            path, *version, newest);
    return SQLITE_OK;
}

static int take_step(sqlite3 *handle, const SchemaStep *step)
{
    char version[128];
    snprintf(version, sizeof(version), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             SCHEMA_APPLICATION_ID, step->version);
    int r = sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(handle, step->sql, NULL, NULL, NULL);
    if (r == SQLITE_OK && step->convert)
        r = step->convert(handle);
    if (r == SQLITE_OK && step->sql_behind)
        r = sqlite3_exec(handle, step->sql_behind, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(handle, version, NULL, NULL, NULL);
    if (r != SQLITE_OK && !sqlite3_get_autocommit(handle))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int schema_migrate(sqlite3 *handle, const SchemaStep *steps, size_t count, int version)
{
    int r = SQLITE_OK;
    for (size_t i = 0; i < count && r == SQLITE_OK; i++)
        if (steps[i].version > version)
            r = take_step(handle, &steps[i]);
    return r;
}
