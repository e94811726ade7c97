/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What clients asked for, and what became of it. The store tells the ledger of all that it commits; the
 * ledger holds that against what was asked for:
 *
 *  - nothing is written, deleted or erased that no client asked for, nor twice;
 *  - what was acknowledged is there: it is written when the answer comes, and nothing takes it away again but
 *    what a client asked for later;
 *  - nothing of a user who was erased is found under the one who has the name then.
 */

#include "tests/simulation/stored.h"

typedef enum WishKind { WISH_PUT, WISH_DELETE, WISH_ERASE } WishKind;

/* One change that a client asks for. */
typedef struct Wish {
    struct Wish *next;
    WishKind kind;
    rpmd_text user; /* these live as long as the world */
    rpmd_text id;
    rpmd_text query;
    rpmd_text response;
    uint64_t begun;       /* time of the ledger */
    bool is_open;         /* it may be granted from now on */
    bool is_granted;      /* committed */
    bool is_acknowledged; /* and its caller knows */
    bool is_left;         /* its caller was cancelled */
    uint64_t user_number; /* granted: whose history it changed, */
    uint64_t revision;    /* and to which revision */
} Wish;

void ledger_begin(void);
void ledger_end(void);

/* A change is asked for. The wish lives as long as the world. */
Wish *wish_new(WishKind kind, rpmd_text user, rpmd_text id, rpmd_text query, rpmd_text response);

/* The caller was told that it is done, that all was so before, or why not. */
void wish_acknowledged(Wish *wish);
void wish_unchanged(Wish *wish);
void wish_refused(Wish *wish);

/* Nobody waits any more: it may be granted or not, until all is at rest. */
void wish_left(Wish *wish);
void ledger_rest(void);

/* ---- what the store tells ------------------------------------------------------------------------------ */

void ledger_put(const StoredUser *user, const StoreItem *item, bool is_correction);
void ledger_deleted(const StoredUser *user, const StoreItem *item); /* the user's revision is the new one */
void ledger_erased(const StoredUser *user);

/* A reply of an LLM is kept for a user. */
void ledger_kept_reply(const StoredUser *user, rpmd_text text);

/* ---- what is asked ------------------------------------------------------------------------------------- */

/* What a client may count on when it begins to ask for a user's model. */
typedef struct Promise {
    uint64_t begun;       /* time of the ledger */
    uint64_t user_number; /* 0: nothing was acknowledged */
    uint64_t revision;    /* newest that was acknowledged */
    bool has_model;       /* of this user number */
} Promise;

Promise ledger_promise(rpmd_text user);

struct UserModel;

/* A model that a client was given keeps the promise, and has nothing that was never written for the user. */
void ledger_check_model(const Promise *promise, rpmd_text user, uint64_t user_number,
                        const struct UserModel *model);

/* A client was told that there is no such user, or no model. */
void ledger_check_missing(const Promise *promise, bool is_model);

/* Whether an item with this serial number in its query was ever an item of this user's. */
bool ledger_owns(uint64_t user_number, size_t serial);

/* The name of whose item had the serial number; empty: none. */
rpmd_text ledger_owner(size_t serial);

/* The number that follows "item" in a text, searched from *at on, which moves past it. False: there is no
 * more.
 */
bool serial_next(rpmd_text text, size_t *at, size_t *serial);
