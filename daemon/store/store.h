/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The durable store: histories, what was derived from them, versions of user models, the pooled counts of a
 * task's users. One SQLite file in the state directory and three threads, each with a connection of its own:
 *
 *     writer   executes what changes something, in the order in which it was asked for. All that queued up
 * while the last commit was being written forms the next group: one transaction, one sync to disk. reader
 * executes what reads, each request on a snapshot of its own. It never waits for the writer. keeper   what
 * nobody waits for, in slices: folding pooled changes into cells, deleting rows of erased users and of
 * superseded records, moving the log into the database, removing traces from the files.
 *
 * A request's callback runs on the loop thread, exactly once, after its commit is on disk, and never from
 * within the call that made the request. A request is kept as a whole or not at all, and one that fails does
 * not touch the others of its group. A read that is asked for after a write was answered sees that write.
 *
 * Ownership. A request is copied with all that it points at, unless it has an `arena`: then what it points at
 * lives there, and the call takes it (*arena is then empty). What a reply points at lives in reply->arena,
 * which is freed after the callback unless the callback takes it:
 *
 *     Arena mine = reply->arena;
 *     reply->arena = ARENA_INIT;
 *
 * Threads: every function here is called on the loop's thread.
 *
 * Texts are UTF-8 without NUL bytes (refused with INVALID_ARGUMENT), at most STORE_TEXT_LIMIT bytes. Records,
 * factor sets and pooled changes are bytes that lib/method writes and reads.
 *
 * Errors of every request, in reply->status, beside those named with the request:
 *     RESOURCE_EXHAUSTED   the queue is full, or the disk is: nothing of this request was kept
 *     INVALID_ARGUMENT     a text or a number that the store does not take
 *     UNAVAILABLE          the store is being closed, or reading or writing failed (says how). After a failed
 *                          sync it shows at the next start only whether the request was kept
 *     DATA_LOSS            the database file is damaged (says what to do)
 */

#include "daemon/store/llm.h"
#include "lib/base/arena.h"
#include "lib/base/status.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Longest text of any kind: far above what the daemon's door lets through, and safe for every counter. */
#define STORE_TEXT_LIMIT (16u << 20)

/* Versions kept of a user's model. The oldest version whose factor set a newer one shares goes first. */
#define STORE_VERSION_LIMIT 100

/* Requests waiting, at most: beyond it a request is refused. Bounds memory when the disk stalls. */
#define STORE_QUEUE_LIMIT 8192

/* Bytes of requests waiting, at most; a request that finds the queue empty is always taken. */
#define STORE_QUEUE_BYTES_LIMIT (64u << 20)

/* From here on the store is busy (store_is_busy): streams stop reading, well before anything is refused. */
#define STORE_BUSY_REQUESTS 1024
#define STORE_BUSY_BYTES (8u << 20)

/* One group at most: bounds the time that its first request waits for its last. */
#define STORE_GROUP_REQUESTS 512
#define STORE_GROUP_BYTES (4u << 20)

typedef struct Store Store;
typedef struct StoreCall StoreCall; /* a request that was made, until its callback */

/*
 * Nobody waits any more: the callback does not come. Only before it. A request that has not begun is not
 * executed; one that has may be kept.
 */
void store_cancel(StoreCall *call);

/* ---- opening and closing ------------------------------------------------------------------------------ */

/*
 * Opens the store in an existing directory, creates the database if there is none, brings an older one up
 * to date, and starts the thread. Blocks for some milliseconds: called while the daemon starts. The time
 * does not depend on how much is stored.
 *
 * STATUS_REFUSED: the directory is missing, is not a directory or cannot be written; another process holds
 * the store; the database is from a newer version, is damaged, or the disk is full. *store is then NULL.
 */
int store_open(Store **store, uv_loop_t *loop, const char *directory, Status *status);

typedef void (*StoreClosed)(void *data);

/*
 * Executes what is queued, calls its callbacks, closes the database and gives the directory free; then
 * calls closed (on the loop thread; *store is freed). Requests made from now on are refused.
 */
void store_close(Store *store, StoreClosed closed, void *data);

/* ---- what goes in and comes out ----------------------------------------------------------------------- */

/* A past (query, response) pair, as it is sent. */
typedef struct StoreNewItem {
    rpmd_text user;
    rpmd_text id; /* names the item within (task, user); empty: store_derive_id of the content */
    rpmd_text query;
    rpmd_text response;
    int64_t time_us; /* microseconds since 1970-01-01 UTC; 0: unknown */
    const rpmd_text *options;
    size_t option_count;
    rpmd_text meta; /* the caller's, kept as it is */
} StoreNewItem;

