/* SPDX-License-Identifier: MIT */
#include "daemon/store/migration.h"

#include "daemon/log.h"
#include "daemon/store/operations.h"
#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/factor.h"
#include "lib/method/item_record.h"

#include <inttypes.h>
#include <math.h>
#include <uv.h>

/* Words on how far it is, so often. */
#define PROGRESS_NS 10000000000u
/* What stood in the column reasoning.source for a path that an LLM wrote. The others are written anew. */
#define SOURCE_LLM "2"

typedef enum Step {
    COUNT_ITEMS,
    LIST_USERS,
    LIST_ITEMS,
    ADD_ITEM,
    FIND_ANALYSIS,
    LIST_OPTION_CLASSES,
    LIST_FEATURES,
    LIST_TRAITS,
    FIND_EMBEDDING,
    FIND_REASONING,
    ADD_EXTRACTOR,
    ADD_RECORD,
    SET_USER,
    LIST_FACTOR_SETS,
    LIST_FACTORS,
    LIST_MEMBERS,
    ADD_FACTOR_SET,
    STEP_COUNT
} Step;

static const char *const texts[STEP_COUNT] = {
    [COUNT_ITEMS] = "SELECT count(*) FROM old_item",
    [LIST_USERS] = "SELECT user FROM user ORDER BY user",
    [LIST_ITEMS] =
        "SELECT item, revision, order_us, time_us, id, query, response, options, meta FROM old_item "
        "WHERE user = ?1 ORDER BY item",
    [ADD_ITEM] =
        "INSERT INTO item (item, user, revision, order_us, time_us, id, query, response, options, meta) "
        "SELECT ?1, user, revision, order_us, time_us, id, query, response, options, meta "
        "FROM old_item WHERE item = ?2",
    [FIND_ANALYSIS] =
        "SELECT extractor_version, code, error, has_answer, answer, answer_class, answer_option, "
        "features_dropped, drop_reason FROM analysis WHERE user = ?1 AND item = ?2",
    [LIST_OPTION_CLASSES] = "SELECT name, scale_position FROM option_class WHERE user = ?1 AND item = ?2 "
                            "ORDER BY position",
    [LIST_FEATURES] = "SELECT name, context, category, polarity, strength, evidence_begin, evidence_end, "
                      "judgement FROM feature WHERE user = ?1 AND item = ?2 ORDER BY position",
    [LIST_TRAITS] = "SELECT name, meaning FROM trait WHERE user = ?1 AND item = ?2 ORDER BY position",
    [FIND_EMBEDDING] = "SELECT space, numbers FROM embedding WHERE user = ?1 AND item = ?2",
    [FIND_REASONING] = "SELECT path FROM reasoning WHERE user = ?1 AND item = ?2 AND source = " SOURCE_LLM,
    [ADD_EXTRACTOR] = "INSERT OR IGNORE INTO extractor (version) VALUES (?1)",
    [ADD_RECORD] =
        "INSERT INTO record (record, generation, revision, extractor, code, error, content) VALUES "
        "(?1, 0, ?2, (SELECT extractor FROM extractor WHERE version = ?3), ?4, ?5, ?6)",
    [SET_USER] = "UPDATE user SET last_item = ?2, greatest_order_us = ?3, feature_count = ?4, "
                 "reasoning_count = ?5 WHERE user = ?1",
    [LIST_FACTOR_SETS] = "SELECT DISTINCT factor_set FROM version WHERE user = ?1",
    [LIST_FACTORS] =
        "SELECT name, description FROM factor WHERE user = ?1 AND factor_set = ?2 ORDER BY factor",
    [LIST_MEMBERS] = "SELECT category, name, polarity FROM member WHERE user = ?1 AND factor_set = ?2 "
                     "AND factor = ?3 ORDER BY position",
    [ADD_FACTOR_SET] = "INSERT INTO factor_set (user, factor_set, content) VALUES (?1, ?2, ?3)",
};

typedef struct Migration {
    sqlite3 *handle;
    sqlite3_stmt *statements[STEP_COUNT];
    Tokenizer *tokenizer;
    Arena arena; /* of the item, or the factor set, at hand */
    Buffer content;

    /* Of the user at hand */
    uint64_t user;
    uint64_t last_item;
    int64_t greatest_order_us;
    uint64_t feature_count;
    uint64_t reasoning_count;

    uint64_t items;
    uint64_t item_count; /* in all */
    uint64_t next_word;  /* uv_hrtime */
} Migration;

