/* SPDX-License-Identifier: MIT */
#include "lib/method/share.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <stdatomic.h>

#define BLOCK_KEYS 64         /* so many that a share has few blocks, and so few that one is soon copied */
#define FIRST_SLOTS 256       /* a power of two */
#define MOST_FIRST_SLOTS 8192 /* many expected changes mostly are of the same cells */
#define SORTED_BY_HAND 24     /* changes that are sorted by insertion */

/* Neighbouring keys with their cells: key k has the cells [first[k], first[k + 1]). */
typedef struct ShareBlock {
    _Atomic uint32_t references;
    uint32_t key_count;
    uint64_t *keys; /* increasing */
    uint32_t *first;
    ShareCell *cells; /* of a key, by class */
    size_t bytes;
} ShareBlock;

struct Share {
    ShareBlock **blocks;
    uint64_t *first_keys; /* of the blocks */
    uint32_t block_count;
    rpmd_text *classes;
    uint32_t class_count;
    size_t bytes;
    _Atomic unsigned references;
};

/* ---- blocks ---- */

static ShareBlock *block_new(const uint64_t *keys, const uint32_t *first, uint32_t key_count,
                             const ShareCell *cells)
{
    uint32_t cell_count = first[key_count] - first[0];
    size_t size = sizeof(ShareBlock) + key_count * sizeof(uint64_t) + (key_count + 1) * sizeof(uint32_t) +
                  cell_count * sizeof(ShareCell);
    ShareBlock *block = memory_allocate(1, size);
    atomic_init(&block->references, 1);
    block->key_count = key_count;
    block->bytes = memory_footprint(size);
    block->keys = (uint64_t *)(block + 1);
    block->cells = (ShareCell *)(block->keys + key_count);
    block->first = (uint32_t *)(block->cells + cell_count);
    memcpy(block->keys, keys, key_count * sizeof(*keys));
    memcpy(block->cells, cells + first[0], cell_count * sizeof(*cells));
    for (uint32_t k = 0; k <= key_count; k++)
        block->first[k] = first[k] - first[0];
    return block;
}

static ShareBlock *block_ref(ShareBlock *block)
{
    atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
    return block;
}

static void block_unref(ShareBlock *block)
{
    if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
        free(block);
}

/* ---- gathering changes ---- */

void share_builder_begin(ShareBuilder *builder, const Share *before, size_t expected)
{
    *builder = (ShareBuilder){.before = before, .slot_count = FIRST_SLOTS};
    while (builder->slot_count < MOST_FIRST_SLOTS && builder->slot_count < 2 * expected)
        builder->slot_count *= 2;
    builder->slots = NEW_ARRAY(uint32_t, builder->slot_count);
    for (uint32_t c = 0; before && c < before->class_count; c++)
        intern_add(&builder->classes, before->classes[c]);
}

uint32_t share_builder_class(ShareBuilder *builder, rpmd_text answer_class)
{
    return intern_add(&builder->classes, answer_class);
}

static uint32_t find_slot(const ShareBuilder *builder, uint64_t key, uint32_t answer_class)
{
    uint32_t mask = builder->slot_count - 1;
    uint32_t slot = (uint32_t)((key + answer_class * 0x9E3779B97F4A7C15ull) >> 32) & mask;
    for (; builder->slots[slot]; slot = (slot + 1) & mask) {
        const ShareChange *change = &builder->changes[builder->slots[slot] - 1];
        if (change->key == key && change->answer_class == answer_class)
            break;
    }
    return slot;
}

static void grow_slots(ShareBuilder *builder)
{
    free(builder->slots);
    builder->slot_count *= 2;
    builder->slots = NEW_ARRAY(uint32_t, builder->slot_count);
    for (uint32_t c = 0; c < builder->count; c++)
        builder->slots[find_slot(builder, builder->changes[c].key, builder->changes[c].answer_class)] = c + 1;
}

void share_builder_add(ShareBuilder *builder, uint64_t key, uint32_t answer_class, int32_t count)
{
    if (builder->count * 2 >= builder->slot_count)
        grow_slots(builder);
    uint32_t slot = find_slot(builder, key, answer_class);
    if (builder->slots[slot]) {
        builder->changes[builder->slots[slot] - 1].count += count;
        return;
    }
    GROW(builder->changes, builder->count, builder->capacity);
    builder->changes[builder->count] = (ShareChange){key, answer_class, count};
    builder->slots[slot] = ++builder->count;
}

static int compare_changes(const void *a, const void *b)
{
    const ShareChange *first = a, *second = b;
    if (first->key != second->key)
        return first->key < second->key ? -1 : 1;
    return (first->answer_class > second->answer_class) - (first->answer_class < second->answer_class);
}

