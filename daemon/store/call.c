/* SPDX-License-Identifier: MIT */

/* The functions of store.h that make requests: each copies what it points at, or takes the arena it lies in.
 */

#include "daemon/store/request.h"
#include "lib/base/memory.h"

static Request *request_new(RequestKind kind, StoreCallback callback, void *data)
{
    Request *request = NEW(Request);
    request->kind = kind;
    request->callback = callback;
    request->data = data;
    return request;
}

/* Whether what the request points at lies in an arena that is now the request's. */
static bool take_arena(Request *request, Arena *arena)
{
    if (!arena)
        return false;
    request->arena = *arena;
    *arena = ARENA_INIT;
    return true;
}

static StoreCall *submit(Store *store, Request *request)
{
    request->bytes = sizeof(*request) + request->arena.total;
    return store_submit(store, request);
}

static void copy_text(Arena *arena, rpmd_text *text)
{
    *text = text->length ? arena_text(arena, *text) : (rpmd_text){"", 0};
}

#define COPY_ARRAY(arena, type, array, count)                                                                \
    ((type *)arena_copy((arena), (const char *)(array), (count) * sizeof(type)))
#define COPY(field) copy_text(&request->arena, &(field))

/* ---- what requests are made of ------------------------------------------------------------------------ */

static void copy_item(Arena *arena, StoreNewItem *item)
{
    rpmd_text *const texts[] = {&item->user, &item->id, &item->query, &item->response, &item->meta};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        copy_text(arena, texts[i]);
    if (item->option_count == 0)
        return;
    rpmd_text *options = COPY_ARRAY(arena, rpmd_text, item->options, item->option_count);
    for (size_t i = 0; i < item->option_count; i++)
        copy_text(arena, &options[i]);
    item->options = options;
}

static void copy_record(Arena *arena, StoreRecord *record)
{
    copy_text(arena, &record->extractor_version);
    copy_text(arena, &record->error);
    copy_text(arena, &record->content);
}

static const StoreRecord *copy_records(Arena *arena, const StoreRecord *records, size_t count)
{
    StoreRecord *copies = COPY_ARRAY(arena, StoreRecord, records, count);
    for (size_t i = 0; i < count; i++)
        copy_record(arena, &copies[i]);
    return copies;
}

/* ---- histories ---------------------------------------------------------------------------------------- */

StoreCall *store_put_items(Store *store, const StorePutItems *put, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_PUT_ITEMS, callback, data);
    request->put_items = *put;
    if (!take_arena(request, put->arena)) {
        StoreNewItem *items = COPY_ARRAY(&request->arena, StoreNewItem, put->items, put->count);
        for (size_t i = 0; i < put->count; i++)
            copy_item(&request->arena, &items[i]);
        request->put_items.items = items;
        COPY(request->put_items.task);
    }
    return submit(store, request);
}

StoreCall *store_list_items(Store *store, const StoreListItems *list, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LIST_ITEMS, callback, data);
    request->list_items = *list;
    COPY(request->list_items.task);
    COPY(request->list_items.user);
    return submit(store, request);
}

StoreCall *store_list_users(Store *store, const StoreListUsers *list, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LIST_USERS, callback, data);
    request->list_users = *list;
    COPY(request->list_users.task);
    COPY(request->list_users.after);
    return submit(store, request);
}

StoreCall *store_list_tasks(Store *store, StoreCallback callback, void *data)
{
    return submit(store, request_new(REQUEST_LIST_TASKS, callback, data));
}

StoreCall *store_delete_item(Store *store, const StoreDeleteItem *deletion, StoreCallback callback,
                             void *data)
{
    Request *request = request_new(REQUEST_DELETE_ITEM, callback, data);
    request->delete_item = *deletion;
    COPY(request->delete_item.task);
    COPY(request->delete_item.user);
    COPY(request->delete_item.id);
    return submit(store, request);
}

/* ---- models ------------------------------------------------------------------------------------------- */

StoreCall *store_model_load(Store *store, const StoreLoadModel *load, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LOAD_MODEL, callback, data);
    request->load_model = *load;
    COPY(request->load_model.task);
    COPY(request->load_model.user);
    return submit(store, request);
}

