/* SPDX-License-Identifier: MIT */
#include "lib/method/feature_text.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/contribution.h"
#include "lib/method/item.h"

#include <pthread.h>
#include <stdatomic.h>

#define FIRST_SLOTS 64 /* a power of two */

/* A text in a table. */
typedef struct HeldText {
    FeatureText text;
    FeatureTexts *owner; /* a reference; NULL: in no table */
    uint64_t hash;
    _Atomic size_t references; /* goes to 0 and comes from 0 under the owner's lock alone */
    char data[];
} HeldText;

struct FeatureTexts {
    pthread_mutex_t lock;
    HeldText **slots; /* open addressing */
    size_t slot_count;
    size_t count;
    _Atomic size_t references;
};

FeatureTexts *feature_texts_new(void)
{
    FeatureTexts *texts = NEW(FeatureTexts);
    pthread_mutex_init(&texts->lock, NULL);
    atomic_init(&texts->references, 1);
    texts->slot_count = FIRST_SLOTS;
    texts->slots = NEW_ARRAY(HeldText *, texts->slot_count);
    return texts;
}

FeatureTexts *feature_texts_ref(FeatureTexts *texts)
{
    if (texts)
        atomic_fetch_add_explicit(&texts->references, 1, memory_order_relaxed);
    return texts;
}

void feature_texts_unref(FeatureTexts *texts)
{
    if (!texts || atomic_fetch_sub_explicit(&texts->references, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&texts->lock);
    free(texts->slots);
    free(texts);
}

/* ---- the table; its lock is held ---- */

static uint64_t hash_feature(const AnalyzedFeature *feature)
{
    int sign = feature_sign(feature->polarity);
    uint64_t hash = hash_bytes_seeded(feature->name.data, feature->name.length, (uint64_t)sign);
    hash = hash_bytes_seeded(feature->category.data, feature->category.length, hash);
    return hash_bytes_seeded(feature->context.data, feature->context.length, hash);
}

static bool is_text_of(const HeldText *held, const AnalyzedFeature *feature, uint64_t hash)
{
    static const char signs[] = {'-', '0', '+'};
    const FeatureText *text = &held->text;
    return held->hash == hash && text_equal(text->name, feature->name) &&
           text_equal(text->context, feature->context) && text_equal(text->category, feature->category) &&
           text->key.data[text->key.length - 1] == signs[feature_sign(feature->polarity) + 1];
}

static void grow(FeatureTexts *texts)
{
    HeldText **old = texts->slots;
    size_t old_count = texts->slot_count;
    texts->slot_count *= 2;
    texts->slots = NEW_ARRAY(HeldText *, texts->slot_count);
    for (size_t i = 0; i < old_count; i++) {
        size_t slot = old[i] ? old[i]->hash & (texts->slot_count - 1) : 0;
        while (old[i] && texts->slots[slot])
            slot = (slot + 1) & (texts->slot_count - 1);
        if (old[i])
            texts->slots[slot] = old[i];
    }
    free(old);
}

/* Takes a text out, and moves the next ones that were pushed past its slot. */
static void forget(FeatureTexts *texts, const HeldText *held)
{
    size_t mask = texts->slot_count - 1, hole = held->hash & mask;
    while (texts->slots[hole] != held)
        hole = (hole + 1) & mask;
    texts->slots[hole] = NULL;
    texts->count--;
    for (size_t slot = (hole + 1) & mask; texts->slots[slot]; slot = (slot + 1) & mask) {
        size_t wanted = texts->slots[slot]->hash & mask;
        if (((slot - wanted) & mask) < ((slot - hole) & mask))
            continue;
        texts->slots[hole] = texts->slots[slot];
        texts->slots[slot] = NULL;
        hole = slot;
    }
}

/* ---- texts ---- */

static HeldText *make_text(const AnalyzedFeature *feature, uint64_t hash, size_t *new_bytes)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    rpmd_text key = feature_key(&scratch, feature);
    size_t size = sizeof(HeldText) + key.length + 1 + feature->context.length + 1;
    HeldText *held = memory_allocate(1, size);
    char *context = held->data + key.length + 1;
    memcpy(held->data, key.data, key.length);
    if (feature->context.length > 0)
        memcpy(context, feature->context.data, feature->context.length);
    held->hash = hash;
    atomic_init(&held->references, 1);
    held->text = (FeatureText){
        .key = {held->data, key.length},
        .category = {held->data, feature->category.length},
        .name = {held->data + feature->category.length + 1, feature->name.length},
        .context = {context, feature->context.length},
        .population_key = population_feature_key(key),
    };
    *new_bytes += memory_footprint(size);
    return held;
}

const FeatureText *feature_text_take(FeatureTexts *texts, const AnalyzedFeature *feature, size_t *new_bytes)
{
    if (!texts)
        return &make_text(feature, 0, new_bytes)->text;
    uint64_t hash = hash_feature(feature);
    pthread_mutex_lock(&texts->lock);
    size_t slot = hash & (texts->slot_count - 1);
    while (texts->slots[slot] && !is_text_of(texts->slots[slot], feature, hash))
        slot = (slot + 1) & (texts->slot_count - 1);
    HeldText *held = texts->slots[slot];
    if (held) {
        atomic_fetch_add_explicit(&held->references, 1, memory_order_relaxed);
    } else {
        held = texts->slots[slot] = make_text(feature, hash, new_bytes);
        held->owner = feature_texts_ref(texts);
        *new_bytes += sizeof(HeldText *) * 2; /* slots are half full */
        if (++texts->count * 2 > texts->slot_count)
            grow(texts);
    }
    pthread_mutex_unlock(&texts->lock);
    return &held->text;
}

void feature_text_unref(const FeatureText *text)
{
    if (!text)
        return;
    HeldText *held = CONTAINER_OF(text, HeldText, text);
    size_t references = atomic_load_explicit(&held->references, memory_order_relaxed);
    while (references > 1)
        if (atomic_compare_exchange_weak_explicit(&held->references, &references, references - 1,
                                                  memory_order_release, memory_order_relaxed))
            return;
    FeatureTexts *owner = held->owner;
    if (owner)
        pthread_mutex_lock(&owner->lock);
    bool is_last = atomic_fetch_sub_explicit(&held->references, 1, memory_order_acq_rel) == 1;
    if (is_last && owner)
        forget(owner, held);
    if (owner)
        pthread_mutex_unlock(&owner->lock);
    if (!is_last)
        return;
    free(held);
    feature_texts_unref(owner);
}
