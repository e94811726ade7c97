/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/method/model_internal.h"

/* The blocks of a model while they are made. */
typedef struct Blocks {
    UserModel *model;
    uint32_t capacity;
    Assigner *assigner;
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

static bool goes(const ModelChange *change, uint32_t *removed, const ModelEntry *entry)
{
    if (*removed == change->removed_count || change->removed[*removed] != entry)
        return false;
    (*removed)++;
    return true;
}

/* How many of the added items, from the first one on, belong into this block of the model before. */
static uint32_t count_added(const UserModel *before, uint32_t block, const ModelChange *change, uint32_t from)
{
    uint32_t end = from;
    if (block + 1 == before->block_count)
        return change->added_count - from;
    const ModelItem *next = before->blocks[block + 1]->entries[0].item;
    while (end < change->added_count && model_item_compare(change->added[end], next) < 0)
        end++;
    return end - from;
}

static bool is_behind(const ModelBlock *block, const ModelItem *item)
{
    return model_item_compare(item, block->entries[block->count - 1].item) > 0;
}

void model_change_blocks(UserModel *model, const UserModel *before, const ModelChange *change,
                         ItemDerived *const *derived, Assigner *assigner)
{
    Blocks blocks = {.model = model, .assigner = assigner};
    uint32_t removed = 0, added = 0;
    blocks.drafts = NEW_ARRAY(EntryDraft, (size_t)change->added_count + MODEL_BLOCK_ENTRIES);
    for (uint32_t b = 0; before && b < before->block_count; b++) {
        ModelBlock *block = before->blocks[b];
        uint32_t to_add = count_added(before, b, change, added);
        const ModelEntry *next_removed = removed < change->removed_count ? change->removed[removed] : NULL;
        bool loses = next_removed >= block->entries && next_removed < block->entries + block->count;
        /* What is appended behind a full block begins a new one, so that blocks fill up. */
        bool is_full = block->count == MODEL_BLOCK_ENTRIES;
        if (!loses && (to_add == 0 || (is_full && is_behind(block, change->added[added])))) {
            add_block(&blocks, model_block_ref(block));
        } else {
            for (uint32_t e = 0; e < block->count; e++) {
                const ModelEntry *entry = &block->entries[e];
                for (; to_add > 0 && model_item_compare(change->added[added], entry->item) < 0;
                     to_add--, added++)
                    blocks.drafts[blocks.draft_count++] =
                        (EntryDraft){.item = change->added[added], .derived = derived[added]};
                if (!goes(change, &removed, entry))
                    blocks.drafts[blocks.draft_count++] =
                        (EntryDraft){.item = entry->item, .known = entry, .keeps_factors = true};
            }
        }
        for (; to_add > 0; to_add--, added++)
            blocks.drafts[blocks.draft_count++] =
                (EntryDraft){.item = change->added[added], .derived = derived[added]};
        cut_drafts(&blocks);
    }
    for (; added < change->added_count; added++)
        blocks.drafts[blocks.draft_count++] =
            (EntryDraft){.item = change->added[added], .derived = derived[added]};
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
