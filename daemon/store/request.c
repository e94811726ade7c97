/* SPDX-License-Identifier: MIT */
#include "daemon/store/request.h"

#include "daemon/store/operations.h"
#include "lib/base/memory.h"

void request_list_add(RequestList *list, Request *request)
{
    request->next = NULL;
    request_list_append(list, &(RequestList){.first = request, .last = request, .count = 1});
}

void request_list_append(RequestList *list, const RequestList *more)
{
    if (!more->first)
        return;
    if (list->last)
        list->last->next = more->first;
    else
        list->first = more->first;
    list->last = more->last;
    list->count += more->count;
}

RequestList request_list_take(RequestList *list, size_t requests, size_t bytes)
{
    RequestList taken = {0};
    size_t taken_bytes = 0;
    while (list->first && taken.count < requests &&
           (taken.count == 0 || taken_bytes + list->first->bytes <= bytes)) {
        Request *request = list->first;
        list->first = request->next;
        if (!list->first)
            list->last = NULL;
        list->count--;
        taken_bytes += request->bytes;
        request_list_add(&taken, request);
    }
    return taken;
}

int request_execute(Database *database, Request *request)
{
    StoreReply *reply = &request->reply;
    switch (request->kind) {
    case REQUEST_PUT_ITEMS:
        return history_put(database, &request->put_items, reply);
    case REQUEST_LIST_ITEMS:
        return history_list(database, &request->list_items, reply);
    case REQUEST_LIST_USERS:
        return users_list(database, &request->list_users, reply);
    case REQUEST_LIST_TASKS:
        return tasks_list(database, reply);
    case REQUEST_DELETE_ITEM:
        return history_delete(database, &request->delete_item, reply);
    case REQUEST_PUBLISH:
        return model_publish(database, &request->publish, reply);
    case REQUEST_LOAD_MODEL:
        return model_load(database, &request->user_name, reply);
    case REQUEST_LIST_VERSIONS:
        return model_list_versions(database, &request->user_name, reply);
    case REQUEST_LOAD_FACTOR_SET:
        return model_load_factor_set(database, &request->load_factor_set, reply);
    case REQUEST_LOAD_POPULATION:
        return population_load(database, &request->load_population, reply);
    case REQUEST_ERASE_USER:
        return erase_user(database, &request->user_name, reply);
    case REQUEST_ADD_USAGE:
        return usage_add(database, &request->usage, reply);
    case REQUEST_LIST_USAGE:
        return usage_list(database, &request->list_usage, reply);
    case REQUEST_PUT_REPLY:
        return reply_put(database, &request->new_reply, reply);
    case REQUEST_FIND_REPLY:
        return reply_find(database, &request->find_reply, reply);
    }
    return status_refuse(&reply->status, STATUS_INTERNAL, "The store does not know request %d.",
                         (int)request->kind);
}

/* ---- the functions of store.h that make requests ------------------------------------------------------- */

static Request *request_new(RequestKind kind, size_t bytes, StoreCallback callback, void *data)
{
    Request *request = NEW(Request);
    request->kind = kind;
    request->bytes = sizeof(*request) + bytes;
    request->callback = callback;
    request->data = data;
    return request;
}

void store_put_items(Store *store, const StorePutItems *put, StoreCallback callback, void *data)
{
    size_t bytes = put->count * sizeof(*put->items);
    for (size_t i = 0; i < put->count; i++) {
        const StoreNewItem *item = &put->items[i];
        bytes += item->query.length + item->response.length + item->meta.length;
        for (size_t k = 0; k < item->option_count; k++)
            bytes += sizeof(rpmd_text) + item->options[k].length;
    }
    Request *request = request_new(REQUEST_PUT_ITEMS, bytes, callback, data);
    request->put_items = *put;
    store_submit(store, request);
}

void store_list_items(Store *store, const StoreListItems *list, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LIST_ITEMS, 0, callback, data);
    request->list_items = *list;
    store_submit(store, request);
}

void store_list_users(Store *store, const StoreListUsers *list, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LIST_USERS, 0, callback, data);
    request->list_users = *list;
    store_submit(store, request);
}

void store_list_tasks(Store *store, StoreCallback callback, void *data)
{
    store_submit(store, request_new(REQUEST_LIST_TASKS, 0, callback, data));
}

void store_delete_item(Store *store, const StoreDeleteItem *deletion, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_DELETE_ITEM, 0, callback, data);
    request->delete_item = *deletion;
    store_submit(store, request);
}

void store_model_publish(Store *store, const StorePublish *publish, StoreCallback callback, void *data)
{
    size_t bytes = publish->analysis_count * sizeof(Analysis) +
                   publish->cell_count * sizeof(StoreCellChange) +
                   publish->statistics.propensity_count * sizeof(StorePropensity);
    for (size_t i = 0; i < publish->analysis_count; i++)
        bytes += publish->analyses[i].analysis->feature_count * sizeof(AnalyzedFeature);
    for (size_t i = 0; i < publish->reasoning_count; i++)
        bytes += publish->reasoning[i].text.length;
    Request *request = request_new(REQUEST_PUBLISH, bytes, callback, data);
    request->publish = *publish;
    store_submit(store, request);
}

static void submit_user_name(Store *store, RequestKind kind, const StoreUserName *name,
                             StoreCallback callback, void *data)
{
    Request *request = request_new(kind, 0, callback, data);
    request->user_name = *name;
    store_submit(store, request);
}

void store_model_load(Store *store, const StoreUserName *name, StoreCallback callback, void *data)
{
    submit_user_name(store, REQUEST_LOAD_MODEL, name, callback, data);
}

void store_list_versions(Store *store, const StoreUserName *name, StoreCallback callback, void *data)
{
    submit_user_name(store, REQUEST_LIST_VERSIONS, name, callback, data);
}

void store_factor_set_load(Store *store, const StoreLoadFactorSet *load, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LOAD_FACTOR_SET, 0, callback, data);
    request->load_factor_set = *load;
    store_submit(store, request);
}

void store_population_load(Store *store, const StoreLoadPopulation *load, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LOAD_POPULATION, 0, callback, data);
    request->load_population = *load;
    store_submit(store, request);
}

void store_erase_user(Store *store, const StoreUserName *name, StoreCallback callback, void *data)
{
    submit_user_name(store, REQUEST_ERASE_USER, name, callback, data);
}

void store_usage_add(Store *store, const StoreUsage *usage, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_ADD_USAGE, 0, callback, data);
    request->usage = *usage;
    store_submit(store, request);
}

void store_usage_list(Store *store, const StoreListUsage *list, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_LIST_USAGE, 0, callback, data);
    request->list_usage = *list;
    store_submit(store, request);
}

void store_reply_put(Store *store, const StoreNewReply *reply, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_PUT_REPLY, reply->text.length, callback, data);
    request->new_reply = *reply;
    store_submit(store, request);
}

StoreCall *store_reply_find(Store *store, const StoreFindReply *find, StoreCallback callback, void *data)
{
    Request *request = request_new(REQUEST_FIND_REPLY, 0, callback, data);
    memcpy(request->key, find->key.data, MIN(find->key.length, sizeof(request->key)));
    request->find_reply = (StoreFindReply){{request->key, find->key.length}, find->not_before_us};
    store_submit(store, request);
    return (StoreCall *)request;
}

static void on_nobody(StoreReply *reply, void *data)
{
    (void)reply;
    (void)data;
}

void store_cancel(StoreCall *call)
{
    ((Request *)call)->callback = on_nobody;
}
