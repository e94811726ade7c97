/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The parts of making a model; for model*.c alone:
 *
 *     model_block    entries side by side, with factors and vectors
 *     model_counts   classes, statistics and traits, over all items or by what changes
 *     model_index    items by id and by question
 *     model_change   which blocks a change touches
 *     model          puts them together
 */

#include "lib/method/key_map.h"
#include "lib/method/model.h"

/* ---- blocks ---- */

#define MODEL_BLOCK_ENTRIES 64 /* at most: few blocks for a long history, and little to copy for a change */

struct ModelBlock {
    _Atomic unsigned references;
    uint32_t count;
    ModelEntry *entries; /* at least one */
    uint64_t lowest_number;
    uint64_t highest_number;
    size_t bytes; /* with the items */
};

/* The factors of features, each distinct one looked up once. */
typedef struct Assigner {
    const FactorSet *factors; /* borrowed */
    Tokenizer *tokenizer;     /* made when it is needed */
    KeyMap keys;
    const FeatureText **texts; /* by the keys' numbers; borrowed from items */
    uint16_t *assigned;        /* by the keys' numbers */
    uint32_t capacity;
    uint32_t assigned_capacity;
} Assigner;

void assigner_finish(Assigner *assigner);
uint16_t assigner_factor(Assigner *assigner, const FeatureText *text);

/* An entry that is to be made. */
typedef struct EntryDraft {
    ModelItem *item;         /* borrowed */
    const ModelEntry *known; /* of the same item in another model, whose vector it has; NULL: see derived */
    bool keeps_factors;      /* those of `known` */
    ItemDerived *derived;    /* borrowed; NULL where the item takes no part */
} EntryDraft;

/* One reference; count: 1 to MODEL_BLOCK_ENTRIES. */
ModelBlock *model_block_new(const EntryDraft *drafts, uint32_t count, Assigner *assigner)
    __attribute__((returns_nonnull));
ModelBlock *model_block_ref(ModelBlock *block);
void model_block_unref(ModelBlock *block);

/* ---- changes ---- */

/* What makes one model of another: entries that go, and items that come. Both in the history's order. */
typedef struct ModelChange {
    const ModelEntry **removed; /* borrowed from the model before */
    uint32_t removed_count;
    ModelItem **added; /* borrowed */
    uint32_t added_count;
} ModelChange;

/* Gives the model its blocks. derived[a] belongs to added[a]; before NULL: nothing was there. */
void model_change_blocks(UserModel *model, const UserModel *before, const ModelChange *change,
                         ItemDerived *const *derived, Assigner *assigner);

/* The blocks of another model with the factors of the assigner's set. */
void model_reassign_blocks(UserModel *model, const UserModel *before, Assigner *assigner);

/* Lists the entries of all blocks. */
void model_list_entries(UserModel *model);

/* ---- counts ---- */

/* Classes, statistics and traits from all entries. */
void model_count(UserModel *model, const ModelTask *task);

/* The same from the model before. False where that needs all entries; nothing is set then. */
bool model_carry_counts(UserModel *model, const UserModel *before, const ModelTask *task,
                        const ModelChange *change);

/* ---- indexes ---- */

void model_index(UserModel *model);
void model_carry_index(UserModel *model, const UserModel *before, const ModelChange *change);
