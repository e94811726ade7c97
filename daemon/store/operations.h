/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the store's thread does for each kind of request, inside a transaction: 0, or STATUS_REFUSED with
 * reply->status filled. What was written until then is undone by the caller.
 */

#include "daemon/store/database.h"
#include "daemon/store/store.h"

/* The row of a user. */
typedef struct UserRow {
    uint64_t task;
    uint64_t user;
    uint64_t items;
    uint64_t history_revision;
    uint64_t model_version;
    uint64_t last_version;
    uint64_t last_factor_set;
    bool feeds_pool;
} UserRow;

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
int user_find_or_add(Database *database, uint64_t task, rpmd_text name, UserRow *row, bool *added,
                     Status *status);
int user_save(Database *database, const UserRow *row, Status *status);
int user_change_task(Database *database, uint64_t task, int64_t users, int64_t items, int64_t models,
                     Status *status);
int users_list(Database *database, const StoreListUsers *request, StoreReply *reply);
int tasks_list(Database *database, StoreReply *reply);

/* history.c */
int history_put(Database *database, const StorePutItems *request, StoreReply *reply);
int history_list(Database *database, const StoreListItems *request, StoreReply *reply);
int history_delete(Database *database, const StoreDeleteItem *request, StoreReply *reply);
/* All items of a user, in order; *items lives in the arena. */
int history_load(Database *database, const UserRow *user, Arena *arena, StoreItem **items, size_t *count,
                 Status *status);
/* An item and all that was derived from it. */
int history_remove_item(Database *database, uint64_t user, uint64_t item, Status *status);

/* analysis.c */
int analysis_drop(Database *database, uint64_t user, uint64_t item, Status *status);
int analysis_add(Database *database, uint64_t user, const StoreItemAnalysis *analysis, Status *status);
/* Fills analysis and reasoning of the items; whole: more than extractor_version, code and error. */
int analysis_load(Database *database, uint64_t user, StoreItem *items, size_t count, bool whole, Arena *arena,
                  Status *status);

/* model.c */
int model_publish(Database *database, const StorePublish *request, StoreReply *reply);

/* model_load.c */
int model_load(Database *database, const StoreUserName *request, StoreReply *reply);
int model_list_versions(Database *database, const StoreUserName *request, StoreReply *reply);
int model_load_factor_set(Database *database, const StoreLoadFactorSet *request, StoreReply *reply);
/* A version of the user; version->number is 0 where it is not kept. */
int model_find_version(Database *database, const UserRow *user, uint64_t number, Arena *arena,
                       StoreVersion *version, Status *status);

/* population.c */
int population_load(Database *database, const StoreLoadPopulation *request, StoreReply *reply);
int population_change(Database *database, const UserRow *user, const StorePublish *request, Status *status);
/* Takes out of the pool what the user fed into it. */
int population_withdraw(Database *database, const UserRow *user, bool cells, bool votes, Status *status);

/* llm.c */
int usage_add(Database *database, const StoreUsage *usage, StoreReply *reply);
int usage_list(Database *database, const StoreListUsage *request, StoreReply *reply);
int reply_put(Database *database, const StoreNewReply *request, StoreReply *reply);
int reply_find(Database *database, const StoreFindReply *request, StoreReply *reply);

/* erase.c */
int erase_user(Database *database, const StoreUserName *request, StoreReply *reply);