typedef enum StoreOutcome {
    STORE_ACCEPTED = 1,
    STORE_UNCHANGED = 2, /* the same id with the same content was there */
    STORE_REPLACED = 3,  /* the same id was there with other content; its record is of the old one */
} StoreOutcome;

/* What became of one item. */
typedef struct StorePut {
    StoreOutcome outcome;
    rpmd_text user;
    rpmd_text id;
    uint64_t user_number;
    uint64_t number;
    uint64_t revision;
    int64_t order_us;
} StorePut;

typedef struct StorePuts {
    StorePut *puts; /* puts[i] for items[i] of the request */
    size_t count;
    uint64_t new_users; /* users seen for the first time */
} StorePuts;

/* What was derived from an item, as it was at a revision. */
typedef struct StoreRecord {
    uint64_t item;     /* StoreItem.number */
    uint64_t revision; /* StoreItem.revision that was analysed */
    rpmd_text extractor_version;
    StatusCode code;   /* of the analysis; OK, or why the item takes no part */
    rpmd_text error;   /* empty with OK */
    rpmd_text content; /* bytes */
} StoreRecord;

/*
 * A stored item. A user's items have one total order: (order_us, number). order_us is the item's time where
 * it is known; an item that came without a time takes the greatest order_us of the user's items at its
 * arrival (0 for the first), so that items without times stay in the order in which they came, behind all
 * that was there. A correction keeps the number, and keeps order_us unless it brings another time.
 */
typedef struct StoreItem {
    uint64_t number;   /* unique in the store; of one user, increasing with arrival */
    uint64_t revision; /* changes with every correction: the user's history_revision when it was written */
    int64_t order_us;
    rpmd_text id;
    rpmd_text query;
    rpmd_text response;
    int64_t time_us;
    const rpmd_text *options;
    size_t option_count;
    rpmd_text meta;
    StoreRecord record; /* the newest that counts; an empty extractor_version: not analysed yet. It is of an
                         * older revision where the item was corrected since: that is what the published model
                         * has. In a list without records: without content, and none of an older revision */
} StoreItem;

/* Where a list goes on. All zero: from the start. */
typedef struct StoreCursor {
    bool started;
    int64_t order_us;
    uint64_t number;
} StoreCursor;

typedef struct StoreItems {
    StoreItem *items;
    size_t count;
    StoreCursor next; /* for the next call; valid where more is set */
    bool more;
} StoreItems;

typedef struct StoreUser {
    rpmd_text user;
    uint64_t number; /* unique in the store; an erased user who comes back gets another */
    uint64_t items;
    uint64_t last_item;        /* the highest item number given so far; the next is one higher */
    int64_t greatest_order_us; /* of the items; 0 where there is none */
    uint64_t model_version;    /* 0: no model */
    uint64_t history_revision; /* changes with every change of the history */
    bool feeds_pool;
    rpmd_text extractor_version; /* of the current model; filled by store_list_users alone */
} StoreUser;

typedef struct StoreUsers {
    StoreUser *users; /* by name, in byte order */
    size_t count;
    bool more;
} StoreUsers;

typedef struct StoreTask {
    rpmd_text task;
    uint64_t users;
    uint64_t items;
    uint64_t models; /* users that have one */
} StoreTask;

typedef struct StoreTasks {
    StoreTask *tasks; /* by name */
    size_t count;
} StoreTasks;

typedef struct StoreVersion {
    uint64_t number; /* 1, 2, ... for each user */
    int64_t created_us;
    rpmd_text reason; /* "build", "append", "rollback to 3" */
    uint64_t items;
    uint64_t factors;
    uint64_t factor_set;       /* equal numbers: the same factors */
    uint64_t history_revision; /* of the history that it was made from */
    rpmd_text extractor_version;
    uint32_t answer_kind; /* rpmd_answer_kind of the task then; 0: not known */
    bool current;
} StoreVersion;

typedef struct StoreVersions {
    StoreVersion *versions; /* newest first */
    size_t count;
} StoreVersions;

/* Everything that a user's model is made of. */
typedef struct StoreModel {
    StoreUser user;
    StoreVersion version; /* number 0: no model was built */
    StoreItem *items;     /* in order, with records: the whole history as it is, or what changed since */
    size_t item_count;
    rpmd_text factors; /* the factor set of the version; bytes */
} StoreModel;

