/* SPDX-License-Identifier: MIT */
#pragma once

/* Requests on their way from the loop thread to the store's thread and back. */

#include "daemon/store/database.h"
#include "daemon/store/store.h"

typedef enum RequestKind {
    REQUEST_PUT_ITEMS,
    REQUEST_LIST_ITEMS,
    REQUEST_LIST_USERS,
    REQUEST_LIST_TASKS,
    REQUEST_DELETE_ITEM,
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

typedef struct Request {
    struct Request *next;
    RequestKind kind;
    union {
        StorePutItems put_items;
        StoreListItems list_items;
        StoreListUsers list_users;
        StoreDeleteItem delete_item;
        StorePublish publish;
        StoreUserName user_name;
        StoreLoadFactorSet load_factor_set;
        StoreLoadPopulation load_population;
        StoreUsage usage;
        StoreListUsage list_usage;
        StoreNewReply new_reply;
        StoreFindReply find_reply;
    };
    char key[STORE_REPLY_KEY_SIZE]; /* of find_reply: who asked may have left */
    size_t bytes;                   /* roughly what it points at */
    StoreCallback callback;
    void *data;
    StoreReply reply;
} Request;

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

/* On the store's thread: 0, or STATUS_REFUSED with the reply's status filled. */
int request_execute(Database *database, Request *request);

/* On the loop thread; takes the request. */
void store_submit(Store *store, Request *request);
