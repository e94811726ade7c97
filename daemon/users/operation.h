/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Inside daemon/users: what is kept of a user, and one request at work on it.
 *
 *     users_get, users_append, ...          operation_finish
 *              |                                   ^
 *              v                                   |
 *     waiting in entry->queue --> running --> [load] --> [analyse] --> [assemble on the pool] --> [publish]
 *
 * One operation of an entry runs at a time. Which of the steps it takes is its kind's to say (steps.c); each
 * step ends by calling the next or operation_finish, which answers, frees it and starts the entry's next one.
 */

#include "daemon/users/assembly.h"
#include "daemon/users/draft.h"
#include "daemon/users/extraction.h"
#include "daemon/users/users.h"

#include <sys/queue.h>

typedef struct UserEntry UserEntry;
typedef struct TaskEntry TaskEntry;
typedef struct Operation Operation;

typedef enum OperationKind {
    OPERATION_GET,
    OPERATION_APPEND,
    OPERATION_DELETE,
    OPERATION_BUILD,
    OPERATION_ROLLBACK,
    OPERATION_ERASE
} OperationKind;

struct Operation {
    OperationKind kind;
    bool started;
    Operation *next;
    Users *users;
    UserName name;    /* in the arena */
    UserEntry *entry; /* NULL: in no queue yet */
    UserCallback callback;
    void *data;
    Arena arena; /* the request's own copies, and what the steps make */

    StoreNewItem item;  /* append; in the arena */
    rpmd_text id;       /* delete */
    uint64_t version;   /* rollback */
    UsersPool pool;     /* build */
    const Draft *draft; /* build: what an LLM contributed; borrowed, NULL: nothing */

    UserReply reply;
    unsigned attempts; /* publishing is repeated when the history changed in between */

    union {
        StoreModel model;
        StoreFactorSet factors;
    } loaded;           /* from the store */
    Arena loaded_arena; /* owns it */
    uint64_t base_version;
    uint64_t base_revision;
    int64_t created_us;
    bool feeds_pool;
    bool knows_share;                /* the entry's share is what the store has */
    LIST_ENTRY(Operation) preparing; /* an append that waits for an LLM before its turn */
    Extraction *extraction;          /* which is at work */
    bool is_cancelled;               /* meanwhile */
    FreshAnalysis *appended;         /* OPERATION_APPEND: the item's analysis */
    uint64_t appended_number;
    uint64_t appended_revision;
    FreshAnalysis *fresh; /* items to analyse, and their analyses; in the arena */
    size_t fresh_count;
    size_t analysed;       /* of them, asked for or done */
    FreshAnalysis **asked; /* of the plugin */
    rpmd_text *paths;      /* build with a draft: of the loaded items */

    Assembly assembly;
    uv_work_t work;

    Operation *next_waiting; /* for the task's population */
    void (*on_population)(Operation *operation, const Status *status);
};

struct UserEntry {
    UserEntry *hash_next;
    UserEntry *newer; /* in the order of use, of entries without operations */
    UserEntry *older;
    Users *users;
    TaskEntry *task;
    char *user;
    size_t user_length;
    UserModel *model;   /* owned reference; NULL: not loaded, or the user has none */
    Contribution share; /* of the pooled counts; points into the model's items */
    Arena share_arena;
    bool feeds_pool;
    uint64_t user_number;
    uint64_t history_revision; /* that the model is of */
    bool is_stale;             /* the history went on without the model */
    bool is_running;           /* inside the loop that starts operations */
    bool is_idle;              /* no operation; stands in the order of use */
    size_t bytes;              /* of the model */
    Operation *queue;          /* first: running */
    Operation **queue_end;
};

/* The pooled counts of a task, loaded when they are first needed. */
typedef enum PopulationState { POPULATION_ABSENT, POPULATION_LOADING, POPULATION_READY } PopulationState;

struct TaskEntry {
    TaskEntry *next;
    Users *users;
    char *name;
    Population *population; /* owned; NULL until loaded */
    PopulationState state;
    Operation *waiting; /* operations that need it, linked by next_waiting */
    StoreLoadPopulation request;
};

struct Users {
    UsersContext context;
    UserEntry **buckets;
    size_t bucket_count; /* a power of two */
    size_t entry_count;
    UserEntry *newest;
    UserEntry *oldest;
    TaskEntry *tasks;
    UsersMetrics metrics;
    size_t operations; /* that have not finished */
    LIST_HEAD(, UserBuild) builds;
    LIST_HEAD(, Operation) preparing;
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

/* Builds natively, with what a draft contributes (NULL: nothing). */
void users_publish_build(Users *users, const UserName *name, UsersPool pool, const Draft *draft,
                         UserCallback callback, void *data);

/* Whether nothing is at work any more; then frees everything, where it is closing. */
void users_finish_closing(Users *users);

/* Items in one call of the plugin: enough to make the hand-over cheap, few enough to be fair to other calls.
 */
#define ANALYSIS_BATCH 64

/* Analyses those of the loaded items that need it, then assembles. */
void operation_analyse_loaded(Operation *operation);

/* Assembles on the pool, then publishes. */
void operation_assemble(Operation *operation, AssemblyKind kind);

/* The plugin that serves the task, lent for a moment; refuses the operation and returns NULL where there is
 * none. */
const rpmd_plugin *operation_plugin(Operation *operation);

/* When a call of a plugin that begins now has to be over. */
uint64_t operation_deadline(const Operation *operation);

/* Takes its place in the user's queue, and starts where there is no other. */
void operation_enqueue(Operation *operation);

/* Runs the first step of an operation's kind (steps.c). */
void operation_start(Operation *operation);

/* An append whose item is analysed goes on. */
void operation_put(Operation *operation);

/* Answers with operation->reply, frees the operation, and starts the entry's next one. */
void operation_finish(Operation *operation);

/* Frees what the steps made, to start over or go on from the cached model. */
void operation_forget_work(Operation *operation);

/* Answers with an error. */
void operation_refuse(Operation *operation, const Status *status);

/* Replaces the entry's model (NULL: none) and takes a reference of its own. */
void user_entry_set_model(UserEntry *entry, UserModel *model, uint64_t history_revision);