static void sort_few(ShareChange *changes, size_t count)
{
    if (count > SORTED_BY_HAND) {
        qsort(changes, count, sizeof(*changes), compare_changes);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        ShareChange change = changes[i];
        size_t at = i;
        for (; at > 0 && compare_changes(&changes[at - 1], &change) > 0; at--)
            changes[at] = changes[at - 1];
        changes[at] = change;
    }
}

/* Keys are hashes: their first bits spread them over as many places as there are changes. */
static void sort_changes(ShareBuilder *builder)
{
    unsigned bits = 0;
    while (bits < 20 && (1u << bits) < builder->count)
        bits++;
    if (builder->count <= SORTED_BY_HAND) {
        sort_few(builder->changes, builder->count);
        return;
    }
    uint32_t *begins = NEW_ARRAY(uint32_t, (1u << bits) + 1);
    ShareChange *sorted = NEW_ARRAY(ShareChange, builder->count);
    for (uint32_t c = 0; c < builder->count; c++)
        begins[(builder->changes[c].key >> (64 - bits)) + 1]++;
    for (uint32_t b = 0; b < 1u << bits; b++)
        begins[b + 1] += begins[b];
    for (uint32_t c = 0; c < builder->count; c++)
        sorted[begins[builder->changes[c].key >> (64 - bits)]++] = builder->changes[c];
    /* begins[b] is now where the next one begins. */
    for (uint32_t b = 0, at = 0; b < 1u << bits; at = begins[b++])
        sort_few(sorted + at, begins[b] - at);
    free(begins);
    free(builder->changes);
    builder->changes = sorted;
}

/* ---- making a share of the one before and sorted changes ---- */

/* Cells in order, until they are cut into blocks. */
typedef struct Run {
    uint64_t *keys;
    uint32_t *first;
    ShareCell *cells;
    uint32_t key_count;
    uint32_t cell_count;
    size_t capacity; /* of each array */
} Run;

typedef struct Making {
    ShareBlock **blocks;
    uint32_t block_count;
    uint32_t block_capacity;
    size_t block_bytes;
    Run run;
} Making;

static void add_block(Making *making, ShareBlock *block)
{
    GROW(making->blocks, making->block_count, making->block_capacity);
    making->blocks[making->block_count++] = block;
    making->block_bytes += block->bytes;
}

static void add_cell(Run *run, uint64_t key, ShareCell cell)
{
    if (cell.count == 0)
        return;
    if (run->cell_count + 2 > run->capacity) {
        run->capacity = run->capacity ? run->capacity * 2 : 2 * (size_t)BLOCK_KEYS;
        run->keys = memory_resize(run->keys, run->capacity, sizeof(*run->keys));
        run->first = memory_resize(run->first, run->capacity, sizeof(*run->first));
        run->cells = memory_resize(run->cells, run->capacity, sizeof(*run->cells));
    }
    if (run->key_count == 0 || run->keys[run->key_count - 1] != key) {
        run->keys[run->key_count] = key;
        run->first[run->key_count++] = run->cell_count;
    }
    run->cells[run->cell_count++] = cell;
    run->first[run->key_count] = run->cell_count;
}

/* Cuts the run into blocks of about the same size. */
static void cut_run(Making *making)
{
    Run *run = &making->run;
    uint32_t pieces = (run->key_count + BLOCK_KEYS - 1) / BLOCK_KEYS;
    for (uint32_t p = 0; p < pieces; p++) {
        uint32_t begin = (uint32_t)((uint64_t)run->key_count * p / pieces);
        uint32_t end = (uint32_t)((uint64_t)run->key_count * (p + 1) / pieces);
        add_block(making, block_new(run->keys + begin, run->first + begin, end - begin, run->cells));
    }
    run->key_count = run->cell_count = 0;
}

static ShareCell changed_cell(uint32_t answer_class, uint32_t before, int32_t change)
{
    int64_t count = (int64_t)before + change;
    return (ShareCell){answer_class, count > 0 ? (uint32_t)count : 0};
}

