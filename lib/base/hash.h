/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A 64-bit hash of bytes (XXH3), the same in every process and on every machine, so that it may be stored.
 * Not for secrets.
 */
uint64_t hash_bytes(const void *data, size_t length);

/* The same, mixed with a seed: `hash_bytes_seeded(b, n, hash_bytes(a, m))` hashes a pair. */
uint64_t hash_bytes_seeded(const void *data, size_t length, uint64_t seed);
