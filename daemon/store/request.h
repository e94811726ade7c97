/* SPDX-License-Identifier: MIT */
#pragma once

/* Requests on their way from the loop thread to another and back. */

#include "daemon/store/database.h"
#include "daemon/store/store.h"

#include <stdatomic.h>

typedef enum RequestKind {
    REQUEST_PUT_ITEMS,
    REQUEST_LIST_ITEMS,
    REQUEST_LIST_USERS,
    REQUEST_LIST_TASKS,
    REQUEST_DELETE_ITEM,
    REQUEST_STAGE,
    REQUEST_PUBLISH,
    REQUEST_LOAD_MODEL,
    REQUEST_LIST_VERSIONS,
    REQUEST_LOAD_FACTOR_SET,
    REQUEST_LOAD_POPULATION,
    REQUEST_ERASE_USER,
    REQUEST_ADD_USAGE,
    REQUEST_LIST_USAGE,
    REQUEST_PUT_REPLY,
    REQUEST_FIND_REPLY,
} RequestKind;

typedef struct StoreCall Request;
struct StoreCall {
    Request *next;
    RequestKind kind;
    union {
        StorePutItems put_items;
        StoreListItems list_items;
        StoreListUsers list_users;
        StoreDeleteItem delete_item;
        StoreStage stage;
        StorePublish publish;
        StoreLoadModel load_model;
        StoreUserName user_name;
        StoreLoadFactorSet load_factor_set;
        StoreLoadPopulation load_population;
        StoreEraseUser erase_user;
        StoreUsage usage;
        StoreListUsage list_usage;
        StoreNewReply new_reply;
        StoreFindReply find_reply;
    };
    Arena arena;  /* owns what it points at */
    size_t bytes; /* that it takes */
    StoreCallback callback;
    void *data;
    atomic_bool is_cancelled; /* set on the loop's thread */
    StoreReply reply;
};

/* A queue. */
typedef struct RequestList {
    Request *first;
    Request *last;
    size_t count;
} RequestList;

void request_list_add(RequestList *list, Request *request);

/* Moves all of `more` behind the end; `more` keeps its fields. */
void request_list_append(RequestList *list, const RequestList *more);

/* Takes requests from the front: at least one, and no further ones over the limits. */
RequestList request_list_take(RequestList *list, size_t requests, size_t bytes);

/* Frees a request with what it and its reply own. */
void request_free(Request *request);

/* Empties the reply, and fills it with a refusal. */
void request_clear_reply(Request *request);
void request_fail(Request *request, const Status *status);

/* Whether it only reads. */
bool request_reads(const Request *request);

/* In a transaction, on the thread of the database: 0, or STATUS_REFUSED with the reply's status filled. */
int request_execute(Database *database, Request *request);

/* On the loop thread; takes the request. */
StoreCall *store_submit(Store *store, Request *request);
