/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/world.h"

#include <inttypes.h>
#include <stdio.h>

Stored disk;

/* Numbers of items tell their user, so that one of another user is known at once. */
#define ITEM_NUMBER(user, item) ((user)*1000000 + (item))

static rpmd_text kept(rpmd_text text)
{
    return arena_text(&disk.arena, text);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

void stored_begin(void)
{
    disk = (Stored){0};
}

void stored_end(void)
{
    for (size_t i = 0; i < disk.user_count; i++) {
        StoredUser *user = disk.users[i];
        for (size_t k = 0; k < user->item_count; k++)
            free(user->items[k].records);
        free(user->items);
        free(user->versions);
        free(user);
    }
    free(disk.users);
    free(disk.changes);
    free(disk.replies);
    arena_finish(&disk.arena);
}

/* ---- finding ------------------------------------------------------------------------------------------- */

StoredUser *stored_find(rpmd_text name)
{
    for (size_t i = 0; i < disk.user_count; i++)
        if (!disk.users[i]->is_erased && text_equal(disk.users[i]->user.user, name))
            return disk.users[i];
    return NULL;
}

StoredUser *stored_user(uint64_t number)
{
    return number > 0 && number <= disk.user_count ? disk.users[number - 1] : NULL;
}

StoredItem *stored_item(const StoredUser *user, uint64_t number)
{
    for (size_t i = 0; i < user->item_count; i++)
        if (user->items[i].item.number == number)
            return &user->items[i];
    return NULL;
}

static StoredItem *find_id(const StoredUser *user, rpmd_text id)
{
    for (size_t i = 0; i < user->item_count; i++)
        if (text_equal(user->items[i].item.id, id))
            return &user->items[i];
    return NULL;
}

const StoreRecord *stored_record(const StoredUser *user, const StoredItem *item)
{
    const StoredRecord *newest = NULL;
    for (size_t i = 0; i < item->record_count; i++) {
        const StoredRecord *record = &item->records[i];
        if (record->generation > user->generation)
            continue;
        bool is_newer =
            !newest || record->record.revision > newest->record.revision ||
            (record->record.revision == newest->record.revision && record->generation >= newest->generation);
        newest = is_newer ? record : newest;
    }
    return newest ? &newest->record : NULL;
}

const StoredVersion *stored_version(const StoredUser *user, uint64_t number)
{
    for (size_t i = 0; i < user->version_count; i++)
        if (user->versions[i].version.number == number)
            return &user->versions[i];
    return NULL;
}

static void refuse_unknown(Status *status, rpmd_text user)
{
    status_refuse(status, STATUS_NOT_FOUND, "There is no history of user \"%.*s\".", TEXT_ARGS(user));
}

/* ---- histories ----------------------------------------------------------------------------------------- */

static StoredUser *find_or_add(rpmd_text name)
{
    StoredUser *user = stored_find(name);
    if (user)
        return user;
    for (size_t i = 0; i < disk.user_count; i++)
        if (text_equal(disk.users[i]->user.user, name))
            mark(MARK_ERASED_AND_BACK);
    user = NEW(StoredUser);
    GROW(disk.users, disk.user_count, disk.user_capacity);
    disk.users[disk.user_count++] = user;
    user->user = (StoreUser){.user = kept(name), .number = disk.user_count};
    user->user.last_item = ITEM_NUMBER(user->user.number, 0);
    return user;
}

static void count_items(StoredUser *user)
{
    user->user.items = user->item_count;
    user->user.greatest_order_us = 0;
    for (size_t i = 0; i < user->item_count; i++) {
        int64_t order_us = user->items[i].item.order_us;
        user->user.greatest_order_us = i == 0 ? order_us : MAX(user->user.greatest_order_us, order_us);
    }
}

/* Adds an item, or puts it in the place of the one with its number. */
static void write_item(StoredUser *user, const StoreNewItem *new, rpmd_text id, uint64_t number,
                       uint64_t revision, int64_t order_us)
{
    StoredItem *item = stored_item(user, number);
    bool is_correction = item != NULL;
    if (!item) {
        GROW(user->items, user->item_count, user->item_capacity);
        item = &user->items[user->item_count++];
        *item = (StoredItem){0};
        user->user.last_item = number;
    }
    item->item = (StoreItem){.number = number,
                             .revision = revision,
                             .order_us = order_us,
                             .id = kept(id),
                             .query = kept(new->query),
                             .response = kept(new->response),
                             .time_us = new->time_us,
                             .meta = kept(new->meta)};
    user->user.history_revision = revision;
    count_items(user);
    ledger_put(user, &item->item, is_correction);
}

static void remove_item(StoredUser *user, StoredItem *item)
{
    user->user.history_revision++;
    ledger_deleted(user, &item->item);
    free(item->records);
    size_t behind = user->item_count - 1 - (size_t)(item - user->items);
    memmove(item, item + 1, behind * sizeof(*item));
    user->item_count--;
    count_items(user);
}

static void put_one(const StoreNewItem *new, StorePut *put, Arena *arena, uint64_t *new_users)
{
    char derived[STORE_DERIVED_ID_SIZE];
    rpmd_text id = new->id;
    if (id.length == 0) {
        store_derive_id(new, derived);
        id = text_of(derived);
    }
    *new_users += !stored_find(new->user);
    StoredUser *user = find_or_add(new->user);
    const StoredItem *old = find_id(user, id);
    *put = (StorePut){.outcome = STORE_ACCEPTED,
                      .user = arena_text(arena, new->user),
                      .id = arena_text(arena, id),
                      .user_number = user->user.number,
                      .number = user->user.last_item + 1,
                      .revision = user->user.history_revision + 1,
                      .order_us = new->time_us ? new->time_us : user->user.greatest_order_us};
    if (old) {
        put->number = old->item.number;
        put->order_us = new->time_us ? new->time_us : old->item.order_us;
        put->outcome = STORE_REPLACED;
        if (old->item.time_us == new->time_us && text_equal(old->item.query, new->query) &&
            text_equal(old->item.response, new->response) && text_equal(old->item.meta, new->meta)) {
            put->outcome = STORE_UNCHANGED;
            put->revision = old->item.revision;
            return;
        }
        if (stored_record(user, old) && user->user.model_version)
            mark(MARK_CORRECTED_BEHIND_MODEL);
    }
    write_item(user, new, id, put->number, put->revision, put->order_us);
}

void stored_put(const StorePutItems *request, StoreReply *reply)
{
    StorePuts *puts = &reply->puts;
    HOLDS(text_equal_string(request->task, TASK), "items of another task are put");
    *puts = (StorePuts){ARENA_ARRAY(&reply->arena, StorePut, request->count), request->count, 0};
    for (size_t i = 0; i < request->count; i++)
        put_one(&request->items[i], &puts->puts[i], &reply->arena, &puts->new_users);
}

void stored_delete(const StoreDeleteItem *request, StoreReply *reply)
{
    StoredUser *user = stored_find(request->user);
    StoredItem *item = user ? find_id(user, request->id) : NULL;
    if (!user) {
        refuse_unknown(&reply->status, request->user);
    } else if (!item) {
        status_refuse(&reply->status, STATUS_NOT_FOUND, "There is no such item.");
    } else if (user->user.model_version != 0) {
        status_refuse(&reply->status, STATUS_FAILED_PRECONDITION,
                      "An item is deleted together with its share of the model.");
    } else {
        remove_item(user, item);
        mark(MARK_DELETED_WITHOUT_MODEL);
    }
}

/* ---- records ------------------------------------------------------------------------------------------- */

static void put_record(StoredItem *item, uint64_t generation, const StoreRecord *record)
{
    HOLDS(record->extractor_version.length > 0, "a record names no version of the extractor");
    GROW(item->records, item->record_count, item->record_capacity);
    StoreRecord *copy = &item->records[item->record_count].record;
    item->records[item->record_count++].generation = generation;
    *copy = *record;
    copy->extractor_version = kept(record->extractor_version);
    copy->error = kept(record->error);
    copy->content = kept(record->content);
}

/* Of items that are there; the text of one may be another by now. */
static void put_records(StoredUser *user, uint64_t generation, const StoreRecord *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        StoredItem *item = stored_item(user, records[i].item);
        if (item)
            put_record(item, generation, &records[i]);
    }
}

