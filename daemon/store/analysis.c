/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"

int analysis_drop(Database *database, uint64_t user, uint64_t item, Status *status)
{
    int r = database_execute(database, status, DROP_ANALYSIS, INTEGER(user), INTEGER(item));
    if (r == 0)
        r = database_execute(database, status, DROP_OPTION_CLASSES, INTEGER(user), INTEGER(item));
    if (r == 0)
        r = database_execute(database, status, DROP_FEATURES, INTEGER(user), INTEGER(item));
    if (r == 0)
        r = database_execute(database, status, DROP_TRAITS, INTEGER(user), INTEGER(item));
    if (r == 0)
        r = database_execute(database, status, DROP_EMBEDDING, INTEGER(user), INTEGER(item));
    if (r == 0)
        r = database_execute(database, status, DROP_REASONING, INTEGER(user), INTEGER(item));
    return r;
}

static int add_parts(Database *database, uint64_t user, uint64_t item, const Analysis *analysis,
                     Status *status)
{
    int r = 0;
    for (size_t i = 0; i < analysis->option_class_count && r == 0; i++) {
        const AnswerClass *option = &analysis->option_classes[i];
        r = database_execute(database, status, ADD_OPTION_CLASS, INTEGER(user), INTEGER(item), INTEGER(i),
                             TEXT(option->name), REAL(option->position));
    }
    for (size_t i = 0; i < analysis->feature_count && r == 0; i++) {
        const AnalyzedFeature *feature = &analysis->features[i];
        r = database_execute(
            database, status, ADD_FEATURE, INTEGER(user), INTEGER(item), INTEGER(i), TEXT(feature->name),
            TEXT(feature->context), TEXT(feature->category), REAL(feature->polarity), REAL(feature->strength),
            INTEGER(feature->evidence.begin), INTEGER(feature->evidence.end), INTEGER(feature->judgement));
    }
    for (size_t i = 0; i < analysis->trait_count && r == 0; i++) {
        const AnalyzedTrait *trait = &analysis->traits[i];
        r = database_execute(database, status, ADD_TRAIT, INTEGER(user), INTEGER(item), INTEGER(i),
                             TEXT(trait->name), TEXT(trait->meaning));
    }
    const Embedding *embedding = &analysis->embedding;
    rpmd_text numbers = {(const char *)embedding->values, embedding->count * sizeof(float)};
    if (r == 0 && embedding->count > 0)
        r = database_execute(database, status, ADD_EMBEDDING, INTEGER(user), INTEGER(item),
                             INTEGER(embedding->space), BLOB(numbers));
    return r;
}

int analysis_add(Database *database, uint64_t user, const StoreItemAnalysis *add, Status *status)
{
    const Analysis *analysis = add->analysis;
    if (add->extractor_version.length == 0)
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "An analysis names no extractor version.");
    int r = database_execute(database, status, ADD_ANALYSIS, INTEGER(user), INTEGER(add->item),
                             TEXT(add->extractor_version), INTEGER(analysis->code), TEXT(analysis->error),
                             INTEGER(analysis->has_answer), TEXT(analysis->answer),
                             TEXT(analysis->answer_class), INTEGER(analysis->answer_option),
                             INTEGER(analysis->features_dropped), TEXT(analysis->drop_reason));
    return r ? r : add_parts(database, user, add->item, analysis, status);
}

/* ---- loading ------------------------------------------------------------------------------------------ */

/*
 * Derived rows come by item number, items in the order of their times: this walks the items by number beside
 * the rows.
 */
typedef struct Walk {
    StoreItem **items; /* by number */
    size_t count;
    size_t at;
} Walk;

static int compare_numbers(const void *left, const void *right)
{
    const StoreItem *a = *(StoreItem *const *)left;
    const StoreItem *b = *(StoreItem *const *)right;
    return (a->number > b->number) - (a->number < b->number);
}

/* The item with a number not below the one asked before; NULL where it is not among ours. */
static StoreItem *walk_to(Walk *walk, uint64_t number)
{
    while (walk->at < walk->count && walk->items[walk->at]->number < number)
        walk->at++;
    return walk->at < walk->count && walk->items[walk->at]->number == number ? walk->items[walk->at] : NULL;
}

