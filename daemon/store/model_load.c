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
        .answer_kind = (uint32_t)database_integer(database, statement, 8),
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

static int load_factors(Database *database, uint64_t user, uint64_t set, Arena *arena, rpmd_text *factors,
                        Status *status)
{
    int r = database_query(database, status, FIND_FACTOR_SET, INTEGER(user), INTEGER(set));
    DATABASE_EACH(database, status, FIND_FACTOR_SET, r)
    *factors = COLUMN_TEXT(FIND_FACTOR_SET, 0);
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

int model_load(Database *database, const StoreLoadModel *request, StoreReply *reply)
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
        .last_item = ITEM_NUMBER(user.user, user.last_item),
        .greatest_order_us = user.greatest_order_us,
        .model_version = user.model_version,
        .history_revision = user.history_revision,
        .feeds_pool = user.feeds_pool,
    };
    if (user.model_version != 0)
        r = model_find_version(database, &user, user.model_version, arena, &model->version, status);
    bool has_model = user.model_version != 0;
    bool has_items = request->scope == STORE_LOAD_ALL || (request->scope == STORE_LOAD_MODEL && has_model);
    if (r == 0 && has_items)
        r = history_load(database, &user, request->since_revision, arena, model, status);
    if (r == 0 && has_items && has_model && request->since_revision == 0)
        r = load_factors(database, user.user, model->version.factor_set, arena, &model->factors, status);
    return r;
}