/* A pooled cell: how often a key (token, feature; hashed by the caller) went with an answer class. */
typedef struct StoreCell {
    uint64_t key;
    rpmd_text answer_class;
    uint64_t count;
    uint64_t users; /* that fed it */
} StoreCell;

typedef struct StoreVote {
    uint64_t question; /* hashed by the caller */
    uint64_t user;     /* StoreUser.number */
    rpmd_text answer;
} StoreVote;

typedef struct StorePopulation {
    StoreCell *cells; /* in an order that does not change from load to load */
    size_t cell_count;
    StoreVote *votes;
    size_t vote_count;
    uint64_t last_change; /* every pooled change of the task up to this number is in it, and no later one */
} StorePopulation;

/* What an erasure removed. */
typedef struct StoreErased {
    uint64_t users; /* (task, user) pairs */
    uint64_t items;
    uint64_t features;
    uint64_t factors;
    uint64_t reasoning_paths;
    uint64_t versions;
    uint64_t replies;     /* of LLMs */
    uint64_t erasure;     /* its number: it is finished when StoreMetrics.erasures_finished reaches it */
    uint64_t last_change; /* number of the pooled change that took the user's counts out; 0: none */
} StoreErased;

typedef struct StorePublished {
    uint64_t version;
    uint64_t history_revision; /* the newest of the user's history, which may be ahead of the model's */
    uint64_t last_change;      /* number of the pooled change; 0: there was none */
} StorePublished;

typedef struct StoreStaged {
    uint64_t generation;
    bool is_clean; /* no records of a build that broke off are left; else stage again, with no records */
} StoreStaged;

/* The answer to a request. */
typedef struct StoreReply {
    Status status; /* OK, or why nothing of the request was kept; the union is then all zero */
    Arena arena;   /* owns what the result points at */
    union {
        StorePuts puts;             /* store_put_items */
        StoreItems items;           /* store_list_items */
        StoreUsers users;           /* store_list_users */
        StoreTasks tasks;           /* store_list_tasks */
        StoreModel model;           /* store_model_load */
        StorePublished published;   /* store_model_publish */
        StoreStaged staged;         /* store_stage */
        StoreVersions versions;     /* store_list_versions */
        rpmd_text factors;          /* store_factor_set_load: bytes */
        StorePopulation population; /* store_population_load */
        StoreErased erased;         /* store_erase_user */
        StoreUsages usages;         /* store_usage_list */
        StoreFoundReply found;      /* store_reply_find */
    };
} StoreReply;

typedef void (*StoreCallback)(StoreReply *reply, void *data);

/* ---- histories ---------------------------------------------------------------------------------------- */

/* 32 hexadecimal digits and a NUL. */
#define STORE_DERIVED_ID_SIZE 33

/* The id of an item that has none: a hash of query, response, time and options, the same for every user. */
void store_derive_id(const StoreNewItem *item, char id[STORE_DERIVED_ID_SIZE]);

typedef struct StorePutItems {
    rpmd_text task;
    const StoreNewItem *items;
    size_t count;
    Arena *arena; /* taken */
} StorePutItems;

/* Adds or corrects items, of any users of one task. All are kept, or none. */
StoreCall *store_put_items(Store *store, const StorePutItems *request, StoreCallback callback, void *data);

typedef struct StoreListItems {
    rpmd_text task;
    rpmd_text user;
    StoreCursor from;
    uint32_t limit;    /* items in the reply at most; 0: STORE_LIST_LIMIT. May be fewer: see `more` */
    bool with_records; /* with the records' content */
} StoreListItems;

/* Items in one chunk of a list, at most, and their bytes (one item is always given). */
#define STORE_LIST_LIMIT 1000
#define STORE_LIST_BYTES (1u << 20)

/* A user's items in order, a chunk at a time. NOT_FOUND: no such user. */
StoreCall *store_list_items(Store *store, const StoreListItems *request, StoreCallback callback, void *data);

typedef struct StoreListUsers {
    rpmd_text task;
    rpmd_text after; /* names behind this one; empty: from the start */
    uint32_t limit;  /* 0: STORE_LIST_LIMIT */
} StoreListUsers;

/* The users of a task. An unknown task has none. */
StoreCall *store_list_users(Store *store, const StoreListUsers *request, StoreCallback callback, void *data);

