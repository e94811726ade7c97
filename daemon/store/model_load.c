/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <inttypes.h>

/* FIND_VERSION and LIST_VERSIONS have the same columns. */
static StoreVersion read_version(Database *database, Statement statement, uint64_t current, Arena *arena)
{
    StoreVersion version = {
        .number = (uint64_t)database_integer(database, statement, 0),
        .created_us = database_integer(database, statement, 1),
        .reason = database_text(database, statement, 2, arena),
        .items = (uint64_t)database_integer(database, statement, 3),
        .factors = (uint64_t)database_integer(database, statement, 4),
        .factor_set = (uint64_t)database_integer(database, statement, 5),
        .history_revision = (uint64_t)database_integer(database, statement, 6),
        .extractor_version = database_text(database, statement, 7, arena),
    };
    version.current = version.number == current;
    return version;
}

int model_find_version(Database *database, const UserRow *user, uint64_t number, Arena *arena,
                       StoreVersion *version, Status *status)
{
    *version = (StoreVersion){0};
    int r = database_query(database, status, FIND_VERSION, INTEGER(user->user), INTEGER(number));
    DATABASE_EACH(database, status, FIND_VERSION, r)
    *version = read_version(database, STATEMENT_FIND_VERSION, user->model_version, arena);
    return r;
}

int model_list_versions(Database *database, const StoreUserName *request, StoreReply *reply)
{
    _cleanup_free_ StoreVersion *versions = NULL;
    size_t count = 0, capacity = 0;
    UserRow user;
    int r = user_find(database, request->task, request->user, &user, &reply->status);
    if (r == 0)
        r = database_query(database, &reply->status, LIST_VERSIONS, INTEGER(user.user));
    DATABASE_EACH(database, &reply->status, LIST_VERSIONS, r)
    {
        GROW(versions, count, capacity);
        versions[count++] =
            read_version(database, STATEMENT_LIST_VERSIONS, user.model_version, &reply->arena);
    }
    reply->versions = (StoreVersions){.versions = ARENA_TAKE(&reply->arena, versions, count), .count = count};
    return r;
}

static int load_members(Database *database, uint64_t user, uint64_t set, StoreFactor *factors, size_t count,
                        Arena *arena, Status *status)
{
    _cleanup_free_ StoreMember *members = NULL;
    size_t total = 0, capacity = 0;
    int r = database_query(database, status, LIST_MEMBERS, INTEGER(user), INTEGER(set));
    DATABASE_EACH(database, status, LIST_MEMBERS, r)
    {
        uint64_t factor = COLUMN_NUMBER(LIST_MEMBERS, 0);
        if (factor >= count)
            continue;
        GROW(members, total, capacity);
        members[total++] = (StoreMember){
            .category = COLUMN_TEXT(LIST_MEMBERS, 1),
            .name = COLUMN_TEXT(LIST_MEMBERS, 2),
            .polarity = (int32_t)database_integer(database, STATEMENT_LIST_MEMBERS, 3),
        };
        factors[factor].member_count++;
    }
    const StoreMember *kept = ARENA_TAKE(arena, members, total);
    for (size_t i = 0; i < count; i++) {
        factors[i].members = kept;
        kept += factors[i].member_count;
    }
    return r;
}

static int load_factors(Database *database, uint64_t user, uint64_t set, Arena *arena, StoreFactorSet *result,
                        Status *status)
{
    _cleanup_free_ StoreFactor *factors = NULL;
    size_t count = 0, capacity = 0;
    int r = database_query(database, status, LIST_FACTORS, INTEGER(user), INTEGER(set));
    DATABASE_EACH(database, status, LIST_FACTORS, r)
    {
        GROW(factors, count, capacity);
        factors[count++] =
            (StoreFactor){.name = COLUMN_TEXT(LIST_FACTORS, 0), .description = COLUMN_TEXT(LIST_FACTORS, 1)};
    }
    if (r == 0)
        r = load_members(database, user, set, factors, count, arena, status);
    *result = (StoreFactorSet){.factors = ARENA_TAKE(arena, factors, count), .count = count};
    return r;
}