/* What builds left that broke off. */
static void clean(StoredUser *user)
{
    for (size_t i = 0; i < user->item_count; i++) {
        StoredItem *item = &user->items[i];
        size_t left = 0;
        for (size_t k = 0; k < item->record_count; k++) {
            uint64_t generation = item->records[k].generation;
            if (generation <= user->generation || generation == user->last_generation)
                item->records[left++] = item->records[k];
        }
        item->record_count = left;
    }
    user->clean_generation = user->last_generation;
}

void stored_stage(const StoreStage *request, StoreReply *reply)
{
    StoredUser *user = stored_find(request->user);
    HOLDS(request->count <= STORE_STAGE_RECORDS, "too many records are staged at once");
    if (!user || user->user.number != request->user_number) {
        status_refuse(&reply->status, STATUS_ABORTED, "The user was erased in the meantime.");
        return;
    }
    bool is_newest = request->generation == user->last_generation && request->generation > user->generation;
    if (request->generation != 0 && !is_newest) {
        status_refuse(&reply->status, STATUS_ABORTED, "The model is being built anew by another request.");
        return;
    }
    if (request->generation == 0)
        user->last_generation++;
    else if (user->clean_generation != user->last_generation)
        clean(user);
    if (request->generation == 0 && draw_chance(2))
        clean(user);
    bool is_clean = user->clean_generation == user->last_generation;
    HOLDS(is_clean || request->count == 0, "records are staged before the store is clean");
    put_records(user, user->last_generation, request->records, request->count);
    reply->staged = (StoreStaged){user->last_generation, is_clean};
}