/* ---- statements --------------------------------------------------------------------------------------- */

static sqlite3_stmt *begin(Migration *migration, Step step, uint64_t first, uint64_t second)
{
    sqlite3_stmt *statement = migration->statements[step];
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)first);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)second);
    return statement;
}

static void bind_text(sqlite3_stmt *statement, int index, rpmd_text text)
{
    sqlite3_bind_text64(statement, index, text.length ? text.data : "", text.length, SQLITE_STATIC,
                        SQLITE_UTF8);
}

static void bind_bytes(sqlite3_stmt *statement, int index, const Buffer *bytes)
{
    sqlite3_bind_blob64(statement, index, buffer_string(bytes), bytes->length, SQLITE_STATIC);
}

static int finish(sqlite3_stmt *statement)
{
    int r = sqlite3_step(statement);
    sqlite3_reset(statement);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* The result of a loop over rows: behind the last, or what broke it. */
static int ended(int r)
{
    return r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
}

static rpmd_text column_text(Migration *migration, sqlite3_stmt *statement, int column)
{
    const char *data = sqlite3_column_blob(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);
    return arena_text(&migration->arena, (rpmd_text){data, length});
}

static uint64_t column_number(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

/* ---- what was derived from an item -------------------------------------------------------------------- */

static int read_option_classes(Migration *migration, uint64_t item, Analysis *analysis)
{
    sqlite3_stmt *rows = begin(migration, LIST_OPTION_CLASSES, migration->user, item);
    _cleanup_free_ AnswerClass *classes = NULL;
    size_t count = 0, capacity = 0;
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        bool is_on_scale = sqlite3_column_type(rows, 1) != SQLITE_NULL;
        GROW(classes, count, capacity);
        classes[count++] =
            (AnswerClass){.name = column_text(migration, rows, 0),
                          .position = is_on_scale ? (float)sqlite3_column_double(rows, 1) : NAN};
    }
    analysis->option_classes = ARENA_TAKE(&migration->arena, classes, count);
    analysis->option_class_count = count;
    return ended(r);
}

static int read_features(Migration *migration, uint64_t item, Analysis *analysis)
{
    sqlite3_stmt *rows = begin(migration, LIST_FEATURES, migration->user, item);
    _cleanup_free_ AnalyzedFeature *features = NULL;
    size_t count = 0, capacity = 0;
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        GROW(features, count, capacity);
        features[count++] = (AnalyzedFeature){
            .name = column_text(migration, rows, 0),
            .context = column_text(migration, rows, 1),
            .category = column_text(migration, rows, 2),
            .polarity = (float)sqlite3_column_double(rows, 3),
            .strength = (float)sqlite3_column_double(rows, 4),
            .evidence = {(uint32_t)column_number(rows, 5), (uint32_t)column_number(rows, 6)},
            .judgement = (FeatureJudgement)column_number(rows, 7),
        };
    }
    analysis->features = ARENA_TAKE(&migration->arena, features, count);
    analysis->feature_count = count;
    return ended(r);
}

static int read_traits(Migration *migration, uint64_t item, Analysis *analysis)
{
    sqlite3_stmt *rows = begin(migration, LIST_TRAITS, migration->user, item);
    _cleanup_free_ AnalyzedTrait *traits = NULL;
    size_t count = 0, capacity = 0;
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        GROW(traits, count, capacity);
        traits[count++] = (AnalyzedTrait){column_text(migration, rows, 0), column_text(migration, rows, 1)};
    }
    analysis->traits = ARENA_TAKE(&migration->arena, traits, count);
    analysis->trait_count = count;
    return ended(r);
}

static int read_embedding(Migration *migration, uint64_t item, Analysis *analysis)
{
    sqlite3_stmt *rows = begin(migration, FIND_EMBEDDING, migration->user, item);
    int r = sqlite3_step(rows);
    if (r == SQLITE_ROW) {
        rpmd_text numbers = column_text(migration, rows, 1);
        uint32_t count = (uint32_t)(numbers.length / sizeof(float));
        float *values = ARENA_ARRAY(&migration->arena, float, count);
        memcpy(values, numbers.data, count * sizeof(float));
        analysis->embedding = (Embedding){values, count, column_number(rows, 0)};
    }
    return ended(r);
}

static int read_reasoning(Migration *migration, uint64_t item, rpmd_text *reasoning)
{
    sqlite3_stmt *rows = begin(migration, FIND_REASONING, migration->user, item);
    int r = sqlite3_step(rows);
    if (r == SQLITE_ROW)
        *reasoning = column_text(migration, rows, 0);
    return ended(r);
}

