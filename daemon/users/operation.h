/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Inside daemon/users: one request at work on a user, and how it goes from step to step.
 *
 *      users_get, users_append, ...
 *                 |
 *                 v
 *     .------> WAITING       for its turn, or for the loop
 *     |           |
 *     |           v
 *     |        LOADING       the store or the pooled counts
 *     |           |  ^
 *     |           v  |
 *     '------- ANALYSING     the plugin, LLMs; items become records
 *     |           |  ^
 *     |           v  |
 *     '------- ASSEMBLING    a model, on another thread
 *                 |  ^
 *                 v  |
 *             PUBLISHING     the store: from here on it cannot be cancelled
 *                 |
 *                 v
 *               DONE         answered, freed
 *
 * What an operation waits for is a handle in it, and the state says which: operation.c has the table of moves
 * and the invariant. Each kind is a file of its own with a step: it is called when what the operation waited
 * for is there, takes that, begins the next thing, and returns the state that the operation is in then.
 */

#include "daemon/caller.h"
#include "daemon/loop/later.h"
#include "daemon/loop/work.h"
#include "daemon/users/assembly.h"
#include "daemon/users/user.h"

typedef struct Operation Operation;

typedef enum OperationState {
    OPERATION_WAITING,
    OPERATION_LOADING,
    OPERATION_ANALYSING,
    OPERATION_ASSEMBLING,
    OPERATION_PUBLISHING,
    OPERATION_DONE,
} OperationState;

typedef struct OperationKind {
    const char *name;
    size_t size; /* of the struct that begins with an Operation */
    OperationState (*step)(Operation *operation);
    /* The kind's own: whether it waits for something; cancels that; frees what it has beside the arena. NULL:
     * it never does, there is nothing. */
    bool (*is_waiting)(const Operation *operation);
    void (*cancel)(Operation *operation);
    void (*release)(Operation *operation);
    bool only_reads; /* it may have its turn before those that are not ready for theirs */
} OperationKind;

struct Operation {
    const OperationKind *kind;
    Users *users;
    User *user; /* NULL: of many users */
    UserName name;
    Caller caller;
    UserCallback callback; /* NULL: nobody waits any more */
    void *data;
    OperationState state;
    Arena arena; /* the request's own copies, and what the steps make */
    UserReply reply;
    LIST_ENTRY(Operation) link;     /* of all operations */
    TAILQ_ENTRY(Operation) in_line; /* of the user's */
    bool is_in_line;
    bool is_ready; /* it may have its turn */
    bool has_turn; /* it is the one that may publish */
    bool is_stepping;
    bool is_cancelled; /* while it was being published: it ends behind that, */
    Status ending;     /* with this */
    bool is_doomed;    /* operations_abort ends it */
    bool is_written;   /* another operation's publication has its change */

    /* What it waits for, one at a time. */
    Later later;
    StoreCall *store;
    Work *work;
    void (*take_work)(Operation *operation, void *job);
    PoolWaiter pool;

    StoreReply answer;  /* of the store, until the next step begins something else */
    Assembly assembled; /* what another thread made, until it is published */
    Buffer pool_change; /* of the publication on its way */
    uint64_t next_revision;
    int64_t next_created_us;
    unsigned attempts; /* a publication is repeated when the history went on in between */
};

/* A user's changes start over so often because the history went on; then the caller is told to repeat. */
#define OPERATION_ATTEMPT_LIMIT 5

/* ---- what kinds are made of ---------------------------------------------------------------------------- */

/*
 * A new operation that waits for the loop's next turn (and for its turn, where operation_take_place was
 * called). With a daemon that is ending, it is refused then. name may be NULL.
 */
Operation *operation_new(Users *users, const OperationKind *kind, const UserName *name, const Caller *caller,
                         UserCallback callback, void *data);

/* Takes the next place in the user's line, until the operation is done or leaves the line. */
void operation_take_place(Operation *operation);

/* Lets the others go on, where it begins anew with what needs no turn. Harmless out of line. */
void operation_leave_line(Operation *operation);

/* The operation in the line may have its turn, which comes as a step; to be returned from a step. */
OperationState operation_wait_for_turn(Operation *operation);

/* Each begins something and returns the state to be in. */
OperationState operation_load(Operation *operation, StoreLoadScope scope, uint64_t since_revision);
OperationState operation_assemble(Operation *operation, const WorkKind *kind, void *job,
                                  void (*take)(Operation *operation, void *job));
OperationState operation_publish(Operation *operation, const StorePublish *request);
OperationState operation_wait_for_pool(Operation *operation);
OperationState operation_refuse(Operation *operation, const Status *status);
OperationState _printf_(3, 4)
    operation_refuse_with(Operation *operation, StatusCode code, const char *format, ...);

/* The store's answer to what a step asked for with operation->store; takes it and goes on. */
void operation_on_store(StoreReply *reply, void *operation);

/* What the operation waited for is there: takes steps until it waits again or is done. */
void operation_go_on(Operation *operation);

/* One that waits for another of its kind takes a step on the loop's next turn. */
void operation_wake(Operation *operation);

/* Forgets the store's last answer. */
void operation_drop_answer(Operation *operation);

/* Ends one that waits for its turn, with the reply that another made for it. */
void operation_complete(Operation *operation);

/* Its change is on its way into the store. */
static inline bool operation_is_being_written(const Operation *operation)
{
    return operation->state == OPERATION_PUBLISHING || operation->is_written;
}

/* Ends it with this status; one that is being written ends behind that. */
void operation_end(Operation *operation, const Status *status);

/* ---- what kinds ask ----------------------------------------------------------------------------------- */

const TaskSettings *operation_settings(const Operation *operation);

/* The plugin that serves the task, lent for a moment; NULL and *status where there is none. */
const rpmd_plugin *operation_plugin(const Operation *operation, Status *status);

/* When a call that begins now has to be over. */
uint64_t operation_deadline(const Operation *operation);

/* The reply's snapshot of the user as it is now. */
void operation_fill_snapshot(Operation *operation);

const char *operation_state_name(OperationState state);

/* ---- all of them -------------------------------------------------------------------------------------- */

struct Users {
    UsersContext context;
    UserTable table;
    LIST_HEAD(, Operation) operations;
    UsersMetrics metrics;
    size_t freed_bytes; /* of models, since memory was last given back */
    bool is_closing;
    void (*closed)(void *data);
    void *closed_data;
};

/* Ends every other operation of a user that is not being published, with ABORTED. */
void operations_abort(Operation *except, const char *sentence);

/* Whether nothing is at work any more; then frees everything, where it is closing. */
void users_finish_closing(Users *users);

/* Models of so many bytes went or were made in passing: memory is given back to the system now and then. */
void users_note_freed(Users *users, size_t bytes);
