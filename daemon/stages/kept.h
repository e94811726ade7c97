/* SPDX-License-Identifier: MIT */
#pragma once

/* Replies that are kept in the store, so that the same request is paid for once. */

#include "daemon/stages/stages.h"

/* The key of all that the reply to a request depends on. */
void kept_key(const Config *config, const StageRequest *request, uint8_t key[STORE_REPLY_KEY_SIZE]);

/* Looks for the reply with a key; found.text of the store's reply. */
StoreCall *kept_find(Store *store, const Config *config, const uint8_t key[STORE_REPLY_KEY_SIZE],
                     StoreCallback callback, void *data);

/* Keeps a reply, unless the configuration keeps none or it was cut off. Everything is copied. */
void kept_put(Store *store, const Config *config, const StageRequest *request,
              const uint8_t key[STORE_REPLY_KEY_SIZE], rpmd_text text, LlmFinish finish);
