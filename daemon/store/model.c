/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <inttypes.h>

/* Counts from outside, at most: sums of many stay within 64 bits. */
#define COUNT_LIMIT ((uint64_t)1 << 48)

typedef struct Publishing {
    Database *database;
    const StorePublish *request;
    UserRow user;
    StoreVersion version; /* the new one */
    Arena *arena;
    Status *status;
} Publishing;

static int abort_changed(const Publishing *publishing, const char *what)
{
    return status_refuse(
        publishing->status, STATUS_ABORTED,
        "The model of user \"%.*s\" was not published: %s in the meantime. Load it and repeat.",
        SHOWN(publishing->request->user), what);
}

static int check_base(const Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    const UserRow *user = &publishing->user;
    if (request->user_number != user->user)
        return abort_changed(publishing, "the user was erased");
    if (request->base_version != user->model_version)
        return abort_changed(publishing, "another version was published");
    if (request->history_revision > user->history_revision)
        return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                             "The model is made from revision %" PRIu64 " of a history that is at %" PRIu64
                             ".",
                             request->history_revision, user->history_revision);
    return 0;
}

/* Revision 0 stands for any. */
static int check_item(const Publishing *publishing, uint64_t item, uint64_t revision)
{
    Database *database = publishing->database;
    uint64_t stored = 0;
    int r = database_query(database, publishing->status, ITEM_REVISION, INTEGER(item),
                           INTEGER(publishing->user.user));
    DATABASE_EACH(database, publishing->status, ITEM_REVISION, r)
    stored = COLUMN_NUMBER(ITEM_REVISION, 0);
    if (r == 0 && stored == 0)
        return abort_changed(publishing, "an item of it was deleted");
    if (r == 0 && revision != 0 && revision != stored)
        return abort_changed(publishing, "an item of it was corrected");
    return r;
}

static int publish_deletions(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    UserRow *user = &publishing->user;
    bool up_to_date = request->history_revision == user->history_revision;
    int r = 0;
    for (size_t i = 0; i < request->deleted_count && r == 0; i++) {
        r = check_item(publishing, request->deleted[i], 0);
        if (r == 0)
            r = history_remove_item(publishing->database, user->user, request->deleted[i],
                                    publishing->status);
        user->items--;
        user->history_revision++;
    }
    /* The model was made without the deleted items: it stands for the history as it is now. */
    publishing->version.history_revision = up_to_date ? user->history_revision : request->history_revision;
    if (r == 0 && request->deleted_count > 0)
        r = user_change_task(publishing->database, user->task, 0, -(int64_t)request->deleted_count, 0,
                             publishing->status);
    return r;
}

static int publish_items(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    Database *database = publishing->database;
    uint64_t user = publishing->user.user;
    int r = 0;
    for (size_t i = 0; i < request->analysis_count && r == 0; i++) {
        const StoreItemAnalysis *change = &request->analyses[i];
        r = check_item(publishing, change->item, change->revision);
        if (r == 0)
            r = analysis_drop(database, user, change->item, publishing->status);
        if (r == 0)
            r = analysis_add(database, user, change, publishing->status);
    }
    for (size_t i = 0; i < request->reasoning_count && r == 0; i++) {
        const StoreReasoning *path = &request->reasoning[i];
        r = check_item(publishing, path->item, 0);
        if (r == 0)
            r = database_execute(database, publishing->status, SET_REASONING, INTEGER(user),
                                 INTEGER(path->item), INTEGER(path->source),
                                 INTEGER(publishing->version.number), TEXT(path->text));
    }
    return r;
}

static int add_factor(Publishing *publishing, uint64_t factor)
{
    const StoreFactor *from = &publishing->request->factors->factors[factor];
    uint64_t user = publishing->user.user;
    uint64_t set = publishing->version.factor_set;
    int r = database_execute(publishing->database, publishing->status, ADD_FACTOR, INTEGER(user),
                             INTEGER(set), INTEGER(factor), TEXT(from->name), TEXT(from->description));
    for (size_t i = 0; i < from->member_count && r == 0; i++) {
        const StoreMember *member = &from->members[i];
        r = database_execute(publishing->database, publishing->status, ADD_MEMBER, INTEGER(user),
                             INTEGER(set), INTEGER(factor), INTEGER(i), TEXT(member->category),
                             TEXT(member->name), INTEGER(member->polarity));
    }
    return r;
}

/* New factors, or those of an earlier version. */
static int publish_factors(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    if (request->factors) {
        publishing->version.factors = request->factors->count;
        publishing->version.factor_set = ++publishing->user.last_factor_set;
        int r = 0;
        for (size_t i = 0; i < request->factors->count && r == 0; i++)
            r = add_factor(publishing, i);
        return r;
    }
    uint64_t number = request->from_version ? request->from_version : request->base_version;
    if (number == 0)
        return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                             "The first version of a model needs factors.");
    StoreVersion from;
    int r = model_find_version(publishing->database, &publishing->user, number, publishing->arena, &from,
                               publishing->status);
    if (r == 0 && from.number == 0)
        return status_refuse(publishing->status, STATUS_NOT_FOUND,
                             "Version %" PRIu64 " of user \"%.*s\" is not kept. List the versions.", number,
                             SHOWN(request->user));
    publishing->version.factors = from.factors;
    publishing->version.factor_set = from.factor_set;
    return r;
}

