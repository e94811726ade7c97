/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/buffer.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t hash_text(rpmd_text text, uint64_t seed)
{
    uint64_t length = text.length; /* so that the border between two texts counts */
    return hash_bytes_seeded(text.data, text.length, hash_bytes_seeded(&length, sizeof(length), seed));
}

void store_derive_id(const StoreNewItem *item, char id[STORE_DERIVED_ID_SIZE])
{
    uint64_t halves[2];
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t hash = hash_text(item->query, half + 1);
        hash = hash_text(item->response, hash);
        hash = hash_bytes_seeded(&item->time_us, sizeof(item->time_us), hash);
        for (size_t i = 0; i < item->option_count; i++)
            hash = hash_text(item->options[i], hash);
        halves[half] = hash;
    }
    snprintf(id, STORE_DERIVED_ID_SIZE, "%016" PRIx64 "%016" PRIx64, halves[0], halves[1]);
}

/* ---- options: each text followed by a NUL ------------------------------------------------------------- */

static int encode_options(const StoreNewItem *item, Buffer *encoded, Status *status)
{
    buffer_clear(encoded);
    for (size_t i = 0; i < item->option_count; i++) {
        rpmd_text option = item->options[i];
        if (option.length > STORE_TEXT_LIMIT || (option.length && memchr(option.data, '\0', option.length)))
            return status_refuse(status, STATUS_INVALID_ARGUMENT,
                                 "An answer option has a NUL byte in it or is too long.");
        buffer_append(encoded, option.data, option.length);
        buffer_append(encoded, "", 1);
    }
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static int find_greatest_order(Database *database, UserRow *user, Status *status)
{
    uint64_t order_us = 0;
    int r = database_number(database, status, &order_us, GREATEST_ORDER, INTEGER(user->user));
    user->greatest_order_us = (int64_t)order_us;
    return r;
}

static int add_item(Database *database, UserRow *user, const StorePublishedItem *item, rpmd_text options,
                    Status *status)
{
    if (user->last_item >= ITEM_LAST_NUMBER)
        return status_refuse(status, STATUS_RESOURCE_EXHAUSTED, "No number is left for another item.");
    user->last_item++;
    user->greatest_order_us =
        user->items == 0 ? item->order_us : MAX(user->greatest_order_us, item->order_us);
    user->items++;
    return database_execute(database, status, ADD_ITEM, INTEGER(item->number), INTEGER(user->user),
                            INTEGER(item->revision), INTEGER(item->order_us), INTEGER(item->item.time_us),
                            TEXT(item->item.id), TEXT(item->item.query), TEXT(item->item.response),
                            BLOB(options), TEXT(item->item.meta));
}

static int correct_item(Database *database, UserRow *user, const StorePublishedItem *item, rpmd_text options,
                        int64_t old_order_us, Status *status)
{
    int r = database_execute(database, status, SET_ITEM, INTEGER(item->number), INTEGER(item->revision),
                             INTEGER(item->order_us), INTEGER(item->item.time_us), TEXT(item->item.query),
                             TEXT(item->item.response), BLOB(options), TEXT(item->item.meta));
    if (item->order_us >= user->greatest_order_us)
        user->greatest_order_us = item->order_us;
    else if (r == 0 && old_order_us == user->greatest_order_us)
        r = find_greatest_order(database, user, status);
    return r;
}

static int write_item(Database *database, UserRow *user, const StorePublishedItem *item,
                      const Buffer *encoded, uint64_t old_revision, int64_t old_order_us, Status *status)
{
    rpmd_text options = {encoded->data, encoded->length};
    user->history_revision = item->revision;
    return old_revision == 0 ? add_item(database, user, item, options, status)
                             : correct_item(database, user, item, options, old_order_us, status);
}

int history_write(Database *database, UserRow *user, const StorePublishedItem *item, uint64_t old_revision,
                  int64_t old_order_us, Status *status)
{
    _cleanup_buffer_ Buffer options = BUFFER_INIT;
    int r = encode_options(&item->item, &options, status);
    return r ? r : write_item(database, user, item, &options, old_revision, old_order_us, status);
}

int history_remove(Database *database, UserRow *user, uint64_t item, int64_t order_us, Status *status)
{
    int r = record_drop(database, item, status);
    if (r == 0)
        r = database_execute(database, status, DELETE_ITEM, INTEGER(item));
    user->items--;
    user->history_revision++;
    if (r == 0 && order_us == user->greatest_order_us)
        r = find_greatest_order(database, user, status);
    return r;
}

/* ---- putting ------------------------------------------------------------------------------------------ */

typedef struct Putting {
    Database *database;
    Status *status;
    uint64_t task;
    rpmd_text name;       /* of the user at hand: items of one user mostly come in a row */
    rpmd_text shown_name; /* the same, in the reply's arena */
    UserRow user;
    uint64_t items_before;
    bool changed;
    Buffer options; /* encoded, of the item at hand */
} Putting;

static int put_save_user(Putting *putting)
{
    if (!putting->changed)
        return 0;
    putting->changed = false;
    int r = user_save(putting->database, &putting->user, putting->status);
    int64_t added = (int64_t)(putting->user.items - putting->items_before);
    if (r == 0 && added != 0)
        r = user_change_task(putting->database, putting->task, 0, added, 0, putting->status);
    return r;
}

static int put_find_user(Putting *putting, rpmd_text name, StorePuts *puts, Arena *arena)
{
    if (putting->user.user != 0 && text_equal(name, putting->name))
        return 0;
    bool added = false;
    int r = put_save_user(putting);
    if (r == 0)
        r = user_find_or_add(putting->database, putting->task, name, &putting->user, &added, putting->status);
    putting->name = name;
    putting->shown_name = arena_text(arena, name);
    putting->items_before = putting->user.items;
    puts->new_users += added;
    return r;
}

static bool same_content(Database *database, const StoreNewItem *item, const Buffer *options)
{
    rpmd_text encoded = {buffer_string(options), options->length};
    return database_integer(database, STATEMENT_FIND_ITEM, 3) == item->time_us &&
           text_equal(database_borrow(database, STATEMENT_FIND_ITEM, 4), item->query) &&
           text_equal(database_borrow(database, STATEMENT_FIND_ITEM, 5), item->response) &&
           text_equal(database_borrow(database, STATEMENT_FIND_ITEM, 6), encoded) &&
           text_equal(database_borrow(database, STATEMENT_FIND_ITEM, 7), item->meta);
}

/* Writes it and counts it. */
static int put_write(Putting *putting, const StoreNewItem *item, StorePut *put, uint64_t old_revision,
                     int64_t old_order_us)
{
    UserRow *user = &putting->user;
    put->revision = user->history_revision + 1;
    putting->changed = true;
    StorePublishedItem written = {
        .item = *item, .number = put->number, .revision = put->revision, .order_us = put->order_us};
    written.item.id = put->id;
    return write_item(putting->database, user, &written, &putting->options, old_revision, old_order_us,
                      putting->status);
}

static int put_item(Putting *putting, const StoreNewItem *item, StorePut *put, Arena *arena)
{
    Database *database = putting->database;
    char derived[STORE_DERIVED_ID_SIZE];
    rpmd_text id = item->id;
    if (id.length == 0) {
        store_derive_id(item, derived);
        id = text_of(derived);
    }
    put->id = arena_text(arena, id);
    put->user = putting->shown_name;
    put->user_number = putting->user.user;
    int r = encode_options(item, &putting->options, putting->status);
    if (r == 0)
        r = database_query(database, putting->status, FIND_ITEM, INTEGER(putting->user.user), TEXT(put->id));
    if (r == 0)
        r = database_next(database, putting->status, STATEMENT_FIND_ITEM);
    if (r == 0) {
        const UserRow *user = &putting->user;
        put->outcome = STORE_ACCEPTED;
        put->number = ITEM_NUMBER(user->user, user->last_item + 1);
        put->order_us = item->time_us != 0 ? item->time_us : user->greatest_order_us;
        return put_write(putting, item, put, 0, 0);
    }
    if (r != DATABASE_ROW)
        return r;
    put->number = COLUMN_NUMBER(FIND_ITEM, 0);
    put->revision = COLUMN_NUMBER(FIND_ITEM, 1);
    put->order_us = database_integer(database, STATEMENT_FIND_ITEM, 2);
    put->outcome = STORE_UNCHANGED;
    bool same = same_content(database, item, &putting->options);
    database_stop(database, STATEMENT_FIND_ITEM);
    if (same)
        return 0;
    int64_t old_order_us = put->order_us;
    put->outcome = STORE_REPLACED;
    if (item->time_us != 0)
        put->order_us = item->time_us;
    return put_write(putting, item, put, put->revision, old_order_us);
}

static int find_or_add_task(Database *database, rpmd_text name, uint64_t *task, Status *status)
{
    int r = user_find_task(database, name, task, status);
    if (r != 0 || *task != 0)
        return r;
    r = database_query(database, status, ADD_TASK, TEXT(name));
    DATABASE_EACH(database, status, ADD_TASK, r)
    *task = COLUMN_NUMBER(ADD_TASK, 0);
    return r;
}

int history_put(Database *database, const StorePutItems *request, StoreReply *reply)
{
    StorePuts *puts = &reply->puts;
    *puts =
        (StorePuts){.puts = ARENA_ARRAY(&reply->arena, StorePut, request->count), .count = request->count};
    Putting putting = {.database = database, .status = &reply->status};
    int r = find_or_add_task(database, request->task, &putting.task, &reply->status);
    for (size_t i = 0; i < request->count && r == 0; i++) {
        r = put_find_user(&putting, request->items[i].user, puts, &reply->arena);
        if (r == 0)
            r = put_item(&putting, &request->items[i], &puts->puts[i], &reply->arena);
    }
    if (r == 0)
        r = put_save_user(&putting);
    buffer_finish(&putting.options);
    return r;
}

/* ---- deleting ----------------------------------------------------------------------------------------- */

static int find_item(Database *database, uint64_t user, const StoreDeleteItem *request, uint64_t *item,
                     int64_t *order_us, Status *status)
{
    *item = 0;
    int r = database_query(database, status, FIND_ITEM, INTEGER(user), TEXT(request->id));
    DATABASE_EACH(database, status, FIND_ITEM, r)
    {
        *item = COLUMN_NUMBER(FIND_ITEM, 0);
        *order_us = database_integer(database, STATEMENT_FIND_ITEM, 2);
    }
    if (r == 0 && *item == 0)
        return status_refuse(
            status, STATUS_NOT_FOUND,
            "User \"%.*s\" has no item \"%.*s\" in task \"%.*s\". List the history to see the "
            "ids.",
            SHOWN(request->user), SHOWN(request->id), SHOWN(request->task));
    return r;
}

int history_delete(Database *database, const StoreDeleteItem *request, StoreReply *reply)
{
    UserRow user;
    uint64_t item;
    int64_t order_us = 0;
    int r = user_find(database, request->task, request->user, &user, &reply->status);
    if (r == 0)
        r = find_item(database, user.user, request, &item, &order_us, &reply->status);
    if (r != 0)
        return r;
    if (user.model_version != 0)
        return status_refuse(&reply->status, STATUS_FAILED_PRECONDITION,
                             "User \"%.*s\" has a model: an item is deleted together with its share of it.",
                             SHOWN(request->user));
    r = history_remove(database, &user, item, order_us, &reply->status);
    if (r == 0)
        r = user_save(database, &user, &reply->status);
    if (r == 0)
        r = user_change_task(database, user.task, 0, -1, 0, &reply->status);
    return r;
}
