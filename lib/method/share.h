/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What one user's items count for by key and answer class: the user's share in the population. Immutable;
 * versions of a user's model have most of their memory in common, so that a change costs what it changes,
 * and what two versions differ by is found without looking at the rest.
 *
 * A key with no count is not there: a share is a function of the counts alone, however it came about.
 */

#include "lib/base/intern.h"
#include "rpmd/plugin.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Share Share;

#define SHARE_CLASS_NONE UINT32_MAX

/* A change of one count. */
typedef struct ShareChange {
    uint64_t key;
    uint32_t answer_class; /* number in the builder's classes */
    int32_t count;
} ShareChange;

/* Changes while they are gathered. */
typedef struct ShareBuilder {
    const Share *before;  /* borrowed; NULL: nothing */
    ShareChange *changes; /* of distinct cells */
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* of changes by cell, open addressing; place + 1, 0 when free */
    uint32_t slot_count;
    Intern classes; /* those of `before`, and behind them new ones */
} ShareBuilder;

/* Borrows the share until share_builder_finish. expected: about how many changes will come. */
void share_builder_begin(ShareBuilder *builder, const Share *before, size_t expected);
/* The number of a class; a new one gets the next. */
uint32_t share_builder_class(ShareBuilder *builder, rpmd_text answer_class);
void share_builder_add(ShareBuilder *builder, uint64_t key, uint32_t answer_class, int32_t count);

/* The share with all changes, with one reference. The builder is empty. */
Share *share_builder_finish(ShareBuilder *builder) __attribute__((returns_nonnull));
Share *share_ref(Share *share);
void share_unref(Share *share);

/* Memory that it takes; what it has in common with another is counted in both. */
size_t share_bytes(const Share *share);

uint32_t share_class_count(const Share *share);
rpmd_text share_class_text(const Share *share, uint32_t answer_class);
/* SHARE_CLASS_NONE where no item ever had it. */
uint32_t share_class(const Share *share, rpmd_text answer_class);

/* The counts of a key, by class number; none: 0 of them. Borrowed. */
typedef struct ShareCell {
    uint32_t answer_class;
    uint32_t count; /* never 0 */
} ShareCell;
const ShareCell *share_cells(const Share *share, uint64_t key, size_t *count);

uint32_t share_count(const Share *share, uint64_t key, uint32_t answer_class);
/* Over all classes. */
uint32_t share_total(const Share *share, uint64_t key);

/* Calls back for every cell whose count differs, by key; either share may be NULL. */
typedef void (*ShareDifference)(uint64_t key, rpmd_text answer_class, uint32_t before, uint32_t after,
                                void *data);
void share_compare(const Share *before, const Share *after, ShareDifference callback, void *data);
