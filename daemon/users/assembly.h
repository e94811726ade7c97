/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes a user's next model, and what the store must be told about it. Plain computation on another thread: a
 * job owns all that it reads, so that nobody has to wait for it.
 */

#include "daemon/loop/work.h"
#include "daemon/store/store.h"
#include "lib/method/factor.h"
#include "lib/method/feature_text.h"
#include "lib/method/model.h"
#include "lib/text/tokenizer.h"

/* An item with what was found in it, on its way into a model. All but `made` is borrowed. */
typedef struct FreshItem {
    const StoreItem *item;
    const Analysis *analysis; /* NULL: not analysed yet */
    rpmd_text version;        /* of the extractor */
    rpmd_text path;           /* reasoning that an LLM wrote; empty: none */
    ModelItem *made;          /* owned reference, once it is made */
    rpmd_text content;        /* of its record, in the arena that it was made with */
} FreshItem;

/* A copy that another thread may read, whatever becomes of the original. In the arena. */
FreshItem fresh_item_copy(Arena *arena, const FreshItem *fresh);

/* Makes the item and its record's content, in the arena. */
void fresh_item_make(FreshItem *fresh, Arena *arena, FeatureTexts *texts, Tokenizer *tokenizer);

/* The record of one that is made. In the arena. */
StoreRecord fresh_item_record(Arena *arena, const FreshItem *fresh);

typedef enum AssemblyKind {
    ASSEMBLY_LOAD,     /* the model as it was published, from the store */
    ASSEMBLY_READ,     /* the stored items that this version of the extractor analysed */
    ASSEMBLY_NEW,      /* a model of items, for a build */
    ASSEMBLY_BUILD,    /* such a model, brought to what the history is by now */
    ASSEMBLY_CHANGE,   /* the model before, with items added or corrected */
    ASSEMBLY_REMOVE,   /* the model before without an item */
    ASSEMBLY_ROLLBACK, /* the model before with the factors of an earlier version */
    ASSEMBLY_WITHDRAW, /* no model any more: what the user fed into the pooled counts goes */
} AssemblyKind;

typedef struct Assembly {
    AssemblyKind kind;
    Arena arena; /* owns the texts of the task, and what is made for the store */
    ModelTask task;
    FeatureTexts *texts; /* a reference, of the task */

    StoreModel stored; /* LOAD, NEW: what was loaded, in stored_arena */
    Arena stored_arena;
    ModelItem *
        *items; /* references, in the arena. NEW: items[i] of stored.items[i], NULL: to be read. CHANGE */
    size_t item_count;
    FreshItem *fresh; /* in the arena; NEW, CHANGE: to be made. They join `items` */
    size_t fresh_count;
    const FactorInput *given; /* in the arena; NEW: the factors; NULL: clustered natively */
    size_t given_count;
    UserModel *built;        /* a reference; BUILD: made from the history as it was at, */
    uint64_t since_revision; /* this revision */
    rpmd_text factor_bytes;  /* ROLLBACK; in the arena */
    uint64_t removed;        /* REMOVE: the item's number */
    UserModel *before;       /* a reference: the user's present model; NULL: none */
    bool fed_pool;           /* before->share is in the pooled counts */
    bool feeds_pool;         /* after->share is to be */

    UserModel *after; /* the result; one reference */
    bool factors_changed;
    rpmd_text factors_written; /* bytes in the arena, where the factors changed */
    rpmd_text pool_change;     /* bytes in the arena; empty: none */
} Assembly;

Assembly *assembly_new(AssemblyKind kind) __attribute__((returns_nonnull));
void assembly_free(Assembly *assembly);

/* Frees what is in it. */
void assembly_finish(Assembly *assembly);

/* Gives the references to items back: the arena that they are listed in may go to somebody else then. */
void assembly_drop_items(Assembly *assembly);

/* Somebody waits for it; it is part of a build. */
extern const WorkKind assembly_work;
extern const WorkKind assembly_build_work;