/* The rows of one item, gathered before they are copied into the arena. */
typedef struct Parts {
    StoreItem *item;
    AnalyzedFeature *features;
    AnswerClass *option_classes;
    AnalyzedTrait *traits;
    size_t count;
    size_t capacity;
} Parts;

static void parts_flush(Parts *parts, Arena *arena)
{
    if (parts->item && parts->count > 0) {
        Analysis *analysis = &parts->item->analysis;
        if (parts->features) {
            analysis->features = ARENA_TAKE(arena, parts->features, parts->count);
            analysis->feature_count = parts->count;
        } else if (parts->option_classes) {
            analysis->option_classes = ARENA_TAKE(arena, parts->option_classes, parts->count);
            analysis->option_class_count = parts->count;
        } else {
            analysis->traits = ARENA_TAKE(arena, parts->traits, parts->count);
            analysis->trait_count = parts->count;
        }
    }
    parts->count = 0;
}

/* Whether the current row belongs to one of our items; parts->item is then that item. */
static bool parts_turn(Parts *parts, Walk *walk, uint64_t number, Arena *arena)
{
    StoreItem *item = walk_to(walk, number);
    if (item != parts->item) {
        parts_flush(parts, arena);
        parts->item = item;
    }
    return item != NULL;
}

static void parts_finish(Parts *parts, Arena *arena)
{
    parts_flush(parts, arena);
    free(parts->features);
    free(parts->option_classes);
    free(parts->traits);
}

typedef struct Range {
    uint64_t user;
    uint64_t first; /* item numbers, both included */
    uint64_t last;
} Range;

#define QUERY_RANGE(name)                                                                                    \
    database_query(database, status, name, INTEGER(range->user), INTEGER(range->first), INTEGER(range->last))

static int load_analyses(Database *database, const Range *range, Walk walk, bool whole, Arena *arena,
                         Status *status)
{
    int r = QUERY_RANGE(LIST_ANALYSES);
    DATABASE_EACH(database, status, LIST_ANALYSES, r)
    {
        StoreItem *item = walk_to(&walk, COLUMN_NUMBER(LIST_ANALYSES, 0));
        if (!item)
            continue;
        Analysis *analysis = &item->analysis;
        item->extractor_version = COLUMN_TEXT(LIST_ANALYSES, 1);
        analysis->code = (StatusCode)COLUMN_NUMBER(LIST_ANALYSES, 2);
        analysis->error = COLUMN_TEXT(LIST_ANALYSES, 3);
        if (!whole)
            continue;
        analysis->has_answer = COLUMN_NUMBER(LIST_ANALYSES, 4) != 0;
        analysis->answer = COLUMN_TEXT(LIST_ANALYSES, 5);
        analysis->answer_class = COLUMN_TEXT(LIST_ANALYSES, 6);
        analysis->answer_option = (size_t)COLUMN_NUMBER(LIST_ANALYSES, 7);
        analysis->features_dropped = (uint32_t)COLUMN_NUMBER(LIST_ANALYSES, 8);
        analysis->drop_reason = COLUMN_TEXT(LIST_ANALYSES, 9);
    }
    return r;
}

static int load_features(Database *database, const Range *range, Walk walk, Arena *arena, Status *status)
{
    Parts parts = {0};
    int r = QUERY_RANGE(LIST_FEATURES);
    DATABASE_EACH(database, status, LIST_FEATURES, r)
    {
        if (!parts_turn(&parts, &walk, COLUMN_NUMBER(LIST_FEATURES, 0), arena))
            continue;
        GROW(parts.features, parts.count, parts.capacity);
        parts.features[parts.count++] = (AnalyzedFeature){
            .name = COLUMN_TEXT(LIST_FEATURES, 1),
            .context = COLUMN_TEXT(LIST_FEATURES, 2),
            .category = COLUMN_TEXT(LIST_FEATURES, 3),
            .polarity = (float)database_real(database, STATEMENT_LIST_FEATURES, 4),
            .strength = (float)database_real(database, STATEMENT_LIST_FEATURES, 5),
            .evidence = {(uint32_t)COLUMN_NUMBER(LIST_FEATURES, 6),
                         (uint32_t)COLUMN_NUMBER(LIST_FEATURES, 7)},
            .judgement = (FeatureJudgement)COLUMN_NUMBER(LIST_FEATURES, 8),
        };
    }
    parts_finish(&parts, arena);
    return r;
}

