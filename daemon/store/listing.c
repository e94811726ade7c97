/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/* Items are read in one of three ways; the columns are the same. */
static void decode_options(rpmd_text encoded, StoreItem *item, Arena *arena)
{
    size_t count = 0;
    for (size_t i = 0; i < encoded.length; i++)
        count += encoded.data[i] == '\0';
    if (count == 0)
        return;
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, count);
    const char *at = arena_text(arena, encoded).data;
    for (size_t i = 0; i < count; i++) {
        options[i] = text_of(at);
        at += options[i].length + 1;
    }
    item->options = options;
    item->option_count = count;
}

static rpmd_text read_text(Database *database, Statement statement, int column, Arena *arena)
{
    rpmd_text text = database_borrow(database, statement, column);
    return text.length ? arena_text(arena, text) : (rpmd_text){"", 0};
}

static StoreItem read_item(Database *database, Statement statement, Arena *arena)
{
    StoreItem item = {
        .number = (uint64_t)database_integer(database, statement, 0),
        .revision = (uint64_t)database_integer(database, statement, 1),
        .order_us = database_integer(database, statement, 2),
        .time_us = database_integer(database, statement, 3),
        .id = read_text(database, statement, 4, arena),
        .query = read_text(database, statement, 5, arena),
        .response = read_text(database, statement, 6, arena),
        .meta = read_text(database, statement, 8, arena),
    };
    decode_options(database_borrow(database, statement, 7), &item, arena);
    return item;
}

static int compare_numbers(const void *left, const void *right)
{
    const StoreItem *a = *(StoreItem *const *)left;
    const StoreItem *b = *(StoreItem *const *)right;
    return (a->number > b->number) - (a->number < b->number);
}

/* In any order of the items. */
static int read_records(RecordReader *reader, StoreItem *items, size_t count, Status *status)
{
    _cleanup_free_ StoreItem **by_number = NEW_ARRAY(StoreItem *, count);
    bool is_sorted = true;
    for (size_t i = 0; i < count; i++) {
        by_number[i] = &items[i];
        is_sorted &= i == 0 || items[i - 1].number < items[i].number;
    }
    if (!is_sorted)
        qsort(by_number, count, sizeof(StoreItem *), compare_numbers);
    return record_read(reader, by_number, count, status);
}

/* ---- a chunk ------------------------------------------------------------------------------------------ */

/* At most limit items behind the cursor; stops early, with `more` set, when they take more than `bytes`. */
static int read_chunk(Database *database, uint64_t user, StoreCursor from, uint64_t limit, size_t bytes,
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
        items[count++] = read_item(database, STATEMENT_LIST_ITEMS, arena);
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
        r = read_chunk(database, user.user, request->from, limit, STORE_LIST_BYTES, &reply->arena, list,
                       &reply->status);
    RecordReader reader = {.database = database,
                           .arena = &reply->arena,
                           .generation = user.generation,
                           .with_content = request->with_records,
                           .only_current = true};
    if (r == 0)
        r = read_records(&reader, list->items, list->count, &reply->status);
    return r;
}

/* ---- all of a user ------------------------------------------------------------------------------------ */

static int compare_orders(const void *left, const void *right)
{
    const StoreItem *a = left;
    const StoreItem *b = right;
    if (a->order_us != b->order_us)
        return a->order_us < b->order_us ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

int history_load(Database *database, const UserRow *user, uint64_t since_revision, Arena *arena,
                 StoreModel *model, Status *status)
{
    _cleanup_free_ StoreItem *items = NULL;
    size_t count = 0, capacity = 0;
    Statement statement = since_revision ? STATEMENT_LIST_NEWER_ITEMS : STATEMENT_SCAN_ITEMS;
    int r = since_revision ? database_query(database, status, LIST_NEWER_ITEMS, INTEGER(user->user),
                                            INTEGER(since_revision))
                           : database_query(database, status, SCAN_ITEMS, INTEGER(ITEM_NUMBER(user->user, 0)),
                                            INTEGER(ITEM_NUMBER(user->user, ITEM_LAST_NUMBER)));
    while (r == 0 && (r = database_next(database, status, statement)) == DATABASE_ROW) {
        r = 0;
        GROW(items, count, capacity);
        items[count++] = read_item(database, statement, arena);
    }
    RecordReader reader = {
        .database = database, .arena = arena, .generation = user->generation, .with_content = true};
    if (r == 0)
        r = read_records(&reader, items, count, status);
    bool is_sorted = true;
    for (size_t i = 1; i < count; i++)
        is_sorted &= compare_orders(&items[i - 1], &items[i]) < 0;
    if (!is_sorted)
        qsort(items, count, sizeof(*items), compare_orders);
    model->items = ARENA_TAKE(arena, items, count);
    model->item_count = count;
    return r;
}