static int check_factor(const Publishing *publishing, uint32_t factor, uint64_t largest)
{
    if (factor < publishing->version.factors && largest <= COUNT_LIMIT)
        return 0;
    return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                         "Statistics of factor %" PRIu32 " of %" PRIu64 ", or a count over its limit.",
                         factor, publishing->version.factors);
}

static int set_propensity(Publishing *publishing, const StorePropensity *row)
{
    Database *database = publishing->database;
    uint64_t user = publishing->user.user;
    int r = check_factor(publishing, row->factor, row->count);
    if (r != 0)
        return r;
    if (row->count == 0)
        return database_execute(database, publishing->status, DROP_PROPENSITY, INTEGER(user),
                                INTEGER(row->factor), TEXT(row->answer_class));
    return database_execute(database, publishing->status, SET_PROPENSITY, INTEGER(user), INTEGER(row->factor),
                            TEXT(row->answer_class), INTEGER(row->count));
}

static int set_counts(Publishing *publishing, const StoreCounts *row)
{
    Database *database = publishing->database;
    uint64_t user = publishing->user.user;
    uint64_t largest =
        MAX(MAX(row->items, row->influence), MAX(MAX(row->positive, row->neutral), row->negative));
    int r = check_factor(publishing, row->factor, largest);
    if (r != 0)
        return r;
    if (largest == 0)
        return database_execute(database, publishing->status, DROP_FACTOR_COUNT, INTEGER(user),
                                INTEGER(row->factor));
    return database_execute(database, publishing->status, SET_FACTOR_COUNT, INTEGER(user),
                            INTEGER(row->factor), INTEGER(row->items), INTEGER(row->influence),
                            INTEGER(row->positive), INTEGER(row->neutral), INTEGER(row->negative));
}

static int publish_statistics(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    const StoreStatistics *statistics = &request->statistics;
    int r = 0;
    if (request->replace_statistics) {
        r = database_execute(publishing->database, publishing->status, DROP_PROPENSITIES,
                             INTEGER(publishing->user.user));
        if (r == 0)
            r = database_execute(publishing->database, publishing->status, DROP_FACTOR_COUNTS,
                                 INTEGER(publishing->user.user));
    }
    for (size_t i = 0; i < statistics->propensity_count && r == 0; i++)
        r = set_propensity(publishing, &statistics->propensities[i]);
    for (size_t i = 0; i < statistics->count && r == 0; i++)
        r = set_counts(publishing, &statistics->counts[i]);
    return r;
}

/* Drops one version that can be spared, and its factors when no other version has them. */
static int drop_version(Publishing *publishing)
{
    Database *database = publishing->database;
    Status *status = publishing->status;
    uint64_t user = publishing->user.user, version = 0, set = 0;
    int r =
        database_query(database, status, SPARE_VERSION, INTEGER(user), INTEGER(publishing->version.number));
    DATABASE_EACH(database, status, SPARE_VERSION, r)
    {
        version = COLUMN_NUMBER(SPARE_VERSION, 0);
        set = COLUMN_NUMBER(SPARE_VERSION, 1);
    }
    if (r == 0)
        r = database_execute(database, status, DROP_VERSION, INTEGER(user), INTEGER(version));
    if (r == 0)
        r = database_execute(database, status, DROP_UNUSED_FACTORS, INTEGER(user), INTEGER(set));
    if (r == 0)
        r = database_execute(database, status, DROP_UNUSED_MEMBERS, INTEGER(user), INTEGER(set));
    return r;
}

static int publish_version(Publishing *publishing)
{
    Database *database = publishing->database;
    Status *status = publishing->status;
    const StorePublish *request = publishing->request;
    const StoreVersion *version = &publishing->version;
    UserRow *user = &publishing->user;
    uint64_t kept = 0;
    int r = database_execute(database, status, ADD_VERSION, INTEGER(user->user), INTEGER(version->number),
                             INTEGER(request->created_us), TEXT(request->reason), INTEGER(user->items),
                             INTEGER(version->factors), INTEGER(version->factor_set),
                             INTEGER(version->history_revision), TEXT(request->extractor_version));
    if (r == 0 && user->model_version == 0)
        r = user_change_task(database, user->task, 0, 0, 1, status);
    user->model_version = user->last_version = version->number;
    user->feeds_pool = request->feeds_pool;
    if (r == 0)
        r = user_save(database, user, status);
    if (r == 0)
        r = database_query(database, status, COUNT_VERSIONS, INTEGER(user->user));
    DATABASE_EACH(database, status, COUNT_VERSIONS, r)
    kept = COLUMN_NUMBER(COUNT_VERSIONS, 0);
    for (; r == 0 && kept > STORE_VERSION_LIMIT; kept--)
        r = drop_version(publishing);
    return r;
}

int model_publish(Database *database, const StorePublish *request, StoreReply *reply)
{
    Publishing publishing = {
        .database = database, .request = request, .arena = &reply->arena, .status = &reply->status};
    int r = user_find(database, request->task, request->user, &publishing.user, &reply->status);
    if (r == 0)
        r = check_base(&publishing);
    if (r != 0)
        return r;
    publishing.version.number = publishing.user.last_version + 1;
    r = publish_deletions(&publishing);
    if (r == 0)
        r = publish_items(&publishing);
    if (r == 0)
        r = publish_factors(&publishing);
    if (r == 0)
        r = publish_statistics(&publishing);
    if (r == 0)
        r = population_change(database, &publishing.user, request, &reply->status);
    if (r == 0)
        r = publish_version(&publishing);
    reply->published = (StorePublished){.version = publishing.version.number,
                                        .history_revision = publishing.user.history_revision};
    return r;
}
