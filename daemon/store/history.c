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

static void decode_options(rpmd_text encoded, StoreItem *item, Arena *arena)
{
    size_t count = 0;
    for (size_t i = 0; i < encoded.length; i++)
        count += encoded.data[i] == '\0';
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, count);
    const char *at = encoded.data;
    for (size_t i = 0; i < count; i++) {
        options[i] = text_of(at);
        at += options[i].length + 1;
    }
    item->options = options;
    item->option_count = count;
}

/* ---- putting ------------------------------------------------------------------------------------------ */

typedef struct Putting {
    Database *database;
    Status *status;
    uint64_t task;
    rpmd_text name; /* of the user at hand: items of one user mostly come in a row */
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

static int put_find_user(Putting *putting, rpmd_text name, StorePuts *puts)
{
    if (putting->user.user != 0 && text_equal(name, putting->name))
        return 0;
    bool added = false;
    int r = put_save_user(putting);
    if (r == 0)
        r = user_find_or_add(putting->database, putting->task, name, &putting->user, &added, putting->status);
    putting->name = name;
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

static int put_replace(Putting *putting, const StoreNewItem *item, StorePut *put)
{
    put->outcome = STORE_REPLACED;
    put->revision = ++putting->user.history_revision;
    if (item->time_us != 0)
        put->order_us = item->time_us;
    putting->changed = true;
    int r = database_execute(
        putting->database, putting->status, SET_ITEM, INTEGER(put->number), INTEGER(put->revision),
        INTEGER(put->order_us), INTEGER(item->time_us), TEXT(item->query), TEXT(item->response),
        BLOB(((rpmd_text){putting->options.data, putting->options.length})), TEXT(item->meta));
    return r ? r : analysis_drop(putting->database, putting->user.user, put->number, putting->status);
}

static int greatest_order(Putting *putting, int64_t *order_us)
{
    Database *database = putting->database;
    *order_us = 0;
    int r = database_query(database, putting->status, GREATEST_ORDER, INTEGER(putting->user.user));
    DATABASE_EACH(database, putting->status, GREATEST_ORDER, r)
    *order_us = database_integer(database, STATEMENT_GREATEST_ORDER, 0);
    return r;
}

static int put_add(Putting *putting, const StoreNewItem *item, StorePut *put)
{
    put->outcome = STORE_ACCEPTED;
    put->order_us = item->time_us;
    int r = item->time_us == 0 ? greatest_order(putting, &put->order_us) : 0;
    if (r != 0)
        return r;
    put->number = ++putting->database->last_item;
    put->revision = ++putting->user.history_revision;
    putting->user.items++;
    putting->changed = true;
    return database_execute(putting->database, putting->status, ADD_ITEM, INTEGER(put->number),
                            INTEGER(putting->user.user), INTEGER(put->revision), INTEGER(put->order_us),
                            INTEGER(item->time_us), TEXT(put->id), TEXT(item->query), TEXT(item->response),
                            BLOB(((rpmd_text){putting->options.data, putting->options.length})),
                            TEXT(item->meta));
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
    int r = encode_options(item, &putting->options, putting->status);
    if (r == 0)
        r = database_query(database, putting->status, FIND_ITEM, INTEGER(putting->user.user), TEXT(put->id));
    if (r == 0)
        r = database_next(database, putting->status, STATEMENT_FIND_ITEM);
    if (r == 0)
        return put_add(putting, item, put);
    if (r != DATABASE_ROW)
        return r;
    put->number = COLUMN_NUMBER(FIND_ITEM, 0);
    put->revision = COLUMN_NUMBER(FIND_ITEM, 1);
    put->order_us = database_integer(database, STATEMENT_FIND_ITEM, 2);
    put->outcome = STORE_UNCHANGED;
    bool same = same_content(database, item, &putting->options);
    database_stop(database, STATEMENT_FIND_ITEM);
    return same ? 0 : put_replace(putting, item, put);
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
        r = put_find_user(&putting, request->items[i].user, puts);
        if (r == 0)
            r = put_item(&putting, &request->items[i], &puts->puts[i], &reply->arena);
    }
    if (r == 0)
        r = put_save_user(&putting);
    buffer_finish(&putting.options);
    return r;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static StoreItem read_item(Database *database, Arena *arena)
{
    StoreItem item = {
        .number = COLUMN_NUMBER(LIST_ITEMS, 0),
        .revision = COLUMN_NUMBER(LIST_ITEMS, 1),
        .order_us = database_integer(database, STATEMENT_LIST_ITEMS, 2),
        .time_us = database_integer(database, STATEMENT_LIST_ITEMS, 3),
        .id = COLUMN_TEXT(LIST_ITEMS, 4),
        .query = COLUMN_TEXT(LIST_ITEMS, 5),
        .response = COLUMN_TEXT(LIST_ITEMS, 6),
        .meta = COLUMN_TEXT(LIST_ITEMS, 8),
    };
    decode_options(COLUMN_TEXT(LIST_ITEMS, 7), &item, arena);
    return item;
}

/* At most limit items behind the cursor; stops early, with *more set, when they take more than `bytes`. */
static int read_items(Database *database, uint64_t user, StoreCursor from, uint64_t limit, size_t bytes,
                      Arena *arena, StoreItems *result, Status *status)
{
    _cleanup_free_ StoreItem *items = NULL;
    size_t count = 0, capacity = 0, before = arena->total;
    int64_t order_us = from.started ? from.order_us : INT64_MIN;
    uint64_t number = from.started ? from.number : 0;
    int r = database_query(database, status, LIST_ITEMS, INTEGER(user), INTEGER(order_us), INTEGER(number),
                           INTEGER(limit + 1));
    DATABASE_EACH(database, status, LIST_ITEMS, r)
    {
        if (count == limit || (count > 0 && arena->total - before > bytes)) {
            result->more = true;
            database_stop(database, STATEMENT_LIST_ITEMS);
            break;
        }
        GROW(items, count, capacity);
        items[count++] = read_item(database, arena);
    }
    result->items = ARENA_TAKE(arena, items, count);
    result->count = count;
    if (count > 0)
        result->next = (StoreCursor){
            .started = true, .order_us = items[count - 1].order_us, .number = items[count - 1].number};
    return r;
}

int history_list(Database *database, const StoreListItems *request, StoreReply *reply)
{
    StoreItems *list = &reply->items;
    UserRow user;
    uint32_t limit = request->limit ? MIN(request->limit, STORE_LIST_LIMIT) : STORE_LIST_LIMIT;
    int r = user_find(database, request->task, request->user, &user, &reply->status);
    if (r == 0)
        r = read_items(database, user.user, request->from, limit, STORE_LIST_BYTES, &reply->arena, list,
                       &reply->status);
    if (r == 0)
        r = analysis_load(database, user.user, list->items, list->count, request->with_analysis,
                          &reply->arena, &reply->status);
    return r;
}

int history_load(Database *database, const UserRow *user, Arena *arena, StoreItem **items, size_t *count,
                 Status *status)
{
    StoreItems all = {0};
    int r = read_items(database, user->user, (StoreCursor){0}, INT64_MAX - 1, SIZE_MAX, arena, &all, status);
    if (r == 0)
        r = analysis_load(database, user->user, all.items, all.count, true, arena, status);
    *items = all.items;
    *count = all.count;
    return r;
}

/* ---- deleting ----------------------------------------------------------------------------------------- */

int history_remove_item(Database *database, uint64_t user, uint64_t item, Status *status)
{
    int r = analysis_drop(database, user, item, status);
    return r ? r : database_execute(database, status, DELETE_ITEM, INTEGER(item));
}

static int find_item(Database *database, uint64_t user, const StoreDeleteItem *request, uint64_t *item,
                     Status *status)
{
    *item = 0;
    int r = database_query(database, status, FIND_ITEM, INTEGER(user), TEXT(request->id));
    DATABASE_EACH(database, status, FIND_ITEM, r)
    *item = COLUMN_NUMBER(FIND_ITEM, 0);
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
    int r = user_find(database, request->task, request->user, &user, &reply->status);
    if (r == 0)
        r = find_item(database, user.user, request, &item, &reply->status);
    if (r != 0)
        return r;
    if (user.model_version != 0)
        return status_refuse(&reply->status, STATUS_FAILED_PRECONDITION,
                             "User \"%.*s\" has a model: an item is deleted together with its share of it.",
                             SHOWN(request->user));
    r = history_remove_item(database, user.user, item, &reply->status);
    user.items--;
    user.history_revision++;
    if (r == 0)
        r = user_save(database, &user, &reply->status);
    if (r == 0)
        r = user_change_task(database, user.task, 0, -1, 0, &reply->status);
    return r;
}