StoreCall *store_list_tasks(Store *store, StoreCallback callback, void *data);

typedef struct StoreDeleteItem {
    rpmd_text task;
    rpmd_text user;
    rpmd_text id;
} StoreDeleteItem;

/*
 * Deletes an item and what was derived from it, for users without a model (pooled counts are the caller's to
 * compute: where there is a model, delete through store_model_publish).
 * NOT_FOUND: no such user, no such item. FAILED_PRECONDITION: the user has a model.
 */
StoreCall *store_delete_item(Store *store, const StoreDeleteItem *request, StoreCallback callback,
                             void *data);

/* ---- models ------------------------------------------------------------------------------------------- */

typedef struct StoreUserName {
    rpmd_text task;
    rpmd_text user;
} StoreUserName;

/* What is loaded beside the user and the version. */
typedef enum StoreLoadScope {
    STORE_LOAD_ALL,   /* items and factors */
    STORE_LOAD_MODEL, /* the same, where the user has a model; else nothing */
    STORE_LOAD_USER,  /* nothing */
} StoreLoadScope;

typedef struct StoreLoadModel {
    rpmd_text task;
    rpmd_text user;
    StoreLoadScope scope;
    uint64_t since_revision; /* items written after it alone, without factors; 0: all. What was deleted since
                              * is not in the reply: a change of StoreUser.items tells */
} StoreLoadModel;

/* What a user's model is made of, on one snapshot. NOT_FOUND: no such user. */
StoreCall *store_model_load(Store *store, const StoreLoadModel *request, StoreCallback callback, void *data);

/*
 * Records of a build on their way: they lie beside those that serve, and count from the publication on that
 * names their generation. Kept a few at a time, so that other requests come in between.
 *
 * The first of a build (generation 0) gives the build a generation and removes what one that broke off left,
 * a slice at a time. Records of items that are gone are passed over; those of items that were
 * corrected since are kept, since the model that is published has them.
 */
typedef struct StoreStage {
    rpmd_text task;
    rpmd_text user;
    uint64_t user_number; /* ABORTED if the user was erased in between */
    uint64_t generation;  /* 0: begin one */
    const StoreRecord *records;
    size_t count; /* STORE_STAGE_RECORDS at most */
    Arena *arena; /* taken */
} StoreStage;

/* Records in one request: a few milliseconds of the writer. */
#define STORE_STAGE_RECORDS 128

StoreCall *store_stage(Store *store, const StoreStage *request, StoreCallback callback, void *data);

/* An item that is added or corrected together with its record. */
typedef struct StorePublishedItem {
    StoreNewItem item;
    uint64_t number;   /* StoreUser.last_item + 1, or the number of the item that is corrected */
    uint64_t revision; /* the user's next history_revision */
    int64_t order_us;
    StoreRecord record; /* its content; an empty extractor_version: none */
} StorePublishedItem;

/* Items in one publication: what waits for a user's turn goes together. */
#define STORE_PUBLISHED_ITEMS 64

/*
 * A new version of a user's model, in one transaction with the change of the history that it stands for.
 */
typedef struct StorePublish {
    rpmd_text task;
    rpmd_text user;
    uint64_t user_number;   /* ABORTED if the user was erased in between */
    uint64_t base_version;  /* the version it was made from (0: none): ABORTED if another is current */
    uint64_t base_revision; /* of the history that it was made from, before the changes below. Where there are
                             * any: ABORTED if the history went on since */
    const StorePublishedItem *items; /* with numbers, revisions and ids that follow each other */
    size_t published_count;          /* of them; STORE_PUBLISHED_ITEMS at most */
    const uint64_t *deleted;         /* NULL: none; else one item's number */

    const StoreRecord *records; /* of items that were there; passed over where one is gone */
    size_t record_count;
    uint64_t generation; /* staged records that count from now on; 0: none */

    int64_t created_us;
    rpmd_text reason;
    rpmd_text extractor_version;
    uint32_t answer_kind;     /* rpmd_answer_kind of the task */
    uint64_t item_count;      /* that the version has */
    const rpmd_text *factors; /* bytes; NULL: the factor set of the base version, or of from_version */
    uint64_t factor_count;    /* with factors */
    uint64_t from_version;    /* rollback: use this version's factor set; NOT_FOUND if not kept. Else 0 */
    uint64_t feature_count;   /* of the whole model, for what an erasure reports */
    uint64_t reasoning_count; /* the same: paths that LLMs wrote */

    bool feeds_pool;
    rpmd_text pool_change; /* what the user's share changes by; empty: nothing */
    Arena *arena;          /* taken */
} StorePublish;