StoreCall *store_stage(Store *store, const StoreStage *stage, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_STAGE, callback, data);
    request->stage = *stage;
    if (!take_arena(request, stage->arena)) {
        COPY(request->stage.task);
        COPY(request->stage.user);
        request->stage.records = copy_records(&request->arena, stage->records, stage->count);
    }
    return submit(store, request);
}

static void copy_publish(Request *request)
{
    Arena *arena = &request->arena;
    StorePublish *publish = &request->publish;
    rpmd_text *const texts[] = {&publish->task, &publish->user, &publish->reason, &publish->extractor_version,
                                &publish->pool_change};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        copy_text(arena, texts[i]);
    publish->records = copy_records(arena, publish->records, publish->record_count);
    StorePublishedItem *items =
        COPY_ARRAY(arena, StorePublishedItem, publish->items, publish->published_count);
    for (size_t i = 0; i < publish->published_count; i++) {
        copy_item(arena, &items[i].item);
        copy_record(arena, &items[i].record);
    }
    publish->items = items;
    if (publish->deleted)
        publish->deleted = COPY_ARRAY(arena, uint64_t, publish->deleted, 1);
    if (publish->factors) {
        rpmd_text *factors = COPY_ARRAY(arena, rpmd_text, publish->factors, 1);
        copy_text(arena, factors);
        publish->factors = factors;
    }
}

StoreCall *store_model_publish(Store *store, const StorePublish *publish, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_PUBLISH, callback, data);
    request->publish = *publish;
    if (!take_arena(request, publish->arena))
        copy_publish(request);
    return submit(store, request);
}

StoreCall *store_list_versions(Store *store, const StoreUserName *name, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LIST_VERSIONS, callback, data);
    request->user_name = *name;
    COPY(request->user_name.task);
    COPY(request->user_name.user);
    return submit(store, request);
}

StoreCall *store_factor_set_load(Store *store, const StoreLoadFactorSet *load, StoreCallback callback,
                                 void *data)
{
    Request *request = request_new(REQUEST_LOAD_FACTOR_SET, callback, data);
    request->load_factor_set = *load;
    COPY(request->load_factor_set.task);
    COPY(request->load_factor_set.user);
    return submit(store, request);
}

StoreCall *store_population_load(Store *store, const StoreLoadPopulation *load, StoreCallback callback,
                                 void *data)
{
    Request *request = request_new(REQUEST_LOAD_POPULATION, callback, data);
    request->load_population = *load;
    COPY(request->load_population.task);
    return submit(store, request);
}

StoreCall *store_erase_user(Store *store, const StoreEraseUser *erase, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_ERASE_USER, callback, data);
    request->erase_user = *erase;
    COPY(request->erase_user.task);
    COPY(request->erase_user.user);
    COPY(request->erase_user.pool_change);
    return submit(store, request);
}

/* ---- calls of LLMs ------------------------------------------------------------------------------------ */

StoreCall *store_usage_add(Store *store, const StoreUsage *usage, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_ADD_USAGE, callback, data);
    request->usage = *usage;
    COPY(request->usage.task);
    COPY(request->usage.user);
    COPY(request->usage.stage);
    COPY(request->usage.backend);
    return submit(store, request);
}

StoreCall *store_usage_list(Store *store, const StoreListUsage *list, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LIST_USAGE, callback, data);
    request->list_usage = *list;
    COPY(request->list_usage.task);
    COPY(request->list_usage.user);
    return submit(store, request);
}

StoreCall *store_reply_put(Store *store, const StoreNewReply *reply, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_PUT_REPLY, callback, data);
    request->new_reply = *reply;
    COPY(request->new_reply.task);
    COPY(request->new_reply.user);
    COPY(request->new_reply.key);
    COPY(request->new_reply.text);
    return submit(store, request);
}

StoreCall *store_reply_find(Store *store, const StoreFindReply *find, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_FIND_REPLY, callback, data);
    request->find_reply = *find;
    COPY(request->find_reply.key);
    return submit(store, request);
}