/* ---- models -------------------------------------------------------------------------------------------- */

static void abort_publication(StoreReply *reply, const char *why)
{
    mark(MARK_PUBLICATION_ABORTED);
    trace("    a publication is aborted: %s", why);
    status_refuse(&reply->status, STATUS_ABORTED, "The model was not published: %s in the meantime.", why);
}

/* Whether the base is still what is there. */
static bool check_base(const StoredUser *user, const StorePublish *request, StoreReply *reply)
{
    bool changes = request->published_count > 0 || request->deleted;
    if (request->user_number != user->user.number)
        abort_publication(reply, "the user was erased");
    else if (request->base_version != user->user.model_version)
        abort_publication(reply, "another version was published");
    else if (changes && request->base_revision < user->user.history_revision)
        abort_publication(reply, "the history went on");
    else if (request->generation != 0 && request->generation != user->last_generation)
        abort_publication(reply, "another build began");
    else if (request->from_version != 0 && !stored_version(user, request->from_version))
        status_refuse(&reply->status, STATUS_NOT_FOUND, "The version is not kept.");
    else
        return true;
    return false;
}

/* What the base does not allow is a mistake of the daemon's. */
static void check_changes(const StoredUser *user, const StorePublish *request)
{
    HOLDS(request->base_revision <= user->user.history_revision, "a model is made of a history to come");
    HOLDS(!request->deleted || stored_item(user, *request->deleted), "an item is deleted that is not there");
    HOLDS(request->generation == 0 || user->clean_generation == user->last_generation,
          "records are published before the store is clean");
    HOLDS(request->factors || request->base_version || request->from_version,
          "the first version of a model has no factors");
    HOLDS(request->published_count <= STORE_PUBLISHED_ITEMS, "%zu items are published at once",
          request->published_count);
}

/* The history goes on with the item, as the daemon foresaw. */
static void publish_item(StoredUser *user, const StorePublishedItem *item)
{
    const StoredItem *same_id = find_id(user, item->item.id);
    if (item->number == user->user.last_item + 1)
        HOLDS(!same_id, "an item is added whose id is there");
    else
        HOLDS(same_id && same_id->item.number == item->number, "an item is corrected that is another");
    HOLDS(item->revision == user->user.history_revision + 1, "a published item has a wrong revision");
    write_item(user, &item->item, item->item.id, item->number, item->revision, item->order_us);
    put_record(stored_item(user, item->number), user->generation, &item->record);
}

static uint64_t publish_change(const StorePublish *request, uint64_t user)
{
    if (request->pool_change.length == 0)
        return 0;
    GROW(disk.changes, disk.change_count, disk.change_capacity);
    disk.changes[disk.change_count] = (StoredChange){disk.change_count + 1, user, kept(request->pool_change)};
    return ++disk.change_count;
}

