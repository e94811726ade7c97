/* SPDX-License-Identifier: MIT */
#include "lib/base/hash.h"

#include <xxhash.h>

uint64_t hash_bytes(const void *data, size_t length)
{
    return hash_bytes_seeded(data, length, 0);
}

uint64_t hash_bytes_seeded(const void *data, size_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(length ? data : "", length, seed);
}
