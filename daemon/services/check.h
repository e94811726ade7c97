/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is asked of every request at the door: named tasks and users, sizes, UTF-8. Each returns 0, or
 * STATUS_REFUSED with a sentence that names the field and the limit.
 */

#include "daemon/plugins/registry.h"
#include "daemon/users/users.h"

#include "rpmd/v1/common.pb-c.h"
#include "rpmd/v1/personalizer.pb-c.h"

/* The names of users and items: long enough for a UUID with a prefix or an address, short enough for an
 * index. */
#define NAME_BYTES_LIMIT 256
/* Entries of an item's meta, and the bytes of all of them. */
#define META_ENTRIES_LIMIT 32
#define META_BYTES_LIMIT (16 * 1024)

/* A task that a plugin serves; the sentence names those there are. */
int check_task(PluginRegistry *plugins, const char *task, Status *status);

/* A user's name. */
int check_user(const char *user, Status *status);

/* An item that may be stored: texts, sizes, options. */
int check_item(PluginRegistry *plugins, const char *task, const Rpmd__V1__HistoryItem *item, Status *status);

/*
 * A new query. *query and *options are the texts to use: the benchmark's wording around a query is cut off.
 * They point into the message or live in the arena.
 */
int check_query(PluginRegistry *plugins, const Rpmd__V1__Query *message, Arena *arena, rpmd_text *query,
                const rpmd_text **options, size_t *option_count, Status *status);