static int load_option_classes(Database *database, const Range *range, Walk walk, Arena *arena,
                               Status *status)
{
    Parts parts = {0};
    int r = QUERY_RANGE(LIST_OPTION_CLASSES);
    DATABASE_EACH(database, status, LIST_OPTION_CLASSES, r)
    {
        if (!parts_turn(&parts, &walk, COLUMN_NUMBER(LIST_OPTION_CLASSES, 0), arena))
            continue;
        GROW(parts.option_classes, parts.count, parts.capacity);
        parts.option_classes[parts.count++] = (AnswerClass){
            .name = COLUMN_TEXT(LIST_OPTION_CLASSES, 1),
            .position = (float)database_real(database, STATEMENT_LIST_OPTION_CLASSES, 2),
        };
    }
    parts_finish(&parts, arena);
    return r;
}

static int load_traits(Database *database, const Range *range, Walk walk, Arena *arena, Status *status)
{
    Parts parts = {0};
    int r = QUERY_RANGE(LIST_TRAITS);
    DATABASE_EACH(database, status, LIST_TRAITS, r)
    {
        if (!parts_turn(&parts, &walk, COLUMN_NUMBER(LIST_TRAITS, 0), arena))
            continue;
        GROW(parts.traits, parts.count, parts.capacity);
        parts.traits[parts.count++] =
            (AnalyzedTrait){.name = COLUMN_TEXT(LIST_TRAITS, 1), .meaning = COLUMN_TEXT(LIST_TRAITS, 2)};
    }
    parts_finish(&parts, arena);
    return r;
}

static int load_embeddings(Database *database, const Range *range, Walk walk, Arena *arena, Status *status)
{
    int r = QUERY_RANGE(LIST_EMBEDDINGS);
    DATABASE_EACH(database, status, LIST_EMBEDDINGS, r)
    {
        StoreItem *item = walk_to(&walk, COLUMN_NUMBER(LIST_EMBEDDINGS, 0));
        rpmd_text numbers = database_borrow(database, STATEMENT_LIST_EMBEDDINGS, 2);
        uint32_t count = (uint32_t)(numbers.length / sizeof(float));
        if (!item || count == 0)
            continue;
        float *values = ARENA_ARRAY(arena, float, count);
        memcpy(values, numbers.data, count * sizeof(float));
        item->analysis.embedding = (Embedding){values, count, COLUMN_NUMBER(LIST_EMBEDDINGS, 1)};
    }
    return r;
}

static int load_reasoning(Database *database, const Range *range, Walk walk, Arena *arena, Status *status)
{
    int r = QUERY_RANGE(LIST_REASONING);
    DATABASE_EACH(database, status, LIST_REASONING, r)
    {
        StoreItem *item = walk_to(&walk, COLUMN_NUMBER(LIST_REASONING, 0));
        if (!item)
            continue;
        item->reasoning_source = (StoreSource)COLUMN_NUMBER(LIST_REASONING, 1);
        item->reasoning_version = COLUMN_NUMBER(LIST_REASONING, 2);
        item->reasoning = COLUMN_TEXT(LIST_REASONING, 3);
    }
    return r;
}

int analysis_load(Database *database, uint64_t user, StoreItem *items, size_t count, bool whole, Arena *arena,
                  Status *status)
{
    if (count == 0)
        return 0;
    _cleanup_free_ StoreItem **by_number = NEW_ARRAY(StoreItem *, count);
    for (size_t i = 0; i < count; i++)
        by_number[i] = &items[i];
    qsort(by_number, count, sizeof(StoreItem *), compare_numbers);
    Walk walk = {.items = by_number, .count = count};
    Range range = {.user = user, .first = by_number[0]->number, .last = by_number[count - 1]->number};

    int r = load_analyses(database, &range, walk, whole, arena, status);
    if (r != 0 || !whole)
        return r;
    r = load_features(database, &range, walk, arena, status);
    if (r == 0)
        r = load_option_classes(database, &range, walk, arena, status);
    if (r == 0)
        r = load_traits(database, &range, walk, arena, status);
    if (r == 0)
        r = load_embeddings(database, &range, walk, arena, status);
    if (r == 0)
        r = load_reasoning(database, &range, walk, arena, status);
    return r;
}