/* A block (NULL: none) with the changes that fall into it. */
static void merge_block(Making *making, const ShareBlock *block, const ShareChange *changes, size_t count)
{
    Run *run = &making->run;
    size_t c = 0;
    for (uint32_t k = 0; block && k < block->key_count; k++) {
        uint64_t key = block->keys[k];
        for (; c < count && changes[c].key < key; c++)
            add_cell(run, changes[c].key, changed_cell(changes[c].answer_class, 0, changes[c].count));
        for (uint32_t i = block->first[k]; i < block->first[k + 1]; i++) {
            ShareCell cell = block->cells[i];
            for (; c < count && changes[c].key == key && changes[c].answer_class < cell.answer_class; c++)
                add_cell(run, key, changed_cell(changes[c].answer_class, 0, changes[c].count));
            if (c < count && changes[c].key == key && changes[c].answer_class == cell.answer_class)
                cell = changed_cell(cell.answer_class, cell.count, changes[c++].count);
            add_cell(run, key, cell);
        }
    }
    for (; c < count; c++)
        add_cell(run, changes[c].key, changed_cell(changes[c].answer_class, 0, changes[c].count));
    cut_run(making);
}

static void merge(Making *making, const Share *before, const ShareChange *changes, size_t count)
{
    uint32_t block_count = before ? before->block_count : 0;
    size_t c = 0;
    if (block_count == 0)
        merge_block(making, NULL, changes, count);
    for (uint32_t b = 0; b < block_count; b++) {
        size_t end = b + 1 == block_count ? count : c;
        while (end < count && changes[end].key < before->first_keys[b + 1])
            end++;
        if (end == c)
            add_block(making, block_ref(before->blocks[b]));
        else
            merge_block(making, before->blocks[b], changes + c, end - c);
        c = end;
    }
}

static Share *finish(Making *making, const Intern *classes)
{
    size_t text_bytes = 0;
    for (uint32_t c = 0; c < classes->count; c++)
        text_bytes += classes->texts[c].length + 1;
    size_t size = sizeof(Share) + making->block_count * (sizeof(ShareBlock *) + sizeof(uint64_t)) +
                  classes->count * sizeof(rpmd_text) + text_bytes;
    Share *share = memory_allocate(1, size);
    atomic_init(&share->references, 1);
    share->blocks = (ShareBlock **)(share + 1);
    share->first_keys = (uint64_t *)(share->blocks + making->block_count);
    share->classes = (rpmd_text *)(share->first_keys + making->block_count);
    share->block_count = making->block_count;
    share->class_count = classes->count;
    share->bytes = memory_footprint(size) + making->block_bytes;
    char *end = (char *)(share->classes + classes->count);
    for (uint32_t b = 0; b < making->block_count; b++) {
        share->blocks[b] = making->blocks[b];
        share->first_keys[b] = making->blocks[b]->keys[0];
    }
    for (uint32_t c = 0; c < classes->count; c++) {
        size_t length = classes->texts[c].length;
        memcpy(end, classes->texts[c].data, length + 1);
        share->classes[c] = (rpmd_text){end, length};
        end += length + 1;
    }
    return share;
}

Share *share_builder_finish(ShareBuilder *builder)
{
    Making making = {0};
    uint32_t kept = 0;
    sort_changes(builder);
    for (uint32_t c = 0; c < builder->count; c++)
        if (builder->changes[c].count != 0)
            builder->changes[kept++] = builder->changes[c];
    merge(&making, builder->before, builder->changes, kept);
    Share *share = finish(&making, &builder->classes);
    free(making.blocks);
    free(making.run.keys);
    free(making.run.first);
    free(making.run.cells);
    free(builder->changes);
    free(builder->slots);
    intern_finish(&builder->classes);
    *builder = (ShareBuilder){0};
    return share;
}

Share *share_ref(Share *share)
{
    if (share)
        atomic_fetch_add_explicit(&share->references, 1, memory_order_relaxed);
    return share;
}

