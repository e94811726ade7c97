/* SPDX-License-Identifier: MIT */
#pragma once

/* What the store keeps of calls of LLMs: what they cost, and what they replied. Included by store.h. */

#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What calls of one kind cost on one day. */
typedef struct StoreUsage {
    rpmd_text task;
    rpmd_text user; /* in a list: empty where they are of users who were erased, or are summed over users */
    uint64_t user_number; /* to add: StoreUser.number, 0: whoever has the name. Of another by now: nobody's */
    rpmd_text stage;
    rpmd_text backend;
    int64_t day; /* days since 1970-01-01 UTC */
    uint64_t calls;
    uint64_t cached_replies; /* that came from the store */
    uint64_t failures;
    uint64_t repairs;
    uint64_t prompt_tokens;
    uint64_t cached_tokens;
    uint64_t completion_tokens;
    uint64_t cost_micros;
    uint64_t milliseconds;
} StoreUsage;

typedef struct StoreListUsage {
    rpmd_text task; /* empty: all */
    rpmd_text user; /* empty: all */
    int64_t from_day;
    bool by_user; /* a row for each user; else summed over users */
} StoreListUsage;

/* Rows of one list at most; the newest days come first. */
#define STORE_USAGE_LIMIT 10000

typedef struct StoreUsages {
    StoreUsage *rows;
    size_t count;
} StoreUsages;

#define STORE_REPLY_KEY_SIZE 32 /* bytes: a SHA-256 */

/* A reply to keep. */
typedef struct StoreNewReply {
    rpmd_text task;
    rpmd_text user;       /* whose request it was; erasing the user erases it */
    uint64_t user_number; /* StoreUser.number, 0: whoever has the name. Of another by now: it is not kept */
    rpmd_text key;        /* STORE_REPLY_KEY_SIZE bytes: of the whole request */
    rpmd_text text;
    int64_t created_us;
    uint64_t limit_bytes;  /* of all replies that are kept: the oldest go first; 0: none is kept */
    int64_t not_before_us; /* older ones go */
} StoreNewReply;

typedef struct StoreFindReply {
    rpmd_text key;
    int64_t not_before_us;
} StoreFindReply;

typedef struct StoreFoundReply {
    bool found;
    rpmd_text text;
} StoreFoundReply;