static void add_version(StoredUser *user, const StorePublish *request, uint64_t revision)
{
    uint64_t from = request->from_version ? request->from_version : request->base_version;
    const StoredVersion *base = stored_version(user, from);
    StoredVersion version = {.version = {.number = user->version_count + 1,
                                         .created_us = request->created_us,
                                         .reason = kept(request->reason),
                                         .items = request->item_count,
                                         .factors = request->factor_count,
                                         .factor_set = user->version_count + 1,
                                         .history_revision = revision,
                                         .extractor_version = kept(request->extractor_version),
                                         .answer_kind = request->answer_kind}};
    if (request->factors) {
        version.factors = kept(*request->factors);
    } else {
        version.factors = base->factors;
        version.version.factors = base->version.factors;
        version.version.factor_set = base->version.factor_set;
    }
    GROW(user->versions, user->version_count, user->version_capacity);
    user->versions[user->version_count++] = version;
    user->user.model_version = version.version.number;
    user->user.extractor_version = version.version.extractor_version;
    user->user.feeds_pool = request->feeds_pool;
}

static void mark_publication(const StoredUser *user, const StorePublish *request)
{
    if (request->generation && request->base_revision < user->user.history_revision)
        mark(MARK_BUILD_CAUGHT_UP);
    if (request->record_count > 0)
        mark(MARK_CAUGHT_UP);
    if (request->record_count > 0 && request->base_revision < user->user.history_revision)
        mark(MARK_CAUGHT_UP_IN_PARTS);
    if (request->deleted)
        mark(MARK_DELETED_FROM_MODEL);
    if (request->from_version)
        mark(MARK_ROLLED_BACK);
}

void stored_publish(const StorePublish *request, StoreReply *reply)
{
    StoredUser *user = stored_find(request->user);
    if (!user) {
        refuse_unknown(&reply->status, request->user);
        return;
    }
    if (!check_base(user, request, reply))
        return;
    check_changes(user, request);
    mark_publication(user, request);
    uint64_t before = user->user.history_revision;
    if (request->deleted)
        remove_item(user, stored_item(user, *request->deleted));
    if (request->generation)
        user->generation = request->generation;
    for (size_t i = 0; i < request->published_count; i++)
        publish_item(user, &request->items[i]);
    if (request->published_count > 1)
        mark(MARK_PUBLISHED_TOGETHER);
    put_records(user, user->generation, request->records, request->record_count);
    add_version(user, request, request->base_revision + (user->user.history_revision - before));
    reply->published = (StorePublished){user->user.model_version, user->user.history_revision,
                                        publish_change(request, user->user.number)};
    trace("    version %lu of user %.*s (%lu), \"%.*s\", of revision %lu of %lu",
          (unsigned long)user->user.model_version, TEXT_ARGS(user->user.user),
          (unsigned long)user->user.number, TEXT_ARGS(request->reason), (unsigned long)request->base_revision,
          (unsigned long)user->user.history_revision);
}

/* ---- erasure ------------------------------------------------------------------------------------------- */

void stored_erase(const StoreEraseUser *request, StoreReply *reply)
{
    StoredUser *user = stored_find(request->user);
    if (!user) {
        refuse_unknown(&reply->status, request->user);
        return;
    }
    if (request->user_number != 0 && request->user_number != user->user.number) {
        status_refuse(&reply->status, STATUS_ABORTED, "The user was erased in the meantime.");
        return;
    }
    reply->erased = (StoreErased){.users = 1,
                                  .items = user->item_count,
                                  .versions = user->version_count,
                                  .erasure = ++disk.last_erasure};
    for (size_t i = 0; i < disk.reply_count; i++)
        disk.replies[i].is_gone |= disk.replies[i].user == user->user.number;
    const StorePublish withdrawal = {.pool_change = request->pool_change};
    reply->erased.last_change = publish_change(&withdrawal, user->user.number);
    user->is_erased = true;
    ledger_erased(user);
}

/* ---- replies of LLMs ----------------------------------------------------------------------------------- */

void stored_put_reply(const StoreNewReply *request, StoreReply *reply)
{
    (void)reply;
    const StoredUser *user = stored_find(request->user);
    HOLDS(request->key.length == STORE_REPLY_KEY_SIZE, "the key of a reply has another length");
    if (!user || (request->user_number != 0 && request->user_number != user->user.number)) {
        mark(MARK_REPLY_FOR_NOBODY);
        return;
    }
    ledger_kept_reply(user, request->text);
    GROW(disk.replies, disk.reply_count, disk.reply_capacity);
    StoredReply *stored_reply = &disk.replies[disk.reply_count++];
    *stored_reply = (StoredReply){.user = user->user.number, .text = kept(request->text)};
    memcpy(stored_reply->key, request->key.data, STORE_REPLY_KEY_SIZE);
}
