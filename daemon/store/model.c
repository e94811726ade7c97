/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <inttypes.h>

typedef struct Publishing {
    Database *database;
    const StorePublish *request;
    UserRow user;
    StoreVersion version; /* the new one */
    StoreVersion from;    /* whose factors it has */
    struct {
        StorePublishedItem item;
        uint64_t revision; /* that it has in the store; 0: it is new */
        int64_t order_us;
    } items[STORE_PUBLISHED_ITEMS];
    int64_t deleted_order_us;
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

/* ---- what is refused before anything is written ------------------------------------------------------- */

static int check_base(const Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    const UserRow *user = &publishing->user;
    bool changes = request->published_count > 0 || request->deleted;
    if (request->user_number != user->user)
        return abort_changed(publishing, "the user was erased");
    if (request->base_version != user->model_version)
        return abort_changed(publishing, "another version was published");
    if (request->base_revision > user->history_revision)
        return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                             "The model is made from revision %" PRIu64 " of a history that is at %" PRIu64
                             ".",
                             request->base_revision, user->history_revision);
    if (changes && request->base_revision < user->history_revision)
        return abort_changed(publishing, "the history went on");
    if (request->generation != 0 && request->generation != user->last_generation)
        return abort_changed(publishing, "another build began");
    if (request->generation != 0 && request->generation != user->clean_generation)
        return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                             "Records of a build that broke off are left beside those to be published.");
    return 0;
}

static int check_deletion(Publishing *publishing)
{
    const uint64_t *deleted = publishing->request->deleted;
    uint64_t revision;
    if (!deleted)
        return 0;
    int r = item_find(publishing->database, publishing->user.user, *deleted, &revision,
                      &publishing->deleted_order_us, publishing->status);
    if (r == 0 && revision == 0)
        return abort_changed(publishing, "an item of it was deleted");
    return r;
}

/* The base is as the caller has seen it: what does not fit to it is the caller's mistake. */
static int check_item(Publishing *publishing, size_t i)
{
    const StorePublish *request = publishing->request;
    const StorePublishedItem *item = &publishing->items[i].item;
    const UserRow *user = &publishing->user;
    Database *database = publishing->database;
    uint64_t number = 0;
    bool is_new = item->number == ITEM_NUMBER(user->user, user->last_item + 1 + i);
    int r = item_find(database, user->user, item->number, &publishing->items[i].revision,
                      &publishing->items[i].order_us, publishing->status);
    if (r == 0)
        r = database_number(database, publishing->status, &number, FIND_ITEM, INTEGER(user->user),
                            TEXT(item->item.id));
    if (r != 0)
        return r;
    if (is_new ? number != 0 : publishing->items[i].revision == 0 || number != item->number)
        return abort_changed(publishing, "an item with this id came or went");
    if (item->revision != user->history_revision + 1 + i + (request->deleted ? 1 : 0))
        return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                             "The item has revision %" PRIu64 ", and the history is at %" PRIu64 ".",
                             item->revision, user->history_revision);
    return 0;
}

static int check_items(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    char derived[STORE_DERIVED_ID_SIZE];
    int r = 0;
    if (request->published_count > STORE_PUBLISHED_ITEMS)
        return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                             "%zu items are too many for one publication: at most %d.",
                             request->published_count, STORE_PUBLISHED_ITEMS);
    for (size_t i = 0; i < request->published_count && r == 0; i++) {
        StoreNewItem *item = &publishing->items[i].item.item;
        publishing->items[i].item = request->items[i];
        if (item->id.length == 0) {
            store_derive_id(item, derived);
            item->id = arena_text(publishing->arena, text_of(derived));
        }
        r = check_item(publishing, i);
    }
    return r;
}

/* The version whose factors the new one has; its number is 0 where it brings its own. */
static int find_from(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    uint64_t number = request->from_version ? request->from_version : request->base_version;
    if (request->factors)
        return 0;
    if (number == 0)
        return status_refuse(publishing->status, STATUS_INVALID_ARGUMENT,
                             "The first version of a model needs factors.");
    int r = model_find_version(publishing->database, &publishing->user, number, publishing->arena,
                               &publishing->from, publishing->status);
    if (r == 0 && publishing->from.number == 0)
        return status_refuse(publishing->status, STATUS_NOT_FOUND,
                             "Version %" PRIu64 " of user \"%.*s\" is not kept. List the versions.", number,
                             SHOWN(request->user));
    return r;
}

