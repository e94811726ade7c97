/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/method/model_internal.h"

/* The blocks of a model while they are made. */
typedef struct Blocks {
    UserModel *model;
    uint32_t capacity;
    Assigner *assigner;
    const ModelChange *change;
    ItemDerived *const *derived; /* derived[a] of change->added[a] */
    uint32_t removed;            /* of the change, so far */
    uint32_t added;
    EntryDraft *drafts; /* that are to become the next blocks */
    uint32_t draft_count;
} Blocks;

static void add_block(Blocks *blocks, ModelBlock *block)
{
    GROW(blocks->model->blocks, blocks->model->block_count, blocks->capacity);
    blocks->model->blocks[blocks->model->block_count++] = block;
}

/* Cuts the drafts into blocks of about the same size. */
static void cut_drafts(Blocks *blocks)
{
    uint32_t count = blocks->draft_count;
    uint32_t pieces = (count + MODEL_BLOCK_ENTRIES - 1) / MODEL_BLOCK_ENTRIES;
    for (uint32_t p = 0; p < pieces; p++) {
        uint32_t begin = (uint32_t)((uint64_t)count * p / pieces);
        uint32_t end = (uint32_t)((uint64_t)count * (p + 1) / pieces);
        add_block(blocks, model_block_new(blocks->drafts + begin, end - begin, blocks->assigner));
    }
    blocks->draft_count = 0;
}

/* The added items that belong before this entry, or up to a place in the list. */
static void draft_added(Blocks *blocks, uint32_t end, const ModelEntry *before)
{
    const ModelChange *change = blocks->change;
    for (; blocks->added < end; blocks->added++) {
        ModelItem *item = change->added[blocks->added];
        if (before && model_item_compare(item, before->item) > 0)
            return;
        blocks->drafts[blocks->draft_count++] =
            (EntryDraft){.item = item, .derived = blocks->derived[blocks->added]};
    }
}

/* What stays of a block, with what is added to it. */
static void draft_block(Blocks *blocks, const ModelBlock *block, uint32_t end)
{
    const ModelChange *change = blocks->change;
    for (uint32_t e = 0; e < block->count; e++) {
        const ModelEntry *entry = &block->entries[e];
        draft_added(blocks, end, entry);
        if (blocks->removed < change->removed_count && change->removed[blocks->removed] == entry)
            blocks->removed++;
        else
            blocks->drafts[blocks->draft_count++] =
                (EntryDraft){.item = entry->item, .known = entry, .keeps_factors = true};
    }
}

/* Up to which place in the list the added items belong into this block of the model before. */
static uint32_t end_of_added(const Blocks *blocks, const UserModel *before, uint32_t block)
{
    const ModelChange *change = blocks->change;
    uint32_t end = blocks->added;
    if (block + 1 == before->block_count)
        return change->added_count;
    const ModelItem *next = before->blocks[block + 1]->entries[0].item;
    while (end < change->added_count && model_item_compare(change->added[end], next) < 0)
        end++;
    return end;
}

static bool loses_entries(const Blocks *blocks, const ModelBlock *block)
{
    const ModelChange *change = blocks->change;
    if (blocks->removed == change->removed_count)
        return false;
    const ModelEntry *next = change->removed[blocks->removed];
    return next >= block->entries && next < block->entries + block->count;
}

/* What is appended behind a full block begins a new one, so that blocks fill up. */
static bool begins_block(const Blocks *blocks, const ModelBlock *block)
{
    return block->count == MODEL_BLOCK_ENTRIES &&
           model_item_compare(blocks->change->added[blocks->added],
                              block->entries[MODEL_BLOCK_ENTRIES - 1].item) > 0;
}

void model_change_blocks(UserModel *model, const UserModel *before, const ModelChange *change,
                         ItemDerived *const *derived, Assigner *assigner)
{
    Blocks blocks = {.model = model, .assigner = assigner, .change = change, .derived = derived};
    blocks.drafts = NEW_ARRAY(EntryDraft, (size_t)change->added_count + MODEL_BLOCK_ENTRIES);
    for (uint32_t b = 0; before && b < before->block_count; b++) {
        ModelBlock *block = before->blocks[b];
        uint32_t end = end_of_added(&blocks, before, b);
        bool stays = !loses_entries(&blocks, block) && (end == blocks.added || begins_block(&blocks, block));
        if (stays)
            add_block(&blocks, model_block_ref(block));
        else
            draft_block(&blocks, block, end);
        draft_added(&blocks, end, NULL);
        cut_drafts(&blocks);
    }
    draft_added(&blocks, change->added_count, NULL);
    cut_drafts(&blocks);
    free(blocks.drafts);
}

void model_reassign_blocks(UserModel *model, const UserModel *before, Assigner *assigner)
{
    Blocks blocks = {.model = model, .assigner = assigner};
    EntryDraft drafts[MODEL_BLOCK_ENTRIES];
    for (uint32_t b = 0; b < before->block_count; b++) {
        const ModelBlock *block = before->blocks[b];
        for (uint32_t e = 0; e < block->count; e++)
            drafts[e] = (EntryDraft){.item = block->entries[e].item, .known = &block->entries[e]};
        add_block(&blocks, model_block_new(drafts, block->count, assigner));
    }
}

void model_list_entries(UserModel *model)
{
    for (uint32_t b = 0; b < model->block_count; b++)
        model->entry_count += model->blocks[b]->count;
    const ModelEntry **entries = NEW_ARRAY(const ModelEntry *, model->entry_count);
    for (uint32_t b = 0, at = 0; b < model->block_count; b++)
        for (uint32_t e = 0; e < model->blocks[b]->count; e++)
            entries[at++] = &model->blocks[b]->entries[e];
    model->entries = entries;
}
