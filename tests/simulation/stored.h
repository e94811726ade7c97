/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the simulated store has on its disk: it survives stops and crashes of the daemon. Each function is one
 * request of store.h, executed at once and as a whole; the rules are those that store.h states, in the
 * simplest way there is. Nothing is ever freed before the end of the world.
 */

#include "daemon/store/store.h"

typedef struct StoredRecord {
    uint64_t generation;
    StoreRecord record;
} StoredRecord;

typedef struct StoredItem {
    StoreItem item; /* without its record */
    StoredRecord *records;
    size_t record_count;
    size_t record_capacity;
} StoredItem;

typedef struct StoredVersion {
    StoreVersion version;
    rpmd_text factors; /* bytes */
} StoredVersion;

typedef struct StoredUser {
    StoreUser user;
    StoredItem *items; /* in the order of arrival */
    size_t item_count;
    size_t item_capacity;
    uint64_t items_ever;
    StoredVersion *versions; /* oldest first */
    size_t version_count;
    size_t version_capacity;
    uint64_t generation;       /* of the records that count */
    uint64_t last_generation;  /* given to a build */
    uint64_t clean_generation; /* newest one for which what earlier builds left is gone */
    bool is_erased;
    uint64_t checked; /* the checker's */
} StoredUser;

/* A pooled change, as it was published. */
typedef struct StoredChange {
    uint64_t number; /* 1, 2, ... */
    uint64_t user;
    rpmd_text bytes;
} StoredChange;

typedef struct StoredReply {
    char key[STORE_REPLY_KEY_SIZE];
    uint64_t user;
    rpmd_text text;
    bool is_gone;
} StoredReply;

typedef struct Stored {
    Arena arena;
    StoredUser **users; /* erased ones too; by number */
    size_t user_count;
    size_t user_capacity;
    StoredChange *changes;
    size_t change_count;
    size_t change_capacity;
    StoredReply *replies;
    size_t reply_count;
    size_t reply_capacity;
    uint64_t last_erasure;
} Stored;

extern Stored disk;

/* The only task there is. */
#define TASK "tags"

void stored_begin(void);
void stored_end(void);

/* NULL: nobody has the name. */
StoredUser *stored_find(rpmd_text user);
StoredUser *stored_user(uint64_t number); /* erased or not */
StoredItem *stored_item(const StoredUser *user, uint64_t number);

/* The record that counts for an item; NULL: none. */
const StoreRecord *stored_record(const StoredUser *user, const StoredItem *item);
const StoredVersion *stored_version(const StoredUser *user, uint64_t number);

/* ---- writing ------------------------------------------------------------------------------------------- */

void stored_put(const StorePutItems *request, StoreReply *reply);
void stored_delete(const StoreDeleteItem *request, StoreReply *reply);
void stored_stage(const StoreStage *request, StoreReply *reply);
void stored_publish(const StorePublish *request, StoreReply *reply);
void stored_erase(const StoreEraseUser *request, StoreReply *reply);
void stored_put_reply(const StoreNewReply *request, StoreReply *reply);

/* ---- reading ------------------------------------------------------------------------------------------- */

void stored_list_items(const StoreListItems *request, StoreReply *reply);
void stored_list_users(const StoreListUsers *request, StoreReply *reply);
void stored_load(const StoreLoadModel *request, StoreReply *reply);
void stored_list_versions(const StoreUserName *request, StoreReply *reply);
void stored_load_factors(const StoreLoadFactorSet *request, StoreReply *reply);
void stored_load_population(StoreReply *reply);
void stored_find_reply(const StoreFindReply *request, StoreReply *reply);
