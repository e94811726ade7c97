/* SPDX-License-Identifier: MIT */
#include "daemon/store/request.h"

#include "daemon/store/operations.h"
#include "lib/base/memory.h"

/* ---- queues ------------------------------------------------------------------------------------------- */

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

/* ---- execution ---------------------------------------------------------------------------------------- */

void request_clear_reply(Request *request)
{
    arena_finish(&request->reply.arena);
    request->reply = (StoreReply){0};
}

void request_fail(Request *request, const Status *status)
{
    Status kept = *status; /* it may be the reply's own */
    request_clear_reply(request);
    request->reply.status = kept;
}

void request_free(Request *request)
{
    arena_finish(&request->arena);
    arena_finish(&request->reply.arena);
    free(request);
}

bool request_reads(const Request *request)
{
    switch (request->kind) {
    case REQUEST_LIST_ITEMS:
    case REQUEST_LIST_USERS:
    case REQUEST_LIST_TASKS:
    case REQUEST_LOAD_MODEL:
    case REQUEST_LIST_VERSIONS:
    case REQUEST_LOAD_FACTOR_SET:
    case REQUEST_LOAD_POPULATION:
    case REQUEST_LIST_USAGE:
    case REQUEST_FIND_REPLY:
        return true;
    default:
        return false;
    }
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
    case REQUEST_STAGE:
        return record_stage(database, &request->stage, reply);
    case REQUEST_PUBLISH:
        return model_publish(database, &request->publish, reply);
    case REQUEST_LOAD_MODEL:
        return model_load(database, &request->load_model, reply);
    case REQUEST_LIST_VERSIONS:
        return model_list_versions(database, &request->user_name, reply);
    case REQUEST_LOAD_FACTOR_SET:
        return model_load_factor_set(database, &request->load_factor_set, reply);
    case REQUEST_LOAD_POPULATION:
        return population_load(database, &request->load_population, reply);
    case REQUEST_ERASE_USER:
        return erase_user(database, &request->erase_user, reply);
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