/* ---- what is written ---------------------------------------------------------------------------------- */

static int publish_changes(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    UserRow *user = &publishing->user;
    Database *database = publishing->database;
    Status *status = publishing->status;
    uint64_t items = user->items, revision = user->history_revision;
    int r = 0;
    if (request->deleted)
        r = history_remove(database, user, *request->deleted, publishing->deleted_order_us, status);
    for (size_t i = 0; i < request->published_count && r == 0; i++)
        r = history_write(database, user, &publishing->items[i].item, publishing->items[i].revision,
                          publishing->items[i].order_us, status);
    publishing->version.history_revision = request->base_revision + (user->history_revision - revision);
    if (r == 0 && user->items != items)
        r = user_change_task(database, user->task, 0, (int64_t)(user->items - items), 0, status);
    return r;
}

/* The record that comes with an item; without one, what was derived from the item is gone. */
static int publish_record(Publishing *publishing, const StorePublishedItem *item)
{
    StoreRecord record = item->record;
    if (record.extractor_version.length == 0)
        return record_drop(publishing->database, item->number, publishing->status);
    record.item = item->number;
    record.revision = item->revision;
    return record_put(publishing->database, &publishing->user, &record, publishing->status);
}

static int publish_records(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    UserRow *user = &publishing->user;
    Database *database = publishing->database;
    Status *status = publishing->status;
    int r = 0;
    if (request->generation != 0)
        user->generation = request->generation;
    for (size_t i = 0; i < request->published_count && r == 0; i++)
        r = publish_record(publishing, &request->items[i]);
    for (size_t i = 0; i < request->record_count && r == 0; i++) {
        const StoreRecord *record = &request->records[i];
        uint64_t revision;
        int64_t order_us;
        r = item_find(database, user->user, record->item, &revision, &order_us, status);
        if (r == 0 && revision != 0)
            r = record_put(database, user, record, status);
    }
    return r;
}

static int publish_factors(Publishing *publishing)
{
    const StorePublish *request = publishing->request;
    StoreVersion *version = &publishing->version;
    if (!request->factors) {
        version->factors = publishing->from.factors;
        version->factor_set = publishing->from.factor_set;
        return 0;
    }
    version->factors = request->factor_count;
    version->factor_set = ++publishing->user.last_factor_set;
    return database_execute(publishing->database, publishing->status, ADD_FACTOR_SET,
                            INTEGER(publishing->user.user), INTEGER(version->factor_set),
                            BLOB(*request->factors));
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
        r = database_execute(database, status, DROP_UNUSED_FACTOR_SET, INTEGER(user), INTEGER(set));
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
                             INTEGER(request->created_us), TEXT(request->reason),
                             INTEGER(request->item_count), INTEGER(version->factors),
                             INTEGER(version->factor_set), INTEGER(version->history_revision),
                             TEXT(request->extractor_version), INTEGER(request->answer_kind));
    if (r == 0 && user->model_version == 0)
        r = user_change_task(database, user->task, 0, 0, 1, status);
    user->model_version = user->last_version = version->number;
    user->feeds_pool = request->feeds_pool;
    user->feature_count = request->feature_count;
    user->reasoning_count = request->reasoning_count;
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
    uint64_t change = 0;
    int r = user_find(database, request->task, request->user, &publishing.user, &reply->status);
    if (r == 0)
        r = check_base(&publishing);
    if (r == 0)
        r = check_deletion(&publishing);
    if (r == 0)
        r = check_items(&publishing);
    if (r == 0)
        r = find_from(&publishing);
    if (r != 0)
        return r;
    publishing.version.number = publishing.user.last_version + 1;
    r = publish_changes(&publishing);
    if (r == 0)
        r = publish_records(&publishing);
    if (r == 0)
        r = publish_factors(&publishing);
    if (r == 0)
        r = population_change(database, publishing.user.task, publishing.user.user, request->pool_change,
                              &change, &reply->status);
    if (r == 0)
        r = publish_version(&publishing);
    reply->published = (StorePublished){.version = publishing.version.number,
                                        .history_revision = publishing.user.history_revision,
                                        .last_change = change};
    return r;
}