void share_unref(Share *share)
{
    if (!share || atomic_fetch_sub_explicit(&share->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t b = 0; b < share->block_count; b++)
        block_unref(share->blocks[b]);
    free(share);
}

size_t share_bytes(const Share *share)
{
    return share ? share->bytes : 0;
}

/* ---- reading ---- */

uint32_t share_class_count(const Share *share)
{
    return share ? share->class_count : 0;
}

rpmd_text share_class_text(const Share *share, uint32_t answer_class)
{
    return share->classes[answer_class];
}

uint32_t share_class(const Share *share, rpmd_text answer_class)
{
    for (uint32_t c = 0; c < share_class_count(share); c++)
        if (text_equal(share->classes[c], answer_class))
            return c;
    return SHARE_CLASS_NONE;
}

/* How many of the increasing keys are at most `key`. */
static uint32_t count_up_to(const uint64_t *keys, uint32_t count, uint64_t key)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (keys[middle] <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const ShareCell *share_cells(const Share *share, uint64_t key, size_t *count)
{
    *count = 0;
    uint32_t block_place = share ? count_up_to(share->first_keys, share->block_count, key) : 0;
    if (block_place == 0)
        return NULL;
    const ShareBlock *block = share->blocks[block_place - 1];
    uint32_t place = count_up_to(block->keys, block->key_count, key);
    if (block->keys[place - 1] != key)
        return NULL;
    *count = block->first[place] - block->first[place - 1];
    return block->cells + block->first[place - 1];
}

uint32_t share_count(const Share *share, uint64_t key, uint32_t answer_class)
{
    size_t count;
    const ShareCell *cells = share_cells(share, key, &count);
    for (size_t i = 0; i < count; i++)
        if (cells[i].answer_class == answer_class)
            return cells[i].count;
    return 0;
}

uint32_t share_total(const Share *share, uint64_t key)
{
    size_t count;
    const ShareCell *cells = share_cells(share, key, &count);
    uint32_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += cells[i].count;
    return total;
}

/* ---- comparing ---- */

/* A place in a share. */
typedef struct Cursor {
    const Share *share;
    uint32_t block;
    uint32_t key;
} Cursor;

typedef struct Comparison {
    Cursor before;
    Cursor after;
    const uint32_t *after_class; /* after_class[c]: of class c before */
    bool same_classes;           /* those before are the first ones after */
    ShareDifference callback;
    void *data;
} Comparison;

static const ShareBlock *block_at(const Cursor *cursor)
{
    return cursor->share && cursor->block < cursor->share->block_count ? cursor->share->blocks[cursor->block]
                                                                       : NULL;
}

static void step(Cursor *cursor)
{
    if (++cursor->key == cursor->share->blocks[cursor->block]->key_count) {
        cursor->block++;
        cursor->key = 0;
    }
}

/* The cells of a key on one side, or none. */
typedef struct KeyCells {
    const ShareCell *cells;
    uint32_t count;
} KeyCells;

static KeyCells cells_at(const ShareBlock *block, uint32_t key)
{
    if (!block)
        return (KeyCells){0};
    return (KeyCells){block->cells + block->first[key], block->first[key + 1] - block->first[key]};
}

static void compare_key(const Comparison *comparison, uint64_t key, KeyCells before, KeyCells after)
{
    if (comparison->same_classes && before.count > 0 && before.count == after.count &&
        memcmp(before.cells, after.cells, before.count * sizeof(ShareCell)) == 0)
        return;
    for (uint32_t b = 0; b < before.count; b++) {
        uint32_t class = comparison->after_class[before.cells[b].answer_class], now = 0;
        for (uint32_t a = 0; a < after.count; a++)
            now += after.cells[a].answer_class == class ? after.cells[a].count : 0;
        if (now != before.cells[b].count)
            comparison->callback(key, comparison->before.share->classes[before.cells[b].answer_class],
                                 before.cells[b].count, now, comparison->data);
    }
    for (uint32_t a = 0; a < after.count; a++) {
        bool was_there = false;
        for (uint32_t b = 0; b < before.count && !was_there; b++)
            was_there = comparison->after_class[before.cells[b].answer_class] == after.cells[a].answer_class;
        if (!was_there)
            comparison->callback(key, comparison->after.share->classes[after.cells[a].answer_class], 0,
                                 after.cells[a].count, comparison->data);
    }
}

static void compare_shares(Comparison *comparison)
{
    Cursor *before = &comparison->before, *after = &comparison->after;
    for (;;) {
        const ShareBlock *old = block_at(before), *new = block_at(after);
        if (!old && !new)
            return;
        if (old == new && before->key == 0 && after->key == 0 && comparison->same_classes) {
            before->block++;
            after->block++;
            continue;
        }
        bool has_old = old && (!new || old->keys[before->key] <= new->keys[after->key]);
        bool has_new = new && (!old || new->keys[after->key] <= old->keys[before->key]);
        old = has_old ? old : NULL;
        new = has_new ? new : NULL;
        uint64_t key = old ? old->keys[before->key] : new ? new->keys[after->key] : 0;
        compare_key(comparison, key, cells_at(old, before->key), cells_at(new, after->key));
        if (has_old)
            step(before);
        if (has_new)
            step(after);
    }
}

void share_compare(const Share *before, const Share *after, ShareDifference callback, void *data)
{
    uint32_t class_count = share_class_count(before);
    _cleanup_free_ uint32_t *after_class = NEW_ARRAY(uint32_t, class_count);
    Comparison comparison = {.before = {.share = before},
                             .after = {.share = after},
                             .after_class = after_class,
                             .same_classes = class_count <= share_class_count(after),
                             .callback = callback,
                             .data = data};
    for (uint32_t c = 0; c < class_count; c++) {
        after_class[c] = share_class(after, before->classes[c]);
        comparison.same_classes &= after_class[c] == c;
    }
    compare_shares(&comparison);
}