int model_load_factor_set(Database *database, const StoreLoadFactorSet *request, StoreReply *reply)
{
    UserRow user;
    StoreVersion version;
    int r = user_find(database, request->task, request->user, &user, &reply->status);
    if (r == 0)
        r = model_find_version(database, &user, request->version, &reply->arena, &version, &reply->status);
    if (r != 0)
        return r;
    if (version.number == 0)
        return status_refuse(&reply->status, STATUS_NOT_FOUND,
                             "Version %" PRIu64 " of user \"%.*s\" is not kept. List the versions.",
                             request->version, SHOWN(request->user));
    return load_factors(database, user.user, version.factor_set, &reply->arena, &reply->factors,
                        &reply->status);
}

static int load_statistics(Database *database, uint64_t user, Arena *arena, StoreStatistics *statistics,
                           Status *status)
{
    _cleanup_free_ StorePropensity *propensities = NULL;
    _cleanup_free_ StoreCounts *counts = NULL;
    size_t propensity_count = 0, propensity_capacity = 0, count = 0, capacity = 0;
    int r = database_query(database, status, LIST_PROPENSITIES, INTEGER(user));
    DATABASE_EACH(database, status, LIST_PROPENSITIES, r)
    {
        GROW(propensities, propensity_count, propensity_capacity);
        propensities[propensity_count++] =
            (StorePropensity){.factor = (uint32_t)COLUMN_NUMBER(LIST_PROPENSITIES, 0),
                              .answer_class = COLUMN_TEXT(LIST_PROPENSITIES, 1),
                              .count = COLUMN_NUMBER(LIST_PROPENSITIES, 2)};
    }
    if (r == 0)
        r = database_query(database, status, LIST_FACTOR_COUNTS, INTEGER(user));
    DATABASE_EACH(database, status, LIST_FACTOR_COUNTS, r)
    {
        GROW(counts, count, capacity);
        counts[count++] = (StoreCounts){.factor = (uint32_t)COLUMN_NUMBER(LIST_FACTOR_COUNTS, 0),
                                        .items = COLUMN_NUMBER(LIST_FACTOR_COUNTS, 1),
                                        .influence = COLUMN_NUMBER(LIST_FACTOR_COUNTS, 2),
                                        .positive = COLUMN_NUMBER(LIST_FACTOR_COUNTS, 3),
                                        .neutral = COLUMN_NUMBER(LIST_FACTOR_COUNTS, 4),
                                        .negative = COLUMN_NUMBER(LIST_FACTOR_COUNTS, 5)};
    }
    *statistics = (StoreStatistics){.propensities = ARENA_TAKE(arena, propensities, propensity_count),
                                    .propensity_count = propensity_count,
                                    .counts = ARENA_TAKE(arena, counts, count),
                                    .count = count};
    return r;
}

int model_load(Database *database, const StoreUserName *request, StoreReply *reply)
{
    StoreModel *model = &reply->model;
    Arena *arena = &reply->arena;
    Status *status = &reply->status;
    UserRow user;
    int r = user_find(database, request->task, request->user, &user, status);
    if (r != 0)
        return r;
    model->user = (StoreUser){
        .user = arena_text(arena, request->user),
        .number = user.user,
        .items = user.items,
        .model_version = user.model_version,
        .history_revision = user.history_revision,
        .feeds_pool = user.feeds_pool,
    };
    r = history_load(database, &user, arena, &model->items, &model->item_count, status);
    if (r == 0 && user.model_version != 0)
        r = model_find_version(database, &user, user.model_version, arena, &model->version, status);
    if (r == 0 && user.model_version != 0)
        r = load_factors(database, user.user, model->version.factor_set, arena, &model->factors, status);
    if (r == 0)
        r = load_statistics(database, user.user, arena, &model->statistics, status);
    return r;
}