/* *version is empty where the item was not analysed. */
static int read_analysis(Migration *migration, uint64_t item, Analysis *analysis, rpmd_text *version)
{
    sqlite3_stmt *rows = begin(migration, FIND_ANALYSIS, migration->user, item);
    int r = sqlite3_step(rows);
    if (r != SQLITE_ROW)
        return ended(r);
    *version = column_text(migration, rows, 0);
    *analysis = (Analysis){
        .code = (StatusCode)column_number(rows, 1),
        .error = column_text(migration, rows, 2),
        .has_answer = column_number(rows, 3) != 0,
        .answer = column_text(migration, rows, 4),
        .answer_class = column_text(migration, rows, 5),
        .answer_option = (size_t)column_number(rows, 6),
        .features_dropped = (uint32_t)column_number(rows, 7),
        .drop_reason = column_text(migration, rows, 8),
    };
    r = read_option_classes(migration, item, analysis);
    if (r == SQLITE_OK)
        r = read_features(migration, item, analysis);
    if (r == SQLITE_OK)
        r = read_traits(migration, item, analysis);
    return r == SQLITE_OK ? read_embedding(migration, item, analysis) : r;
}

/* ---- an item ------------------------------------------------------------------------------------------ */

/* An item as it lies in the old table. */
typedef struct OldItem {
    uint64_t number;
    uint64_t revision;
    int64_t order_us;
    rpmd_text query;
    const rpmd_text *options;
    size_t option_count;
} OldItem;

static void read_options(Migration *migration, rpmd_text encoded, OldItem *item)
{
    for (size_t i = 0; i < encoded.length; i++)
        item->option_count += encoded.data[i] == '\0';
    rpmd_text *options = ARENA_ARRAY(&migration->arena, rpmd_text, item->option_count);
    const char *at = encoded.data;
    for (size_t i = 0; i < item->option_count; i++) {
        options[i] = text_of(at);
        at += options[i].length + 1;
    }
    item->options = options;
}

static int add_record(Migration *migration, const OldItem *item, uint64_t number)
{
    Analysis analysis;
    rpmd_text version = {0}, reasoning = {0};
    int r = read_analysis(migration, item->number, &analysis, &version);
    if (r != SQLITE_OK || version.length == 0)
        return r;
    r = read_reasoning(migration, item->number, &reasoning);
    if (r != SQLITE_OK)
        return r;
    migration->feature_count += analysis.feature_count;
    migration->reasoning_count += reasoning.length > 0;
    buffer_clear(&migration->content);
    item_record_of_analysis(&migration->content, migration->tokenizer, item->order_us, item->query,
                            item->options, item->option_count, &analysis, reasoning);

    sqlite3_stmt *extractor = migration->statements[ADD_EXTRACTOR];
    bind_text(extractor, 1, version);
    r = finish(extractor);
    if (r != SQLITE_OK)
        return r;
    sqlite3_stmt *record = begin(migration, ADD_RECORD, RECORD_NUMBER(number), item->revision);
    bind_text(record, 3, version);
    sqlite3_bind_int64(record, 4, analysis.code);
    bind_text(record, 5, analysis.error);
    bind_bytes(record, 6, &migration->content);
    return finish(record);
}

static int move_item(Migration *migration, sqlite3_stmt *row)
{
    OldItem item = {.number = column_number(row, 0),
                    .revision = column_number(row, 1),
                    .order_us = sqlite3_column_int64(row, 2),
                    .query = column_text(migration, row, 5)};
    read_options(migration, column_text(migration, row, 7), &item);
    migration->greatest_order_us =
        migration->last_item == 0 ? item.order_us : MAX(migration->greatest_order_us, item.order_us);
    uint64_t number = ITEM_NUMBER(migration->user, ++migration->last_item);
    int r = finish(begin(migration, ADD_ITEM, number, item.number));
    if (r == SQLITE_OK)
        r = add_record(migration, &item, number);
    arena_finish(&migration->arena);
    migration->items++;
    return r;
}

static void tell_progress(Migration *migration)
{
    uint64_t now = uv_hrtime();
    if (now < migration->next_word)
        return;
    if (migration->next_word != 0)
        log_notice("The database is being brought up to date: %" PRIu64 " of %" PRIu64 " items.",
                   migration->items, migration->item_count);
    migration->next_word = now + PROGRESS_NS;
}

