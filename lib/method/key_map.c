/* SPDX-License-Identifier: MIT */
#include "lib/method/key_map.h"

#include "lib/base/memory.h"

#define FIRST_SLOTS 256 /* a power of two */

void key_map_finish(KeyMap *map)
{
    free(map->slots);
    *map = KEY_MAP_INIT;
}

/* Keys are hashes mostly, but item numbers come too: a product spreads both. */
static KeySlot *find_slot(const KeyMap *map, uint64_t key)
{
    size_t mask = map->slot_count - 1;
    size_t slot = (size_t)((key * 0x9E3779B97F4A7C15ull) >> 32) & mask;
    while (map->slots[slot].number != 0 && map->slots[slot].key != key)
        slot = (slot + 1) & mask;
    return &map->slots[slot];
}

static void grow(KeyMap *map)
{
    KeyMap larger = {.slot_count = map->slot_count ? map->slot_count * 2 : FIRST_SLOTS, .count = map->count};
    larger.slots = NEW_ARRAY(KeySlot, larger.slot_count);
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].number != 0)
            *find_slot(&larger, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = larger;
}

uint32_t key_map_add(KeyMap *map, uint64_t key)
{
    if ((size_t)map->count * 2 >= map->slot_count)
        grow(map);
    KeySlot *slot = find_slot(map, key);
    if (slot->number == 0)
        *slot = (KeySlot){key, ++map->count};
    return slot->number - 1;
}

uint32_t key_map_find(const KeyMap *map, uint64_t key)
{
    return map->slot_count ? find_slot(map, key)->number - 1 : KEY_MAP_NONE;
}
