/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Replies that are kept in the store, so that the same request is paid for once.
 *
 * The store finds a reply from the turn on in which it has answered kept_put; until then kept_writing has it.
 * Threads: the loop's.
 */

#include "daemon/stages/stages.h"

typedef struct Kept Kept;

/* Both are borrowed. */
Kept *kept_new(const Config *config, Store *store) __attribute__((returns_nonnull));

/* When the store is closed. NULL is fine. */
void kept_free(Kept *kept);

/* The key of all that the reply to a request depends on. */
void kept_key(const Config *config, const StageRequest *request, uint8_t key[STORE_REPLY_KEY_SIZE]);

/* The text of a reply that is on its way into the store; NULL: none with this key is. Borrowed until the
 * loop's next turn. */
const rpmd_text *kept_writing(const Kept *kept, const uint8_t key[STORE_REPLY_KEY_SIZE]);

/* Looks for the reply with a key; found.text of the store's reply. */
StoreCall *kept_find(Kept *kept, const uint8_t key[STORE_REPLY_KEY_SIZE], StoreCallback callback, void *data);

/* Keeps a reply, unless the configuration keeps none or it was cut off. Everything is copied. */
void kept_put(Kept *kept, const StageRequest *request, const uint8_t key[STORE_REPLY_KEY_SIZE],
              rpmd_text text, LlmFinish finish);