static int move_items(Migration *migration)
{
    sqlite3_stmt *rows = begin(migration, LIST_ITEMS, migration->user, 0);
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        r = move_item(migration, rows);
        if (r != SQLITE_OK)
            return r;
        tell_progress(migration);
    }
    return ended(r);
}

/* ---- factors ------------------------------------------------------------------------------------------ */

static int read_members(Migration *migration, uint64_t set, uint64_t factor, FactorInput *input)
{
    sqlite3_stmt *rows = begin(migration, LIST_MEMBERS, migration->user, set);
    sqlite3_bind_int64(rows, 3, (sqlite3_int64)factor);
    _cleanup_free_ rpmd_text *members = NULL;
    size_t count = 0, capacity = 0;
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        const AnalyzedFeature feature = {.category = column_text(migration, rows, 0),
                                         .name = column_text(migration, rows, 1),
                                         .polarity = (float)sqlite3_column_int(rows, 2)};
        GROW(members, count, capacity);
        members[count++] = feature_key(&migration->arena, &feature);
    }
    input->members = ARENA_TAKE(&migration->arena, members, count);
    input->member_count = count;
    return ended(r);
}

static int move_factor_set(Migration *migration, uint64_t set)
{
    sqlite3_stmt *rows = begin(migration, LIST_FACTORS, migration->user, set);
    _cleanup_free_ FactorInput *inputs = NULL;
    size_t count = 0, capacity = 0;
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        GROW(inputs, count, capacity);
        inputs[count] = (FactorInput){.name = column_text(migration, rows, 0),
                                      .description = column_text(migration, rows, 1)};
        r = read_members(migration, set, count, &inputs[count]);
        count++;
        if (r != SQLITE_OK)
            break;
    }
    r = ended(r);
    if (r == SQLITE_OK) {
        FactorSet *factors = factor_set_new(inputs, count, migration->tokenizer);
        buffer_clear(&migration->content);
        factor_set_write(&migration->content, factors);
        factor_set_unref(factors);
        sqlite3_stmt *addition = begin(migration, ADD_FACTOR_SET, migration->user, set);
        bind_bytes(addition, 3, &migration->content);
        r = finish(addition);
    }
    arena_finish(&migration->arena);
    return r;
}

static int move_factor_sets(Migration *migration)
{
    sqlite3_stmt *rows = begin(migration, LIST_FACTOR_SETS, migration->user, 0);
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        r = move_factor_set(migration, column_number(rows, 0));
        if (r != SQLITE_OK)
            return r;
    }
    return ended(r);
}

/* ---- users -------------------------------------------------------------------------------------------- */

static int move_user(Migration *migration, uint64_t user)
{
    migration->user = user;
    migration->last_item = migration->feature_count = migration->reasoning_count = 0;
    migration->greatest_order_us = 0;
    int r = move_items(migration);
    if (r == SQLITE_OK)
        r = move_factor_sets(migration);
    if (r != SQLITE_OK)
        return r;
    sqlite3_stmt *change = begin(migration, SET_USER, user, migration->last_item);
    sqlite3_bind_int64(change, 3, migration->greatest_order_us);
    sqlite3_bind_int64(change, 4, (sqlite3_int64)migration->feature_count);
    sqlite3_bind_int64(change, 5, (sqlite3_int64)migration->reasoning_count);
    return finish(change);
}

static int move_users(Migration *migration)
{
    sqlite3_stmt *rows = begin(migration, COUNT_ITEMS, 0, 0);
    if (sqlite3_step(rows) == SQLITE_ROW)
        migration->item_count = column_number(rows, 0);
    sqlite3_reset(rows);
    rows = begin(migration, LIST_USERS, 0, 0);
    int r;
    while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
        r = move_user(migration, column_number(rows, 0));
        if (r != SQLITE_OK)
            return r;
    }
    return ended(r);
}

int migration_to_records(sqlite3 *handle)
{
    Migration migration = {.handle = handle, .tokenizer = tokenizer_new()};
    int r = SQLITE_OK;
    for (int i = 0; i < STEP_COUNT && r == SQLITE_OK; i++)
        r = sqlite3_prepare_v2(handle, texts[i], -1, &migration.statements[i], NULL);
    if (r == SQLITE_OK)
        r = move_users(&migration);
    for (int i = 0; i < STEP_COUNT; i++)
        sqlite3_finalize(migration.statements[i]);
    arena_finish(&migration.arena);
    buffer_finish(&migration.content);
    tokenizer_free(migration.tokenizer);
    return r;
}