/*
 * The version stands for base_revision with the request's own change. NOT_FOUND: no such user. ABORTED: see
 * above; load the model again and repeat.
 */
StoreCall *store_model_publish(Store *store, const StorePublish *request, StoreCallback callback, void *data);

/* NOT_FOUND: no such user. */
StoreCall *store_list_versions(Store *store, const StoreUserName *request, StoreCallback callback,
                               void *data);

typedef struct StoreLoadFactorSet {
    rpmd_text task;
    rpmd_text user;
    uint64_t version;
} StoreLoadFactorSet;

/* The factors of a version, for a rollback. NOT_FOUND: no such user, or the version is not kept. */
StoreCall *store_factor_set_load(Store *store, const StoreLoadFactorSet *request, StoreCallback callback,
                                 void *data);

/* ---- population --------------------------------------------------------------------------------------- */

typedef struct StoreLoadPopulation {
    rpmd_text task;
} StoreLoadPopulation;

/* All pooled cells and votes of a task, as one consistent picture. */
StoreCall *store_population_load(Store *store, const StoreLoadPopulation *request, StoreCallback callback,
                                 void *data);

/* ---- erasure ------------------------------------------------------------------------------------------ */

typedef struct StoreEraseUser {
    rpmd_text task;
    rpmd_text user;
    uint64_t user_number;  /* 0: whoever has the name; else ABORTED if it is another by now */
    rpmd_text pool_change; /* takes the user's share out; empty: the user fed nothing */
} StoreEraseUser;

/*
 * Removes a user from one task. From the answer on nobody finds anything of the user, also after a crash; the
 * keeper then deletes the rows and removes every trace from the files, which StoreMetrics.erasures_finished
 * tells; see docs/store.md. NOT_FOUND: no such user.
 */
StoreCall *store_erase_user(Store *store, const StoreEraseUser *request, StoreCallback callback, void *data);

/* ---- calls of LLMs ------------------------------------------------------------------------------------ */

/* Adds to what calls of this kind cost on that day. Those of a user who is gone are accounted to nobody. */
StoreCall *store_usage_add(Store *store, const StoreUsage *usage, StoreCallback callback, void *data);

/* What calls cost, by day, task, stage and backend, the newest day first. */
StoreCall *store_usage_list(Store *store, const StoreListUsage *request, StoreCallback callback, void *data);

/* Keeps a reply in the place of one with the same key, and drops what is too old or too much. */
StoreCall *store_reply_put(Store *store, const StoreNewReply *request, StoreCallback callback, void *data);
StoreCall *store_reply_find(Store *store, const StoreFindReply *request, StoreCallback callback, void *data);

/* ---- state -------------------------------------------------------------------------------------------- */

typedef struct StoreMetrics {
    uint64_t requests;      /* answered */
    uint64_t failures;      /* of these, not OK */
    uint64_t groups;        /* transactions */
    uint64_t commits;       /* of these, with something to write */
    uint64_t largest_group; /* requests */
    uint64_t last_group;    /* requests */
    uint64_t queued;        /* requests waiting or being executed now */
    uint64_t queued_bytes;
    uint64_t last_commit_ns; /* duration of the last commit with its sync */
    uint64_t longest_commit_ns;
    uint64_t last_erasure;      /* number of the newest; 0: none since the database was made */
    uint64_t erasures_finished; /* up to this number nothing is left in the files */
    char erasure_trouble[256];  /* why the keeper cannot finish them; "": it can. Tried again every minute */
} StoreMetrics;

void store_metrics(Store *store, StoreMetrics *metrics);

/* Whether streams should stop reading for now. */
bool store_is_busy(const Store *store);

/* Waits for the store to be no longer busy. Embedded in the caller's own structure. */
typedef struct StoreWaiter {
    void (*ready)(struct StoreWaiter *waiter);
    struct StoreWaiter *next; /* the store's */
    struct StoreWaiter *previous;
    Store *store; /* NULL: not waiting */
} StoreWaiter;

/* Calls waiter->ready once, on a later turn of the loop, when the store is not busy or is being closed. */
void store_wait(Store *store, StoreWaiter *waiter);

/* Forgets a waiter; harmless where it does not wait. */
void store_wait_cancel(StoreWaiter *waiter);
