/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the store's threads do for each kind of request, inside a transaction: 0, or STATUS_REFUSED with the
 * status filled. What was written until then is undone by the caller; so as not to undo a whole group, what
 * can be refused is refused before anything is written.
 */

#include "daemon/store/database.h"
#include "daemon/store/store.h"

/* The row of a user. */
typedef struct UserRow {
    uint64_t task;
    uint64_t user;
    uint64_t items;
    uint64_t last_item; /* within the user: 1, 2, ... */
    int64_t greatest_order_us;
    uint64_t history_revision;
    uint64_t model_version;
    uint64_t last_version;
    uint64_t last_factor_set;
    uint64_t generation; /* records up to it count */
    uint64_t last_generation;
    uint64_t clean_generation;
    uint64_t swept_generation;
    uint64_t feature_count;
    uint64_t reasoning_count;
    bool feeds_pool;
} UserRow;

/* The number of a user's n-th item: those of one user lie together. */
#define ITEM_NUMBER(user, n) ((uint64_t)(user) << 32 | (n))
#define ITEM_LAST_NUMBER UINT32_MAX
/* An item has two places for records. */
#define RECORD_NUMBER(item) ((item)*2)
#define RECORD_ITEM(record) ((record) / 2)
#define RECORD_LAST_NUMBER(user) (RECORD_NUMBER(ITEM_NUMBER((user), ITEM_LAST_NUMBER)) + 1)
/* So that all of these are positive numbers of 64 bits. */
#define USER_LIMIT ((uint64_t)1 << 30)

/* How much of a name a sentence shows. */
#define SHOWN_NAME_SIZE 100
#define SHOWN(text) (int)MIN((text).length, (size_t)SHOWN_NAME_SIZE), (text).data ? (text).data : ""

/* A copy of an array in an arena. */
#define ARENA_TAKE(arena, array, count)                                                                      \
    ((__typeof__(array))arena_copy((arena), (const char *)(array), (count) * sizeof(*(array))))

/* users.c */
int user_check_name(rpmd_text name, const char *what, Status *status); /* refuses an empty one */
int user_find_task(Database *database, rpmd_text task, uint64_t *number,
                   Status *status); /* 0: there is none */
int user_find(Database *database, rpmd_text task, rpmd_text user, UserRow *row,
              Status *status); /* or NOT_FOUND */
/* And ABORTED where another has the name by now. what: that was not done. */
int user_find_same(Database *database, rpmd_text task, rpmd_text user, uint64_t number, const char *what,
                   UserRow *row, Status *status);
int user_find_or_add(Database *database, uint64_t task, rpmd_text name, UserRow *row, bool *added,
                     Status *status);
int user_save(Database *database, const UserRow *row, Status *status);
int user_change_task(Database *database, uint64_t task, int64_t users, int64_t items, int64_t models,
                     Status *status);
int users_list(Database *database, const StoreListUsers *request, StoreReply *reply);
int tasks_list(Database *database, StoreReply *reply);

/* item.c */
/* An item as it is now; revision 0: there is none of this user. */
int item_find(Database *database, uint64_t user, uint64_t item, uint64_t *revision, int64_t *order_us,
              Status *status);

/* history.c */
int history_put(Database *database, const StorePutItems *request, StoreReply *reply);
int history_delete(Database *database, const StoreDeleteItem *request, StoreReply *reply);
/* Writes an item, a new one where there is no revision yet, and counts it; the user is to be saved. */
int history_write(Database *database, UserRow *user, const StorePublishedItem *item, uint64_t old_revision,
                  int64_t old_order_us, Status *status);
/* An item with all that was derived from it; the user is to be saved. */
int history_remove(Database *database, UserRow *user, uint64_t item, int64_t order_us, Status *status);

/* listing.c */
int history_list(Database *database, const StoreListItems *request, StoreReply *reply);
/* All items of a user written after a revision, in order, with their records. */
int history_load(Database *database, const UserRow *user, uint64_t since_revision, Arena *arena,
                 StoreModel *model, Status *status);

/* record.c */
int record_put(Database *database, const UserRow *user, const StoreRecord *record, Status *status);
int record_drop(Database *database, uint64_t item, Status *status);
int record_stage(Database *database, const StoreStage *request, StoreReply *reply);
/* Reads records of items whose numbers increase; `with_content` or the heads alone. */
typedef struct RecordReader {
    Database *database;
    Arena *arena;
    uint64_t generation; /* of the user */
    bool with_content;
    bool only_current;  /* passes over what was derived before the item was corrected */
    uint64_t extractor; /* the last one whose version was looked up */
    rpmd_text extractor_version;
} RecordReader;
int record_read(RecordReader *reader, StoreItem *const *items, size_t count, Status *status);

/* model.c */
int model_publish(Database *database, const StorePublish *request, StoreReply *reply);

/* model_load.c */
int model_load(Database *database, const StoreLoadModel *request, StoreReply *reply);
int model_list_versions(Database *database, const StoreUserName *request, StoreReply *reply);
int model_load_factor_set(Database *database, const StoreLoadFactorSet *request, StoreReply *reply);
/* A version of the user; version->number is 0 where it is not kept. */
int model_find_version(Database *database, const UserRow *user, uint64_t number, Arena *arena,
                       StoreVersion *version, Status *status);

/* population.c */
int population_load(Database *database, const StoreLoadPopulation *request, StoreReply *reply);
/* Appends a change; *number is 0 where nothing changes. */
int population_change(Database *database, uint64_t task, uint64_t user, rpmd_text change, uint64_t *number,
                      Status *status);

/* llm.c */
int usage_add(Database *database, const StoreUsage *usage, StoreReply *reply);
int usage_list(Database *database, const StoreListUsage *request, StoreReply *reply);
int reply_put(Database *database, const StoreNewReply *request, StoreReply *reply);
int reply_find(Database *database, const StoreFindReply *request, StoreReply *reply);

/* erase.c */
int erase_user(Database *database, const StoreEraseUser *request, StoreReply *reply);
