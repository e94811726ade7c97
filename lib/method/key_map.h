/* SPDX-License-Identifier: MIT */
#pragma once

/* Numbers by 64-bit hashes: a table for work that meets the same keys again and again. */

#include <stddef.h>
#include <stdint.h>

#define KEY_MAP_NONE UINT32_MAX

typedef struct KeySlot {
    uint64_t key;
    uint32_t number; /* plus 1; 0: free */
} KeySlot;

typedef struct KeyMap {
    KeySlot *slots; /* open addressing */
    size_t slot_count;
    uint32_t count;
} KeyMap;

#define KEY_MAP_INIT ((KeyMap){0})

void key_map_finish(KeyMap *map);

/* The key's number; a new key gets the next one: 0, 1, 2, … */
uint32_t key_map_add(KeyMap *map, uint64_t key);

/* The key's number, or KEY_MAP_NONE. */
uint32_t key_map_find(const KeyMap *map, uint64_t key);

#define _cleanup_key_map_ _cleanup_(key_map_finish)
